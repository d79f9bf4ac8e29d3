//! How far a Deployment runs with its newest settings, and what that waits for: its counts, and its newest pods where they
//! can be read.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentCondition},
        core::v1::Container,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{ResourceExt, core::Selector};

use super::{
    container::named,
    pods::{Newest, Settled, Watched, failures, settled, settled_at},
    rollout::{Rollout, is_seen, rollout, wanted},
};

/// What was seen of the pods.
#[derive(Clone, Debug, PartialEq)]
pub enum Pods {
    /// These.
    Seen(Newest),
    /// They may not be read.
    Forbidden,
    /// They were not asked for, or could not be read.
    Unseen,
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The Deployment as it is.
    pub deployment: &'a Deployment,
    /// Name of Hasura's container.
    pub container: &'a str,
    /// Its newest pods.
    pub pods: &'a Pods,
    /// How long Hasura has to run without a restart where no probe tells that it has started.
    pub settle_after: Duration,
    /// Now.
    pub now: Timestamp,
}

/// How far it is. Messages are those of Kubernetes, cut and escaped, or the operator's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Every replica runs with the settings.
    RolledOut,
    /// No replica is wanted.
    NoReplicas,
    /// The user has paused the Deployment before the rollout was done.
    Paused,
    /// Under way.
    Under {
        /// What is still missing.
        message: String,
        /// When to look again.
        look: Look,
    },
    /// Given up.
    Stuck {
        /// Why.
        message: String,
        /// When to look again.
        look: Look,
    },
}

/// When to look again, besides when the Deployment changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Only then.
    OnChange,
    /// Soon: pods are not watched.
    Soon,
    /// After so long.
    In(Duration),
}

/// Whether nothing tells that Hasura has started, so that a pod counts as available at once. A startup probe tells it too:
/// before it has passed, a pod is not ready.
pub fn is_unprobed(container: &Container) -> bool {
    container.readiness_probe.is_none() && container.startup_probe.is_none()
}

/// Whether that is so of Hasura's container.
pub fn starts_unprobed(deployment: &Deployment, container: &str) -> bool {
    named(deployment, container).is_some_and(is_unprobed)
}

/// Whether the pods have something to add to what the Deployment itself says.
pub fn hinges_on_pods(deployment: &Deployment, container: &str) -> bool {
    match rollout(deployment) {
        Rollout::RolledOut => starts_unprobed(deployment, container),
        Rollout::InProgress { .. } => is_seen(deployment),
        Rollout::Stuck { .. } => true,
        Rollout::NoReplicas | Rollout::Paused => false,
    }
}

/// How far the Deployment is.
pub fn judge(sight: Sight<'_>) -> Progress {
    match rollout(sight.deployment) {
        Rollout::NoReplicas => Progress::NoReplicas,
        Rollout::Paused => Progress::Paused,
        Rollout::RolledOut if !starts_unprobed(sight.deployment, sight.container) => {
            Progress::RolledOut
        }
        Rollout::RolledOut => sight.unprobed(),
        Rollout::InProgress { message } => sight.in_progress(&message),
        Rollout::Stuck { message } => sight.stuck(&message),
    }
}

impl Sight<'_> {
    fn watched(&self) -> Watched<'_> {
        let unprobed = starts_unprobed(self.deployment, self.container);
        Watched {
            container: self.container,
            settle_after: unprobed.then_some(self.settle_after),
            now: self.now,
        }
    }

    /// All replicas are available, which says nothing where a pod is so at once.
    fn unprobed(&self) -> Progress {
        let (settled, unsure) = match self.pods {
            Pods::Seen(newest) => {
                let wanted = wanted(self.deployment);
                (settled(newest, wanted, self.watched()), Look::Soon)
            }
            Pods::Forbidden => (self.available_for_long(), Look::OnChange),
            Pods::Unseen => (Settled::NotUp, Look::Soon),
        };
        let look = match settled {
            Settled::Yes => return Progress::RolledOut,
            Settled::In(rest) => Look::In(rest),
            Settled::NotUp => unsure,
        };
        self.failing(look).unwrap_or_else(|| Progress::Under {
            message: format!(
                "the rollout goes on: the container has no readiness probe, so its pods have to run for {:?} without a restart",
                self.settle_after
            ),
            look,
        })
    }

    /// The same by the Deployment alone: how long it was available, and done with the rollout. Of many replicas one that
    /// ends now and then does not show there.
    fn available_for_long(&self) -> Settled {
        let available = self.condition("Available");
        let available = available.and_then(|it| it.last_transition_time.as_ref());
        let since = [available, self.done_at()];
        match since {
            [Some(available), Some(done)] => {
                let latest = if done.0 > available.0 {
                    done
                } else {
                    available
                };
                settled_at(latest, self.watched())
            }
            _ => Settled::NotUp,
        }
    }

    fn in_progress(&self, counts: &str) -> Progress {
        if let Some(failing) = self.failing(Look::OnChange) {
            return failing;
        }
        let mut message = format!("the rollout goes on: {counts}");
        let look = match self.pods {
            Pods::Forbidden => {
                message.push_str(&format!(". {}", self.command()));
                Look::OnChange
            }
            Pods::Seen(_) | Pods::Unseen => Look::Soon,
        };
        Progress::Under { message, look }
    }

    fn stuck(&self, kubernetes: &str) -> Progress {
        let (pods, look) = match self.pods {
            Pods::Seen(newest) => (self.wait_for(newest), Look::Soon),
            Pods::Forbidden => (self.command(), Look::OnChange),
            Pods::Unseen => (self.command(), Look::Soon),
        };
        let message = format!(
            "the rollout is stuck{}: {kubernetes}. {pods}. Once the cause is mended this goes on by itself",
            self.old_pods()
        );
        Progress::Stuck { message, look }
    }

    /// What the newest pods of a stuck rollout wait for.
    fn wait_for(&self, newest: &Newest) -> String {
        if let Some(failures) = failures(&newest.pods, self.watched()) {
            return format!("New pods: {failures}");
        }
        let phase = |phase| {
            newest.pods.iter().any(|pod| {
                let status = pod.status.as_ref();
                status.and_then(|status| status.phase.as_deref()) == Some(phase)
            })
        };
        if phase("Running") {
            "New pods run, but are not ready: their log says why".to_owned()
        } else if newest.pods.is_empty() && newest.is_cut {
            format!("There are more pods than are read. {}", self.command())
        } else if newest.pods.is_empty() {
            "There is no new pod".to_owned()
        } else {
            format!("New pods have not started yet. {}", self.command())
        }
    }

    /// That new pods fail is said at once, and without counts, which go up and down while a container is started again and
    /// again. Kubernetes gives up by itself, but not once it has taken the rollout for done. `unless_seen` is when to look
    /// again where pods may not be read.
    fn failing(&self, unless_seen: Look) -> Option<Progress> {
        let is_past = self.is_past_its_deadline();
        let is_unprobed = self.watched().settle_after.is_some();
        let (failures, look) = match self.pods {
            Pods::Seen(newest) => (failures(&newest.pods, self.watched())?, Look::Soon),
            Pods::Forbidden if is_past && is_unprobed => (self.command(), unless_seen),
            Pods::Forbidden | Pods::Unseen => return None,
        };
        let old_pods = self.old_pods();
        Some(if is_past {
            let message = format!(
                "the new pods do not stay up{old_pods}: {failures}. Once the cause is mended this goes on by itself"
            );
            Progress::Stuck { message, look }
        } else {
            let message = format!("the rollout goes on{old_pods}, but new pods fail: {failures}");
            Progress::Under { message, look }
        })
    }

    fn old_pods(&self) -> &'static str {
        let status = self.deployment.status.as_ref();
        let count = |count: Option<i32>| count.unwrap_or(0);
        let is_left =
            status.is_some_and(|status| count(status.replicas) > count(status.updated_replicas));
        if is_left {
            ", the old pods go on serving"
        } else {
            ""
        }
    }

    /// What shows what the operator may not see.
    fn command(&self) -> String {
        let namespace = self.deployment.namespace().unwrap_or_default();
        let spec = self.deployment.spec.as_ref();
        let selector = spec.and_then(|spec| Selector::try_from(spec.selector.clone()).ok());
        let selector = selector.map_or_else(String::new, |selector| format!(" -l '{selector}'"));
        format!("kubectl -n {namespace} describe pods{selector} shows what the new pods wait for")
    }

    fn condition(&self, type_: &str) -> Option<&DeploymentCondition> {
        let status = self.deployment.status.as_ref()?;
        let mut conditions = status.conditions.iter().flatten();
        conditions.find(|it| it.type_ == type_ && it.status == "True")
    }

    /// When Kubernetes took the rollout for done.
    fn done_at(&self) -> Option<&Time> {
        let done = self
            .condition("Progressing")
            .filter(|it| it.reason.as_deref() == Some("NewReplicaSetAvailable"))?;
        done.last_update_time.as_ref()
    }

    /// Whether the Deployment's own deadline has passed since.
    fn is_past_its_deadline(&self) -> bool {
        let spec = self.deployment.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.progress_deadline_seconds);
        let deadline = i64::from(seconds.unwrap_or(600));
        self.done_at()
            .is_some_and(|done| self.now.as_second() - done.0.as_second() >= deadline)
    }
}
