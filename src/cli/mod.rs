//! The command line: one file for each subcommand.

pub mod crds;
mod operator;
mod release_finalizers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keeps Hasura roles, Logto scopes and Logto roles the same, and tells Hasura whom to trust.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Operator(Box<operator::Args>),
    Crds(crds::Args),
    ReleaseFinalizers(release_finalizers::Args),
}

/// Runs the subcommand that the arguments name.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Operator(args) => operator::run(*args),
        Command::Crds(args) => crds::run(&args),
        Command::ReleaseFinalizers(args) => release_finalizers::run(&args),
    }
}
