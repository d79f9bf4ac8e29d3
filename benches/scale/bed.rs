//! What the operator works on: a control plane, an emulated Logto, a tenant, its instances and bindings.

use std::{fmt::Debug, time::Duration};

use anyhow::Context;
use control_plane::{
    ControlPlane, Options,
    programs::{self, Sources},
    progress,
};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Namespace, Secret},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use logto_emulator::Emulator;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where all objects are.
pub const NAMESPACE: &str = "scale";

/// Half of what one instance may have, as in a real set of instances.
const BINDINGS_OF_AN_INSTANCE: usize = 250;

/// Objects that are applied at the same time.
const CONCURRENCY: usize = 16;

/// A request to Logto is never held back: 200 a second are the most that four at a time of 20 ms can be.
pub const NO_LIMIT: (u32, u32) = (1000, 1000);

/// What the operator works on.
pub struct Bed {
    /// A client that may do everything.
    pub client: Client,
    /// etcd, the API server and its controllers.
    pub plane: ControlPlane,
    /// Logto.
    pub logto: Emulator,
    /// For logs.
    pub folder: TempDir,
}

/// How many instances hold so many bindings.
pub fn instances(bindings: usize) -> usize {
    bindings.div_ceil(BINDINGS_OF_AN_INSTANCE)
}

/// The indicator of an instance.
pub fn indicator(instance: usize) -> String {
    format!("https://shop-{instance:02}.example.com/v1/graphql")
}

/// The instance, the Hasura role and the scope of a binding.
pub fn names(binding: usize) -> (usize, String, String) {
    (
        binding / BINDINGS_OF_AN_INSTANCE,
        format!("team:role-{binding:05}"),
        format!("read:thing-{binding:05}"),
    )
}

impl Bed {
    /// Everything but instances and bindings, with this many requests a second to Logto, and at once.
    pub async fn start(latency: Duration, limit: (u32, u32)) -> anyhow::Result<Self> {
        let programs = programs::find(&Sources::from_env()?, &progress::to_stderr).await?;
        let plane = ControlPlane::start(Options::new(programs)).await?;
        let client = plane.client()?;
        let logto = Emulator::start().await?;
        logto.switches().latency(latency);
        let bed = Self {
            client,
            plane,
            logto,
            folder: TempDir::new()?,
        };
        bed.install_crds().await?;
        let namespaces: Api<Namespace> = Api::all(bed.client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
        namespaces
            .create(&PostParams::default(), &namespace)
            .await?;
        bed.apply::<Secret>(bed.secret()).await?;
        bed.apply::<LogtoTenant>(tenant(limit)).await?;
        Ok(bed)
    }

    /// All instances and bindings.
    pub async fn apply_all(&self, bindings: usize) -> anyhow::Result<()> {
        for number in 0..instances(bindings) {
            self.apply::<HasuraInstance>(instance(number)).await?;
        }
        stream::iter(0..bindings)
            .map(|number| self.apply_binding(number))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// One of the bindings.
    async fn apply_binding(&self, number: usize) -> anyhow::Result<()> {
        let (instance, ..) = names(number);
        self.apply::<HasuraRoleBinding>(binding(number, instance))
            .await
    }

    /// One more, of the last instance that so many bindings have.
    pub async fn apply_another(&self, bindings: usize, number: usize) -> anyhow::Result<()> {
        let last = instances(bindings) - 1;
        self.apply::<HasuraRoleBinding>(binding(bindings + number, last))
            .await
    }

    /// Applies an object, as `kubectl apply --server-side` does.
    async fn apply<K>(&self, object: Value) -> anyhow::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let name = object["metadata"]["name"].as_str().context("a name")?;
        let name = name.to_owned();
        let params = PatchParams::apply("scale").force();
        let api: Api<K> = Api::namespaced(self.client.clone(), NAMESPACE);
        let applied = api.patch(&name, &params, &Patch::Apply(object)).await;
        applied.with_context(|| format!("applying {name}"))?;
        Ok(())
    }

    async fn install_crds(&self) -> anyhow::Result<()> {
        let crds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        for crd in logto_hasura::api::crds() {
            let name = crd.name_any();
            let params = PatchParams::apply("scale").force();
            crds.patch(&name, &params, &Patch::Apply(&crd)).await?;
            let established = await_condition(crds.clone(), &name, is_crd_established());
            tokio::time::timeout(Duration::from_secs(30), established).await??;
        }
        Ok(())
    }

    fn secret(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "logto-m2m"},
            "stringData": {
                "endpoint": self.logto.endpoint(),
                "clientId": self.logto.client_id(),
                "clientSecret": self.logto.client_secret(),
            }
        })
    }

    /// Ends everything.
    pub async fn stop(self) {
        self.plane.stop().await;
    }
}

fn tenant((requests_per_second, burst): (u32, u32)) -> Value {
    json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "LogtoTenant", "metadata": {"name": "main"},
        "spec": {
            "tenantId": "default",
            "credentialsSecretRef": {"name": "logto-m2m"},
            "allowPlainHttp": true,
            "rateLimit": {"requestsPerSecond": requests_per_second, "burst": burst},
        }
    })
}

/// Its settings go into a ConfigMap, and no Deployment is named: a rollout would be the controllers' time, not ours.
pub fn instance(number: usize) -> Value {
    json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraInstance",
        "metadata": {"name": format!("shop-{number:02}")},
        "spec": {
            "tenantRef": {"name": "main"},
            "apiResource": {"indicator": indicator(number), "name": format!("Shop {number}")},
            "logtoRoleNamePrefix": format!("shop-{number:02}-"),
            "delivery": {"mode": "ConfigMap"},
        }
    })
}

/// A binding of an instance.
pub fn binding(number: usize, instance: usize) -> Value {
    let (_, role, scope) = names(number);
    json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraRoleBinding",
        "metadata": {"name": format!("binding-{number:05}")},
        "spec": {
            "instanceRef": {"name": format!("shop-{instance:02}")},
            "hasuraRole": role,
            "scope": {"name": scope, "description": "Reads things"},
            "logtoRole": {"type": "User", "description": "Reads things"},
        }
    })
}
