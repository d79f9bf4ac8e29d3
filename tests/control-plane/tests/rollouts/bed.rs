//! The control plane of all tests in this binary, and what they do with it.

use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::Duration;

use control_plane::{AgentOptions, ControlPlane, NodeAgent, Options, programs, progress};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Answer, Server};

pub struct Bed {
    pub runtime: Runtime,
    pub plane: ControlPlane,
    pub agent: NodeAgent,
    pub keys: Server,
}

pub static BED: LazyLock<Bed> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let (plane, agent, keys) = runtime.block_on(async {
        let sources = programs::Sources::from_env().unwrap();
        let programs = programs::find(&sources, &progress::to_stderr)
            .await
            .unwrap();
        let plane = ControlPlane::start(Options::new(programs)).await.unwrap();
        let options = AgentOptions {
            poll_tick: Duration::from_millis(50),
            ..AgentOptions::new(plane.folder().join("pods"))
        };
        let agent = NodeAgent::start(plane.client().unwrap(), options);
        let keys = Server::start().await;
        keys.set("/jwks", Answer::Body(200, br#"{"keys":[]}"#.to_vec()));
        (plane, agent, keys)
    });
    Bed {
        runtime,
        plane,
        agent,
        keys,
    }
});

/// Runs a test in a namespace of its own.
pub fn in_namespace(test: impl AsyncFnOnce(Space)) {
    BED.runtime.block_on(async {
        test(Space::new(BED.plane.client().unwrap()).await).await;
    });
}

pub async fn create<K: Resource + Clone + DeserializeOwned + serde::Serialize + Debug>(
    api: &Api<K>,
    object: Value,
) -> K {
    api.create(
        &PostParams::default(),
        &serde_json::from_value(object).unwrap(),
    )
    .await
    .unwrap()
}

/// A namespace and what tests do in it.
pub struct Space {
    pub client: Client,
    pub namespace: String,
}

impl Space {
    /// A new namespace.
    pub async fn new(client: Client) -> Self {
        let namespace = json!({"metadata": {"generateName": "test-"}});
        let made = create::<Namespace>(&Api::all(client.clone()), namespace).await;
        Self {
            client,
            namespace: made.name_any(),
        }
    }

    pub fn api<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn secret(&self, name: &str, data: Value) {
        create::<Secret>(
            &self.api(),
            json!({"metadata": {"name": name}, "stringData": data}),
        )
        .await;
    }

    /// Makes the Deployment `hasura` with two replicas and this env.
    pub async fn deploy(&self, env: Value) {
        let container =
            json!({"name": "graphql-engine", "image": "hasura/graphql-engine:v2.48.6", "env": env});
        let deployment = json!({
            "metadata": {"name": "hasura"},
            "spec": {
                "replicas": 2,
                "progressDeadlineSeconds": 2,
                "selector": {"matchLabels": {"app": "hasura"}},
                "template": {"metadata": {"labels": {"app": "hasura"}}, "spec": {"containers": [container]}}
            }
        });
        create::<Deployment>(&self.api(), deployment).await;
    }

    pub async fn set_jwt_secret(&self, value: &str) {
        let env = json!([{"name": "HASURA_GRAPHQL_JWT_SECRET", "value": value}]);
        let containers = json!([{"name": "graphql-engine", "env": env}]);
        let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        let deployments = self.api::<Deployment>();
        deployments
            .patch("hasura", &PatchParams::default(), &Patch::Strategic(patch))
            .await
            .unwrap();
    }

    pub async fn until_deployment(
        &self,
        what: &str,
        holds: impl Fn(&Deployment) -> bool,
    ) -> Deployment {
        let holds = |deployment: Option<&Deployment>| deployment.is_some_and(&holds);
        let waiting = await_condition(self.api::<Deployment>(), "hasura", holds);
        match tokio::time::timeout(Duration::from_secs(30), waiting).await {
            Ok(deployment) => deployment.unwrap().unwrap(),
            Err(_) => panic!("{what}: {:#?}", self.pods().await),
        }
    }

    pub async fn until_rolled_out(&self) {
        self.until_deployment("not rolled out", is_rolled_out).await;
    }

    /// Waits for a pod that is as wanted.
    pub async fn until_pod(&self, what: &str, wanted: impl Fn(&Pod) -> bool) -> Pod {
        for _ in 0..600 {
            if let Some(pod) = self.pods().await.into_iter().find(&wanted) {
                return pod;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: {:#?}", self.pods().await)
    }

    pub async fn pods(&self) -> Vec<Pod> {
        self.api::<Pod>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
    }
}

pub fn is_rolled_out(deployment: &Deployment) -> bool {
    let status = deployment.status.clone().unwrap_or_default();
    status.observed_generation == deployment.metadata.generation
        && (
            status.replicas,
            status.updated_replicas,
            status.available_replicas,
        ) == (Some(2), Some(2), Some(2))
}

pub fn is_past_its_deadline(deployment: &Deployment) -> bool {
    let conditions = deployment
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|one| one.reason.as_deref() == Some("ProgressDeadlineExceeded"))
}

/// Why the pod's first container waits, and how often it was started again.
pub fn waits(pod: &Pod) -> Option<(String, i32)> {
    let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    Some((
        container.state.as_ref()?.waiting.as_ref()?.reason.clone()?,
        container.restart_count,
    ))
}

pub fn is_crash_looping(pod: &Pod) -> bool {
    waits(pod).is_some_and(|(reason, restarts)| reason == "CrashLoopBackOff" && restarts > 0)
}

pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|one| one.type_ == "Ready" && one.status == "True")
}

pub fn jwt_secret(path: &str) -> String {
    json!({"jwk_url": BED.keys.url(path)}).to_string()
}

pub fn good_env() -> Value {
    json!([
        {"name": "HASURA_GRAPHQL_ADMIN_SECRET", "valueFrom": {"secretKeyRef": {"name": "hasura", "key": "admin"}}},
        {"name": "HASURA_GRAPHQL_JWT_SECRET", "value": jwt_secret("/jwks")}
    ])
}
