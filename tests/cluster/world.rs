//! What one test has to itself: a namespace, an emulated Logto, an operator, and ways to wait for what it expects.

use std::{
    fmt::Debug,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{Namespace, Pod, Secret},
        events::v1::Event,
    },
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use logto_emulator::Emulator;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{operator::Operator, suite::Cluster};

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub const INDICATOR: &str = "https://shop.example.com/v1/graphql";

pub struct World {
    pub client: Client,
    pub namespace: String,
    pub logto: Emulator,
    pub cluster: Arc<Cluster>,
    operator: Mutex<Option<Operator>>,
    folder: TempDir,
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

static WORLDS: AtomicUsize = AtomicUsize::new(0);

impl World {
    pub async fn new(cluster: &Arc<Cluster>, test: &str) -> anyhow::Result<Self> {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let label: String = test.replace('_', "-").chars().take(40).collect();
        let namespace = format!("{}-{number}", label.trim_end_matches('-'));
        let client = cluster.client.clone();
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}}))?;
        namespaces.create(&PostParams::default(), &object).await?;
        Ok(Self {
            client,
            namespace,
            logto: Emulator::start().await?,
            cluster: Arc::clone(cluster),
            operator: Mutex::default(),
            folder: TempDir::new()?,
        })
    }

    // ----- the operator -----

    /// Starts the operator with short clocks and further flags.
    pub fn start_operator(&self, flags: &[&str]) -> anyhow::Result<()> {
        let operator = Operator::start(
            &self.cluster.kubeconfig,
            &self.namespace,
            self.log_file(),
            flags,
        )?;
        *self.operator.lock().unwrap() = Some(operator);
        Ok(())
    }

    /// Stops the operator as Kubernetes would.
    pub async fn stop_operator(&self) -> anyhow::Result<()> {
        let operator = self.operator.lock().unwrap().take();
        operator.context("no operator runs")?.stop().await
    }

    fn log_file(&self) -> PathBuf {
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
                "apiResource": {"indicator": INDICATOR, "name": "Shop GraphQL"},
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

    /// The example, applied and ready.
    pub async fn example_is_ready(&self) -> anyhow::Result<()> {
        self.apply_example().await?;
        self.ready::<HasuraInstance>("shop").await?;
        self.ready::<HasuraRoleBinding>("user-reader").await?;
        self.ready::<HasuraRoleBinding>("user-maintainer").await?;
        Ok(())
    }

    // ----- waiting -----

    /// Looks until something is there; on giving up says what was waited for.
    pub async fn until<T, F>(&self, what: &str, mut look: impl FnMut() -> F) -> anyhow::Result<T>
    where
        F: Future<Output = anyhow::Result<Option<T>>>,
    {
        let start = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if start.elapsed() > PATIENCE {
                bail!("waited {} s for: {what}", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits for something about Logto's data.
    pub async fn until_logto(
        &self,
        what: &str,
        mut holds: impl FnMut(&Emulator) -> bool,
    ) -> anyhow::Result<()> {
        self.until(what, || {
            std::future::ready(Ok(holds(&self.logto).then_some(())))
        })
        .await
    }

    /// Waits until an object's condition has this status and reason, for the newest generation.
    pub async fn condition<K: OurKind>(
        &self,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
    ) -> anyhow::Result<(K, Condition)> {
        let what = format!("{} {name}: {type_}={status} {reason}", K::kind(&()));
        self.until(&what, || async {
            let Some(object) = self.api::<K>().get_opt(name).await? else {
                return Ok(None);
            };
            let found = object.conditions().iter().find(|condition| {
                condition.type_ == type_
                    && condition.status == status
                    && (reason.is_empty() || condition.reason == reason)
                    && condition.observed_generation == object.meta().generation
            });
            Ok(found.cloned().map(|condition| (object, condition)))
        })
        .await
    }

    /// Waits for Ready=True.
    pub async fn ready<K: OurKind>(&self, name: &str) -> anyhow::Result<K> {
        Ok(self.condition::<K>(name, "Ready", "True", "").await?.0)
    }

    /// Waits for Stalled=True with this reason; gives the message.
    pub async fn stalled<K: OurKind>(&self, name: &str, reason: &str) -> anyhow::Result<String> {
        Ok(self
            .condition::<K>(name, "Stalled", "True", reason)
            .await?
            .1
            .message)
    }

    /// Waits for Ready=False with this reason, while it is retried or waited for; gives the message.
    pub async fn waiting<K: OurKind>(&self, name: &str, reason: &str) -> anyhow::Result<String> {
        let (object, condition) = self.condition::<K>(name, "Ready", "False", reason).await?;
        let reconciling = object
            .conditions()
            .iter()
            .any(|condition| condition.type_ == "Reconciling");
        anyhow::ensure!(
            reconciling,
            "{name} is not Reconciling: {:?}",
            object.conditions()
        );
        Ok(condition.message)
    }

    /// Waits until an object is gone.
    pub async fn gone<K>(&self, name: &str) -> anyhow::Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let what = format!("{name} to be gone");
        self.until(&what, || async {
            Ok(self.api::<K>().get_opt(name).await?.is_none().then_some(()))
        })
        .await
    }

    /// Waits for an event about an object; gives its note.
    pub async fn event(&self, object: &str, reason: &str) -> anyhow::Result<String> {
        self.until(&format!("an event {reason} about {object}"), || async {
            let events = self.api::<Event>().list(&ListParams::default()).await?;
            let found = events.into_iter().find(|event| {
                let regarding = event
                    .regarding
                    .as_ref()
                    .and_then(|regarding| regarding.name.as_deref());
                regarding == Some(object) && event.reason.as_deref() == Some(reason)
            });
            Ok(found.map(|event| event.note.unwrap_or_default()))
        })
        .await
    }

    /// Lets the operator come to rest: no request to Logto and no write to our objects for a while. Nothing can be
    /// awaited when the expectation is that nothing happens.
    pub async fn quiet(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut since = Instant::now();
        let mut before = self.fingerprint().await?;
        while since.elapsed() < Duration::from_millis(1500) {
            anyhow::ensure!(
                start.elapsed() < PATIENCE,
                "the operator does not come to rest"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
            let now = self.fingerprint().await?;
            if now != before {
                (before, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// The versions of all that the operator may write to, and how many writes Logto saw.
    pub async fn fingerprint(&self) -> anyhow::Result<(Vec<String>, u64)> {
        let mut versions = Vec::new();
        let all = ListParams::default();
        let version = |name: String, version: Option<String>| {
            format!("{name}@{}", version.unwrap_or_default())
        };
        for object in self.api::<LogtoTenant>().list(&all).await? {
            versions.push(version(object.name_any(), object.resource_version()));
        }
        for object in self.api::<HasuraInstance>().list(&all).await? {
            versions.push(version(object.name_any(), object.resource_version()));
        }
        for object in self.api::<HasuraRoleBinding>().list(&all).await? {
            versions.push(version(object.name_any(), object.resource_version()));
        }
        for object in self.api::<Deployment>().list(&all).await? {
            versions.push(version(object.name_any(), object.resource_version()));
        }
        Ok((versions, self.logto.writes()))
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

    /// What there is, for the report of a failing test.
    pub async fn report(&self, error: &str) -> String {
        let mut report = format!("{error}\n\nnamespace {}\n", self.namespace);
        report.push_str(&self.show::<LogtoTenant>().await);
        report.push_str(&self.show::<HasuraInstance>().await);
        report.push_str(&self.show::<HasuraRoleBinding>().await);
        report.push_str(&self.show::<Deployment>().await);
        report.push_str(&self.show::<Pod>().await);
        if let Ok(events) = self.api::<Event>().list(&ListParams::default()).await {
            report.push_str("--- the last events\n");
            for event in events.items.iter().rev().take(15) {
                let name = event
                    .regarding
                    .as_ref()
                    .and_then(|regarding| regarding.name.clone());
                report.push_str(&format!("{name:?} {:?}: {:?}\n", event.reason, event.note));
            }
        }
        report.push_str(&format!(
            "--- the last requests to Logto\n{}\n",
            self.logto.last_requests(20).join("\n")
        ));
        if let Some(operator) = &*self.operator.lock().unwrap() {
            report.push_str(&format!(
                "--- the operator's log\n{}\n",
                operator.log_tail(30)
            ));
        }
        report
    }

    async fn show<K>(&self) -> String
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize,
        K::DynamicType: Default,
    {
        let Ok(list) = self.api::<K>().list(&ListParams::default()).await else {
            return String::new();
        };
        let mut text = String::new();
        for mut object in list {
            object.managed_fields_mut().clear();
            let json = serde_json::to_string(&object).unwrap_or_default();
            text.push_str(&format!("--- {}\n{json}\n", object.name_any()));
        }
        text
    }

    /// Stops the operator and lets the namespace go; finalizers that nobody would remove any more are taken off.
    pub async fn end(&self) {
        drop(self.operator.lock().unwrap().take());
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let _ = namespaces
            .delete(&self.namespace, &DeleteParams::default())
            .await;
        let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        self.release::<LogtoTenant>(&none).await;
        self.release::<HasuraInstance>(&none).await;
        self.release::<HasuraRoleBinding>(&none).await;
    }

    async fn release<K: OurKind>(&self, none: &Patch<Value>) {
        let Ok(list) = self.api::<K>().list(&ListParams::default()).await else {
            return;
        };
        for object in list {
            let _ = self
                .api::<K>()
                .patch(&object.name_any(), &PatchParams::default(), none)
                .await;
        }
    }
}
