//! Logs: for people on a terminal, as JSON elsewhere if asked. A signal makes them talkative for a while.

use std::io::IsTerminal;

use tracing_subscriber::{
    EnvFilter, Registry, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

/// What is added to the filter while the logs are talkative.
const TALKATIVE: &str = "logto_hasura=debug";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people; with colours on a terminal only.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, which can be changed while the process runs.
#[derive(Debug)]
pub struct Filter {
    usual: String,
    talkative: bool,
    handle: reload::Handle<EnvFilter, Registry>,
}

impl Filter {
    /// Logs at level debug too, or as before.
    pub fn toggle(&mut self) {
        self.talkative = !self.talkative;
        let text = if self.talkative {
            format!("{},{TALKATIVE}", self.usual)
        } else {
            self.usual.clone()
        };
        // The usual filter was read before, and the subscriber lives as long as the process.
        if self.handle.reload(EnvFilter::new(&text)).is_ok() {
            tracing::info!(filter = text, "what is logged was changed by SIGUSR1");
        }
    }
}

/// Starts logging to standard error. `filter` is a `tracing` filter such as `info` or `logto_hasura=debug`.
///
/// # Errors
/// When the filter is not one.
pub fn init(
    format: LogFormat,
    filter: &str,
) -> Result<Filter, tracing_subscriber::filter::ParseError> {
    let (layer, handle) = reload::Layer::new(EnvFilter::try_new(filter)?);
    let registry = tracing_subscriber::registry().with(layer);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    match format {
        LogFormat::Text => registry
            .with(lines.with_ansi(std::io::stderr().is_terminal()))
            .init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    Ok(Filter {
        usual: filter.to_owned(),
        talkative: false,
        handle,
    })
}
