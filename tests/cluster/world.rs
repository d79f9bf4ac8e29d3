//! What one test has to itself: a namespace, an emulated Logto, an operator, and ways to wait for what it expects.

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::Context;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{Namespace, Secret},
    },
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use logto_emulator::Emulator;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    operator::{Operator, ask},
    suite::Cluster,
};

pub const INDICATOR: &str = "https://shop.example.com/v1/graphql";

pub struct World {
    pub client: Client,
    pub namespace: String,
    pub logto: Arc<Emulator>,
    pub cluster: Arc<Cluster>,
    pub operator: Mutex<Option<Operator>>,
    pub folder: TempDir,
}

/// Whether an object is one of ours with conditions.
pub trait OurKind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
{
    fn conditions(&self) -> &[Condition];
}

macro_rules! our_kind {
    ($($kind:ty),*) => {$(
        impl OurKind for $kind {
            fn conditions(&self) -> &[Condition] {
                self.status.as_ref().map_or(&[], |status| &status.conditions)
            }
        }
    )*};
}

our_kind!(LogtoTenant, HasuraInstance, HasuraRoleBinding);

async fn make_namespace(client: &Client, name: &str, labels: Value) -> anyhow::Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let object = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))?;
    namespaces.create(&PostParams::default(), &object).await?;
    Ok(())
}

static WORLDS: AtomicUsize = AtomicUsize::new(0);

impl World {
    pub async fn new(cluster: &Arc<Cluster>, test: &str) -> anyhow::Result<Self> {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let label: String = test.replace('_', "-").chars().take(40).collect();
        let namespace = format!("{}-{number}", label.trim_end_matches('-'));
        make_namespace(&cluster.client, &namespace, json!({})).await?;
        Ok(Self {
            client: cluster.client.clone(),
            namespace,
            logto: Arc::new(Emulator::start().await?),
            cluster: Arc::clone(cluster),
            operator: Mutex::default(),
            folder: TempDir::new()?,
        })
    }

    /// Another namespace with these labels, and the same Logto; it has to be [`World::end`]ed.
    pub async fn beside(&self, name: &str, labels: Value) -> anyhow::Result<Self> {
        let namespace = format!("{}-{name}", self.namespace);
        make_namespace(&self.client, &namespace, labels).await?;
        Ok(Self {
            client: self.client.clone(),
            namespace,
            logto: Arc::clone(&self.logto),
            cluster: Arc::clone(&self.cluster),
            operator: Mutex::default(),
            folder: TempDir::new()?,
        })
    }

    // ----- the operator -----

    /// Starts the operator as the ServiceAccount of the chart, with short clocks and further flags.
    pub fn start_operator(&self, flags: &[&str]) -> anyhow::Result<()> {
        self.start_operator_with(&self.cluster.operator, flags)
    }

    /// Starts it for another namespace too.
    pub fn start_operator_with_both(&self, other: &Self) -> anyhow::Result<()> {
        let both = format!("{},{}", self.namespace, other.namespace);
        self.start_operator(&["--watch-namespace", &both])
    }

    /// Starts the operator as the user of a kubeconfig.
    pub fn start_operator_with(&self, kubeconfig: &Path, flags: &[&str]) -> anyhow::Result<()> {
        let operator = Operator::start(kubeconfig, &self.namespace, self.log_file(), flags)?;
        *self.operator.lock().unwrap() = Some(operator);
        Ok(())
    }

    /// Starts the operator as a user with rights of his own.
    pub fn start_operator_as(&self, user: &str, flags: &[&str]) -> anyhow::Result<()> {
        let kubeconfig = std::fs::read_to_string(&self.cluster.kubeconfig)?;
        let mut kubeconfig: Value = serde_saphyr::from_str(&kubeconfig)?;
        kubeconfig["users"][0]["user"]["as"] = json!(user);
        let path = self.folder.path().join("kubeconfig");
        std::fs::write(&path, serde_json::to_string(&kubeconfig)?)?;
        self.start_operator_with(&path, flags)
    }

    /// What the operator serves under `/metrics`.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let (status, text) = ask(&self.operator_log(), "/metrics").await?;
        anyhow::ensure!(status == 200, "HTTP {status}: {text}");
        Ok(text)
    }

    /// Stops the operator as Kubernetes would.
    pub async fn stop_operator(&self) -> anyhow::Result<()> {
        let operator = self.operator.lock().unwrap().take();
        operator.context("no operator runs")?.stop().await
    }

    /// Where the operator logs.
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("operator.log")
    }

    /// Everything that the operator logged.
    pub fn operator_log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    // ----- objects -----

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies an object, as `kubectl apply --server-side` does.
    pub async fn apply<K>(&self, object: Value) -> anyhow::Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let name = object["metadata"]["name"]
            .as_str()
            .context("an object has a name")?
            .to_owned();
        let params = PatchParams::apply("test").force().validation_strict();
        let applied = self
            .api::<K>()
            .patch(&name, &params, &Patch::Apply(object))
            .await;
        applied.with_context(|| format!("applying {name}"))
    }

    pub async fn get<K>(&self, name: &str) -> anyhow::Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        Ok(self.api::<K>().get(name).await?)
    }

    pub async fn delete<K>(&self, name: &str) -> anyhow::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        self.api::<K>()
            .delete(name, &DeleteParams::default())
            .await?;
        Ok(())
    }

    /// Changes a few fields by a merge patch.
    pub async fn edit<K>(&self, name: &str, fields: Value) -> anyhow::Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        Ok(self
            .api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(fields))
            .await?)
    }

    /// Writes a status as somebody with too many rights would.
    pub async fn forge_status<K: OurKind>(&self, name: &str, fields: Value) -> anyhow::Result<()> {
        self.api::<K>()
            .patch_status(name, &PatchParams::default(), &Patch::Merge(fields))
            .await?;
        Ok(())
    }

    /// Asks for a read of one object at once.
    pub async fn ask_for_reconcile<K: OurKind>(&self, name: &str) -> anyhow::Result<()> {
        let token = format!("{:?}", Instant::now());
        self.edit::<K>(name, json!({"metadata": {"annotations": {"logto-hasura.dev/reconcile-requested-at": token}}})).await?;
        Ok(())
    }

    // ----- the usual objects -----

    /// The Secret `logto-m2m` for the emulator.
    pub fn secret(&self) -> Value {
        self.secret_with(self.logto.client_secret())
    }

    pub fn secret_with(&self, client_secret: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "logto-m2m"},
            "stringData": {
                "endpoint": self.logto.endpoint(),
                "clientId": self.logto.client_id(),
                "clientSecret": client_secret,
            }
        })
    }

    /// The LogtoTenant `main`.
    pub fn tenant(&self) -> Value {
        json!({
            "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "LogtoTenant", "metadata": {"name": "main"},
            "spec": {
                "tenantId": "default",
                "credentialsSecretRef": {"name": "logto-m2m"},
                "allowPlainHttp": true,
                "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
            }
        })
    }

    /// The Deployment `hasura`, as people write it.
    pub fn deployment(&self) -> Value {
        self.deployment_named("hasura")
    }

    pub fn deployment_named(&self, name: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {
                "replicas": 2,
                "progressDeadlineSeconds": 5,
                "selector": {"matchLabels": {"app": name}},
                "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{
                        "name": "graphql-engine",
                        "image": "hasura/graphql-engine:v2.48.6",
                        "env": [
                            {"name": "HASURA_GRAPHQL_DATABASE_URL", "value": "postgres://db/hasura"},
                            {"name": "HASURA_GRAPHQL_ADMIN_SECRET", "value": "only-in-tests"},
                        ],
                        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
                    }]},
                },
            }
        })
    }

    /// The HasuraInstance `shop`.
    pub fn instance(&self) -> Value {
        json!({
            "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraInstance", "metadata": {"name": "shop"},
            "spec": {
                "tenantRef": {"name": "main"},
                "apiResource": {"indicator": INDICATOR, "name": "Shop GraphQL", "accessTokenTtlSeconds": 3600},
                "deploymentRef": {"name": "hasura"},
            }
        })
    }

    /// A HasuraRoleBinding of the instance `shop`.
    pub fn binding(&self, name: &str, role: &str, scope: &str) -> Value {
        json!({
            "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraRoleBinding", "metadata": {"name": name},
            "spec": {
                "instanceRef": {"name": "shop"},
                "hasuraRole": role,
                "scope": {"name": scope, "description": format!("Scope of {role}")},
                "logtoRole": {"type": "User", "description": format!("Role {role}")},
            }
        })
    }

    /// Lets the operator deploy the script for machines too.
    pub async fn manage_machines(&self) -> anyhow::Result<()> {
        let spec = json!({"spec": {"customClaims": {"machines": "Manage"}}});
        self.edit::<LogtoTenant>("main", spec).await?;
        Ok(())
    }

    /// Secret, tenant, Deployment and instance.
    pub async fn apply_base(&self) -> anyhow::Result<()> {
        self.apply::<Secret>(self.secret()).await?;
        self.apply::<LogtoTenant>(self.tenant()).await?;
        self.apply::<Deployment>(self.deployment()).await?;
        self.apply::<HasuraInstance>(self.instance()).await?;
        Ok(())
    }

    /// The example of the README: the base and the bindings `user-reader` and `user-maintainer`.
    pub async fn apply_example(&self) -> anyhow::Result<()> {
        self.apply_base().await?;
        self.apply_example_bindings().await
    }

    /// The bindings of the example.
    pub async fn apply_example_bindings(&self) -> anyhow::Result<()> {
        self.apply::<HasuraRoleBinding>(self.binding("user-reader", "user:reader", "read:user"))
            .await?;
        self.apply::<HasuraRoleBinding>(self.binding(
            "user-maintainer",
            "user:maintainer",
            "maintain:user",
        ))
        .await?;
        Ok(())
    }

    /// The binding `user-reader`, then its instance, then the tenant; each is gone before the next is deleted.
    pub async fn delete_in_order(&self) -> anyhow::Result<()> {
        self.delete::<HasuraRoleBinding>("user-reader").await?;
        self.gone::<HasuraRoleBinding>("user-reader").await?;
        self.delete::<HasuraInstance>("shop").await?;
        self.gone::<HasuraInstance>("shop").await?;
        self.delete::<LogtoTenant>("main").await?;
        self.gone::<LogtoTenant>("main").await
    }

    /// The example, applied and ready.
    pub async fn example_is_ready(&self) -> anyhow::Result<()> {
        self.apply_example().await?;
        self.ready::<HasuraInstance>("shop").await?;
        self.ready::<HasuraRoleBinding>("user-reader").await?;
        self.ready::<HasuraRoleBinding>("user-maintainer").await?;
        Ok(())
    }

    // ----- looking -----

    /// The value of an env entry of the Deployment's first container.
    pub async fn env(&self, deployment: &str, name: &str) -> anyhow::Result<Option<String>> {
        let deployment: Deployment = self.get(deployment).await?;
        let pod = deployment
            .spec
            .and_then(|spec| spec.template.spec)
            .context("a pod template")?;
        let entry = pod
            .containers
            .into_iter()
            .flat_map(|container| container.env.unwrap_or_default());
        Ok(entry
            .into_iter()
            .find(|entry| entry.name == name)
            .and_then(|entry| entry.value))
    }
}
