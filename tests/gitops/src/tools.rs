//! What the program is told, and what it answers.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

/// The tools, for one namespace of one cluster.
#[derive(Clone, Debug)]
pub struct Tools {
    program: PathBuf,
    kubeconfig: PathBuf,
    namespace: String,
}

/// What one sync did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Outcome {
    /// Whether the Deployment's spec has another generation than before.
    pub changed: bool,
    /// Whether the tool saw a difference before it wrote; nothing for a tool that looks for none.
    pub drift: Option<bool>,
    /// The fields that differed.
    pub drifted: Vec<String>,
    /// What the tool said when it failed.
    pub error: Option<String>,
}

/// What Argo CD shows for an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// Healthy, Progressing, Suspended or Degraded.
    pub status: String,
    /// The words beside it.
    #[serde(default)]
    pub message: String,
}

impl Tools {
    /// Uses the program that [`crate::program`] gave.
    pub fn new(program: PathBuf, kubeconfig: PathBuf, namespace: String) -> Self {
        Self {
            program,
            kubeconfig,
            namespace,
        }
    }

    /// Lets a tool sync the manifest, or for Helm the chart, once. The commands and flags are in the program's usage.
    ///
    /// # Errors
    /// When the program can not be run. What the tool itself fails with is in the outcome.
    pub async fn sync(&self, tool: &str, manifest: &Path, flags: &[&str]) -> Result<Outcome> {
        self.run(tool, manifest, flags).await
    }

    /// Argo CD's health of the object in the file, with the checks in the namespace's ConfigMap `argocd-cm`.
    ///
    /// # Errors
    /// When the program can not be run, or Argo CD has no check for the kind, or the check fails.
    pub async fn health(&self, object: &Path) -> Result<Health> {
        self.run("health", object, &[]).await
    }

    async fn run<T: DeserializeOwned>(
        &self,
        command: &str,
        manifest: &Path,
        flags: &[&str],
    ) -> Result<T> {
        let output = Command::new(&self.program)
            .arg(command)
            .arg("-kubeconfig")
            .arg(&self.kubeconfig)
            .args(["-namespace", &self.namespace])
            .arg("-manifest")
            .arg(manifest)
            .args(flags)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("starting {}", self.program.display()))?;
        ensure!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        serde_json::from_slice(&output.stdout).with_context(|| {
            let said = String::from_utf8_lossy(&output.stdout);
            format!("{command} printed {said:?}")
        })
    }
}
