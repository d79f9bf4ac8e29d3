//! What runs while the demo is shown, and waiting for what happens there.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use control_plane::{ControlPlane, NodeAgent};
use kube::Client;
use logto_emulator::Emulator;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::{
    manifests::{self, Manifest},
    operator::Operator,
    people::People,
    readiness,
};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// All that runs.
pub struct Stage {
    pub plane: ControlPlane,
    pub client: Client,
    pub agent: NodeAgent,
    pub logto: Emulator,
    pub people: People,
    pub operator: Operator,
    /// What was applied, as it was sent.
    pub applied: Vec<Manifest>,
}

impl Stage {
    /// Looks until something is there.
    ///
    /// # Errors
    /// When a look fails, the operator ends, or patience does; `what` says what was waited for.
    pub async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.operator.check()?;
            match timeout_at(deadline, look()).await {
                Ok(Ok(Some(found))) => return Ok(found),
                Ok(Ok(None)) => sleep(LOOK_AGAIN).await,
                Ok(Err(error)) => return Err(error.context(format!("waiting for {what}"))),
                Err(_) => break,
            }
        }
        bail!("waited {} s for {what}", PATIENCE.as_secs())
    }

    /// The conditions of our objects, Logto's last requests and the operator's last words.
    pub async fn report(&self) -> String {
        const WITHIN: Duration = Duration::from_secs(10);
        let mut report = timeout(WITHIN, self.conditions())
            .await
            .unwrap_or_else(|_| "the API server does not answer\n".to_owned());
        let requests = self.logto.last_requests(10).join("\n");
        let words = self.operator.log_tail(20);
        // Writing to a String can not fail.
        let _ = write!(
            report,
            "\nThe last requests to Logto:\n{requests}\n\nThe end of the operator's log:\n{words}\n"
        );
        report
    }

    async fn conditions(&self) -> String {
        let mut text = String::new();
        for manifest in self.applied.iter().filter(|manifest| manifest.is_ours()) {
            let name = manifest.title();
            let conditions = match manifests::api(&self.client, manifest)
                .get(manifest.name())
                .await
            {
                Ok(object) => readiness::conditions(&object),
                Err(error) => {
                    let _ = writeln!(text, "{name}: {error}");
                    continue;
                }
            };
            for condition in conditions {
                let (type_, status) = (condition.type_, condition.status);
                let (reason, message) = (condition.reason, condition.message);
                let _ = writeln!(text, "{name}: {type_}={status} {reason}: {message}");
            }
        }
        text
    }

    /// Ends all that runs and sees that the folder is gone.
    ///
    /// # Errors
    /// When it is not.
    pub async fn clear(self) -> Result<()> {
        let folder = self.plane.folder().to_owned();
        self.operator.stop().await;
        self.agent.stop().await;
        drop(self.logto);
        self.plane.stop().await;
        let there = folder.try_exists().context("looking for the folder")?;
        ensure!(!there, "the folder {} is still there", folder.display());
        Ok(())
    }
}
