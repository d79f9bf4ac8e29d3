//! Delivery by Secret or ConfigMap: an object of the instance's namespace whose keys are named as Hasura's variables,
//! or as `spec.delivery.keys` says.
//!
//! It is made by the operator and owned by the instance. One of its name that is there already is never touched. Nobody
//! watches it, since Secrets are read by `get` alone: it is looked at at each visit, and a visit is made every few minutes.

mod end;
mod found;
mod leave;
mod object;
mod words;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, api::ListParams};

pub use end::{Stays, end, is_forbidden, let_go, say_what_returns, take_away};
pub use leave::{NotLeft, leave};
pub use object::{Held, Object};
pub use words::{fitting, misread, taken};

use super::{
    context::{Context, key},
    moving, rollout,
    visit::{Next, Outcome},
};
use crate::{
    api::{
        HasuraInstance,
        delivery::{DeliveredKind, DeliveredStatus, DeliveryKeys, DeliveryMode, RolloutPolicy},
    },
    hasura::{
        delivered::Delivered,
        env::{DesiredAuth, UNAUTHORIZED_ROLE},
        env_from::SourceKind,
        rollout::rollout,
    },
};

/// The object that an instance asks for; none when it asks for env entries.
pub fn object_of(instance: &HasuraInstance) -> Option<Delivered> {
    let delivery = &instance.spec.delivery;
    let kind = match delivery.mode {
        DeliveryMode::PatchEnv => return None,
        DeliveryMode::Secret => SourceKind::Secret,
        DeliveryMode::ConfigMap => SourceKind::ConfigMap,
    };
    let name = delivery.name.clone();
    Some(Delivered {
        kind,
        name: name.unwrap_or_else(|| default_name(instance)),
        keys: delivery.keys.clone().unwrap_or_default(),
    })
}

/// What an object of the instance is called that nobody named.
fn default_name(instance: &HasuraInstance) -> String {
    format!("{}-auth", instance.name_any())
}

/// The Secret of an instance that names none.
pub fn default_secret(instance: &HasuraInstance) -> Delivered {
    Delivered {
        kind: SourceKind::Secret,
        name: default_name(instance),
        keys: DeliveryKeys::default(),
    }
}

/// Whether the pods are started anew when the object changes.
pub fn rolls_out(instance: &HasuraInstance) -> bool {
    instance.spec.delivery.rollout == RolloutPolicy::Annotation
}

/// When to look at the object again, also at one that has to go yet.
pub fn next_look(instance: &HasuraInstance, ctx: &Context) -> Next {
    match object_of(instance).or_else(|| left_behind(instance)) {
        Some(_) => Next::After(ctx.clocks.credentials_recheck),
        None => Next::Change,
    }
}

/// What is seen of the object before anything is written.
#[derive(Default)]
pub struct Seen {
    /// Whether it does not say yet what it should.
    pub needs_write: bool,
    /// The role that it gives callers without a token, if the container takes that from it.
    pub anonymous_role: Option<String>,
    /// The object that was looked at.
    pub object: Option<Delivered>,
}

/// Looks at the object that the instance asks for, or at the one of before a switch to none.
///
/// # Errors
/// What the instance's status says.
pub async fn see(
    instance: &HasuraInstance,
    ctx: &Context,
    desired: &DesiredAuth,
    live: Option<&Deployment>,
) -> Result<Seen, Outcome> {
    let wanted = desired.delivered.as_ref();
    let Some(which) = wanted.cloned().or_else(|| before(instance)) else {
        return Ok(Seen::default());
    };
    let object = Object::new(&ctx.client, instance, &which);
    let found = match object.read_with_needs().await {
        Ok(Held::Ours(found)) => Some(found),
        Ok(Held::Taken) if wanted.is_some() => return Err(taken(&which, live)),
        Err(why) if wanted.is_some() => return Err(why),
        // One of before a switch is wanted no more.
        Ok(Held::Absent | Held::Taken) | Err(_) => None,
    };
    // By whichever key: pods that read an old one go on reading it.
    let read = live.map(|live| which.keys_read_as(live, UNAUTHORIZED_ROLE));
    let role = found.as_ref().and_then(|found| {
        let mut keys = read.into_iter().flatten();
        keys.find_map(|key| found.value(key))
    });
    Ok(Seen {
        needs_write: wanted.is_some()
            && found
                .as_ref()
                .is_none_or(|found| !found.says(&which, desired, live)),
        anonymous_role: role.map(str::to_owned),
        object: Some(which),
    })
}

/// Brings the object about that the instance asks for. `live` says which keys the pods need besides.
///
/// # Errors
/// What the instance's status says.
pub async fn deliver(
    instance: &mut HasuraInstance,
    ctx: &Context,
    desired: &DesiredAuth,
    live: Option<&Deployment>,
) -> Result<(), Outcome> {
    let Some(wanted) = &desired.delivered else {
        clear(instance, ctx, None, live).await;
        return Ok(());
    };
    let object = Object::new(&ctx.client, instance, wanted);
    match object.read_with_needs().await? {
        Held::Taken => return Err(taken(wanted, live)),
        Held::Absent => object.create(desired).await?,
        Held::Ours(found) => object.update(found, desired, live).await?,
    }
    clear(instance, ctx, Some(to_remember(wanted, desired)), live).await;
    Ok(())
}

/// Brings the object about for a Deployment that does not take all settings from it yet, and which nobody judged: pods may
/// start anew with it at any time, so what they read by now stays as it is.
///
/// # Errors
/// What the instance's status says.
pub async fn deliver_unjudged(
    instance: &mut HasuraInstance,
    ctx: &Context,
    desired: &DesiredAuth,
    live: &Deployment,
) -> Result<(), Outcome> {
    let Some(wanted) = &desired.delivered else {
        return Ok(());
    };
    let object = Object::new(&ctx.client, instance, wanted);
    match object.read_with_needs().await? {
        Held::Taken => return Err(taken(wanted, Some(live))),
        Held::Absent => object.create(desired).await?,
        // By envFrom they would read a new key as well.
        Held::Ours(_) if wanted.is_taken_whole(live) => return Ok(()),
        Held::Ours(found) if wanted.is_referred_to(live) => {
            return object.complete(found, desired).await;
        }
        Held::Ours(found) => object.update(found, desired, Some(live)).await?,
    }
    clear(
        instance,
        ctx,
        Some(to_remember(wanted, desired)),
        Some(live),
    )
    .await;
    Ok(())
}

/// Deletes the object of before a switch once no pod needs it, and remembers which one there is. Until the rollout is
/// through, pods of before may start anew, which they can not without their object. What fails is tried again and changes
/// nothing for Hasura, so it is no more than said.
async fn clear(
    instance: &mut HasuraInstance,
    ctx: &Context,
    wanted: Option<DeliveredStatus>,
    live: Option<&Deployment>,
) {
    let now = wanted.as_ref().map(remembered);
    let is_now = |before: &Delivered| now.as_ref().is_some_and(|now| now.is_same_object(before));
    if let Some(before) = before(instance).filter(|before| !is_now(before)) {
        let is_through = |live| rollout(live).left_none_behind();
        if live.is_some_and(|live| before.is_referred_to(live) || !is_through(live)) {
            return;
        }
        let cleared = async {
            if is_used(instance, ctx, &before, live).await {
                return Ok(false);
            }
            Object::new(&ctx.client, instance, &before).delete().await?;
            Ok::<_, Outcome>(true)
        };
        match cleared.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => {
                tracing::warn!(instance = %key(instance), ?why, "{before} of before could not be deleted; it is tried again");
                return;
            }
        }
    }
    instance.status.get_or_insert_default().delivered = wanted;
}

/// Whether any Deployment of the namespace takes its environment from the object: two may share one. Where they may not be
/// listed, only the instance's own counts.
async fn is_used(
    instance: &HasuraInstance,
    ctx: &Context,
    object: &Delivered,
    live: Option<&Deployment>,
) -> bool {
    let namespace = instance.namespace().unwrap_or_default();
    let deployments: Api<Deployment> = Api::namespaced(ctx.client.clone(), &namespace);
    match deployments.list(&ListParams::default()).await {
        Ok(all) => all.iter().any(|other| object.is_referred_to(other)),
        Err(error) => {
            tracing::debug!(instance = %key(instance), %error, "Deployments could not be listed");
            live.is_some_and(|live| object.is_referred_to(live))
        }
    }
}

/// The object that the status remembers.
fn before(instance: &HasuraInstance) -> Option<Delivered> {
    let status = instance.status.as_ref()?;
    status.delivered.as_ref().map(remembered)
}

/// The object of before a switch, while it is there.
pub fn left_behind(instance: &HasuraInstance) -> Option<Delivered> {
    let now = object_of(instance);
    let is_now = |before: &Delivered| now.as_ref().is_some_and(|now| now.is_same_object(before));
    before(instance).filter(|before| !is_now(before))
}

/// The object of before a switch, and the one that is delivered.
pub fn delivered(instance: &HasuraInstance) -> impl Iterator<Item = Delivered> {
    left_behind(instance).into_iter().chain(object_of(instance))
}

/// What there is to say of the object of before a switch, at the end of a message.
pub fn of_before(instance: &HasuraInstance) -> String {
    left_behind(instance).map_or_else(String::new, |before| {
        format!(
            ". {before} of before is still there: it is deleted once no Deployment refers to it, and if the operator may \
             delete it (a value of its Helm chart, delivery)"
        )
    })
}

/// The object that a status remembers.
fn remembered(status: &DeliveredStatus) -> Delivered {
    Delivered {
        kind: match status.kind {
            DeliveredKind::Secret => SourceKind::Secret,
            DeliveredKind::ConfigMap => SourceKind::ConfigMap,
        },
        name: status.name.clone(),
        keys: status.keys.clone().unwrap_or_default(),
    }
}

fn to_remember(object: &Delivered, desired: &DesiredAuth) -> DeliveredStatus {
    DeliveredStatus {
        kind: match object.kind {
            SourceKind::Secret => DeliveredKind::Secret,
            SourceKind::ConfigMap => DeliveredKind::ConfigMap,
        },
        name: object.name.clone(),
        keys: Some(object.keys.clone()).filter(|keys| *keys != DeliveryKeys::default()),
        auth_hash: rollout::hash(desired),
    }
}

/// What there is to say of an instance whose settings are delivered, but whose Hasura is not seen.
pub fn unwatched(instance: &HasuraInstance) -> String {
    let object = object_of(instance).map_or_else(String::new, |object| object.to_string());
    let why = if instance.spec.deployment_ref.is_none() {
        "there is no spec.deploymentRef"
    } else {
        "spec.delivery.rollout is None"
    };
    debug_assert!(!rollout::is_watched(instance));
    format!(
        "{object} has the settings; whether a Hasura runs with them is not seen, since {why}{}{}",
        moving::not_left(instance),
        of_before(instance)
    )
}
