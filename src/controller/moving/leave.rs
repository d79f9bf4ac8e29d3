//! What becomes of the settings on a Deployment that `spec.deploymentRef` named before.
//!
//! The status says where to look and proves nothing: only what the operator's field manager holds is touched, only where it
//! is for this instance's API resource, and never on a Deployment that another instance names.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, runtime::events::EventType};

use crate::{
    api::{
        HasuraInstance,
        instance::{DeletionPolicy, DeploymentStatus},
        policy::{PlannedAction, PlannedStep},
    },
    controller::{
        auth,
        context::{Context, key},
        delivery::{self, Stays},
        visit::{Error, Next, Outcome},
    },
    domain::words,
    hasura::{
        apply::JudgedApplyError,
        whose::{Whose, whose},
    },
};

/// What becomes of a Deployment of before.
enum Fate {
    /// It is not there any more, or has nothing of the operator's.
    Nothing,
    /// Another instance names it by now.
    Another(String),
    /// What is on it is not this instance's.
    Foreign,
    /// The settings stay on it as they are, since the policy says so.
    Stays,
    /// The settings are taken away.
    Goes(Box<Deployment>),
}

/// What was done about one, for an event.
enum Done {
    Nothing,
    Released(String),
    LeftBehind(String),
    /// Nothing yet: somebody has to mend what is in the way.
    InTheWay {
        /// For a condition.
        reason: &'static str,
        why: String,
    },
}

/// Lets go of all Deployments of before, now that the settings run elsewhere; one that could not be left stays in the
/// status, and the visit comes to what is in its way.
///
/// # Errors
/// When the API server fails in a way that says nothing about the Deployment.
pub async fn release(
    instance: &mut HasuraInstance,
    ctx: &Context,
) -> Result<Result<(), Outcome>, Error> {
    let policy = instance.spec.deletion_policy;
    let (mut kept, mut in_the_way) = (Vec::new(), Ok(()));
    for before in previous(instance) {
        let bound_roles = auth::bound_roles(instance, ctx);
        match part_with(instance, ctx, &before, policy, &bound_roles).await? {
            Ok(Done::InTheWay { reason, why }) => {
                in_the_way = Err(to_mend(reason, &why, ctx.clocks.credentials_retry));
                kept.push(before);
            }
            Ok(done) => say(instance, ctx, done).await,
            Err(error) => {
                let message = format!(
                    "the settings run on the Deployment that spec.deploymentRef names, and could not be taken from the one \
                     that it named before: {error}"
                );
                in_the_way = Err(Outcome::retry(error.reason(), message));
                kept.push(before);
            }
        }
    }
    instance.status.get_or_insert_default().previous_deployments = kept;
    Ok(in_the_way)
}

/// Takes the settings from all Deployments of before, at the deletion of their instance; gives what stays.
///
/// # Errors
/// When the API server fails.
pub async fn end(
    instance: &HasuraInstance,
    ctx: &Context,
) -> Result<Result<Vec<String>, JudgedApplyError>, Error> {
    let mut left = Vec::new();
    for before in previous(instance) {
        let (policy, nobodys) = (DeletionPolicy::Delete, BTreeSet::new());
        match part_with(instance, ctx, &before, policy, &nobodys).await? {
            Ok(Done::LeftBehind(note) | Done::InTheWay { why: note, .. }) => left.push(note),
            Ok(Done::Nothing | Done::Released(_)) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(left))
}

/// What would be done about these.
///
/// # Errors
/// When the API server fails.
pub async fn foresee(
    instance: &HasuraInstance,
    ctx: &Context,
    previous: &[DeploymentStatus],
) -> Result<Vec<PlannedStep>, Error> {
    let mut steps = Vec::new();
    for before in previous {
        let policy = instance.spec.deletion_policy;
        if let Fate::Goes(live) = look(instance, ctx, before, policy).await? {
            let what = format!(
                "the settings on Deployment {:?}, once they run on the one that is named now",
                live.name_any()
            );
            steps.push(words::in_bounds(PlannedAction::Delete, &what));
        }
    }
    Ok(steps)
}

/// The Deployments of before, also the last one while nothing was written to the one that is named now.
fn previous(instance: &HasuraInstance) -> Vec<DeploymentStatus> {
    let named = instance.spec.deployment_ref.as_ref();
    let is_elsewhere = |at: &&DeploymentStatus| {
        at.name.is_some() && named.is_none_or(|named| at.name.as_ref() != Some(&named.name))
    };
    let Some(status) = &instance.status else {
        return Vec::new();
    };
    let last = status.deployment.iter().filter(is_elsewhere);
    let before = status.previous_deployments.iter();
    before.chain(last).cloned().collect()
}

/// What an instance comes to whose settings can not leave a Deployment before somebody mends what is in the way there. Much
/// of that nobody watches, so it is looked at again after this time.
fn to_mend(reason: &'static str, why: &str, look_again: Duration) -> Outcome {
    let message = format!(
        "the settings run on the Deployment that spec.deploymentRef names, and could not be taken from one that it named \
         before: {why}. Mend that, or set spec.deletionPolicy to Retain, with which they stay there for good"
    );
    Outcome {
        next: Next::After(look_again),
        ..Outcome::stalled(reason, message)
    }
}

async fn say(instance: &HasuraInstance, ctx: &Context, done: Done) {
    match done {
        Done::Nothing | Done::InTheWay { .. } => {}
        Done::Released(note) => {
            ctx.event(instance, EventType::Normal, "DeploymentReleased", &note)
                .await;
        }
        Done::LeftBehind(note) => {
            ctx.event(instance, EventType::Warning, "LeftBehind", &note)
                .await;
        }
    }
}

/// The Deployments of before that are there still.
///
/// # Errors
/// When the API server fails.
pub async fn of_before(
    instance: &HasuraInstance,
    deployments: &Api<Deployment>,
) -> Result<Vec<Deployment>, kube::Error> {
    let mut all = Vec::new();
    for before in previous(instance) {
        if let Some(name) = &before.name {
            all.extend(deployments.get_opt(name).await?);
        }
    }
    Ok(all)
}

async fn look(
    instance: &HasuraInstance,
    ctx: &Context,
    before: &DeploymentStatus,
    policy: DeletionPolicy,
) -> Result<Fate, Error> {
    let Some(name) = &before.name else {
        return Ok(Fate::Nothing);
    };
    let namespace = instance.namespace().unwrap_or_default();
    let deployments: Api<Deployment> = Api::namespaced(ctx.client.clone(), &namespace);
    let live = deployments.get_opt(name).await?;
    let others = ctx.stores.instances.state_filter(|other: &HasuraInstance| {
        let named = other.spec.deployment_ref.as_ref();
        other.namespace() == instance.namespace()
            && key(other) != key(instance)
            && named.is_some_and(|named| named.name == *name)
    });
    let other = others.first().map(|other| other.name_any());
    Ok(fate(instance, before, live, other, policy))
}

fn fate(
    instance: &HasuraInstance,
    before: &DeploymentStatus,
    live: Option<Deployment>,
    other: Option<String>,
    policy: DeletionPolicy,
) -> Fate {
    let named = instance.spec.deployment_ref.as_ref();
    let is_of_before = |live: &Deployment| {
        live.uid().as_ref() == Some(&before.uid)
            && named.is_none_or(|named| named.name != live.name_any())
    };
    let Some(live) = live.filter(is_of_before) else {
        return Fate::Nothing;
    };
    if let Some(other) = other {
        return Fate::Another(other);
    }
    let objects: Vec<_> = delivery::delivered(instance).collect();
    let indicator = &instance.spec.api_resource.indicator;
    match (whose(&live, indicator, &objects), policy) {
        (Whose::Nobodys, _) => Fate::Nothing,
        (Whose::Anothers, _) => Fate::Foreign,
        (Whose::Ours, DeletionPolicy::Retain) => Fate::Stays,
        (Whose::Ours, DeletionPolicy::Delete) => Fate::Goes(Box::new(live)),
    }
}

async fn part_with(
    instance: &HasuraInstance,
    ctx: &Context,
    before: &DeploymentStatus,
    policy: DeletionPolicy,
    bound_roles: &BTreeSet<String>,
) -> Result<Result<Done, JudgedApplyError>, Error> {
    let name = before.name.as_deref().unwrap_or_default();
    let live = match look(instance, ctx, before, policy).await? {
        Fate::Goes(live) => *live,
        Fate::Nothing => return Ok(Ok(Done::Nothing)),
        Fate::Another(other) => {
            return Ok(Ok(Done::Released(format!(
                "HasuraInstance {other:?} names Deployment {name:?} by now, so what is on it is left to that one"
            ))));
        }
        Fate::Foreign => {
            return Ok(Ok(Done::LeftBehind(format!(
                "the settings on Deployment {name:?} stay: it can not be told that they are this instance's"
            ))));
        }
        Fate::Stays => {
            return Ok(Ok(Done::Released(format!(
                "spec.deletionPolicy is Retain: the settings stay on Deployment {name:?} as they are, and are no longer kept up"
            ))));
        }
    };
    let taken = delivery::take_away(instance, ctx, live, Some(before), bound_roles).await;
    Ok(taken.map(|(_, stays)| done(name, stays)))
}

fn done(name: &str, stays: Option<Stays>) -> Done {
    match stays {
        Some(stays) => match stays.reason() {
            Some(reason) => Done::InTheWay {
                reason,
                why: stays.to_string(),
            },
            None => Done::LeftBehind(stays.to_string()),
        },
        None => Done::Released(format!("the settings were taken from Deployment {name:?}")),
    }
}

#[cfg(test)]
mod tests;
