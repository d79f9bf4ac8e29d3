//! What disturbs a whole control plane, on one of its own: each test has it to itself.
#![allow(clippy::unwrap_used)]
// The suites share the means to look and to wait; not each of them needs all.
#![allow(dead_code)]

#[path = "../cluster/audit.rs"]
mod audit;
#[path = "../cluster/expect.rs"]
mod expect;
#[path = "../cluster/leaks.rs"]
mod leaks;
#[path = "../cluster/operator.rs"]
mod operator;
#[path = "../cluster/release.rs"]
mod release;
#[path = "../cluster/replicas.rs"]
mod replicas;
#[path = "../cluster/report.rs"]
mod report;
#[path = "../cluster/sign_in.rs"]
mod sign_in;
#[path = "../cluster/status_rules.rs"]
mod status_rules;
#[path = "../cluster/suite.rs"]
mod suite;
mod watches;
#[path = "../cluster/world.rs"]
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(watches::tests(), 1)
}
