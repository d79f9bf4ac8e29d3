//! The operator on a real API server with real controllers: each test has its own namespace, emulator and operator.
#![allow(clippy::unwrap_used)]

mod bindings;
mod operator;
mod status_rules;
mod suite;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(bindings::tests())
}
