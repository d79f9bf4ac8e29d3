//! What becomes of Hasura's settings when their instance is deleted.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt};

use super::{Delivered, Held, Object, object_of, remembered};
use crate::{
    api::{
        HasuraInstance, conditions::reasons, delivery::ConflictPolicy, instance::DeletionPolicy,
    },
    controller::{
        auth,
        context::{Context, deleting_for, key},
        status::Verdict,
        stores::tenant_key,
        visit::{Error, Next, Outcome},
    },
    hasura::{
        apply::{Apis, AuthPatch, JudgedApplyError, judged_apply},
        apply_error::ApplyError,
        container,
        diff::diff,
    },
};

/// Takes Hasura's settings away, or lets them stay, as the instance's policy says; gives what could not be taken away.
/// `holds_claim` says whether the Deployment is this instance's, and not that of another one which it lost it to.
///
/// # Errors
/// [`Error`] when it has to be tried again.
pub async fn end(
    instance: &HasuraInstance,
    ctx: &Context,
    holds_claim: bool,
    policy: DeletionPolicy,
) -> Result<Vec<String>, Error> {
    let objects = objects(instance);
    let mut left = Vec::new();
    if policy == DeletionPolicy::Retain {
        for object in &objects {
            let result = retain(instance, ctx, object).await;
            left.extend(again_or_left(instance, ctx, result)?);
        }
        return Ok(left);
    }
    let live = match &instance.spec.deployment_ref {
        Some(named) => deployments(instance, ctx).get_opt(&named.name).await?,
        None => None,
    };
    if let Some(live) = live.as_ref().filter(|_| holds_claim) {
        left.extend(take_away(instance, ctx, live).await?);
    }
    for which in &objects {
        let object = Object::new(ctx, instance, which);
        let result = if live.as_ref().is_some_and(|live| which.is_referred_to(live)) {
            // Pods would not start without it.
            left.push(format!(
                "{which} stays, because the Deployment still refers to it"
            ));
            retain(instance, ctx, which).await
        } else {
            object.delete().await
        };
        left.extend(again_or_left(instance, ctx, result)?);
    }
    Ok(left)
}

/// Lets go of what was delivered for an instance that is held, since its owner would take it along. Nothing else is
/// looked at, and a right that is missing is said at once and not waited for.
///
/// # Errors
/// [`Error`] when it has to be tried again.
pub async fn let_go(instance: &HasuraInstance, ctx: &Context) -> Result<Vec<String>, Error> {
    let mut left = Vec::new();
    for object in &objects(instance) {
        match retain(instance, ctx, object).await {
            Err(why) if is_forbidden(&why) => left.push(format!(
                "{object}, if it was made, is collected together with this object: {}",
                why.message()
            )),
            result => left.extend(again_or_left(instance, ctx, result)?),
        }
    }
    Ok(left)
}

fn is_forbidden(why: &Outcome) -> bool {
    matches!(why.verdict, Verdict::Waiting(reasons::FORBIDDEN, _))
}

/// The object that is delivered, and one of before a switch.
fn objects(instance: &HasuraInstance) -> Vec<Delivered> {
    let status = instance.status.as_ref();
    let before = status.and_then(|status| status.delivered.as_ref());
    let before = before.map(remembered);
    let now = object_of(instance).filter(|now| before.as_ref() != Some(now));
    before.into_iter().chain(now).collect()
}

fn deployments(instance: &HasuraInstance, ctx: &Context) -> Api<Deployment> {
    let namespace = instance.namespace().unwrap_or_default();
    Api::namespaced(ctx.client.clone(), &namespace)
}

/// Removes the env entries and the annotation in one write, which a dry run was judged for before.
async fn take_away(
    instance: &HasuraInstance,
    ctx: &Context,
    live: &Deployment,
) -> Result<Option<String>, Error> {
    let named = instance.spec.deployment_ref.as_ref();
    let wanted = named.map_or("", |named| named.container.as_str());
    let Ok(container) = container::choose(live, wanted) else {
        return Ok(None);
    };
    let container = container.name.clone();
    let name = live.name_any();
    let left = |why: &str| {
        Ok(Some(format!(
            "the settings on Deployment {name:?} stay: {why}"
        )))
    };
    match diff(live, &container, None) {
        Ok(changes) if changes.is_empty() => return Ok(None),
        Ok(_) => {}
        Err(blocked) => return left(&blocked.to_string()),
    }
    let status = instance.status.as_ref();
    let deployment = status.and_then(|status| status.deployment.as_ref());
    let forced = deployment.is_some_and(|deployment| deployment.forced_from.is_some());
    if forced || instance.spec.delivery.conflict_policy == ConflictPolicy::Force {
        return left(
            "with conflictPolicy Force they were, or may have been, taken from another manager, so that nothing would be left",
        );
    }
    let patch = AuthPatch {
        live,
        container: &container,
        desired: None,
        bound_roles: &BTreeSet::new(),
        allow_recreate: instance.spec.delivery.allow_recreate,
        force: false,
    };
    let namespace = instance.namespace().unwrap_or_default();
    match judged_apply(&Apis::new(&ctx.client, &namespace), patch).await {
        Ok(_) | Err(JudgedApplyError::Apply(ApplyError::Gone { .. })) => Ok(None),
        Err(JudgedApplyError::Apply(ApplyError::Changed { .. })) => Err(Error::Changed),
        Err(error @ (JudgedApplyError::Blocked(_) | JudgedApplyError::Refused(_))) => {
            left(&error.to_string())
        }
        Err(error) => {
            let why = Outcome::retry(error.reason(), error.to_string());
            Err(again(instance, ctx, &why))
        }
    }
}

/// Lets an object stay without its owner. One that a deletion in the foreground took already is made again.
async fn retain(
    instance: &HasuraInstance,
    ctx: &Context,
    which: &Delivered,
) -> Result<(), Outcome> {
    let object = Object::new(ctx, instance, which);
    match object.read().await? {
        Held::Ours(found) => object.retain(found).await,
        Held::Taken => Ok(()),
        Held::Absent => {
            let was_delivered = instance
                .status
                .as_ref()
                .is_some_and(|status| status.delivered.is_some());
            let entry = ctx.registry.get(&tenant_key(instance));
            match entry
                .and_then(|entry| entry.connection)
                .filter(|_| was_delivered)
            {
                Some(connection) => {
                    let desired = auth::desired(instance, &connection, None)?;
                    // In a namespace that is being deleted nothing can be made, and need not be.
                    if let Err(why) = object.create_retained(&desired).await {
                        tracing::info!(instance = %key(instance), ?why, "{which} was deleted with its owner");
                    }
                    Ok(())
                }
                None => Ok(()),
            }
        }
    }
}

/// A failure is tried again for a while, and then said: a right that was taken away may never come back.
fn again_or_left(
    instance: &HasuraInstance,
    ctx: &Context,
    result: Result<(), Outcome>,
) -> Result<Option<String>, Error> {
    let Err(why) = result else { return Ok(None) };
    if deleting_for(instance) < ctx.clocks.release_after {
        return Err(again(instance, ctx, &why));
    }
    Ok(Some(why.message().to_owned()))
}

fn again(instance: &HasuraInstance, ctx: &Context, why: &Outcome) -> Error {
    tracing::warn!(instance = %key(instance), ?why, "the settings could not be taken away; it is tried again");
    match why.next {
        Next::After(wait) => Error::Held(wait),
        Next::Change | Next::Backoff => {
            Error::Held(ctx.backoff.next(&instance.uid().unwrap_or_default()))
        }
    }
}
