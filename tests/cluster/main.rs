//! The operator on a real API server with real controllers: each test has its own namespace, emulator and operator.
#![allow(clippy::unwrap_used)]

mod bindings;
mod chart;
mod conflicts;
mod deployments;
mod drift;
mod ends;
mod expect;
mod faults;
mod kinds;
mod operator;
mod refusals;
mod report;
mod status_rules;
mod suite;
mod watches;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let tests = [
        kinds::tests(),
        chart::tests(),
        bindings::tests(),
        conflicts::tests(),
        deployments::tests(),
        refusals::tests(),
        faults::tests(),
        drift::tests(),
        ends::tests(),
        watches::tests(),
    ];
    suite::run(tests.into_iter().flatten().collect())
}
