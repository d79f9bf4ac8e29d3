//! What becomes of Hasura's settings when their instance is deleted.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, runtime::events::EventType};

use super::{Delivered, Held, Object, before, delivered, is_used};
use crate::{
    api::{
        HasuraInstance,
        conditions::reasons,
        delivery::ConflictPolicy,
        instance::{DeletionPolicy, DeploymentStatus},
    },
    controller::{
        auth,
        context::{Context, deleting_for, key},
        moving,
        status::Verdict,
        stores::tenant_key,
        visit::{Error, Next, Outcome},
    },
    hasura::{
        apply::{Apis, AuthPatch, JudgedApplyError, judged_apply, judged_dry_run},
        apply_error::ApplyError,
        containers_of_ours,
        delivered::referred,
        diff::diff,
        env::DesiredAuth,
        place::Place,
        rollout::rollout,
    },
};

/// Why settings stay on a Deployment.
#[derive(Debug, thiserror::Error)]
pub enum Stays {
    /// Until somebody mends what is in the way.
    #[error("the settings on Deployment {deployment:?} stay: {error}")]
    Mendable {
        /// Its name.
        deployment: String,
        /// What is in the way.
        error: JudgedApplyError,
    },
    /// For good: nothing would be left there in their place.
    #[error(
        "the settings on Deployment {deployment:?} stay: with conflictPolicy Force they were, or may have been, taken from \
         another manager, so that nothing would be left"
    )]
    Forced {
        /// Its name.
        deployment: String,
    },
}

impl Stays {
    /// The reason for a condition, where somebody can mend what is in the way.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Mendable { error, .. } => Some(error.reason()),
            Self::Forced { .. } => None,
        }
    }
}

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
    let live = match &instance.spec.deployment_ref {
        Some(named) => deployments(instance, ctx).get_opt(&named.name).await?,
        None => None,
    };
    let objects = objects(instance, ctx, live.as_ref()).await;
    let mut left = Vec::new();
    if policy == DeletionPolicy::Retain {
        for which in &objects {
            left.extend(keep(instance, ctx, which, live.as_ref()).await?);
        }
        return Ok(left);
    }
    let live = match live {
        Some(live) if holds_claim => {
            let status = instance.status.as_ref();
            let written = status.and_then(|status| status.deployment.as_ref());
            // The instance goes: nobody signs in to it any more, so no role is that of signed-in users.
            let nobodys = BTreeSet::new();
            let taken = take_away(instance, ctx, live, written, &nobodys).await;
            let (now, why) = taken.map_err(|error| failed(instance, ctx, &error))?;
            left.extend(why.map(|why| why.to_string()));
            now
        }
        live => live,
    };
    let of_before = moving::end(instance, ctx).await?;
    left.extend(of_before.map_err(|error| failed(instance, ctx, &error))?);
    for which in &objects {
        left.extend(part_with(instance, ctx, which, live.as_ref()).await?);
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
    for object in &objects(instance, ctx, None).await {
        match retain(instance, ctx, object).await {
            Ok(why) => left.extend(why),
            Err(why) if is_forbidden(&why) => left.push(format!(
                "{object}, if it was made, is collected together with this object: {}",
                why.message()
            )),
            Err(why) => left.push(again_or_left(instance, ctx, &why)?),
        }
    }
    Ok(left)
}

/// Whether a right is missing.
pub fn is_forbidden(why: &Outcome) -> bool {
    matches!(why.verdict, Verdict::Waiting(reasons::FORBIDDEN, _))
}

/// The object that is delivered, one of before a switch, and one between them that the Deployment came to refer to.
async fn objects(
    instance: &HasuraInstance,
    ctx: &Context,
    live: Option<&Deployment>,
) -> Vec<Delivered> {
    let mut all: Vec<Delivered> = delivered(instance).collect();
    for which in live.map(referred).unwrap_or_default() {
        let object = Object::new(&ctx.client, instance, &which);
        let is_new = !all.iter().any(|one| one.is_same_object(&which));
        if is_new && matches!(object.read().await, Ok(Held::Ours(_))) {
            all.push(which);
        }
    }
    all
}

fn deployments(instance: &HasuraInstance, ctx: &Context) -> Api<Deployment> {
    let namespace = instance.namespace().unwrap_or_default();
    Api::namespaced(ctx.client.clone(), &namespace)
}

/// Removes the env entries and the annotation in one write, which a dry run was judged for before. Gives the Deployment as
/// it is then, and why the settings stay, if they do. `written` is what the status says of it, and `bound_roles` are those
/// that callers without a token must not have afterwards.
///
/// # Errors
/// What may be otherwise when it is tried again.
pub async fn take_away(
    instance: &HasuraInstance,
    ctx: &Context,
    live: Deployment,
    written: Option<&DeploymentStatus>,
    bound_roles: &BTreeSet<String>,
) -> Result<(Option<Deployment>, Option<Stays>), JudgedApplyError> {
    // The entries are where the operator holds them, whatever the spec names by now.
    let holds = containers_of_ours(&live).into_iter().next();
    let noted = || written?.container.clone();
    let resolved = || Some(moving::container(instance, &live).ok()?.name);
    let Some(container) = holds.or_else(noted).or_else(resolved) else {
        return Ok((Some(live), None));
    };
    let name = live.name_any();
    let in_the_way = |live, error| {
        let deployment = name.clone();
        Ok((Some(live), Some(Stays::Mendable { deployment, error })))
    };
    match diff(&live, &container, None) {
        Ok(changes) if changes.is_empty() => return Ok((Some(live), None)),
        Ok(_) => {}
        Err(blocked) => return in_the_way(live, blocked.into()),
    }
    let forced = written.is_some_and(|written| written.forced_from.is_some());
    if forced || instance.spec.delivery.conflict_policy == ConflictPolicy::Force {
        return Ok((Some(live), Some(Stays::Forced { deployment: name })));
    }
    let patch = AuthPatch {
        live: &live,
        container: &container,
        desired: None,
        bound_roles,
        allow_recreate: instance.spec.delivery.allow_recreate,
        force: false,
    };
    let apis = Apis::new(&ctx.client, &instance.namespace().unwrap_or_default());
    let removed = async {
        let foreseen = judged_dry_run(&apis, patch).await?;
        say_what_returns(instance, ctx, &name, &foreseen.returning).await;
        judged_apply(&apis, patch).await
    };
    match removed.await {
        Ok(judged) => Ok((Some(judged.deployment), None)),
        Err(JudgedApplyError::Apply(ApplyError::Gone { .. })) => Ok((None, None)),
        Err(error @ (JudgedApplyError::Blocked(_) | JudgedApplyError::Refused(_))) => {
            in_the_way(live, error)
        }
        Err(error) => Err(error),
    }
}

fn failed(instance: &HasuraInstance, ctx: &Context, error: &JudgedApplyError) -> Error {
    if let JudgedApplyError::Apply(ApplyError::Changed { .. }) = error {
        return Error::Changed;
    }
    let why = Outcome::retry(error.reason(), error.to_string());
    again(instance, ctx, &why)
}

/// Says before it is done which settings of others work again without the operator's entries.
pub async fn say_what_returns(
    instance: &HasuraInstance,
    ctx: &Context,
    deployment: &str,
    returning: &[Place],
) {
    if returning.is_empty() {
        return;
    }
    let places: Vec<_> = returning.iter().map(ToString::to_string).collect();
    let note = format!(
        "the operator's env entries are taken from Deployment {deployment:?} or from a container of it, and with them gone \
         these settings of somebody else's work again, which they won over: {}",
        places.join(", ")
    );
    ctx.event(instance, EventType::Warning, "OlderSettingsReturn", &note)
        .await;
}

/// Deletes an object, unless somebody may need it.
async fn part_with(
    instance: &HasuraInstance,
    ctx: &Context,
    which: &Delivered,
    live: Option<&Deployment>,
) -> Result<Option<String>, Error> {
    let object = Object::new(&ctx.client, instance, which);
    match object.read().await {
        Ok(Held::Ours(_)) => {}
        Ok(Held::Absent | Held::Taken) => return Ok(None),
        Err(why) => return again_or_left(instance, ctx, &why).map(Some),
    }
    // Pods would not start without it; those of before a rollout that is not through, when they start anew.
    let why = if is_used(instance, ctx, which, live).await {
        "a Deployment still refers to it"
    } else if live.is_some_and(|live| !rollout(live).left_none_behind()) {
        let waited = deleting_for(instance);
        if waited < ctx.clocks.release_after {
            let wait = ctx.clocks.release_after - waited;
            return Err(Error::Held(wait.min(ctx.clocks.credentials_retry)));
        }
        "the rollout without it is not through, and old pods may need it"
    } else {
        return match object.delete().await {
            Ok(()) => Ok(None),
            Err(why) => again_or_left(instance, ctx, &why).map(Some),
        };
    };
    let kept = keep(instance, ctx, which, live).await?;
    Ok(kept.or_else(|| Some(format!("{which} stays, because {why}"))))
}

/// Lets an object stay without its owner; gives what did not stay. While the Deployment or one of before refers to it, that is tried for as
/// long as it takes: the object would go with its owner, and no pod would start any more. A namespace that is being deleted
/// does not hang by that, since its Deployment goes.
async fn keep(
    instance: &HasuraInstance,
    ctx: &Context,
    which: &Delivered,
    live: Option<&Deployment>,
) -> Result<Option<String>, Error> {
    let why = match retain(instance, ctx, which).await {
        Ok(left) => return Ok(left),
        Err(why) => why,
    };
    // One that can not be read may not be there.
    let of_before = moving::of_before(instance, &deployments(instance, ctx)).await;
    let of_before = of_before.unwrap_or_default();
    let is_needed = live
        .into_iter()
        .chain(&of_before)
        .any(|live| live.metadata.deletion_timestamp.is_none() && which.is_referred_to(live));
    if is_needed && deleting_for(instance) >= ctx.clocks.release_after {
        let note = format!(
            "{which} would go with this instance, and the Deployment's pods do not start without it, so the deletion waits: {}",
            why.message()
        );
        ctx.event(instance, EventType::Warning, "RetainFailed", &note)
            .await;
        return Err(again(instance, ctx, &why));
    }
    let left = again_or_left(instance, ctx, &why)?;
    Ok(Some(format!("{which} goes with this instance: {left}")))
}

/// Takes the owner off an object. One that a deletion in the foreground took already is made again.
async fn retain(
    instance: &HasuraInstance,
    ctx: &Context,
    which: &Delivered,
) -> Result<Option<String>, Outcome> {
    let object = Object::new(&ctx.client, instance, which);
    match object.read().await? {
        Held::Ours(found) => object.retain(found).await.map(|()| None),
        Held::Taken => Ok(None),
        Held::Absent if !before(instance).is_some_and(|before| before.is_same_object(which)) => {
            Ok(None)
        }
        Held::Absent => {
            let entry = ctx.registry.get(&tenant_key(instance));
            let Some(connection) = entry.and_then(|entry| entry.connection) else {
                return Ok(Some(format!(
                    "{which} was deleted before this instance, and is not made again without a way to the tenant"
                )));
            };
            let desired = DesiredAuth {
                delivered: Some(which.clone()),
                ..auth::desired(instance, &connection, None)?
            };
            // In a namespace that is being deleted nothing can be made, and need not be.
            Ok(object.create_retained(&desired).await.err().map(|why| {
                format!(
                    "{which} was deleted before this instance, and could not be made again: {}",
                    why.message()
                )
            }))
        }
    }
}

/// A failure is tried again for a while, and then said: a right that was taken away may never come back.
fn again_or_left(instance: &HasuraInstance, ctx: &Context, why: &Outcome) -> Result<String, Error> {
    if deleting_for(instance) < ctx.clocks.release_after {
        return Err(again(instance, ctx, why));
    }
    Ok(why.message().to_owned())
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
