//! The operator's own program, as a process of its own.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};

pub struct Operator {
    process: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts it for one namespace, with short clocks; `flags` come last and win.
    pub fn start(
        kubeconfig: &Path,
        namespace: &str,
        log: PathBuf,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(&log)?;
        let process = Command::new(env!("CARGO_BIN_EXE_logto-hasura"))
            .arg("operator")
            .args(["--watch-namespace", namespace, "--listen", "127.0.0.1:0"])
            .args(["--log", "info,logto_hasura=debug"])
            .args([
                "--credentials-retry",
                "500ms",
                "--longest-backoff",
                "2s",
                "--annotation-pause",
                "100ms",
                "--claims-pause",
                "500ms",
            ])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .context("starting the operator")?;
        Ok(Self { process, log })
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.process.id().context("the operator ended by itself")?;
        kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM)?;
        let status = tokio::time::timeout(Duration::from_secs(20), self.process.wait()).await??;
        anyhow::ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }

    /// What it logged last.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}
