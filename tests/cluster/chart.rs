//! The Helm chart: what it renders, what the API server says to it, and that the operator can work with it.

mod access;
mod helm;
mod installed;
mod monitoring;
mod rendering;
mod rights;

use crate::suite::Test;

pub fn tests() -> Vec<Test> {
    let tests = [
        rendering::tests(),
        monitoring::tests(),
        rights::tests(),
        installed::tests(),
    ];
    tests.into_iter().flatten().collect()
}
