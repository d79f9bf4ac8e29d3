//! How far the Deployment runs with the settings that were last written.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use super::{
    auth::Configured,
    context::Context,
    delivery, pods,
    status::Detail,
    visit::{Next, Outcome},
    webhook,
};
use crate::{
    api::{
        HasuraInstance,
        conditions::{reasons, types},
        delivery::DeliveryKeys,
        instance::DeploymentStatus,
    },
    hasura::{
        env::{AUTH_HASH, AuthEnv, DesiredAuth},
        owns_entries,
        progress::{Look, Pods, Progress, Sight, hinges_on_pods, judge, starts_unprobed},
        rollout::wanted,
    },
};

/// Looks at the rollout of what was last written. Once seen complete it stays so: a later rollout, of a new image or to
/// no replicas at all, is not the operator's.
pub async fn look(
    instance: &mut HasuraInstance,
    ctx: &Context,
    (deployment, container): (&Deployment, &str),
    desired: &DesiredAuth,
    forced_from: Option<String>,
) -> Configured {
    let is_latched = was_written(instance, deployment, desired) && is_latched(instance);
    let progress = if is_latched {
        Progress::RolledOut
    } else {
        progress(instance, ctx, deployment, container).await
    };
    let uid = deployment.uid().unwrap_or_default();
    let status = instance.status.get_or_insert_default();
    let noted = status.deployment.take();
    let noted = noted.filter(|before| before.uid == uid).unwrap_or_default();
    // Of another Deployment nothing was taken, nor is anything left of it where the manifest alone has the entries.
    let forced_before = noted.forced_from.filter(|_| owns_entries(deployment));
    status.deployment = Some(DeploymentStatus {
        uid,
        auth_hash: hash(desired),
        rolled_out: progress == Progress::RolledOut,
        forced_from: forced_from.or(forced_before),
        name: noted.name,
        container: noted.container,
        default_container: noted.default_container,
    });
    match progress {
        Progress::RolledOut if wanted(deployment) == 0 => Configured::Idle,
        progress => configured(progress, ctx),
    }
}

/// Pods are asked only where their answer counts.
async fn progress(
    instance: &HasuraInstance,
    ctx: &Context,
    deployment: &Deployment,
    container: &str,
) -> Progress {
    let pods = if is_watched(instance) && hinges_on_pods(deployment, container) {
        pods::read(ctx, deployment).await
    } else {
        Pods::Unseen
    };
    judge(Sight {
        deployment,
        container,
        pods: &pods,
        settle_after: ctx.clocks.settle_after,
        now: Timestamp::now(),
    })
}

fn configured(progress: Progress, ctx: &Context) -> Configured {
    let next = |look| match look {
        Look::OnChange => Next::Change,
        Look::Soon => Next::After(ctx.clocks.rollout_recheck),
        Look::In(rest) => Next::After(rest),
    };
    Configured::RollingOut(match progress {
        Progress::RolledOut => return Configured::RolledOut,
        Progress::NoReplicas => {
            let message = "no replica runs with the settings, since the Deployment is scaled to 0; whether Hasura takes them \
                           is seen once it is scaled up";
            Outcome::waiting(reasons::NO_REPLICAS, message)
        }
        Progress::Paused => {
            let message = "the Deployment is paused, so no pod gets the new settings: resume it";
            Outcome::waiting(reasons::ROLLOUT_PAUSED, message)
        }
        Progress::Under { message, look } => Outcome {
            next: next(look),
            ..Outcome::waiting(reasons::ROLLING_OUT, message)
        },
        Progress::Stuck { message, look } => Outcome {
            next: next(look),
            ..Outcome::stalled(reasons::ROLLOUT_STUCK, message)
        },
    })
}

/// What there is to say of an instance whose settings were seen to work, and which no replica has by now.
pub fn idle(well: &str) -> String {
    format!(
        "no replica runs with the settings now, since the Deployment is scaled to 0. When it last ran: {well}"
    )
}

/// The condition that warns of a missing probe.
pub fn unprobed(deployment: &Deployment, container: &str) -> Option<Detail> {
    starts_unprobed(deployment, container).then(|| Detail {
        type_: types::NO_READINESS_PROBE,
        status: Some(true),
        reason: reasons::STARTS_UNSEEN,
        message: format!(
            "container {container:?} of Deployment {:?} has no readiness probe, so a pod counts as available before Hasura \
             has started, and a failing start replaces pods that work. Add to the container: readinessProbe: {{httpGet: \
             {{path: /healthz, port: 8080}}}}",
            deployment.name_any()
        ),
    })
}

/// Whether no pod has shown yet that it runs with the settings, because there is to be none.
pub fn lacks_replicas(instance: &HasuraInstance) -> bool {
    let status = instance.status.as_ref();
    let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
    conditions.any(|it| it.type_ == types::ROLLED_OUT && it.reason == reasons::NO_REPLICAS)
}

/// Notes that the Deployment was seen without the settings that were last written: pods may run without them, so the next
/// rollout has to be waited for, also when it brings the same settings.
pub fn unlatch(instance: &mut HasuraInstance) {
    let status = instance.status.as_mut();
    if let Some(deployment) = status.and_then(|status| status.deployment.as_mut()) {
        deployment.rolled_out = false;
    }
}

/// Whether every replica was seen to run with what was last written.
fn is_latched(instance: &HasuraInstance) -> bool {
    let status = instance.status.as_ref();
    let before = status.and_then(|status| status.deployment.as_ref());
    before.is_some_and(|before| before.rolled_out)
}

/// Whether these settings were written to this Deployment before.
pub fn was_written(
    instance: &HasuraInstance,
    deployment: &Deployment,
    desired: &DesiredAuth,
) -> bool {
    let status = instance.status.as_ref();
    let before = status.and_then(|status| status.deployment.as_ref());
    before.is_some_and(|before| {
        Some(&before.uid) == deployment.metadata.uid.as_ref() && before.auth_hash == hash(desired)
    })
}

/// Whether it can be seen that Hasura runs with the settings.
pub fn is_watched(instance: &HasuraInstance) -> bool {
    instance.spec.deployment_ref.is_some() && delivery::rolls_out(instance)
}

/// Of all that is written, which mode it is, and what delivers it.
pub fn hash(desired: &DesiredAuth) -> String {
    let mut hash = Sha256::new();
    let annotation = desired.key_hash.as_deref().map(|hash| (AUTH_HASH, hash));
    for (name, value) in desired.entries().into_iter().chain(annotation) {
        hash.update(name);
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    if let Some(object) = &desired.delivered {
        hash.update(object.to_string());
        if object.keys != DeliveryKeys::default() {
            let names = desired.entries().into_iter().map(|(name, _)| name);
            names.for_each(|name| hash.update(format!("\0{}", object.key(name))));
        }
    }
    let mode = match desired.env {
        AuthEnv::Jwt { .. } => "",
        AuthEnv::Webhook { .. } => webhook::HASH_PREFIX,
    };
    let digest = hash.finalize();
    let digits: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{mode}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasura::{delivered::Delivered, env_from::SourceKind};

    #[test]
    fn the_hash_tells_values_modes_and_what_delivers_them_apart() {
        let delivered = |kind, name: &str| {
            Some(Delivered {
                kind,
                name: name.to_owned(),
                keys: DeliveryKeys::default(),
            })
        };
        let keyed = |key: &str| {
            delivered(SourceKind::Secret, "a").map(|object| Delivered {
                keys: DeliveryKeys {
                    jwt_secret: key.to_owned(),
                    ..DeliveryKeys::default()
                },
                ..object
            })
        };
        let hashes = [
            None,
            delivered(SourceKind::Secret, "a"),
            delivered(SourceKind::Secret, "b"),
            delivered(SourceKind::ConfigMap, "a"),
            keyed("jwt.secret"),
            keyed("jwt"),
        ]
        .map(|delivered| {
            hash(&DesiredAuth {
                env: AuthEnv::Jwt {
                    secret: "{}".into(),
                    unauthorized_role: None,
                },
                key_hash: None,
                delivered,
            })
        });
        for (place, one) in hashes.iter().enumerate() {
            assert!(!hashes[place + 1..].contains(one), "{hashes:?}");
        }
    }
}
