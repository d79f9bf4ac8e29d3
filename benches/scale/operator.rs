//! The operator as a process of its own, and what the kernel and its own metrics say of it.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};

use crate::{
    bed::{Bed, NAMESPACE},
    machine,
};

/// A running operator.
pub struct Operator {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
    /// When it was started.
    pub started: Instant,
}

/// Resident memory in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Now.
    pub now: f64,
    /// Of it pages of the program's file, which the kernel can drop at any time.
    pub program: f64,
    /// At most.
    pub peak: f64,
}

impl Operator {
    /// Starts the program with these flags.
    pub fn start(program: &Path, bed: &Bed, host: &str, flags: &[&str]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        drop(listener);
        let log = bed.folder.path().join(format!("{host}.log"));
        let started = Instant::now();
        let process = Command::new(program)
            .args(["operator", "--listen", &address.to_string()])
            .args(["--lease-namespace", NAMESPACE])
            .args(flags)
            .env("KUBECONFIG", bed.plane.kubeconfig())
            .env("HOSTNAME", host)
            .stderr(File::options().create(true).append(true).open(&log)?)
            .kill_on_drop(true)
            .spawn()
            .context("starting the operator")?;
        Ok(Self {
            process,
            address,
            log,
            started,
        })
    }

    /// Waits until it says that it is ready; gives how long that took from its start.
    pub async fn ready(&self) -> anyhow::Result<Duration> {
        let deadline = self.started + Duration::from_secs(120);
        while Instant::now() < deadline {
            if matches!(self.get("/readyz").await, Ok((200, _))) {
                return Ok(self.started.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the operator does not get ready:\n{}", self.last_words())
    }

    /// What it serves under `/metrics`.
    pub async fn metrics(&self) -> anyhow::Result<Metrics> {
        let (status, text) = self.get("/metrics").await?;
        ensure!(status == 200, "HTTP {status}");
        Ok(Metrics(text))
    }

    async fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Processor time that it has used.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        machine::processor_time(&self.id()?.to_string())
    }

    /// Its resident memory.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let field = |name: &str| -> anyhow::Result<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            Ok(number.context("a field of status")?.parse::<f64>()? / 1024.0)
        };
        Ok(Memory {
            now: field("VmRSS:")?,
            program: field("RssFile:")?,
            peak: field("VmHWM:")?,
        })
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.terminate()?;
        let ended = tokio::time::timeout(Duration::from_secs(30), self.process.wait()).await;
        let status = ended.context("the operator does not end")??;
        ensure!(status.success(), "{status}:\n{}", self.last_words());
        Ok(())
    }

    /// Asks it to stop.
    pub fn terminate(&self) -> anyhow::Result<()> {
        Ok(kill(self.id()?, Signal::SIGTERM)?)
    }

    /// Ends it without a word of warning.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Whether it logged this.
    pub fn has_logged(&self, text: &str) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|log| log.contains(text))
    }

    fn id(&self) -> anyhow::Result<Pid> {
        let id = self.process.id();
        let id = id.with_context(|| format!("the operator ended:\n{}", self.last_words()))?;
        Ok(Pid::from_raw(i32::try_from(id)?))
    }

    /// What it logged last.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

/// The operator's own counters.
pub struct Metrics(String);

impl Metrics {
    /// Visits to objects.
    pub fn visits(&self) -> f64 {
        self.sum("controller_runtime_reconcile_total")
    }

    /// Seconds that requests to Logto took, all added up.
    pub fn remote_seconds(&self) -> f64 {
        self.sum("logto_hasura_logto_request_duration_seconds_sum")
    }

    fn sum(&self, name: &str) -> f64 {
        let of_name = |line: &&str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        };
        let values = self.0.lines().filter(of_name);
        values
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}
