//! The `logto-hasura` program.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    logto_hasura::cli::run()
}
