//! What people have in Git, and a tool that brings it into the cluster.

use std::{fs, path::PathBuf};

use anyhow::ensure;
use gitops::{Outcome, Tools};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::tools::Tool;
use crate::{
    deployments::{JWT_SECRET, add_env, container},
    world::World,
};

/// What Git says of HASURA_GRAPHQL_JWT_SECRET.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Absent,
    /// A value made by hand.
    Value,
    /// A reference to the Secret that the operator delivers.
    Reference,
}

/// A repository with the Deployment `hasura`, and a tool that syncs it.
pub struct Repository {
    tool: &'static Tool,
    tools: Tools,
    folder: TempDir,
    deployment: Value,
    /// The value made by hand. Hasura starts with it, but accepts anybody's audience.
    pub by_hand: String,
}

impl Repository {
    pub async fn of(world: &World, tool: &'static Tool) -> anyhow::Result<Self> {
        let program = gitops::program(&gitops::to_stderr).await?;
        let mut deployment = world.deployment();
        deployment["spec"]["replicas"] = json!(1);
        // A busy machine is no stuck rollout.
        deployment["spec"]["progressDeadlineSeconds"] = json!(120);
        let jwk_url = format!("{}/oidc/jwks", world.logto.endpoint());
        Ok(Self {
            tool,
            tools: Tools::new(
                program,
                world.cluster.kubeconfig.clone(),
                world.namespace.clone(),
            ),
            folder: TempDir::new()?,
            deployment,
            by_hand: json!({"jwk_url": jwk_url}).to_string(),
        })
    }

    /// Another change in Git, which every tool has to bring into the cluster.
    pub fn change_the_image(&mut self) {
        container(&mut self.deployment)["image"] = json!("hasura/graphql-engine:v2.48.7");
    }

    /// Syncs once with this in Git.
    pub async fn sync(&self, entry: Entry) -> anyhow::Result<Outcome> {
        let mut deployment = self.deployment.clone();
        match entry {
            Entry::Absent => {}
            Entry::Value => add_env(
                &mut deployment,
                json!({"name": JWT_SECRET, "value": self.by_hand}),
            ),
            Entry::Reference => add_env(
                &mut deployment,
                json!({"name": JWT_SECRET, "valueFrom": {
                    "secretKeyRef": {"name": "shop-auth", "key": JWT_SECRET}
                }}),
            ),
        }
        let manifest = self.write(&deployment)?;
        self.tools
            .sync(self.tool.command, &manifest, self.tool.flags)
            .await
    }

    /// Installs it.
    pub async fn install(&self, entry: Entry) -> anyhow::Result<()> {
        let done = self.sync(entry).await?;
        ensure!(
            done.changed && done.error.is_none(),
            "{}: {done:?}",
            self.tool.label
        );
        Ok(())
    }

    fn write(&self, deployment: &Value) -> anyhow::Result<PathBuf> {
        let folder = self.folder.path();
        let text = serde_json::to_string_pretty(deployment)?;
        if self.tool.is_helm() {
            let chart = json!({"apiVersion": "v2", "name": "hasura", "version": "0.1.0"});
            fs::write(folder.join("Chart.yaml"), chart.to_string())?;
            fs::create_dir_all(folder.join("templates"))?;
            fs::write(folder.join("templates/deployment.yaml"), text)?;
            return Ok(folder.to_path_buf());
        }
        let file = folder.join("deployment.json");
        fs::write(&file, text)?;
        Ok(file)
    }
}
