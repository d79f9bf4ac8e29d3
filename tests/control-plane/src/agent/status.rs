//! A pod's status as a kubelet writes it.

use std::time::Duration;

use hasura_double::Fatal;
use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// What there is to say of Hasura's container.
pub(crate) enum State {
    Running,
    /// It crashed, and is started again after the backoff.
    CrashLoop {
        backoff: Duration,
    },
    /// It can not be started; why, in the kubelet's words.
    NotConfigured {
        message: String,
    },
}

/// What has been said of one pod so far, and what is said next.
pub(crate) struct Report<'a> {
    pod: &'a Pod,
    container: &'a Container,
    started: Time,
    /// When the pod's readiness last changed, and to what.
    ready: Option<(bool, Time)>,
    crashes: i32,
    last_crash: Option<Value>,
}

impl<'a> Report<'a> {
    /// `container` is Hasura's; all others of the pod count as running.
    pub(crate) fn new(pod: &'a Pod, container: &'a Container) -> Self {
        Self {
            pod,
            container,
            started: now(),
            ready: None,
            crashes: 0,
            last_crash: None,
        }
    }

    /// The body of a patch of the pod's status.
    pub(crate) fn next(&mut self, state: &State) -> Value {
        // The start after the n-th crash is the n-th restart.
        let restarts = self.crashes;
        if let State::CrashLoop { .. } = state {
            self.crashes += 1;
            self.last_crash = Some(json!({"terminated": {
                "exitCode": Fatal::EXIT_CODE, "reason": "Error", "startedAt": now(), "finishedAt": now()
            }}));
        }
        let ready = matches!(state, State::Running);
        let since = match self.ready.take() {
            Some((before, since)) if before == ready => since,
            _ => now(),
        };
        self.ready = Some((ready, since.clone()));
        let metadata = &self.pod.metadata;
        json!({
            "metadata": {"uid": metadata.uid},
            "status": {
                "phase": if ready || self.last_crash.is_some() { "Running" } else { "Pending" },
                "startTime": self.started,
                "conditions": [
                    condition("Initialized", true, &self.started, None),
                    condition("Ready", ready, &since, Some(&self.container.name)),
                    condition("ContainersReady", ready, &since, Some(&self.container.name)),
                ],
                "containerStatuses": self.container_statuses(state, restarts),
            }
        })
    }

    fn container_statuses(&self, state: &State, restarts: i32) -> Vec<Value> {
        let containers = self.pod.spec.iter().flat_map(|spec| &spec.containers);
        containers
            .map(|container| {
                if container.name == self.container.name {
                    self.hasuras_status(state, restarts)
                } else {
                    container_status(
                        container,
                        json!({"running": {"startedAt": self.started}}),
                        0,
                    )
                }
            })
            .collect()
    }

    fn hasuras_status(&self, state: &State, restarts: i32) -> Value {
        let (reason, message) = match state {
            State::Running => {
                let running = json!({"running": {"startedAt": now()}});
                return self.with_last_crash(container_status(self.container, running, restarts));
            }
            State::NotConfigured { message } => ("CreateContainerConfigError", message.clone()),
            State::CrashLoop { backoff } => {
                let metadata = &self.pod.metadata;
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let (name, namespace, uid) = (
                    text(&metadata.name),
                    text(&metadata.namespace),
                    text(&metadata.uid),
                );
                let container = &self.container.name;
                let message = format!(
                    "back-off {backoff:?} restarting failed container={container} pod={name}_{namespace}({uid})"
                );
                ("CrashLoopBackOff", message)
            }
        };
        let waiting = json!({"waiting": {"reason": reason, "message": message}});
        self.with_last_crash(container_status(self.container, waiting, restarts))
    }

    fn with_last_crash(&self, mut status: Value) -> Value {
        if let Some(crash) = &self.last_crash {
            status["lastState"] = crash.clone();
        }
        status
    }
}

fn container_status(container: &Container, state: Value, restarts: i32) -> Value {
    let running = state.get("running").is_some();
    json!({
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": running,
        "started": running,
        "restartCount": restarts,
        "state": state,
    })
}

fn condition(kind: &str, holds: bool, since: &Time, unready: Option<&str>) -> Value {
    let mut condition = json!({
        "type": kind,
        "status": if holds { "True" } else { "False" },
        "lastTransitionTime": since,
    });
    if let (false, Some(container)) = (holds, unready) {
        condition["reason"] = json!("ContainersNotReady");
        condition["message"] = json!(format!("containers with unready status: [{container}]"));
    }
    condition
}

fn now() -> Time {
    Time(Timestamp::now())
}
