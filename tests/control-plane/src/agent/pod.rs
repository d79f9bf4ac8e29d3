//! The life of one pod: start, crash, wait, start again, and at last run until the pod is gone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hasura_double::{AuthMode, Running};
use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};

use super::AgentOptions;
use super::container::{self, Outcome};
use super::status::{Report, State};

/// The file with what the containers of a pod say.
pub(crate) fn log_path(logs: &Path, namespace: &str, pod: &str) -> PathBuf {
    logs.join(namespace).join(format!("{pod}.log"))
}

/// All that is needed to run one pod.
pub(crate) struct PodWork {
    client: Client,
    options: Arc<AgentOptions>,
    pod: Pod,
    container: Container,
}

impl PodWork {
    /// Nothing when there is nothing to start in the pod.
    pub(crate) fn new(client: &Client, options: &Arc<AgentOptions>, pod: Pod) -> Option<Self> {
        let container = container_to_start(&pod)?.clone();
        Some(Self {
            client: client.clone(),
            options: options.clone(),
            pod,
            container,
        })
    }

    /// Runs the pod until it is gone; ending this task ends its Hasura.
    pub(crate) async fn run(self) {
        match self.run_until_up().await {
            Ok(Some(running)) => {
                let _running = running;
                std::future::pending::<()>().await;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(pod = self.pod.name_any(), %error, "the pod is given up");
            }
        }
    }

    /// The Hasura that listens at last; nothing when the pod is gone before.
    async fn run_until_up(&self) -> anyhow::Result<Option<Running>> {
        let mut report = Report::new(&self.pod, &self.container, now());
        let mut backoff = self.options.first_backoff;
        loop {
            let outcome =
                container::start(&self.client, &self.options, &self.pod, &self.container).await;
            if matches!(outcome, Outcome::Doomed(_)) {
                if !self.write(&report.next(&State::Starting, &now())).await? {
                    return Ok(None);
                }
                tokio::time::sleep(self.options.database_patience).await;
            }
            self.log(&outcome)?;
            let (state, running) = match outcome {
                Outcome::Running(running) => {
                    let address = running.address();
                    (State::Running { address }, Some(running))
                }
                Outcome::Crashed(_) | Outcome::Doomed(_) => (State::CrashLoop { backoff }, None),
                Outcome::NotPulled => (State::NotPulled, None),
                Outcome::NotConfigured(message) => (State::NotConfigured { message }, None),
            };
            if !self.write(&report.next(&state, &now())).await? {
                return Ok(None);
            }
            if running.is_some() {
                return Ok(running);
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(self.options.max_backoff);
        }
    }

    /// Writes the status; false when the pod is gone.
    async fn write(&self, body: &serde_json::Value) -> anyhow::Result<bool> {
        const TRIES: u32 = 5;
        let namespace = self.pod.namespace().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        let mut tries = 0;
        loop {
            let written = pods
                .patch_status(
                    &self.pod.name_any(),
                    &PatchParams::default(),
                    &Patch::Strategic(body),
                )
                .await;
            tries += 1;
            match written {
                Ok(_) => return Ok(true),
                // The uid in the body makes a pod of the same name a conflict.
                Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {
                    return Ok(false);
                }
                Err(error) if tries == TRIES => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(200) * tries).await,
            }
        }
    }

    /// Adds to the pod's log what the container said; one that was not configured has not said anything.
    fn log(&self, outcome: &Outcome) -> io::Result<()> {
        let line = match outcome {
            Outcome::NotConfigured(_) | Outcome::NotPulled => return Ok(()),
            Outcome::Crashed(fatal) | Outcome::Doomed(fatal) => fatal.to_string(),
            Outcome::Running(running) => {
                let mode = match running.settings().auth {
                    AuthMode::NoAuth => "nothing, everybody is admin",
                    AuthMode::AdminSecret => "the admin secret",
                    AuthMode::Jwt(_) => "JSON web tokens",
                    AuthMode::Webhook(_) => "a webhook",
                };
                format!("hasura-double: started; requests are authenticated by {mode}")
            }
        };
        let namespace = self.pod.namespace().unwrap_or_default();
        let path = log_path(&self.options.logs, &namespace, &self.pod.name_any());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        writeln!(file, "{line}")
    }
}

fn now() -> Time {
    Time(Timestamp::now())
}

/// Hasura's container.
fn container_to_start(pod: &Pod) -> Option<&Container> {
    let mut containers = pod.spec.as_ref()?.containers.iter();
    containers.find(|container| container.image.as_deref().is_some_and(container::is_hasura))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_is_started_only_when_it_is_hasuras() {
        let started = |images: [&str; 2]| {
            let containers = images.map(|image| json!({"name": image, "image": image}));
            let pod = json!({"spec": {"containers": containers}});
            let pod: Pod = serde_json::from_value(pod).unwrap();
            container_to_start(&pod).map(|container| container.name.clone())
        };
        let hasura = "hasura/graphql-engine:v2";
        assert_eq!(started(["envoy", hasura]), Some(hasura.to_owned()));
        assert_eq!(started(["envoy", "postgres"]), None);
    }
}
