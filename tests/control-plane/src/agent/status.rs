//! A pod's status as a kubelet writes it.

use std::net::SocketAddr;
use std::time::Duration;

use hasura_double::Fatal;
use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::TEST_ADDRESS;

/// What there is to say of Hasura's container.
pub(crate) enum State {
    /// It listens here.
    Running { address: SocketAddr },
    /// It runs, and does not listen yet.
    Starting,
    /// Its image can not be pulled.
    NotPulled,
    /// It crashed, and is started again after the backoff.
    CrashLoop { backoff: Duration },
    /// It can not be started; why, in the kubelet's words.
    NotConfigured { message: String },
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
    pub(crate) fn new(pod: &'a Pod, container: &'a Container, at: Time) -> Self {
        Self {
            pod,
            container,
            started: at,
            ready: None,
            crashes: 0,
            last_crash: None,
        }
    }

    /// The body of a patch of the pod's status, for what is so since `at`.
    pub(crate) fn next(&mut self, state: &State, at: &Time) -> Value {
        // The start after the n-th crash is the n-th restart.
        let restarts = self.crashes;
        if let State::CrashLoop { .. } = state {
            self.crashes += 1;
            self.last_crash = Some(json!({"terminated": {
                "exitCode": Fatal::EXIT_CODE, "reason": "Error", "startedAt": at, "finishedAt": at
            }}));
        }
        let address = match state {
            State::Running { address } => Some(format!("http://{address}")),
            _ => None,
        };
        let ready = self.is_ready(state);
        let since = match self.ready.take() {
            Some((before, since)) if before == ready => since,
            _ => at.clone(),
        };
        self.ready = Some((ready, since.clone()));
        let metadata = &self.pod.metadata;
        json!({
            "metadata": {"uid": metadata.uid, "annotations": {TEST_ADDRESS: address}},
            "status": {
                "phase": if self.has_started(state) { "Running" } else { "Pending" },
                "startTime": self.started,
                "conditions": [
                    condition("Initialized", true, &self.started, None),
                    condition("Ready", ready, &since, Some(&self.container.name)),
                    condition("ContainersReady", ready, &since, Some(&self.container.name)),
                ],
                "containerStatuses": self.container_statuses(state, restarts, at),
            }
        })
    }

    /// Nobody but a probe tells a kubelet that a container which runs is not ready.
    fn is_ready(&self, state: &State) -> bool {
        let probes = [
            &self.container.readiness_probe,
            &self.container.startup_probe,
        ];
        match state {
            State::Running { .. } => true,
            State::Starting => probes.iter().all(|probe| probe.is_none()),
            State::CrashLoop { .. } | State::NotPulled | State::NotConfigured { .. } => false,
        }
    }

    fn has_started(&self, state: &State) -> bool {
        matches!(state, State::Running { .. } | State::Starting) || self.last_crash.is_some()
    }

    fn container_statuses(&self, state: &State, restarts: i32, at: &Time) -> Vec<Value> {
        let containers = self.pod.spec.iter().flat_map(|spec| &spec.containers);
        containers
            .map(|container| {
                if container.name == self.container.name {
                    self.hasuras_status(state, restarts, at)
                } else {
                    container_status(
                        container,
                        json!({"running": {"startedAt": self.started}}),
                        true,
                        0,
                    )
                }
            })
            .collect()
    }

    fn hasuras_status(&self, state: &State, restarts: i32, at: &Time) -> Value {
        let (reason, message) = match state {
            State::Running { .. } | State::Starting => {
                let running = json!({"running": {"startedAt": at}});
                let ready = self.is_ready(state);
                let status = container_status(self.container, running, ready, restarts);
                return self.with_last_crash(status);
            }
            State::NotPulled => {
                let image = self.container.image.as_deref().unwrap_or_default();
                let message = format!(
                    "Back-off pulling image \"{image}\": ErrImagePull: failed to resolve reference \"{image}\": not found"
                );
                ("ImagePullBackOff", message)
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
        self.with_last_crash(container_status(self.container, waiting, false, restarts))
    }

    fn with_last_crash(&self, mut status: Value) -> Value {
        if let Some(crash) = &self.last_crash {
            status["lastState"] = crash.clone();
        }
        status
    }
}

fn container_status(container: &Container, state: Value, ready: bool, restarts: i32) -> Value {
    let running = state.get("running").is_some();
    json!({
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "ready": ready,
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

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn restarts_grow_with_each_start_and_readiness_keeps_its_time() {
        let containers = json!([{"name": "sidecar", "image": "envoy"}, {"name": "graphql-engine", "image": "hasura"}]);
        let metadata = json!({"name": "hasura-1", "namespace": "shop", "uid": "u"});
        let pod = json!({"metadata": metadata, "spec": {"containers": containers}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let mut report = Report::new(&pod, &pod.spec.as_ref().unwrap().containers[1], at(0));
        let crash = |seconds| State::CrashLoop {
            backoff: Duration::from_secs(seconds),
        };
        let unconfigured = report.next(
            &State::NotConfigured {
                message: "why".to_owned(),
            },
            &at(1),
        );
        let first = report.next(&crash(10), &at(2));
        let second = report.next(&crash(20), &at(3));
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let up = report.next(&State::Running { address }, &at(4));

        let hasura = |body: &Value| body["status"]["containerStatuses"][1].clone();
        let phases =
            [&unconfigured, &first, &second, &up].map(|body| body["status"]["phase"].clone());
        assert_eq!(phases, ["Pending", "Running", "Running", "Running"]);
        let restarts =
            [&unconfigured, &first, &second, &up].map(|body| hasura(body)["restartCount"].clone());
        assert_eq!(restarts, [0, 0, 1, 2]);
        let waiting = json!({"reason": "CrashLoopBackOff", "message":
            "back-off 20s restarting failed container=graphql-engine pod=hasura-1_shop(u)"});
        assert_eq!(hasura(&second)["state"]["waiting"], waiting);
        assert_eq!(hasura(&up)["lastState"]["terminated"]["exitCode"], 1);
        assert_eq!(hasura(&unconfigured)["lastState"], Value::Null);
        assert_eq!(up["status"]["containerStatuses"][0]["ready"], true);
        let annotated = |body: &Value| body["metadata"]["annotations"][TEST_ADDRESS].clone();
        assert_eq!(annotated(&second), Value::Null);
        assert_eq!(annotated(&up), "http://127.0.0.1:8080");

        let ready = |body: &Value| body["status"]["conditions"][1].clone();
        let message = "containers with unready status: [graphql-engine]";
        let unready = json!({"type": "Ready", "status": "False", "lastTransitionTime": at(1),
            "reason": "ContainersNotReady", "message": message});
        assert_eq!(
            [&unconfigured, &first, &second].map(ready),
            [(); 3].map(|()| unready.clone())
        );
        let expected = json!({"type": "Ready", "status": "True", "lastTransitionTime": at(4)});
        assert_eq!(ready(&up), expected);
    }

    #[test]
    fn a_container_that_does_not_listen_yet_is_ready_unless_a_probe_asks() {
        let ready = |container: Value| {
            let pod =
                json!({"metadata": {"name": "hasura-1"}, "spec": {"containers": [container]}});
            let pod: Pod = serde_json::from_value(pod).unwrap();
            let mut report = Report::new(&pod, &pod.spec.as_ref().unwrap().containers[0], at(0));
            let body = report.next(&State::Starting, &at(1));
            assert_eq!(body["status"]["phase"], "Running");
            let status = body["status"]["containerStatuses"][0].clone();
            assert_eq!(status["state"]["running"]["startedAt"], json!(at(1)));
            status["ready"].clone()
        };
        let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}});
        assert_eq!(ready(json!({"name": "hasura"})), true);
        assert_eq!(
            ready(json!({"name": "hasura", "livenessProbe": probe})),
            true
        );
        assert_eq!(
            ready(json!({"name": "hasura", "readinessProbe": probe})),
            false
        );
        assert_eq!(
            ready(json!({"name": "hasura", "startupProbe": probe})),
            false
        );
    }
}
