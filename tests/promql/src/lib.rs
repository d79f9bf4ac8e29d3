//! Prometheus's own code, which reads the chart's rules and the dashboard's queries.
//!
//! Prometheus is a Go module; the program in `go/` links its parsers and its engine. It is built once and kept beside the
//! control plane's programs.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let prometheus = promql::Prometheus::new(&promql::to_stderr).await?;
//! prometheus.check_rules("alerts.yaml".as_ref()).await?;
//! for case in prometheus.alerts("alerts.yaml".as_ref(), "cases.yaml".as_ref()).await? {
//!     println!("{}: {:?}", case.alert, case.wrong);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use anyhow::Result;
use control_plane::programs::{self, OurGo};
use control_plane::progress::Progress;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

const PROGRAM: OurGo = OurGo {
    name: "promql",
    sources: concat!(env!("CARGO_MANIFEST_DIR"), "/go"),
    contents: "the readers of rules and queries",
    first_time: "2 minutes",
    needs: "the parts of Prometheus need Go 1.26.7 or later from https://go.dev/dl",
};

/// The program that reads as Prometheus does.
#[derive(Clone, Debug)]
pub struct Prometheus {
    program: PathBuf,
}

/// How a case of an alert went.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Outcome {
    /// The alert.
    pub alert: String,
    /// What the case says.
    pub case: String,
    /// How many alerts of the name fired.
    pub fired: usize,
    /// What was not as the case says.
    pub wrong: Option<String>,
}

/// What a query of a dashboard gave.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The title of its panel, or `variable` and its name.
    pub panel: String,
    /// The query.
    pub query: String,
    /// How many series have a number; NaN is none.
    pub found: usize,
}

/// Writes a line of progress to standard error.
pub fn to_stderr(line: &str) {
    eprintln!("promql: {line}");
}

/// The program; it is built when the cache has none of these sources.
///
/// # Errors
/// When Go is missing or too old, when a module can not be had, or when the cache can not be written.
pub async fn program(progress: &Progress) -> Result<PathBuf> {
    PROGRAM.program(progress).await
}

impl Prometheus {
    /// Finds the program, or builds it.
    ///
    /// # Errors
    /// Those of [`program`].
    pub async fn new(progress: &Progress) -> Result<Self> {
        Ok(Self {
            program: program(progress).await?,
        })
    }

    /// Reads a file of rules as a Prometheus that starts with it.
    ///
    /// # Errors
    /// With what Prometheus does not take.
    pub async fn check_rules(&self, rules: &Path) -> Result<()> {
        programs::run(&mut self.command("rules", &[rules]), "rules").await?;
        Ok(())
    }

    /// Runs cases of alerts over time.
    ///
    /// # Errors
    /// When a file can not be read, or a case is of an alert that there is not.
    pub async fn alerts(&self, rules: &Path, cases: &Path) -> Result<Vec<Outcome>> {
        self.ask("alerts", &[rules, cases]).await
    }

    /// Runs each query of a Grafana dashboard against two or more scrapes of one operator, taken as a minute apart.
    ///
    /// # Errors
    /// When a file can not be read, or a query is none.
    pub async fn queries(&self, dashboard: &Path, scrapes: &[&Path]) -> Result<Vec<Answer>> {
        self.ask("queries", &[&[dashboard], scrapes].concat()).await
    }

    async fn ask<T: DeserializeOwned>(&self, command: &str, files: &[&Path]) -> Result<T> {
        programs::ask(&mut self.command(command, files), command).await
    }

    fn command(&self, command: &str, files: &[&Path]) -> Command {
        let mut program = Command::new(&self.program);
        program.arg(command).args(files);
        program
    }
}
