//! Whether Hasura runs with the settings is seen, not taken for granted: with no replicas, without a probe, and with pods that
//! do not start.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use serde_json::{Value, json};

use crate::{
    deployments::{base_with, container},
    suite::Test,
    tests,
    watches::{give, take},
    world::{OurKind, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        no_replicas_are_no_proof_and_scaling_up_is,
        a_hasura_without_a_probe_that_ends_after_a_second_is_never_ready,
        what_a_new_pod_lacks_is_named_at_once_and_when_the_rollout_is_stuck,
        without_the_right_to_read_pods_the_command_that_shows_them_is_named,
    ]
}

fn said(instance: &HasuraInstance, type_: &str) -> Option<(String, String)> {
    let mut conditions = instance.conditions().iter();
    let found = conditions.find(|condition| condition.type_ == type_)?;
    Some((found.status.clone(), found.message.clone()))
}

async fn is_latched(world: &World) -> anyhow::Result<bool> {
    let instance: HasuraInstance = world.get("shop").await?;
    let deployment = instance.status.and_then(|status| status.deployment);
    Ok(deployment
        .context("the Deployment in the status")?
        .rolled_out)
}

/// Waits until Ready is so and its message has these words.
async fn until_said(world: &World, status: &str, words: &[&str]) -> anyhow::Result<HasuraInstance> {
    let what = format!("Ready={status} with {words:?}");
    world
        .until(&what, || async {
            let instance: HasuraInstance = world.get("shop").await?;
            let ready = said(&instance, "Ready");
            let is_so = ready.is_some_and(|(is, message)| {
                is == status && words.iter().all(|word| message.contains(word))
            });
            Ok(is_so.then_some(instance))
        })
        .await
}

async fn scale(world: &World, replicas: i32) -> anyhow::Result<()> {
    let spec = json!({"spec": {"replicas": replicas}});
    world.edit::<Deployment>("hasura", spec).await?;
    Ok(())
}

async fn no_replicas_are_no_proof_and_scaling_up_is(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    deployment["spec"]["replicas"] = json!(0);
    base_with(&world, deployment).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    let message = world
        .waiting::<HasuraInstance>("shop", "NoReplicas")
        .await?;
    ensure!(message.contains("no replica runs"), "{message}");
    world
        .condition::<HasuraInstance>("shop", "RolledOut", "False", "NoReplicas")
        .await?;
    ensure!(!is_latched(&world).await?, "nothing was seen");
    world.published("user-reader").await?;
    world
        .waiting::<HasuraRoleBinding>("user-reader", "NoReplicas")
        .await?;
    // Nobody looks again before it is scaled up.
    world.quiet().await?;

    scale(&world, 1).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    ensure!(is_latched(&world).await?);

    // What was seen stays seen, and that nothing runs now is said.
    scale(&world, 0).await?;
    until_said(&world, "True", &["no replica runs"]).await?;
    ensure!(is_latched(&world).await?);
    world.quiet().await?;
    scale(&world, 1).await?;
    world
        .until("tokens to be accepted again", || async {
            let instance: HasuraInstance = world.get("shop").await?;
            let ready = said(&instance, "Ready").context("Ready")?;
            ensure!(ready.0 == "True", "{ready:?}");
            Ok((!ready.1.contains("no replica")).then_some(()))
        })
        .await
}

/// As many public manifests are: no probe, one replica, and another name of the container.
fn without_a_probe() -> Value {
    let from = |name: &str, key: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "hasura", "key": key}}});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hasura"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "hasura"}},
            "template": {
                "metadata": {"labels": {"app": "hasura"}},
                "spec": {"containers": [{
                    "name": "hasura",
                    "image": "hasura/graphql-engine:v2.33.4",
                    "env": [
                        from("HASURA_GRAPHQL_DATABASE_URL", "database-url"),
                        from("HASURA_GRAPHQL_ADMIN_SECRET", "admin-secret"),
                        {"name": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "value": "public"},
                    ],
                }]},
            },
        }
    })
}

async fn a_hasura_without_a_probe_that_ends_after_a_second_is_never_ready(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--settle-after", "4s"])?;
    world
        .apply::<Secret>(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hasura"},
            "stringData": {"admin-secret": "only-in-tests", "database-url": "postgres://hasura:x@postgres:5432/shop"},
        }))
        .await?;
    base_with(&world, without_a_probe()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let warned = world
        .condition::<HasuraInstance>("shop", "NoReadinessProbe", "True", "")
        .await?;
    ensure!(warned.1.message.contains("/healthz"), "{:?}", warned.1);

    // The operator's entry is taken out by hand, and the database's host is misspelt in the same edit.
    let mut broken = without_a_probe();
    container(&mut broken)["env"][0] = json!({
        "name": "HASURA_GRAPHQL_DATABASE_URL", "value": "postgres://hasura:x@postgres.invalid:5432/shop"
    });
    world.delete_and_apply_env(&broken).await?;
    let words = ["exit code 1", "restarted 3 times"];
    let instance = until_said(&world, "False", &words).await?;
    ensure!(!is_latched(&world).await?, "nobody saw it run");
    let warned = said(&instance, "NoReadinessProbe");
    ensure!(warned.is_some_and(|(status, _)| status == "True"));

    world.delete_and_apply_env(&without_a_probe()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let mut probed = without_a_probe();
    container(&mut probed)["readinessProbe"] =
        json!({"httpGet": {"path": "/healthz", "port": 8080}});
    world.apply::<Deployment>(probed).await?;
    world
        .until("the warning to go", || async {
            let instance: HasuraInstance = world.get("shop").await?;
            Ok(said(&instance, "NoReadinessProbe").is_none().then_some(()))
        })
        .await
}

impl World {
    /// Replaces the environment of Hasura's container as an edit by hand does, the operator's entry with it.
    async fn delete_and_apply_env(&self, deployment: &Value) -> anyhow::Result<()> {
        let template = &deployment["spec"]["template"];
        self.edit::<Deployment>("hasura", json!({"spec": {"template": template}}))
            .await?;
        Ok(())
    }
}

async fn what_a_new_pod_lacks_is_named_at_once_and_when_the_rollout_is_stuck(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    deployment["spec"]["progressDeadlineSeconds"] = json!(600);
    container(&mut deployment)["envFrom"] = json!([{"configMapRef": {"name": "hasura-env"}}]);
    base_with(&world, deployment).await?;
    let lacks = [
        "CreateContainerConfigError",
        r#"configmap "hasura-env" not found"#,
    ];
    let early = until_said(&world, "False", &lacks).await?;
    ensure!(
        early
            .conditions()
            .iter()
            .any(|it| it.reason == "RollingOut"),
        "{:?}",
        early.conditions()
    );
    let deadline = json!({"spec": {"progressDeadlineSeconds": 1}});
    world.edit::<Deployment>("hasura", deadline).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "RolloutStuck")
        .await?;
    ensure!(lacks.iter().all(|word| message.contains(word)), "{message}");
    world
        .apply::<ConfigMap>(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hasura-env"}, "data": {"A": "a"},
        }))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn without_the_right_to_read_pods_the_command_that_shows_them_is_named(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let user = world.namespace.clone();
    give(&world, &user, true).await?;
    world.start_operator_as(&user, &[])?;
    let mut deployment = world.deployment();
    deployment["spec"]["progressDeadlineSeconds"] = json!(2);
    container(&mut deployment)["image"] = json!("hasura/graphql-engine:missing");
    container(&mut deployment)["readinessProbe"] = Value::Null;
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "RolloutStuck")
        .await?;
    let command = format!("kubectl -n {user} describe pods -l 'app=hasura'");
    ensure!(message.contains(&command), "{message}");
    // With neither probe nor pods the Deployment tells how long it has been up.
    let image = json!([{"name": "graphql-engine", "image": "hasura/graphql-engine:v2.48.6"}]);
    let mut mended = json!({"spec": {"template": {"spec": {"containers": image}}}});
    let live: Deployment = world.get("hasura").await?;
    let live = serde_json::to_value(&live)?;
    container(&mut mended)["env"] =
        live["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    world.edit::<Deployment>("hasura", mended).await?;
    world.ready::<HasuraInstance>("shop").await?;
    take(&world, &user).await
}
