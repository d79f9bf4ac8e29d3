//! How far the Deployment runs with the settings that were last written.

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use super::{auth::Configured, delivery, visit::Outcome, webhook};
use crate::{
    api::{HasuraInstance, conditions::reasons, instance::DeploymentStatus},
    hasura::{
        env::{AUTH_HASH, AuthEnv, DesiredAuth},
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
    let before = status.deployment.take();
    let forced_before = before.and_then(|before| before.forced_from);
    status.deployment = Some(DeploymentStatus {
        uid,
        auth_hash,
        rolled_out,
        forced_from: forced_from.or(forced_before),
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

/// Whether it can be seen that Hasura runs with the settings.
pub fn is_watched(instance: &HasuraInstance) -> bool {
    instance.spec.deployment_ref.is_some() && delivery::rolls_out(instance)
}

/// Of all that is written, and which mode it is.
pub fn hash(desired: &DesiredAuth) -> String {
    let mut hash = Sha256::new();
    let annotation = desired.key_hash.as_deref().map(|hash| (AUTH_HASH, hash));
    for (name, value) in desired.entries().into_iter().chain(annotation) {
        hash.update(name);
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
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
