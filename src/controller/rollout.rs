//! How far the Deployment runs with the settings that were last written.

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use super::{auth::Configured, delivery, visit::Outcome, webhook};
use crate::{
    api::{HasuraInstance, conditions::reasons, instance::DeploymentStatus},
    hasura::{
        env::{AUTH_HASH, AuthEnv, DesiredAuth},
        owns_entries,
        rollout::{Rollout, rollout},
    },
};

/// Looks at the rollout of what was last written. Once seen complete it stays so: a later rollout, of a new image or to
/// no replicas at all, is not the operator's.
pub fn look(
    instance: &mut HasuraInstance,
    deployment: &Deployment,
    desired: &DesiredAuth,
    forced_from: Option<String>,
) -> Configured {
    let status = instance.status.get_or_insert_default();
    let uid = deployment.uid().unwrap_or_default();
    let auth_hash = hash(desired);
    let written = |before: &&DeploymentStatus| before.uid == uid && before.auth_hash == auth_hash;
    let latched = status
        .deployment
        .as_ref()
        .filter(written)
        .is_some_and(|before| before.rolled_out);
    let state = if latched {
        Rollout::RolledOut
    } else {
        rollout(deployment)
    };
    let rolled_out = state == Rollout::RolledOut;
    let noted = status.deployment.take();
    let noted = noted.filter(|before| before.uid == uid).unwrap_or_default();
    // Of another Deployment nothing was taken, nor is anything left of it where the manifest alone has the entries.
    let forced_before = noted.forced_from.filter(|_| owns_entries(deployment));
    status.deployment = Some(DeploymentStatus {
        uid,
        auth_hash,
        rolled_out,
        forced_from: forced_from.or(forced_before),
        name: noted.name,
        container: noted.container,
        default_container: noted.default_container,
    });
    match state {
        Rollout::RolledOut => Configured::RolledOut,
        Rollout::InProgress { message } => Configured::RollingOut(Outcome::waiting(
            reasons::ROLLING_OUT,
            format!("the rollout goes on: {message}"),
        )),
        Rollout::Paused => {
            let message = "the Deployment is paused, so no pod gets the new settings: resume it";
            Configured::RollingOut(Outcome::waiting(reasons::ROLLOUT_PAUSED, message))
        }
        Rollout::Stuck { message } => {
            let message = format!(
                "the rollout is stuck, the old pods go on serving: {message}. The log of a new pod says why; once the \
                 cause is mended this goes on by itself"
            );
            Configured::RollingOut(Outcome::stalled(reasons::ROLLOUT_STUCK, message))
        }
    }
}

/// Notes that the Deployment was seen without the settings that were last written: pods may run without them, so the next
/// rollout has to be waited for, also when it brings the same settings.
pub fn unlatch(instance: &mut HasuraInstance) {
    let status = instance.status.as_mut();
    if let Some(deployment) = status.and_then(|status| status.deployment.as_mut()) {
        deployment.rolled_out = false;
    }
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
            })
        };
        let hashes = [
            None,
            delivered(SourceKind::Secret, "a"),
            delivered(SourceKind::Secret, "b"),
            delivered(SourceKind::ConfigMap, "a"),
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
