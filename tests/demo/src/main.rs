//! Shows the operator at work on a real control plane, from nothing to Ready.
//!
//! | module | what it holds |
//! |---|---|
//! | `play` | the steps, in their order |
//! | `set_up`, `stage`, `operator` | what runs meanwhile, how it starts and how it ends |
//! | `manifests` | `crds/` and `examples/quickstart/`, read and applied |
//! | `readiness`, `kubectl`, `logto`, `hasura`, `sign_in`, `drift`, `requests`, `webhook` | one step each |
//! | `people`, `graphql` | who signs in, and how Hasura is asked |
//! | `screen` | what is printed |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod drift;
#[cfg(test)]
mod example_files;
mod graphql;
mod hasura;
mod kubectl;
mod logto;
mod manifests;
mod operator;
mod people;
mod play;
mod readiness;
mod requests;
mod screen;
mod set_up;
mod sign_in;
mod stage;
mod webhook;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use screen::Screen;
use stage::Stage;

/// Shows the operator at work: a Kubernetes control plane, a Logto and a Hasura on this machine, from nothing to Ready.
#[derive(Parser)]
#[command(after_help = "\
Examples:
  make demo           show it, then stay up for kubectl until Ctrl-C
  make demo ONCE=1    show it and end; exit status 0 only if every step really happened")]
struct Args {
    /// End after the last step; exit status 0 only if every step really happened
    #[arg(long)]
    once: bool,

    /// The operator's program. Default: the one that stands beside this
    #[arg(long, value_name = "PROGRAM")]
    program: Option<PathBuf>,
}

/// The exit status when a step failed.
const FAILED: u8 = 1;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // Fails only when another provider was installed before, which the process has none of.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(&args).await {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("logto-hasura-demo: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// Plays, stays up if asked to, and clears the stage whatever happened. Gives the exit status.
async fn run(args: &Args) -> Result<u8> {
    // Before anything is started, so that an early Ctrl-C also ends in order.
    let mut signals = Signals::new()?;
    let mut screen = Screen::new();
    let mut stage = None;
    let played = tokio::select! {
        result = play::all(&mut screen, &mut stage, args.program.as_deref()) => result.map(|()| None),
        status = signals.next() => Ok(Some(status)),
    };
    let status = match (played, &stage) {
        (Ok(Some(status)), _) => match screen.note("Interrupted; stopping.") {
            Ok(()) => Ok(status),
            Err(error) => Err(error.into()),
        },
        (Ok(None), Some(stage)) if !args.once => stay_up(&mut screen, stage, &mut signals).await,
        (Ok(None), _) => Ok(0),
        (Err(error), stage) => fail(&mut screen, stage.as_ref(), &error).await,
    };
    if let Some(stage) = stage {
        stage.clear().await?;
    }
    screen.note("Stopped. No process and no file is left.")?;
    status
}

async fn stay_up(screen: &mut Screen, stage: &Stage, signals: &mut Signals) -> Result<u8> {
    play::invite(screen, stage)?;
    tokio::select! {
        _ = signals.next() => Ok(0),
        error = stage.operator.ended() => fail(screen, Some(stage), &error).await,
    }
}

async fn fail(screen: &mut Screen, stage: Option<&Stage>, error: &anyhow::Error) -> Result<u8> {
    screen.failure(&format!("{error:#}"))?;
    if let Some(stage) = stage {
        screen.quote(&stage.report().await)?;
    }
    Ok(FAILED)
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The exit status that the next one asks for, as a shell gives it.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}
