//! Logs: for people on a terminal, as JSON elsewhere if asked. A signal makes them talkative for a while. And traces, where a
//! collector is named.

mod traces;

use std::io::IsTerminal;

use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::ParseError, fmt, layer::SubscriberExt, reload,
    util::SubscriberInitExt,
};

pub use traces::Traces;

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

/// Why logs or traces can not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is not one.
    #[error("--log: {0}")]
    Filter(#[from] ParseError),
    /// The environment asks for traces that can not be exported.
    #[error(transparent)]
    Traces(#[from] traces::Error),
}

/// Starts logging to standard error, and exporting traces where the environment names a collector. `filter` is a `tracing`
/// filter such as `info` or `logto_hasura=debug`; traces do not depend on it.
///
/// # Errors
/// When the filter is not one, or an environment variable about traces can not be followed.
pub fn init(format: LogFormat, filter: &str) -> Result<(Filter, Option<Traces>), Error> {
    let (layer, handle) = reload::Layer::new(EnvFilter::try_new(filter)?);
    let traces = Traces::from_env()?;
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(layer))
        .with(traces.as_ref().map(Traces::layer))
        .init();
    let filter = Filter {
        usual: filter.to_owned(),
        talkative: false,
        handle,
    };
    Ok((filter, traces))
}
