//! Delivery by Secret or ConfigMap.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{ConfigMap, Secret},
};
use kube::{ResourceExt, api::ListParams};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{hasura::Request, matrix::role, suite::Test, tests, world::World};

mod charts;
mod ends;
mod guarding;
mod switching;

pub fn tests() -> Vec<Test> {
    let mut all = tests![
        hasura_takes_the_settings_from_the_secret_that_its_manifest_names,
        a_config_map_does_as_well,
        a_deployment_that_names_no_secret_is_told_the_lines_to_put_in,
        a_secret_that_is_there_already_is_never_touched,
        an_edit_of_the_secret_by_hand_is_mended,
        a_hasura_that_runs_elsewhere_gets_a_secret_and_no_deployment_is_needed,
        without_a_rollout_the_pods_are_yours_to_start,
        a_switch_to_a_secret_and_back_costs_one_rollout_each_and_leaves_nothing,
        an_entry_by_value_from_is_told_the_delivery_that_would_keep_it,
    ];
    all.extend(charts::tests());
    all.extend(ends::tests());
    all.extend(guarding::tests());
    all.extend(switching::tests());
    all
}

const JWT_SECRET: &str = "HASURA_GRAPHQL_JWT_SECRET";

fn reference(kind: &str, name: &str) -> Value {
    json!({"name": JWT_SECRET, "valueFrom": {kind: {"name": name, "key": JWT_SECRET}}})
}

/// The usual Deployment with one more entry.
fn deployment_with(world: &World, entry: Value) -> Value {
    let mut deployment = world.deployment();
    let env = &mut deployment["spec"]["template"]["spec"]["containers"][0]["env"];
    env.as_array_mut().unwrap().push(entry);
    deployment
}

fn delivering(world: &World, delivery: Value) -> Value {
    let mut instance = world.instance();
    instance["spec"]["delivery"] = delivery;
    instance
}

/// Everything but the instance.
async fn base(world: &World, deployment: Value) -> anyhow::Result<()> {
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<Deployment>(deployment).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    Ok(())
}

/// The same with a Deployment that takes the setting from the Secret `shop-auth`.
async fn base_with_reference(world: &World) -> anyhow::Result<()> {
    let entry = reference("secretKeyRef", "shop-auth");
    base(world, deployment_with(world, entry)).await
}

async fn rollouts(world: &World) -> anyhow::Result<usize> {
    let all = ListParams::default().labels("app=hasura");
    Ok(world.api::<ReplicaSet>().list(&all).await?.items.len())
}

fn value(secret: &Secret) -> String {
    let data = secret.data.as_ref().and_then(|data| data.get(JWT_SECRET));
    data.map(|value| String::from_utf8_lossy(&value.0).into_owned())
        .unwrap_or_default()
}

/// Alice, who holds `user:reader`, gets in with it.
async fn alice_gets_in(world: &World) -> anyhow::Result<()> {
    let alice = world.person("alice", &["user:reader"])?;
    let token = alice.token(&["read:user"]).await?;
    let (answer, _) = world.query(&Request::bearer(&token)).await?;
    ensure!(answer == role("user:reader"), "{answer}");
    Ok(())
}

async fn hasura_takes_the_settings_from_the_secret_that_its_manifest_names(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    alice_gets_in(&world).await?;
    let secret: Secret = world.get("shop-auth").await?;
    ensure!(value(&secret).contains("jwk_url"), "{secret:?}");
    let instance: HasuraInstance = world.get("shop").await?;
    let owners = secret.metadata.owner_references.unwrap_or_default();
    ensure!(
        owners[0].uid == instance.uid().unwrap_or_default(),
        "{owners:?}"
    );
    // The operator owns the annotation alone, and rolled once: the first pods waited for the Secret.
    let deployment: Deployment = world.get("hasura").await?;
    ensure!(deployment.metadata.generation == Some(2), "not one write");
    let ours = deployment
        .managed_fields()
        .iter()
        .find(|entry| entry.manager.as_deref() == Some("logto-hasura"))
        .context("our fields")?;
    let fields = serde_json::to_string(&ours.fields_v1)?;
    ensure!(
        fields.contains("auth-hash") && !fields.contains("f:env"),
        "{fields}"
    );
    Ok(())
}

async fn a_config_map_does_as_well(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(
        &world,
        deployment_with(&world, reference("configMapKeyRef", "auth")),
    )
    .await?;
    let delivery = json!({"mode": "ConfigMap", "name": "auth"});
    world
        .apply::<HasuraInstance>(delivering(&world, delivery))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    alice_gets_in(&world).await?;
    let object: ConfigMap = world.get("auth").await?;
    ensure!(object.data.unwrap_or_default().contains_key(JWT_SECRET));
    Ok(())
}

async fn a_deployment_that_names_no_secret_is_told_the_lines_to_put_in(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world, world.deployment()).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    let message = world
        .waiting::<HasuraInstance>("shop", "NotReferenced")
        .await?;
    let line = "- {name: HASURA_GRAPHQL_JWT_SECRET, valueFrom: {secretKeyRef: {name: shop-auth, key: HASURA_GRAPHQL_JWT_SECRET}}}";
    ensure!(message.contains(line), "{message}");
    let deployment: Deployment = world.get("hasura").await?;
    ensure!(
        deployment.metadata.generation == Some(1),
        "the Deployment was written"
    );
    // The lines need the Secret, which is there.
    world.get::<Secret>("shop-auth").await?;
    let entry: Value = serde_saphyr::from_str(line.trim_start_matches("- "))?;
    world
        .apply::<Deployment>(deployment_with(&world, entry))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    alice_gets_in(&world).await
}

async fn a_secret_that_is_there_already_is_never_touched(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "shop-auth", "labels": {"app.kubernetes.io/managed-by": "logto-hasura"}},
        "stringData": {"password": "theirs"},
    });
    let before = world.apply::<Secret>(theirs).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world
        .stalled::<HasuraInstance>("shop", "DeliveryTaken")
        .await?;
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let after: Secret = world.get("shop-auth").await?;
    ensure!(
        after.resource_version() == before.resource_version(),
        "it was touched"
    );
    Ok(())
}

async fn an_edit_of_the_secret_by_hand_is_mended(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&["--credentials-recheck", "1s"])?;
    base_with_reference(&world).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = value(&world.get("shop-auth").await?);
    world
        .edit::<Secret>("shop-auth", json!({"stringData": {JWT_SECRET: "{}"}}))
        .await?;
    world
        .until("the value to come back", || async {
            let now = value(&world.get::<Secret>("shop-auth").await?);
            Ok((now == before).then_some(()))
        })
        .await?;
    // An unchanged value rolls nothing.
    let deployment: Deployment = world.get("hasura").await?;
    ensure!(deployment.metadata.generation == Some(2), "it was rolled");
    Ok(())
}

async fn a_hasura_that_runs_elsewhere_gets_a_secret_and_no_deployment_is_needed(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world, world.deployment()).await?;
    let mut instance = delivering(&world, json!({"mode": "Secret", "name": "elsewhere"}));
    instance["spec"]
        .as_object_mut()
        .unwrap()
        .remove("deploymentRef");
    world.apply::<HasuraInstance>(instance).await?;
    let (_, ready) = world
        .condition::<HasuraInstance>("shop", "Ready", "True", "Succeeded")
        .await?;
    ensure!(ready.message.contains("not seen"), "{}", ready.message);
    world
        .condition::<HasuraInstance>("shop", "RolledOut", "Unknown", "NotWatched")
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    ensure!(value(&world.get("elsewhere").await?).contains("jwk_url"));
    let deployment: Deployment = world.get("hasura").await?;
    ensure!(
        deployment.metadata.generation == Some(1),
        "the Deployment was written"
    );
    Ok(())
}

async fn without_a_rollout_the_pods_are_yours_to_start(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    let delivery = json!({"mode": "Secret", "rollout": "None"});
    world
        .apply::<HasuraInstance>(delivering(&world, delivery))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .condition::<HasuraInstance>("shop", "RolledOut", "Unknown", "NotWatched")
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world
        .edit::<HasuraInstance>(
            "shop",
            json!({"spec": {"auth": {"unauthorizedRole": "anonymous"}}}),
        )
        .await?;
    world
        .until("the new key in the Secret", || async {
            let secret: Secret = world.get("shop-auth").await?;
            let data = secret.data.unwrap_or_default();
            Ok(data
                .contains_key("HASURA_GRAPHQL_UNAUTHORIZED_ROLE")
                .then_some(()))
        })
        .await?;
    world.quiet().await?;
    ensure!(rollouts(&world).await? == 1, "it was rolled");
    Ok(())
}

async fn a_switch_to_a_secret_and_back_costs_one_rollout_each_and_leaves_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    ensure!(rollouts(&world).await? == 2);
    // Our own entry becomes a reference in one apply, so Hasura never lacks the setting.
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"delivery": {"mode": "Secret"}}}))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(
        world.env("hasura", JWT_SECRET).await?.is_none(),
        "a value is left"
    );
    ensure!(rollouts(&world).await? == 3, "not one rollout");
    alice_gets_in(&world).await?;
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"delivery": {"mode": "PatchEnv"}}}))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.gone::<Secret>("shop-auth").await?;
    ensure!(world.env("hasura", JWT_SECRET).await?.is_some(), "no value");
    // The pod template is the one of before, so its ReplicaSet is taken again.
    let deployment: Deployment = world.get("hasura").await?;
    ensure!(
        deployment.metadata.generation == Some(4),
        "not one write each"
    );
    let annotations = deployment
        .spec
        .and_then(|spec| spec.template.metadata?.annotations);
    ensure!(
        !annotations
            .unwrap_or_default()
            .contains_key("logto-hasura.dev/auth-hash"),
        "the annotation is left"
    );
    Ok(())
}

async fn an_entry_by_value_from_is_told_the_delivery_that_would_keep_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(
        &world,
        deployment_with(&world, reference("secretKeyRef", "hasura")),
    )
    .await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "EnvUsesValueFrom")
        .await?;
    ensure!(
        message.contains("keep valueFrom")
            && message.contains("spec.delivery {mode: Secret, name: hasura}"),
        "{message}"
    );
    Ok(())
}
