//! The Helm chart: what it renders, what the API server says to it, and that the operator can work with it.

mod access;
mod audit;
mod confined;
mod helm;
mod hostile;
mod installed;
mod matrix;
mod monitoring;
mod objects;
mod people;
mod plain;
mod policies;
mod rendering;
mod rights;
mod schemas;
mod values;

use crate::suite::Test;

pub fn tests() -> Vec<Test> {
    let tests = [
        rendering::tests(),
        values::tests(),
        objects::tests(),
        matrix::tests(),
        plain::tests(),
        rights::tests(),
        installed::tests(),
        hostile::tests(),
        confined::tests(),
        people::tests(),
        audit::tests(),
        monitoring::tests(),
    ];
    tests.into_iter().flatten().collect()
}
