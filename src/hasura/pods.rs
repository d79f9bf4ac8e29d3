//! The pods of a Deployment's newest ReplicaSet: what they wait for, and whether they have stayed up.

mod container;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, ReplicaSet},
        core::v1::{ContainerStatus, Pod, PodCondition},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time},
};

use container::{Failure, failure_of, settled_since};

/// Where the Deployment controller counts templates, on the Deployment and on its ReplicaSets.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// How many things that pods wait for a message names.
const NAMED: usize = 3;

/// Pods of the newest ReplicaSet that count, none that is on its way out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Newest {
    /// The pods.
    pub pods: Vec<Pod>,
    /// Whether there may be more of them.
    pub is_cut: bool,
}

/// The name of the ReplicaSet that made a pod. Nobody checks what stands in a pod's owner, and it becomes part of a request's
/// path, so what can be no name is none.
pub fn maker(pod: &Pod) -> Option<&str> {
    let owner = controller(&pod.metadata).filter(|owner| owner.kind == "ReplicaSet")?;
    let name = owner.name.as_str();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_name =
        name.starts_with(is_plain) && name.chars().all(|c| is_plain(c) || "-.".contains(c));
    is_name.then_some(name)
}

/// Whether a pod counts: neither ended nor on its way out.
pub fn counts(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Failed" | "Succeeded"))
}

/// The pods whose ReplicaSet is the Deployment's newest. Owners are told by uid: names and labels may be anybody's.
pub fn of_newest(deployment: &Deployment, pods: Vec<Pod>, sets: &[ReplicaSet]) -> Vec<Pod> {
    let newest = sets.iter().find(|set| {
        let revision = revision(&set.metadata);
        is_made_by(&set.metadata, &deployment.metadata)
            && revision.is_some()
            && revision == self::revision(&deployment.metadata)
    });
    let Some(newest) = newest else {
        return Vec::new();
    };
    let mut pods = pods;
    pods.retain(|pod| counts(pod) && is_made_by(&pod.metadata, &newest.metadata));
    pods
}

fn revision(metadata: &ObjectMeta) -> Option<&String> {
    metadata.annotations.as_ref()?.get(REVISION)
}

fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    let mut owners = metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true))
}

fn is_made_by(metadata: &ObjectMeta, maker: &ObjectMeta) -> bool {
    let owner = controller(metadata).map(|owner| owner.uid.as_str());
    owner.is_some() && owner == maker.uid.as_deref()
}

/// What Hasura's container is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// Its name.
    pub container: &'a str,
    /// How long it has to run before it counts as started; none where a probe tells.
    pub settle_after: Option<Duration>,
    /// Now.
    pub now: Timestamp,
}

/// What keeps the pods from running, in words; none when nothing does, or when they merely have not had the time yet. The
/// same trouble gives the same words whether a container that keeps ending is up at the moment or not.
pub fn failures(pods: &[Pod], watched: Watched<'_>) -> Option<String> {
    // The highest count of restarts stands for all that fail alike.
    let mut found: BTreeMap<String, i32> = BTreeMap::new();
    for failure in pods.iter().filter_map(|pod| failure_of_pod(pod, watched)) {
        let restarts = found.entry(failure.what).or_default();
        *restarts = failure.restarts.max(*restarts);
    }
    let more = found.len().saturating_sub(NAMED);
    let mut words: Vec<String> = found
        .into_iter()
        .take(NAMED)
        .map(|(what, restarts)| what + &in_steps(restarts))
        .collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// A count that is told exactly while it is small, so that a pod that fails for days does not change a status all the time.
fn in_steps(restarts: i32) -> String {
    match restarts {
        i32::MIN..=0 => String::new(),
        1 => ", restarted once (CrashLoopBackOff)".to_owned(),
        2..=5 => format!(", restarted {restarts} times (CrashLoopBackOff)"),
        _ => {
            let steps = [5, 10, 20, 50, 100, 200, 500, 1000];
            let passed = steps.iter().rev().find(|step| restarts > **step);
            let passed = passed.unwrap_or(&5);
            format!(", restarted more than {passed} times (CrashLoopBackOff)")
        }
    }
}

fn failure_of_pod(pod: &Pod, watched: Watched<'_>) -> Option<Failure> {
    let status = pod.status.as_ref()?;
    if let Some(condition) = condition(pod, "PodScheduled").filter(|it| it.status == "False") {
        return Some(container::unscheduled(condition));
    }
    let init = status.init_container_statuses.iter().flatten();
    let found = init
        .map(|status| failure_of(pod, status, "init container", None))
        .find(Option::is_some);
    if let Some(failure) = found {
        return failure;
    }
    let containers = status.container_statuses.iter().flatten();
    let failure = |status: &ContainerStatus| {
        let hasuras = Some(watched).filter(|watched| status.name == watched.container);
        failure_of(pod, status, "container", hasuras)
    };
    containers.map(failure).find(Option::is_some).flatten()
}

fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    conditions.into_iter().find(|it| it.type_ == type_)
}

/// How far a Hasura without a probe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It has run for so long without a restart.
    Yes,
    /// It will have, if it goes on.
    In(Duration),
    /// It is not up, or not all of its pods were seen.
    NotUp,
}

/// Whether all `wanted` pods have run for so long without a restart.
pub fn settled(newest: &Newest, wanted: i32, watched: Watched<'_>) -> Settled {
    let seen = i32::try_from(newest.pods.len()).unwrap_or(i32::MAX);
    if seen == 0 || (seen < wanted && !newest.is_cut) {
        return Settled::NotUp;
    }
    let since: Option<Vec<&Time>> = newest
        .pods
        .iter()
        .map(|pod| settled_since(pod, watched.container))
        .collect();
    match since.and_then(|since| since.into_iter().max_by_key(|time| time.0)) {
        Some(latest) => settled_at(latest, watched),
        None => Settled::NotUp,
    }
}

/// Whether enough time has passed since what began last.
pub fn settled_at(since: &Time, watched: Watched<'_>) -> Settled {
    let wait = watched.settle_after.unwrap_or_default();
    // A node whose clock is ahead is waited for; not for ever, since the wait begins anew at each look.
    let passed = Duration::try_from(watched.now.duration_since(since.0)).unwrap_or_default();
    match wait.saturating_sub(passed) {
        Duration::ZERO => Settled::Yes,
        rest => Settled::In(rest),
    }
}
