//! How far a Deployment has rolled out.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus};

use crate::domain::words::sentence;

/// The state of a Deployment's rollout. Messages are those of Kubernetes or counts of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// The controller has seen the newest generation, all replicas are updated and available, and no old one is left.
    RolledOut,
    /// No replica is wanted, and none is left: nothing runs with the settings, and nothing without them.
    NoReplicas,
    /// Under way.
    InProgress {
        /// What is still missing.
        message: String,
    },
    /// The user has paused the Deployment before the rollout was done.
    Paused,
    /// Kubernetes has given up waiting, or can not make pods.
    Stuck {
        /// What Kubernetes says.
        message: String,
    },
}

impl Rollout {
    /// Whether no pod of before the newest change is left.
    pub fn left_none_behind(&self) -> bool {
        matches!(self, Self::RolledOut | Self::NoReplicas)
    }
}

/// How many replicas are wanted.
pub fn wanted(deployment: &Deployment) -> i32 {
    let spec = deployment.spec.as_ref();
    spec.and_then(|spec| spec.replicas).unwrap_or(1)
}

/// Whether the Deployment controller has seen the newest change; before, its status is of an older one.
pub fn is_seen(deployment: &Deployment) -> bool {
    let status = deployment.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    observed.unwrap_or(0) >= deployment.metadata.generation.unwrap_or(0)
}

/// Judges by the counts of the status, and asks conditions only why the counts are not reached: the condition `Progressing` is
/// still true for the old rollout right after a patch.
pub fn rollout(deployment: &Deployment) -> Rollout {
    let unseen = DeploymentStatus::default();
    let status = deployment.status.as_ref().unwrap_or(&unseen);
    if !is_seen(deployment) {
        return Rollout::InProgress {
            message: "the newest change has not been seen by the Deployment controller yet".into(),
        };
    }
    let wanted = wanted(deployment);
    let Some(message) = missing(status, wanted) else {
        return match wanted {
            0 => Rollout::NoReplicas,
            _ => Rollout::RolledOut,
        };
    };
    if let Some(message) = stuck(status) {
        return Rollout::Stuck { message };
    }
    let spec = deployment.spec.as_ref();
    if spec.and_then(|spec| spec.paused).unwrap_or(false) {
        return Rollout::Paused;
    }
    Rollout::InProgress { message }
}

/// What the counts lack, in the order in which `kubectl rollout status` asks.
fn missing(status: &DeploymentStatus, wanted: i32) -> Option<String> {
    let updated = status.updated_replicas.unwrap_or(0);
    let replicas = status.replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    if updated < wanted {
        Some(format!("{updated} of {wanted} replicas are updated"))
    } else if replicas > updated {
        let old = replicas - updated;
        Some(format!("{old} old replicas are still there"))
    } else if available < updated {
        Some(format!("{available} of {updated} replicas are available"))
    } else {
        None
    }
}

fn stuck(status: &DeploymentStatus) -> Option<String> {
    let conditions = status.conditions.iter().flatten();
    let gave_up = |c: &&DeploymentCondition| {
        let deadline = c.type_ == "Progressing"
            && c.status == "False"
            && c.reason.as_deref() == Some("ProgressDeadlineExceeded");
        deadline || (c.type_ == "ReplicaFailure" && c.status == "True")
    };
    conditions.into_iter().find(gave_up).map(|condition| {
        let message = condition.message.clone().filter(|text| !text.is_empty());
        let message = message.or_else(|| condition.reason.clone());
        sentence(&message.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(spec: Value, mut status: Value) -> Rollout {
        let mut full = json!({"selector": {}, "template": {}});
        full.as_object_mut()
            .unwrap()
            .append(&mut spec.as_object().unwrap().clone());
        if status["observedGeneration"].is_null() {
            status["observedGeneration"] = json!(2);
        }
        let object = json!({"metadata": {"generation": 2}, "spec": full, "status": status});
        rollout(&serde_json::from_value(object).unwrap())
    }

    fn counts(updated: i32, replicas: i32, available: i32) -> Value {
        json!({"updatedReplicas": updated, "replicas": replicas, "availableReplicas": available})
    }

    fn in_progress(message: &str) -> Rollout {
        Rollout::InProgress {
            message: message.into(),
        }
    }

    fn with_condition(mut status: Value, condition: Value) -> Value {
        status["conditions"] = json!([condition]);
        status
    }

    #[test]
    fn all_replicas_updated_and_available_is_rolled_out() {
        assert_eq!(
            of(json!({"replicas": 3}), counts(3, 3, 3)),
            Rollout::RolledOut
        );
        assert_eq!(of(json!({}), counts(1, 1, 1)), Rollout::RolledOut);
    }

    #[test]
    fn no_replicas_are_not_rolled_out() {
        assert_eq!(of(json!({"replicas": 0}), json!({})), Rollout::NoReplicas);
        assert_eq!(
            of(json!({"replicas": 0}), counts(0, 0, 0)),
            Rollout::NoReplicas
        );
        let paused = json!({"replicas": 0, "paused": true});
        assert_eq!(of(paused, json!({})), Rollout::NoReplicas);
    }

    #[test]
    fn each_missing_count_is_in_progress_and_said() {
        let spec = json!({"replicas": 3});
        assert_eq!(
            of(spec.clone(), counts(1, 4, 4)),
            in_progress("1 of 3 replicas are updated")
        );
        assert_eq!(
            of(spec.clone(), counts(3, 4, 4)),
            in_progress("1 old replicas are still there")
        );
        assert_eq!(
            of(spec, counts(3, 3, 2)),
            in_progress("2 of 3 replicas are available")
        );
        assert_eq!(
            of(json!({"replicas": 0}), counts(0, 2, 2)),
            in_progress("2 old replicas are still there")
        );
    }

    #[test]
    fn the_counts_of_an_older_generation_say_nothing() {
        let mut status = counts(3, 3, 3);
        status["observedGeneration"] = json!(1);
        let unseen = "the newest change has not been seen by the Deployment controller yet";
        assert_eq!(of(json!({"replicas": 3}), status), in_progress(unseen));
        let object =
            json!({"metadata": {"generation": 1}, "spec": {"selector": {}, "template": {}}});
        assert_eq!(
            rollout(&serde_json::from_value(object).unwrap()),
            in_progress(unseen)
        );
    }

    #[test]
    fn the_progressing_condition_alone_never_makes_it_rolled_out() {
        let status = with_condition(
            counts(1, 4, 4),
            json!({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}),
        );
        assert_eq!(
            of(json!({"replicas": 3}), status),
            in_progress("1 of 3 replicas are updated")
        );
    }

    #[test]
    fn a_missed_deadline_and_a_failing_replica_set_are_stuck() {
        for (condition, message) in [
            (
                json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}),
                "timed out",
            ),
            (
                json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}),
                "quota",
            ),
            (
                json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}),
                "FailedCreate",
            ),
        ] {
            let status = with_condition(counts(1, 4, 3), condition.clone());
            let expected = Rollout::Stuck {
                message: message.into(),
            };
            assert_eq!(of(json!({"replicas": 3}), status), expected, "{condition}");
        }
    }

    #[test]
    fn a_deadline_of_an_older_generation_or_of_a_done_rollout_is_not_stuck() {
        let missed =
            json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"});
        let mut older = with_condition(counts(1, 4, 3), missed.clone());
        older["observedGeneration"] = json!(1);
        assert!(matches!(
            of(json!({"replicas": 3}), older),
            Rollout::InProgress { .. }
        ));
        let done = with_condition(counts(3, 3, 3), missed);
        assert_eq!(of(json!({"replicas": 3}), done), Rollout::RolledOut);
        // Progressing is also False for other reasons.
        let other = json!({"type": "Progressing", "status": "False", "reason": "FailedCreate"});
        let status = with_condition(counts(1, 4, 3), other);
        assert!(matches!(
            of(json!({"replicas": 3}), status),
            Rollout::InProgress { .. }
        ));
    }

    #[test]
    fn a_paused_deployment_is_paused_only_while_something_is_missing() {
        let paused = json!({"replicas": 1, "paused": true});
        assert_eq!(of(paused.clone(), counts(0, 1, 1)), Rollout::Paused);
        assert_eq!(of(paused, counts(1, 1, 1)), Rollout::RolledOut);
    }
}
