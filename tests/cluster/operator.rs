//! The operator's own program, as a process of its own.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::ExitStatus,
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
        Self::start_in(&[], kubeconfig, namespace, log, flags)
    }

    /// The same with further variables in its environment; HOSTNAME is the pod's name in a cluster.
    pub fn start_in(
        environment: &[(&str, &str)],
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
                "--rollout-recheck",
                "1s",
                "--settle-after",
                "1s",
            ])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .env("HOSTNAME", "operator")
            .envs(environment.iter().copied())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .context("starting the operator")?;
        Ok(Self { process, log })
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::SIGTERM)?;
        let status = self.ended().await?;
        anyhow::ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }

    /// Ends it without a word of warning, and waits until it has.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Its process id.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.process.id().context("the operator ended by itself")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.id()?)?), signal)?)
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.process.wait());
        Ok(ended.await.context("the operator does not end")??)
    }

    /// Everything that it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it answers on a path such as `/metrics`: status and text.
    pub async fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        ask(&self.log(), path).await
    }

    /// What it logged last.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = self.log();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// What an operator with this log answers on a path: status and text.
pub async fn ask(log: &str, path: &str) -> anyhow::Result<(u16, String)> {
    // A process that was started again writes on in the same file.
    let address = log
        .rsplit_once("metrics address=")
        .and_then(|(_, rest)| rest.split_whitespace().next());
    let url = format!("http://{}{path}", address.context("no address in the log")?);
    let answer = reqwest::get(url).await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}
