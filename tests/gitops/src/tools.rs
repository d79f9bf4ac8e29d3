//! What the program is told, and what it answers.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use control_plane::programs;
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

/// What kubeconform says of a file with objects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Conformity {
    /// How many objects are as their schemas say.
    pub checked: usize,
    /// What is wrong with each of the others.
    pub problems: Vec<String>,
}

/// Objects, as YAML.
#[derive(Deserialize)]
struct Rendered {
    text: String,
}

/// What a tool takes an object for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// For Argo CD Healthy, Progressing, Suspended or Degraded; for kstatus Current, InProgress, Failed or Terminating.
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

    /// What kstatus says of the object in the file, by which Flux and Helm 4 wait.
    ///
    /// # Errors
    /// When the program can not be run.
    pub async fn kstatus(&self, object: &Path) -> Result<Health> {
        self.run("kstatus", object, &[]).await
    }

    /// What Helm 3 renders of the chart in a folder with the values in a file, after it linted it strictly.
    ///
    /// # Errors
    /// With what Helm says against the chart or the values.
    pub async fn render_by_helm3(&self, chart: &Path, values: &Path) -> Result<String> {
        let values = values.to_str().context("a path that is text")?;
        let rendered: Rendered = self
            .run("helm3-template", chart, &["-values", values])
            .await?;
        Ok(rendered.text)
    }

    /// What `kubectl apply -k` would apply of the kustomization in a folder.
    ///
    /// # Errors
    /// With what kustomize says against it.
    pub async fn build_kustomization(&self, folder: &Path) -> Result<String> {
        let rendered: Rendered = self.run("kustomize", folder, &[]).await?;
        Ok(rendered.text)
    }

    /// What kubeconform says of the objects in a file, strictly, by the schemas in a folder. That of a kind is in
    /// `<group>-<version>-<kind>.json`, all small; the core group is called as its version is.
    ///
    /// # Errors
    /// When the program can not be run.
    pub async fn conform(&self, objects: &Path, schemas: &Path) -> Result<Conformity> {
        let name = "{{ .Group }}-{{ .ResourceAPIVersion }}-{{ .ResourceKind }}.json";
        let schemas = format!("{}/{name}", schemas.display());
        self.run("kubeconform", objects, &["-schemas", &schemas])
            .await
    }

    async fn run<T: DeserializeOwned>(
        &self,
        command: &str,
        manifest: &Path,
        flags: &[&str],
    ) -> Result<T> {
        let mut program = Command::new(&self.program);
        program
            .arg(command)
            .arg("-kubeconfig")
            .arg(&self.kubeconfig)
            .args(["-namespace", &self.namespace])
            .arg("-manifest")
            .arg(manifest)
            .args(flags);
        programs::ask(&mut program, command).await
    }
}
