//! The pages of the documentation, followed as a reader would: their manifests and their commands.

mod commands;
mod manifests;
mod shell;

use crate::suite::Test;

pub fn tests() -> Vec<Test> {
    [manifests::tests(), commands::tests()]
        .into_iter()
        .flatten()
        .collect()
}
