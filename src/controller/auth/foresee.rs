//! What would be done to the Deployment, or to the Secret or ConfigMap, in words.

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;

use super::{
    blocked_by, bound_roles, contest::managers, deployment, desired, may_patch, not_found,
    objection, refused,
};
use crate::{
    api::{
        HasuraInstance,
        delivery::ConflictPolicy,
        policy::{PlannedAction, PlannedStep},
    },
    controller::{
        context::Context,
        delivery::{Held, Object, left_behind, misread, see, taken},
        moving,
        registry::Connection,
        status::Verdict,
        visit::{Error, Outcome},
    },
    domain::words,
    hasura::{
        apply::{Apis, AuthPatch, JudgedApplyError, judge_live, judged_dry_run},
        apply_error::ApplyError,
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
    let objection = objection(instance, ctx, connection);
    let live = match &instance.spec.deployment_ref {
        Some(named) => match deployment(instance, ctx, &named.name).await? {
            Some(live) => Some(live),
            None => return Ok((steps, Some(not_found(&named.name).verdict))),
        },
        None => None,
    };
    let result = async {
        let desired = desired(instance, connection, live.as_ref())?;
        let seen = see(instance, ctx, &desired, live.as_ref()).await?;
        if let (Some(object), Some(live)) = (&desired.delivered, &live) {
            misread(object, live)?;
        }
        let delivers = seen.needs_write;
        if delivers {
            may_patch(instance, ctx, connection, objection.as_ref()).await?;
        }
        let of_object = object(instance, ctx, &desired, live.as_ref()).await?;
        match &live {
            None => steps.extend(of_object),
            Some(live) => {
                let changed = match patch(instance, ctx, live, &desired).await? {
                    Patched::Yes(changed) => changed,
                    // The lines that it asks for need the object, which is made all the same.
                    Patched::Blocked(outcome) => {
                        steps.extend(of_object);
                        return Err(outcome);
                    }
                };
                if changed.is_some() && !delivers {
                    may_patch(instance, ctx, connection, objection.as_ref()).await?;
                }
                steps.extend(of_object.into_iter().chain(changed));
            }
        }
        steps.extend(left(instance, ctx).await?);
        objection.map_or(Ok(()), Err)
    };
    let trouble = result.await.err().map(|outcome| outcome.verdict);
    if let Some(live) = &live {
        steps.extend(of_before(instance, ctx, live).await?);
    }
    Ok((steps, trouble))
}

/// What would become of the Deployments that the spec named before this one.
async fn of_before(
    instance: &HasuraInstance,
    ctx: &Context,
    live: &Deployment,
) -> Result<Vec<PlannedStep>, Error> {
    let to = moving::container(instance, live);
    let Ok((_, previous)) = to.and_then(|to| moving::planned(instance, live, &to)) else {
        return Ok(Vec::new());
    };
    moving::foresee(instance, ctx, &previous).await
}

/// The object of before a switch, which goes once no pod needs it.
async fn left(instance: &HasuraInstance, ctx: &Context) -> Result<Option<PlannedStep>, Outcome> {
    let Some(left) = left_behind(instance) else {
        return Ok(None);
    };
    Ok(
        match Object::new(&ctx.client, instance, &left).read().await? {
            Held::Ours(_) => {
                let what = format!("{left}, once no pod needs it");
                Some(words::in_bounds(PlannedAction::Delete, &what))
            }
            Held::Absent | Held::Taken => None,
        },
    )
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
    let object = Object::new(&ctx.client, instance, wanted);
    let action = match object.read().await? {
        Held::Taken => return Err(taken(wanted, live)),
        Held::Absent => Some(PlannedAction::Create),
        Held::Ours(found) => object.would_update(&found, desired, live),
    };
    let Some(action) = action else {
        return Ok(None);
    };
    let names: Vec<&str> = desired
        .entries()
        .into_iter()
        .map(|(name, _)| wanted.key(name))
        .collect();
    let what = format!("{wanted} with the keys {}", names.join(", "));
    Ok(Some(words::in_bounds(action, &what)))
}

/// What would become of the Deployment.
enum Patched {
    /// It would be as it should, with this step.
    Yes(Option<PlannedStep>),
    /// Its entries can not be set as they are.
    Blocked(Outcome),
}

async fn patch(
    instance: &HasuraInstance,
    ctx: &Context,
    live: &Deployment,
    desired: &DesiredAuth,
) -> Result<Patched, Outcome> {
    let container = moving::container(instance, live)?.name;
    let changes = match diff(live, &container, Some(desired)) {
        Ok(changes) => changes,
        Err(blocked) => {
            let outcome = blocked_by(instance, ctx, (live, &container), &blocked);
            return Ok(Patched::Blocked(outcome.await));
        }
    };
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
        return judged
            .map(|_| Patched::Yes(None))
            .map_err(|error| refused(&error));
    }
    let forced_from = forced(instance, &apis, patch).await?;
    // Values are left out: one that is there may hold somebody's key.
    let change = |change: &Change| match change {
        Change::Set(name) => format!("{name} is set"),
        Change::Own(name) => format!("{name} is held too, its value stays"),
        Change::Drop(name) => format!("{name} is taken away"),
        Change::Leave { container, name } => {
            format!("{name} is taken from container {container:?}")
        }
    };
    let changes: Vec<String> = changes.iter().map(change).collect();
    let forced = forced_from.map_or_else(String::new, |managers| {
        format!("; taken by force from {managers}")
    });
    let what = format!(
        "Deployment {:?}, container {container:?}: {}{forced}",
        live.name_any(),
        changes.join(", ")
    );
    let step = words::in_bounds(PlannedAction::Change, &what);
    Ok(Patched::Yes(Some(step)))
}

/// Dry-runs the patch as it would be applied; gives the managers that conflictPolicy Force would take the entries from.
async fn forced(
    instance: &HasuraInstance,
    apis: &Apis,
    patch: AuthPatch<'_>,
) -> Result<Option<String>, Outcome> {
    let managers = match judged_dry_run(apis, patch).await {
        Ok(_) => return Ok(None),
        Err(JudgedApplyError::Apply(ApplyError::Conflict { conflicts, .. }))
            if instance.spec.delivery.conflict_policy == ConflictPolicy::Force =>
        {
            managers(conflicts)
        }
        Err(error) => return Err(refused(&error)),
    };
    let by_force = AuthPatch {
        force: true,
        ..patch
    };
    judged_dry_run(apis, by_force)
        .await
        .map_err(|error| refused(&error))?;
    Ok(Some(managers))
}
