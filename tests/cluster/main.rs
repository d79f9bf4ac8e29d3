//! The operator on a real API server with real controllers: each test has its own namespace, emulator and operator.
#![allow(clippy::unwrap_used)]

mod bindings;
mod deployments;
mod drift;
mod ends;
mod faults;
mod operator;
mod status_rules;
mod suite;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let tests = [
        bindings::tests(),
        deployments::tests(),
        faults::tests(),
        drift::tests(),
        ends::tests(),
    ];
    suite::run(tests.into_iter().flatten().collect())
}
