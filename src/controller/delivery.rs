//! Delivery by Secret or ConfigMap: an object of the instance's namespace whose keys are named as Hasura's variables.
//!
//! It is made by the operator and owned by the instance. One of its name that is there already is never touched. Nobody
//! watches it, since Secrets are read by `get` alone: it is looked at at each visit, and a visit is made every few minutes.

mod end;
mod object;

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;

pub use end::end;
pub use object::{Held, Object};

use super::{
    context::Context,
    rollout,
    visit::{Next, Outcome},
};
use crate::{
    api::{
        HasuraInstance,
        conditions::reasons,
        delivery::{DeliveredKind, DeliveredStatus, DeliveryMode, RolloutPolicy},
    },
    hasura::{
        delivered::Delivered,
        env::DesiredAuth,
        env_from::SourceKind,
        rollout::{Rollout, rollout},
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
        name: name.unwrap_or_else(|| format!("{}-auth", instance.name_any())),
    })
}

/// Whether the pods are started anew when the object changes.
pub fn rolls_out(instance: &HasuraInstance) -> bool {
    instance.spec.delivery.rollout == RolloutPolicy::Annotation
}

/// When to look at the object again.
pub fn next_look(instance: &HasuraInstance, ctx: &Context) -> Next {
    match object_of(instance) {
        Some(_) => Next::After(ctx.clocks.credentials_recheck),
        None => Next::Change,
    }
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
        return clear(instance, ctx, None, live).await;
    };
    let object = Object::new(ctx, instance, wanted);
    match object.read().await? {
        Held::Taken => return Err(taken(wanted)),
        Held::Absent => object.create(desired).await?,
        Held::Ours(found) => object.update(found, desired, live).await?,
    }
    clear(instance, ctx, Some(to_remember(wanted, desired)), live).await
}

/// What there is to say of an object that is somebody else's.
pub fn taken(wanted: &Delivered) -> Outcome {
    let message = format!(
        "{wanted} is in this namespace and was not made by the operator for this instance, so it is left alone: delete it, or \
         give another spec.delivery.name"
    );
    Outcome::stalled(reasons::DELIVERY_TAKEN, message)
}

/// Deletes the object of before a switch once no pod needs it, and remembers which one there is. Until the rollout is
/// through, pods of before may start anew, which they can not without their object.
async fn clear(
    instance: &mut HasuraInstance,
    ctx: &Context,
    wanted: Option<DeliveredStatus>,
    live: Option<&Deployment>,
) -> Result<(), Outcome> {
    let now = wanted.as_ref().map(remembered);
    if let Some(before) = left_behind(instance, now.as_ref()) {
        let is_through = |live| Rollout::RolledOut == rollout(live);
        if live.is_some_and(|live| before.is_referred_to(live) || !is_through(live)) {
            return Ok(());
        }
        Object::new(ctx, instance, &before).delete().await?;
    }
    instance.status.get_or_insert_default().delivered = wanted;
    Ok(())
}

/// The object of before a switch, when it is not the one that is asked for now.
pub fn left_behind(instance: &HasuraInstance, now: Option<&Delivered>) -> Option<Delivered> {
    let status = instance.status.as_ref()?;
    let before = status.delivered.as_ref().map(remembered)?;
    (Some(&before) != now).then_some(before)
}

/// The object that a status remembers.
fn remembered(status: &DeliveredStatus) -> Delivered {
    Delivered {
        kind: match status.kind {
            DeliveredKind::Secret => SourceKind::Secret,
            DeliveredKind::ConfigMap => SourceKind::ConfigMap,
        },
        name: status.name.clone(),
    }
}

fn to_remember(object: &Delivered, desired: &DesiredAuth) -> DeliveredStatus {
    DeliveredStatus {
        kind: match object.kind {
            SourceKind::Secret => DeliveredKind::Secret,
            SourceKind::ConfigMap => DeliveredKind::ConfigMap,
        },
        name: object.name.clone(),
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
    format!("{object} has the settings; whether a Hasura runs with them is not seen, since {why}")
}
