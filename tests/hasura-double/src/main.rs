//! Hasura v2 as the operator sees it, as a program.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hasura_double::{Fatal, Running, Server, ServerOptions, StartError};
use tokio::signal::unix::{SignalKind, signal};

/// Stands in for Hasura v2: judges its settings, verifies tokens, and answers who a request is.
///
/// The settings are Hasura's own, from the environment: HASURA_GRAPHQL_JWT_SECRET, _ADMIN_SECRET, _UNAUTHORIZED_ROLE,
/// _AUTH_HOOK and so on. It listens on 127.0.0.1, at HASURA_GRAPHQL_SERVER_PORT or a free port, prints its address as
/// one line of JSON, and runs until Ctrl-C or SIGTERM. Settings that would end Hasura end it, in Hasura's words, with
/// exit code 1.
#[derive(Parser)]
#[command(after_help = "\
Example:
  export HASURA_GRAPHQL_ADMIN_SECRET=secret HASURA_GRAPHQL_SERVER_PORT=8080
  export HASURA_GRAPHQL_JWT_SECRET='{\"jwk_url\":\"https://logto.example.com/oidc/jwks\",\"allowed_skew\":60}'
  hasura-double &
  curl -H \"Authorization: Bearer $TOKEN\" -d '{\"query\":\"{__typename}\"}' http://127.0.0.1:8080/v1/graphql")]
struct Arguments {
    /// How often it is looked whether keys have to be fetched again, in seconds
    #[arg(long, default_value_t = 1, value_name = "SECONDS")]
    poll_tick: u64,
    /// More of Hasura's own command line, such as `serve --unauthorized-role anonymous`
    #[arg(last = true)]
    command_line: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    // Before anything is started, so that an early Ctrl-C also ends in order.
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let started = tokio::select! {
        started = start(arguments) => started,
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
    };
    let running = match started {
        Ok(running) => running,
        Err(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(1));
        }
    };
    let line = serde_json::json!({"address": format!("http://{}", running.address())});
    writeln!(std::io::stdout(), "{line}")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn start(arguments: Arguments) -> Result<Running, StartError> {
    // A variable that is no text can be none of Hasura's.
    let env: BTreeMap<_, _> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let options = ServerOptions {
        port: port(&env)?,
        poll_tick: Duration::from_secs(arguments.poll_tick),
        ..ServerOptions::default()
    };
    Server::start(&env, &arguments.command_line, options).await
}

fn port(env: &BTreeMap<String, String>) -> Result<u16, Fatal> {
    const NAME: &str = "HASURA_GRAPHQL_SERVER_PORT";
    match env.get(NAME) {
        None => Ok(0),
        Some(text) => text
            .parse()
            .map_err(|_| Fatal::in_env(NAME, format!("{text:?} is no port"))),
    }
}
