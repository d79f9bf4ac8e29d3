//! The real helm, run on the chart.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context, bail};
use control_plane::{
    programs::{self, Sources},
    progress,
};
use serde_json::{Value, json};
use tokio::process::Command;

pub use crate::release::{CHART, documents};
use crate::world::World;

/// The name of every release; it holds the chart's name, so all objects are called so.
pub const RELEASE: &str = "logto-hasura";

/// Helm, for one namespace.
pub struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Helm {
    pub async fn of(world: &World) -> anyhow::Result<Self> {
        Ok(Self {
            program: programs::find_helm(&Sources::from_env()?, &progress::to_stderr).await?,
            kubeconfig: world.cluster.kubeconfig.clone(),
            namespace: world.namespace.clone(),
        })
    }

    /// What helm prints; each value is `key=<JSON>`.
    pub async fn run(&self, command: &[&str], values: &[&str]) -> anyhow::Result<String> {
        let mut helm = Command::new(&self.program);
        helm.args(command).args(["--namespace", &self.namespace]);
        for value in values {
            helm.args(["--set-json", value]);
        }
        let output = helm
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("starting helm")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("helm {command:?} {values:?}: {}", said.trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The text of `helm template`.
    pub async fn template(&self, values: &[&str]) -> anyhow::Result<String> {
        self.run(&["template", RELEASE, CHART], values).await
    }

    /// The objects that the chart renders.
    pub async fn objects(&self, values: &[&str]) -> anyhow::Result<Vec<Value>> {
        documents(&self.template(values).await?)
    }

    /// Installs the chart, but for the definitions, which all tests share.
    pub async fn install(&self, values: &[&str]) -> anyhow::Result<()> {
        let values = [values, &["crds.enabled=false"]].concat();
        self.run(&["install", RELEASE, CHART], &values).await?;
        Ok(())
    }

    /// Changes some values of what [`Self::install`] made, and leaves the others as they are.
    pub async fn upgrade(&self, values: &[&str]) -> anyhow::Result<()> {
        self.run(&["upgrade", RELEASE, CHART, "--reuse-values"], values)
            .await?;
        Ok(())
    }

    /// Takes away what [`Self::install`] made; the namespace's end would leave what is in no namespace.
    pub async fn uninstall(&self) -> anyhow::Result<()> {
        self.run(&["uninstall", RELEASE], &[]).await?;
        Ok(())
    }
}

/// The value that has a release watch these namespaces.
pub fn watching(namespaces: &[&str]) -> String {
    format!("watchNamespaces={}", json!(namespaces))
}

/// The rendered object of a kind.
pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> anyhow::Result<&'a Value> {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let object = found.next().with_context(|| format!("no {kind}"))?;
    anyhow::ensure!(found.next().is_none(), "more than one {kind}");
    Ok(object)
}
