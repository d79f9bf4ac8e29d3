//! What the status of one container says.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{
        ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, Pod, PodCondition,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};

use super::{Settled, Watched, condition, settled_at};
use crate::domain::words::sentence;

/// The kubelet's reasons for an image that it does not get. Their messages are left out: a registry's answer may hold an
/// address that is signed.
const OF_IMAGES: [&str; 7] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// The kubelet's reason for settings that it does not get. It lasts, also where the container ran before.
const OF_SETTINGS: &str = "CreateContainerConfigError";

/// While a container is made, which says nothing about it.
const OF_STARTS: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// What keeps a pod from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In words.
    pub what: String,
    /// How often its container was started again.
    pub restarts: i32,
}

impl Failure {
    fn once(what: String) -> Self {
        Self { what, restarts: 0 }
    }
}

/// No node takes the pod.
pub fn unscheduled(condition: &PodCondition) -> Failure {
    let message = condition.message.as_deref().unwrap_or_default();
    Failure::once(format!("no node takes a pod: {}", sentence(message)))
}

/// What keeps a container from running. `watched` is there for Hasura's.
pub fn failure_of(
    pod: &Pod,
    status: &ContainerStatus,
    kind: &str,
    watched: Option<Watched<'_>>,
) -> Option<Failure> {
    let place = format!("{kind} {:?}", status.name);
    let state = status.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        return waits(&place, status, waiting);
    }
    let is_init = kind != "container";
    if let Some(ended) = &state.terminated {
        let is_done = is_init && ended.exit_code == 0;
        return (!is_done).then(|| crashed(&place, status, ended));
    }
    // It runs. One that has ended before counts as failing until it is up for good.
    let is_up = match watched.filter(|watched| watched.settle_after.is_some()) {
        Some(watched) => settled_since(pod, &status.name)
            .is_some_and(|since| settled_at(since, watched) == Settled::Yes),
        // One that runs before the others is not ready before it is done, unless it is a sidecar.
        None => status.ready || (is_init && status.restart_count == 0),
    };
    let ended = last_end(status).filter(|_| !is_up);
    ended.map(|ended| crashed(&place, status, ended))
}

fn waits(
    place: &str,
    status: &ContainerStatus,
    waiting: &ContainerStateWaiting,
) -> Option<Failure> {
    let reason = waiting.reason.as_deref().unwrap_or_default();
    // For one that ends, or can not be run at all, the reason changes to and fro between two starts.
    if let Some(ended) = last_end(status)
        && !OF_IMAGES.contains(&reason)
        && reason != OF_SETTINGS
    {
        return Some(crashed(place, status, ended));
    }
    if reason.is_empty() || OF_STARTS.contains(&reason) {
        return None;
    }
    let reason_shown = sentence(reason);
    if OF_IMAGES.contains(&reason) {
        let image = sentence(&status.image);
        // Between two pulls the reason changes to and fro.
        let reason = if reason == "ErrImagePull" {
            "ImagePullBackOff"
        } else {
            &reason_shown
        };
        return Some(Failure::once(format!(
            "{place} waits for its image \"{image}\" ({reason})"
        )));
    }
    let message = waiting.message.as_deref().unwrap_or_default();
    let end = if message.is_empty() { "" } else { ": " };
    Some(Failure::once(format!(
        "{place} can not be started ({reason_shown}){end}{}",
        sentence(message)
    )))
}

/// Its message is left out: it may be the end of a log.
fn crashed(place: &str, status: &ContainerStatus, ended: &ContainerStateTerminated) -> Failure {
    // Any other reason is the kubelet's for an end that the exit code tells.
    let reason = match ended.reason.as_deref() {
        Some("OOMKilled") => " (OOMKilled)",
        Some("StartError" | "ContainerCannotRun") => " (its program can not be run)",
        _ => "",
    };
    Failure {
        what: format!("{place} ended with exit code {}{reason}", ended.exit_code),
        restarts: status.restart_count,
    }
}

fn last_end(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    status.last_state.as_ref()?.terminated.as_ref()
}

/// Since when a container runs in a pod that is ready; none while it does not.
pub fn settled_since<'a>(pod: &'a Pod, container: &str) -> Option<&'a Time> {
    let ready = condition(pod, "Ready").filter(|ready| ready.status == "True")?;
    let mut statuses = pod.status.as_ref()?.container_statuses.iter().flatten();
    let status = statuses.find(|status| status.name == container)?;
    let running = status.state.as_ref()?.running.as_ref()?;
    let started = running.started_at.as_ref()?;
    let time = |time: &&Time| -> Timestamp { time.0 };
    [Some(started), ready.last_transition_time.as_ref()]
        .into_iter()
        .flatten()
        .max_by_key(time)
}
