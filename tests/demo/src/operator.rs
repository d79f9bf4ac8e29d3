//! The operator's own program, as a process that can not outlive this one.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use tokio::{
    process::{ChildStdin, Command},
    sync::watch,
};

/// Becomes the operator, and leaves a shell in its process group that kills the group as soon as standard input, a pipe
/// that only the demo holds, is closed. The kernel closes it however the demo ends, by SIGKILL too.
const BECOME: &str = r#"
exec 3<&0
{ read -r _; kill -s KILL 0; } <&3 3<&- &
exec "$@" 3<&- </dev/null
"#;

/// How long the operator may take to end when it is asked to.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A running operator; it is killed when dropped.
pub struct Operator {
    /// Its process, which is also its process group.
    id: Pid,
    log: PathBuf,
    ended: watch::Receiver<Option<ExitStatus>>,
    /// The pipe.
    _lifeline: ChildStdin,
}

impl Operator {
    /// Starts the program; it logs to a file.
    pub fn start(program: &Path, kubeconfig: &Path, log: PathBuf, flags: &[&str]) -> Result<Self> {
        let file = File::create(&log)?;
        let mut child = Command::new("sh")
            .args(["-c", BECOME, "sh"])
            .arg(program)
            .args(["operator", "--listen", "127.0.0.1:0"])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("sh can not be started")?;
        let id = child.id().context("the operator ended at once")?;
        let lifeline = child.stdin.take().context("a pipe to the operator")?;
        let (tell, ended) = watch::channel(None);
        tokio::spawn(async move {
            // Nobody listens any more once the operator was dropped.
            let _ = tell.send(child.wait().await.ok());
        });
        Ok(Self {
            id: Pid::from_raw(i32::try_from(id)?),
            log,
            ended,
            _lifeline: lifeline,
        })
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check(&self) -> Result<()> {
        match *self.ended.borrow() {
            None => Ok(()),
            Some(status) => Err(anyhow!("the operator ended by itself ({status})")),
        }
    }

    /// Waits until it ends, which it should not; gives what is to be said then.
    pub async fn ended(&self) -> anyhow::Error {
        let mut ended = self.ended.clone();
        // The sender goes only after it has sent.
        let _ = ended.wait_for(Option::is_some).await;
        self.check()
            .err()
            .unwrap_or_else(|| anyhow!("the operator is gone"))
    }

    /// What it logged last.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// The file that it logs to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Asks it to end as Kubernetes would, and waits a while for that.
    pub async fn stop(self) {
        if self.check().is_ok() && kill(self.id, Signal::SIGTERM).is_ok() {
            // One that does not end in time is killed when it is dropped.
            let _ = tokio::time::timeout(STOP_WITHIN, self.ended()).await;
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // The shell is still in the group, so the number can not be somebody else's.
        let _ = killpg(self.id, Signal::SIGKILL);
    }
}

/// The program that stands beside the demo's own.
///
/// # Errors
/// When it was not built.
pub fn program() -> Result<PathBuf> {
    let demo = std::env::current_exe().context("the demo's own path")?;
    let program = demo.with_file_name("logto-hasura");
    ensure!(
        program.is_file(),
        "there is no {}: build it by `cargo build --bin logto-hasura`, or run `make demo`",
        program.display()
    );
    Ok(program)
}
