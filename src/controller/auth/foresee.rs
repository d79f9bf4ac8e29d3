//! What would be done to the Deployment, or to the Secret or ConfigMap, in words.

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;

use super::{blocked_by, bound_roles, deployment, desired, not_found, objection, refused};
use crate::{
    api::{
        HasuraInstance,
        conditions::reasons,
        policy::{PlannedAction, PlannedStep},
    },
    controller::{
        context::Context,
        delivery::{Held, Object, taken},
        registry::Connection,
        status::Verdict,
        visit::{Error, Outcome},
    },
    domain::words,
    hasura::{
        apply::{Apis, AuthPatch, judge_live, judged_dry_run},
        container,
        diff::{Change, diff},
        env::DesiredAuth,
    },
};

/// The steps, and what stands in the way of them. The Deployment is patched as a dry run only.
///
/// # Errors
/// When the API server fails in a way that says nothing about the Deployment.
pub async fn foresee(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Result<(Vec<PlannedStep>, Option<Verdict>), Error> {
    let mut steps = Vec::new();
    let live = match &instance.spec.deployment_ref {
        Some(named) => match deployment(instance, ctx, &named.name).await? {
            Some(live) => Some(live),
            None => return Ok((steps, Some(not_found(&named.name).verdict))),
        },
        None => None,
    };
    let result = async {
        let desired = desired(instance, connection, live.as_ref())?;
        steps.extend(object(instance, ctx, &desired, live.as_ref()).await?);
        if let Some(live) = &live {
            steps.extend(patch(instance, ctx, live, &desired).await?);
        }
        objection(instance, ctx, connection).map_or(Ok(()), Err)
    };
    let trouble = result.await.err().map(|outcome| outcome.verdict);
    Ok((steps, trouble))
}

async fn object(
    instance: &HasuraInstance,
    ctx: &Context,
    desired: &DesiredAuth,
    live: Option<&Deployment>,
) -> Result<Option<PlannedStep>, Outcome> {
    let Some(wanted) = &desired.delivered else {
        return Ok(None);
    };
    let action = match Object::new(ctx, instance, wanted).read().await? {
        Held::Taken => return Err(taken(wanted)),
        Held::Absent => PlannedAction::Create,
        Held::Ours(found) if found.says(wanted, desired, live) => return Ok(None),
        Held::Ours(_) => PlannedAction::Change,
    };
    let names: Vec<&str> = desired
        .entries()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let what = format!("{wanted} with the keys {}", names.join(", "));
    Ok(Some(words::in_bounds(action, &what)))
}

async fn patch(
    instance: &HasuraInstance,
    ctx: &Context,
    live: &Deployment,
    desired: &DesiredAuth,
) -> Result<Option<PlannedStep>, Outcome> {
    let named = instance.spec.deployment_ref.as_ref();
    let wanted = named.map_or("", |named| named.container.as_str());
    let container = container::choose(live, wanted)
        .map_err(|missing| Outcome::stalled(reasons::CONTAINER_NOT_FOUND, missing.to_string()))?
        .name
        .clone();
    let changes =
        diff(live, &container, Some(desired)).map_err(|blocked| blocked_by(instance, &blocked))?;
    let patch = AuthPatch {
        live,
        container: &container,
        desired: Some(desired),
        bound_roles: &bound_roles(instance, ctx),
        allow_recreate: instance.spec.delivery.allow_recreate,
        force: false,
    };
    let apis = Apis::new(&ctx.client, &instance.namespace().unwrap_or_default());
    if changes.is_empty() {
        let judged = judge_live(&apis, patch).await;
        return judged.map(|_| None).map_err(|error| refused(&error));
    }
    judged_dry_run(&apis, patch)
        .await
        .map_err(|error| refused(&error))?;
    // Values are left out: one that is there may hold somebody's key.
    let change = |change: &Change| match change {
        Change::Set(name) => format!("{name} is set"),
        Change::Own(name) => format!("{name} is held too, its value stays"),
        Change::Drop(name) => format!("{name} is taken away"),
    };
    let changes: Vec<String> = changes.iter().map(change).collect();
    let what = format!(
        "Deployment {:?}, container {container:?}: {}",
        live.name_any(),
        changes.join(", ")
    );
    Ok(Some(words::in_bounds(PlannedAction::Change, &what)))
}
