//! What would be done to the Deployment, or to the Secret or ConfigMap, in words.

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;

use super::{
    blocked_by, bound_roles, contest::managers, deployment, desired, may_patch, next_look,
    not_found, objection, refused,
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
        lasting, moving,
        registry::Connection,
        rollout,
        status::{Detail, Verdict},
        visit::{Error, Next, Outcome},
    },
    domain::words,
    hasura::{
        apply::{Apis, AuthPatch, JudgedApplyError, judge_live, judged_dry_run},
        apply_error::ApplyError,
        diff::{Change, diff},
        env::DesiredAuth,
        env_from::EnvFromKeys,
    },
};

/// What would be done.
pub struct Foreseen {
    /// The steps.
    pub steps: Vec<PlannedStep>,
    /// What stands in the way of them.
    pub trouble: Option<Verdict>,
    /// Conditions that last, if the Deployment was looked at.
    pub lasting: Option<Vec<Detail>>,
    /// When to look again at what nobody watches.
    pub look_again: Next,
}

/// The steps, and what stands in the way of them. The Deployment is patched as a dry run only.
///
/// # Errors
/// When the API server fails in a way that says nothing about the Deployment.
pub async fn foresee(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Result<Foreseen, Error> {
    let mut steps = Vec::new();
    let mut lasting = None;
    let mut look_again = Next::Change;
    let objection = objection(instance, ctx, connection);
    let live = match &instance.spec.deployment_ref {
        Some(named) => match deployment(instance, ctx, &named.name).await? {
            Some(live) => Some(live),
            None => {
                return Ok(Foreseen {
                    steps,
                    trouble: Some(not_found(&named.name).verdict),
                    lasting: Some(Vec::new()),
                    look_again,
                });
            }
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
            None => {
                lasting = Some(Vec::new());
                steps.extend(of_object);
            }
            Some(live) => {
                let container = moving::container(instance, live)?.name;
                let apis = Apis::new(&ctx.client, &instance.namespace().unwrap_or_default());
                let env_from = apis.env_from(live, &container).await;
                let env_from = env_from.map_err(|error| refused(ctx, &error))?;
                let is_watched = rollout::is_watched(instance);
                lasting = Some(lasting::look(live, &container, &env_from, is_watched));
                look_again = next_look(instance, ctx, &env_from);
                let at = Place {
                    live,
                    container: &container,
                    env_from,
                };
                let changed = match patch(instance, ctx, &apis, at, &desired).await? {
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
    let trouble = result.await.err();
    if let Some(live) = &live {
        steps.extend(of_before(instance, ctx, live).await?);
    }
    if let Some(outcome) = &trouble
        && let Next::After(_) = outcome.next
    {
        look_again = look_again.sooner(outcome.next);
    }
    Ok(Foreseen {
        steps,
        trouble: trouble.map(|outcome| outcome.verdict),
        lasting,
        look_again,
    })
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
    let action = match object.read_with_needs().await? {
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

/// Hasura's container, and what was just read of the objects that it takes its env from.
struct Place<'a> {
    live: &'a Deployment,
    container: &'a str,
    env_from: EnvFromKeys,
}

async fn patch(
    instance: &HasuraInstance,
    ctx: &Context,
    apis: &Apis,
    at: Place<'_>,
    desired: &DesiredAuth,
) -> Result<Patched, Outcome> {
    let Place {
        live, container, ..
    } = at;
    let changes = match diff(live, container, Some(desired)) {
        Ok(changes) => changes,
        Err(blocked) => {
            let outcome = blocked_by(instance, ctx, (live, container), &blocked);
            return Ok(Patched::Blocked(outcome.await));
        }
    };
    let patch = AuthPatch {
        live,
        container,
        desired: Some(desired),
        bound_roles: &bound_roles(instance, ctx),
        allow_recreate: instance.spec.delivery.allow_recreate,
        force: false,
    };
    if changes.is_empty() {
        return judge_live(patch, at.env_from)
            .map(|_| Patched::Yes(None))
            .map_err(|error| refused(ctx, &error.into()));
    }
    let forced_from = forced(instance, ctx, apis, patch).await?;
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
    ctx: &Context,
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
        Err(error) => return Err(refused(ctx, &error)),
    };
    let by_force = AuthPatch {
        force: true,
        ..patch
    };
    judged_dry_run(apis, by_force)
        .await
        .map_err(|error| refused(ctx, &error))?;
    Ok(Some(managers))
}
