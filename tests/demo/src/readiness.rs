//! The timeline: what became ready when.

use std::collections::HashSet;

use anyhow::{Context as _, Result};
use k8s_openapi::{api::apps::v1::Deployment, apimachinery::pkg::apis::meta::v1::Condition};
use kube::core::DynamicObject;

use crate::{
    manifests,
    screen::{Screen, Style},
    stage::Stage,
};

/// The conditions that an object's status holds.
pub fn conditions(object: &DynamicObject) -> Vec<Condition> {
    let conditions = object.data["status"]["conditions"].clone();
    serde_json::from_value(conditions).unwrap_or_default()
}

/// Whether the object is Ready as its newest spec asks.
pub fn is_ready(object: &DynamicObject) -> bool {
    conditions(object).iter().any(|condition| {
        condition.type_ == "Ready"
            && condition.status == "True"
            && condition.observed_generation == object.metadata.generation
    })
}

/// Waits until all that was applied is ready, and says when each condition came true.
pub async fn wait(screen: &mut Screen, stage: &Stage) -> Result<()> {
    let mut said = HashSet::new();
    let mut rollout = String::new();
    stage
        .until("all objects to be Ready", async || {
            let mut all_ready = true;
            for manifest in &stage.applied {
                if manifest.kind() == "Deployment" {
                    say_rollout(screen, stage, manifest.name(), &mut rollout).await?;
                }
                if !manifest.is_ours() {
                    continue;
                }
                let object = manifests::api(&stage.client, manifest)
                    .get(manifest.name())
                    .await?;
                say_conditions(screen, &manifest.title(), &object, &mut said)?;
                all_ready &= is_ready(&object);
            }
            Ok(all_ready.then_some(()))
        })
        .await
}

/// Says the conditions that came true since the last look, Ready after those that it sums up.
fn say_conditions(
    screen: &Screen,
    title: &str,
    object: &DynamicObject,
    said: &mut HashSet<(String, String)>,
) -> Result<()> {
    let mut conditions = conditions(object);
    conditions.sort_by_key(|condition| condition.type_ == "Ready");
    for condition in conditions {
        let is_news = condition.status == "True"
            && condition.type_ != "Reconciling"
            && said.insert((title.to_owned(), condition.type_.clone()));
        if !is_news {
            continue;
        }
        let type_ = format!("{:<17}", condition.type_);
        let type_ = if condition.type_ == "Ready" {
            screen.styled(Style::Good, &type_)
        } else {
            type_
        };
        let message = screen.styled(Style::Dim, &condition.message);
        screen.line(format!("{title:<33} {type_}  {message}").trim_end())?;
    }
    Ok(())
}

/// Says how far the Deployment is, when that has changed.
async fn say_rollout(
    screen: &Screen,
    stage: &Stage,
    name: &str,
    before: &mut String,
) -> Result<()> {
    let deployment: Deployment =
        kube::Api::namespaced(stage.client.clone(), crate::play::NAMESPACE)
            .get(name)
            .await
            .context("reading the Deployment")?;
    let status = deployment.status.unwrap_or_default();
    let generation = status.observed_generation.unwrap_or_default();
    let updated = status.updated_replicas.unwrap_or_default();
    let available = status.available_replicas.unwrap_or_default();
    let wanted = deployment
        .spec
        .and_then(|spec| spec.replicas)
        .unwrap_or_default();
    let now =
        format!("generation {generation}: {updated} of {wanted} up to date, {available} available");
    if generation > 0 && now != *before {
        let title = format!("Deployment {name}");
        screen.line(&format!("{title:<33} {now}"))?;
        *before = now;
    }
    Ok(())
}
