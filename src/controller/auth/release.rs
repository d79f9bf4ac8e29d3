//! When the Deployments that were named before are left.

use k8s_openapi::api::apps::v1::Deployment;

use super::Configured;
use crate::{
    api::HasuraInstance,
    controller::{context::Context, moving, visit::Error},
    hasura::rollout::{Rollout, rollout},
};

/// Leaves the Deployments that were named before, once this one runs with the settings.
pub(super) async fn released(
    instance: &mut HasuraInstance,
    ctx: &Context,
    configured: Configured,
    deployment: &Deployment,
) -> Result<Configured, Error> {
    if !is_time(&configured, deployment) {
        return Ok(configured);
    }
    Ok(match moving::release(instance, ctx).await? {
        Ok(()) => configured,
        Err(outcome) => Configured::Objected(outcome),
    })
}

/// Whether this Deployment is far enough for the others to be left. Where its rollout is not to be judged, it has to be
/// through all the same: else there may be no Hasura with the settings at all.
fn is_time(configured: &Configured, deployment: &Deployment) -> bool {
    match configured {
        Configured::RolledOut => true,
        Configured::Delivered => rollout(deployment) == Rollout::RolledOut,
        Configured::No(_)
        | Configured::RollingOut(_)
        | Configured::Idle
        | Configured::Objected(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(paused: bool, replicas: i32, updated: i32) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"generation": 2},
            "spec": {"selector": {}, "template": {}, "paused": paused, "replicas": replicas},
            "status": {
                "observedGeneration": 2, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": updated,
            },
        }))
        .unwrap()
    }

    #[test]
    fn without_a_look_at_the_pods_the_old_deployment_is_left_once_the_new_one_is_through() {
        let through = deployment(false, 1, 1);
        assert!(is_time(&Configured::Delivered, &through));
        for waits in [
            deployment(true, 1, 0),
            deployment(false, 2, 1),
            deployment(false, 0, 0),
        ] {
            assert!(!is_time(&Configured::Delivered, &waits));
            // Later rollouts, of a new image for example, do not undo what was seen.
            assert!(is_time(&Configured::RolledOut, &waits));
        }
        let mut unseen = through;
        unseen.metadata.generation = Some(3);
        assert!(!is_time(&Configured::Delivered, &unseen));
    }
}
