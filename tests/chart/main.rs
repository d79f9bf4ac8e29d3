//! What is written from the chart: the values in its README, and the manifest for people without Helm. `make chart`, which
//! sets `UPDATE_DOCS=1`, writes them anew.
#![allow(clippy::unwrap_used)]

mod entries;
mod examples;
mod helm;
mod install;
mod readme;

use std::{env, fs, path::Path};

/// The project's folder.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Fails when the file says something else, or writes it there.
fn check(file: &str, expected: &str) {
    let path = Path::new(ROOT).join(file);
    if env::var_os("UPDATE_DOCS").is_some() {
        // A test that reads it at the same time never sees half a file.
        let beside = path.with_extension("new");
        fs::write(&beside, expected).unwrap();
        return fs::rename(beside, path).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    let mut lines = found.lines().zip(expected.lines());
    let other = lines.find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{file} is out of date: run `make chart`; the first other line: {other:?}"
    );
}
