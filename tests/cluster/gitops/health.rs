//! What tools take our kinds for: Argo CD by the checks in docs/argocd-health.yaml and its own runner, Flux and Helm by kstatus.

use std::{fmt::Debug, fs, sync::Arc};

use anyhow::ensure;
use gitops::Tools;
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Secret};
use kube::Resource;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::World;

const CHECKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/argocd-health.yaml");

/// An Argo CD whose settings are in the test's namespace.
struct ArgoCd {
    tools: Tools,
    folder: TempDir,
}

impl ArgoCd {
    async fn of(world: &World) -> anyhow::Result<Self> {
        let program = gitops::program(&gitops::to_stderr).await?;
        let kubeconfig = world.cluster.kubeconfig.clone();
        let tools = Tools::new(program, kubeconfig, world.namespace.clone());
        let applied = tools
            .sync("kubectl", CHECKS.as_ref(), &["-server-side"])
            .await?;
        ensure!(applied.error.is_none(), "{applied:?}");
        Ok(Self {
            tools,
            folder: TempDir::new()?,
        })
    }

    async fn shows(&self, object: &Value, status: &str, words: &str) -> anyhow::Result<()> {
        let file = self.folder.path().join("object.json");
        fs::write(&file, object.to_string())?;
        let health = self.tools.health(&file).await?;
        ensure!(
            health.status == status && health.message.contains(words),
            "{health:?}, not {status} {words:?}, for {object}"
        );
        Ok(())
    }
}

/// What a status may be, and what Argo CD has to show.
fn cases() -> [(Value, &'static str, &'static str); 10] {
    let status = |generation: i64, conditions: Value| json!({"observedGeneration": generation, "conditions": conditions});
    let condition = |type_: &str, status: &str, reason: &str| json!({"type": type_, "status": status, "reason": reason, "message": "words"});
    let ready = condition("Ready", "True", "Succeeded");
    let stalled = json!([
        condition("Connected", "True", "Succeeded"),
        condition("Ready", "False", "EnvConflict"),
        condition("Stalled", "True", "EnvConflict"),
    ]);
    let waiting = json!([
        condition("Ready", "False", "SecretNotFound"),
        condition("Reconciling", "True", "SecretNotFound"),
    ]);
    let first = json!([condition("Ready", "Unknown", "Progressing")]);
    let from_above = json!([condition("Ready", "Unknown", "Suspended")]);
    let observed = json!([condition("Ready", "True", "Observed")]);
    [
        (Value::Null, "Progressing", "not looked"),
        (json!({}), "Progressing", "not looked"),
        (
            json!({"observedGeneration": -1}),
            "Progressing",
            "not looked",
        ),
        (status(2, first), "Progressing", "Progressing: words"),
        (status(1, json!([ready])), "Progressing", "not looked"),
        (status(2, json!([ready])), "Healthy", "Succeeded: words"),
        (status(2, observed), "Healthy", "Observed: words"),
        (status(2, from_above), "Suspended", "words"),
        (status(2, stalled), "Degraded", "EnvConflict: words"),
        (status(2, waiting), "Progressing", "SecretNotFound: words"),
    ]
}

pub async fn argo_cd_shows_the_health_of_all_three_kinds(world: Arc<World>) -> anyhow::Result<()> {
    let argo_cd = ArgoCd::of(&world).await?;
    for kind in ["LogtoTenant", "HasuraInstance", "HasuraRoleBinding"] {
        for (status, health, words) in cases() {
            let mut object = json!({
                "apiVersion": "logto-hasura.dev/v1alpha1", "kind": kind,
                "metadata": {"name": "shop", "generation": 2}, "spec": {"suspend": false},
            });
            if !status.is_null() {
                object["status"] = status;
            }
            argo_cd.shows(&object, health, words).await?;
            object["spec"]["suspend"] = json!(true);
            argo_cd.shows(&object, "Suspended", "spec.suspend").await?;
        }
    }
    Ok(())
}

pub async fn argo_cd_shows_the_health_of_what_the_operator_wrote(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let argo_cd = ArgoCd::of(&world).await?;
    world.start_operator(&[])?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world
        .waiting::<LogtoTenant>("main", "SecretNotFound")
        .await?;
    let tenant = live::<LogtoTenant>(&world, "main").await?;
    argo_cd
        .shows(&tenant, "Progressing", "SecretNotFound")
        .await?;

    world.apply::<Secret>(world.secret_with("wrong")).await?;
    world
        .stalled::<LogtoTenant>("main", "CredentialsRefused")
        .await?;
    let tenant = live::<LogtoTenant>(&world, "main").await?;
    argo_cd
        .shows(&tenant, "Degraded", "CredentialsRefused")
        .await?;

    world.example_is_ready().await?;
    for object in one_of_each(&world).await? {
        argo_cd.shows(&object, "Healthy", "Succeeded").await?;
    }
    // A binding takes part in what its tenant was told.
    world
        .edit::<LogtoTenant>("main", json!({"spec": {"suspend": true}}))
        .await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "Ready", "Unknown", "Suspended")
        .await?;
    let binding = live::<HasuraRoleBinding>(&world, "user-reader").await?;
    argo_cd.shows(&binding, "Suspended", "").await?;
    Ok(())
}

pub async fn flux_and_helm_wait_also_for_what_no_operator_has_seen_yet(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let program = gitops::program(&gitops::to_stderr).await?;
    let tools = Tools::new(
        program,
        world.cluster.kubeconfig.clone(),
        world.namespace.clone(),
    );
    let file = world.folder.path().join("object.json");
    let takes_all_for = async |expected: &str| {
        for object in one_of_each(&world).await? {
            fs::write(&file, object.to_string())?;
            let found = tools.kstatus(&file).await?;
            ensure!(found.status == expected, "{found:?} for {object}");
        }
        anyhow::Ok(())
    };
    world.apply_example().await?;
    takes_all_for("InProgress").await?;
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    takes_all_for("Current").await?;
    world.stop_operator().await?;
    // A new spec that nobody has seen.
    let resync = json!({"spec": {"resyncPeriodSeconds": 900}});
    world.edit::<LogtoTenant>("main", resync).await?;
    let skew = json!({"spec": {"auth": {"jwt": {"allowedSkewSeconds": 30}}}});
    world.edit::<HasuraInstance>("shop", skew).await?;
    let described = json!({"spec": {"scope": {"description": "Another"}}});
    world
        .edit::<HasuraRoleBinding>("user-reader", described)
        .await?;
    takes_all_for("InProgress").await
}

/// The example's tenant, its instance and a binding.
async fn one_of_each(world: &World) -> anyhow::Result<[Value; 3]> {
    Ok([
        live::<LogtoTenant>(world, "main").await?,
        live::<HasuraInstance>(world, "shop").await?,
        live::<HasuraRoleBinding>(world, "user-reader").await?,
    ])
}

/// The object as the API server gives it, kind and all.
async fn live<K>(world: &World, name: &str) -> anyhow::Result<Value>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize,
{
    Ok(serde_json::to_value(world.get::<K>(name).await?)?)
}
