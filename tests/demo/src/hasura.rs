//! Hasura's Deployment: the env entry that it has now, and the rollout that this made.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, PodSpec},
};
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::Value;

use crate::{
    kubectl,
    play::{INDICATOR, NAMESPACE},
    screen::Screen,
    stage::Stage,
};

const DEPLOYMENT: &str = "hasura";
/// The env entry of mode JWT.
pub const JWT_SECRET: &str = "HASURA_GRAPHQL_JWT_SECRET";

/// Shows the env entry and the rollout.
///
/// # Errors
/// When the entry does not say what it should, or not every pod runs with it.
pub async fn show(screen: &Screen, stage: &Stage) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let deployment = deployments.get(DEPLOYMENT).await?;
    show_env(screen, stage, &deployment)?;
    rolled_out(&deployment)?;
    for resources in ["deployments", "replicasets"] {
        screen.gap()?;
        kubectl::get(screen, &stage.client, "apps/v1", resources).await?;
    }
    screen.gap()?;
    show_pods(screen, stage, &deployment).await
}

/// The value of an env entry of the Deployment.
pub async fn env(stage: &Stage, name: &str) -> Result<Option<String>> {
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let deployment = deployments.get(DEPLOYMENT).await?;
    let template = deployment.spec.map(|spec| spec.template);
    Ok(env_of(
        template.and_then(|template| template.spec).as_ref(),
        name,
    ))
}

/// Whether a pod runs with an env entry.
pub fn has_env(pod: &Pod, name: &str) -> bool {
    env_of(pod.spec.as_ref(), name).is_some()
}

fn env_of(pod: Option<&PodSpec>, name: &str) -> Option<String> {
    let entries = pod
        .into_iter()
        .flat_map(|pod| &pod.containers)
        .flat_map(|container| container.env.iter().flatten());
    entries
        .filter(|entry| entry.name == name)
        .find_map(|entry| entry.value.clone())
}

fn show_env(screen: &Screen, stage: &Stage, deployment: &Deployment) -> Result<()> {
    let template = deployment.spec.as_ref().map(|spec| &spec.template);
    let value = env_of(
        template.and_then(|template| template.spec.as_ref()),
        JWT_SECRET,
    )
    .with_context(|| format!("{JWT_SECRET} is not on the Deployment"))?;
    let settings: Value =
        serde_json::from_str(&value).with_context(|| format!("{JWT_SECRET} is not JSON"))?;
    let endpoint = stage.logto.endpoint();
    for (field, expected) in [
        ("issuer", format!("{endpoint}/oidc")),
        ("audience", INDICATOR.to_owned()),
        ("jwk_url", format!("{endpoint}/oidc/jwks")),
    ] {
        ensure!(
            settings[field] == expected.as_str(),
            "{JWT_SECRET} has {field} {}, not {expected}",
            settings[field]
        );
    }
    screen.quote(&format!("{JWT_SECRET} ="))?;
    screen.quote(&format!("{settings:#}"))?;
    let keeper = keeper(deployment).context("nobody applied the env entry")?;
    Ok(screen.aside(&format!(
        "Set by server-side apply; the field manager is {keeper:?}."
    ))?)
}

/// The field manager that applied the env entry.
fn keeper(deployment: &Deployment) -> Option<String> {
    let entries = deployment.metadata.managed_fields.iter().flatten();
    let owns = |fields: &Value| fields.to_string().contains(JWT_SECRET);
    entries
        .filter(|entry| entry.operation.as_deref() == Some("Apply"))
        .filter(|entry| {
            entry
                .fields_v1
                .as_ref()
                .is_some_and(|fields| owns(&fields.0))
        })
        .find_map(|entry| entry.manager.clone())
}

/// As `kubectl rollout status` judges.
fn rolled_out(deployment: &Deployment) -> Result<()> {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    let status = deployment.status.clone().unwrap_or_default();
    ensure!(
        status.observed_generation == deployment.metadata.generation
            && status.updated_replicas == wanted
            && status.available_replicas == wanted
            && status.replicas == wanted,
        "the rollout is not finished: {wanted:?} pods are wanted, {status:?}"
    );
    Ok(())
}

async fn show_pods(screen: &Screen, stage: &Stage, deployment: &Deployment) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(stage.client.clone(), NAMESPACE);
    let selector = ListParams::default().labels("app=hasura");
    let mut count = 0;
    for pod in pods.list(&selector).await? {
        let log = stage.agent.log(NAMESPACE, &pod.name_any())?;
        let words = log.lines().last().context("a pod has not said anything")?;
        screen.quote(&format!("{}: {words}", pod.name_any()))?;
        ensure!(
            words.contains("JSON web tokens"),
            "the pod {} does not use the entry",
            pod.name_any()
        );
        count += 1;
    }
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    ensure!(wanted == Some(count), "{count} pods, not {wanted:?}");
    let generation = deployment.metadata.generation.unwrap_or_default();
    ensure!(
        generation == 2,
        "the Deployment should have been patched once and is at generation {generation}"
    );
    Ok(screen.aside(
        "One patch (generation 1 became 2), one rollout, and every pod runs with the entry.",
    )?)
}
