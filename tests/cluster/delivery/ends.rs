//! What becomes of Hasura's settings when their instance goes.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret},
    rbac::v1::RoleBinding,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, PropagationPolicy},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use serde_json::{Value, json};

use super::{JWT_SECRET, base, base_with_reference, delivering, deployment_with, reference, value};
use crate::{
    deployments::{add_env, generation},
    suite::Test,
    tests,
    watches::{give, give_secrets, take},
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        with_delete_nothing_of_ours_is_left_on_the_deployment,
        with_delete_a_hasura_without_admin_secret_keeps_its_authentication,
        what_a_secret_holds_is_retained_and_taken_back_by_an_instance_made_again,
        a_suspended_instance_leaves_its_secret_when_it_goes,
        a_suspended_instance_goes_at_once_though_the_right_to_its_secret_is_missing,
        a_namespace_with_a_delivered_secret_ends,
        with_delete_our_own_reference_goes_and_then_the_secret,
        with_delete_the_secret_stays_while_a_rollout_does_not_get_through,
        with_delete_a_secret_that_nobody_refers_to_goes,
        with_delete_a_config_map_that_the_manifest_names_stays_and_is_said,
        with_delete_the_secret_of_a_hasura_elsewhere_goes,
        with_delete_a_secret_that_a_second_deployment_shares_stays,
        what_was_left_and_then_changed_is_somebody_elses,
        what_another_instance_left_is_not_taken,
        a_secret_that_pods_need_is_not_lost_with_the_right_to_retain_it,
    ]
}

fn delete() -> Value {
    json!({"spec": {"deletionPolicy": "Delete"}})
}

async fn with_delete_nothing_of_ours_is_left_on_the_deployment(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.edit::<HasuraInstance>("shop", delete()).await?;
    let before: Deployment = world.get("hasura").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let after: Deployment = world.get("hasura").await?;
    let generation = |deployment: &Deployment| deployment.metadata.generation.unwrap_or_default();
    ensure!(
        generation(&after) == generation(&before) + 1,
        "not one write"
    );
    ensure!(world.env("hasura", JWT_SECRET).await?.is_none());
    let managers: Vec<_> = after
        .managed_fields()
        .iter()
        .filter_map(|entry| entry.manager.clone())
        .collect();
    ensure!(
        !managers.contains(&"logto-hasura".to_owned()),
        "{managers:?}"
    );
    Ok(())
}

async fn with_delete_a_hasura_without_admin_secret_keeps_its_authentication(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.edit::<HasuraInstance>("shop", delete()).await?;
    world.stop_operator().await?;
    // Somebody took the admin secret away meanwhile: without our entry, everybody would be admin.
    let mut open = world.deployment();
    open["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "HASURA_GRAPHQL_DATABASE_URL", "value": "postgres://db/hasura"}]);
    world.apply::<Deployment>(open).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.start_operator(&[])?;
    world.gone::<HasuraInstance>("shop").await?;
    ensure!(
        world.env("hasura", JWT_SECRET).await?.is_some(),
        "it was opened to everybody"
    );
    let note = world.event("shop", "LeftBehind").await?;
    ensure!(note.contains("admin"), "{note}");
    Ok(())
}

async fn what_a_secret_holds_is_retained_and_taken_back_by_an_instance_made_again(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    let instance = delivering(&world, json!({"mode": "Secret"}));
    world.apply::<HasuraInstance>(instance.clone()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = value(&world.get("shop-auth").await?);
    // In the foreground Kubernetes deletes what an object owns before the object itself.
    let foreground = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        ..DeleteParams::default()
    };
    world
        .api::<HasuraInstance>()
        .delete("shop", &foreground)
        .await?;
    world.gone::<HasuraInstance>("shop").await?;
    let kept: Secret = world.get("shop-auth").await?;
    ensure!(value(&kept) == before, "{kept:?}");
    ensure!(
        kept.metadata.owner_references.is_none(),
        "it would be collected"
    );
    let generation = world.get::<Deployment>("hasura").await?.metadata.generation;

    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let taken: Secret = world.get("shop-auth").await?;
    ensure!(taken.metadata.owner_references.is_some(), "{taken:?}");
    let now = world.get::<Deployment>("hasura").await?.metadata.generation;
    ensure!(now == generation, "it was rolled for nothing");
    Ok(())
}

/// Its owner would take it along, and the next pod would not start.
async fn a_suspended_instance_leaves_its_secret_when_it_goes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    let mut instance = delivering(&world, json!({"mode": "Secret"}));
    instance["spec"]["deletionPolicy"] = json!("Delete");
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"suspend": true}}))
        .await?;
    world
        .condition::<HasuraInstance>("shop", "Ready", "Unknown", "Suspended")
        .await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let kept: Secret = world.get("shop-auth").await?;
    ensure!(
        kept.metadata.owner_references.is_none(),
        "it would be collected"
    );
    Ok(())
}

async fn a_suspended_instance_goes_at_once_though_the_right_to_its_secret_is_missing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"suspend": true}}))
        .await?;
    world
        .condition::<HasuraInstance>("shop", "Ready", "Unknown", "Suspended")
        .await?;
    world.stop_operator().await?;
    // It may get Secrets, and neither update one nor look at a Deployment.
    give(&world, &world.namespace, false).await?;
    world.start_operator_as(&world.namespace, &[])?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let note = world.event("shop", "LeftBehind").await?;
    ensure!(
        note.contains("shop-auth") && note.contains("may not update"),
        "{note}"
    );
    take(&world, &world.namespace).await
}

/// Secrets go first there, and none can be made again.
async fn a_namespace_with_a_delivered_secret_ends(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.delete_namespace().await?;
    world.namespace_is_gone().await
}

/// Its own reference, from a switch, goes in the same visit.
async fn with_delete_our_own_reference_goes_and_then_the_secret(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    // Without bindings nothing else makes a second visit of the deletion.
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let secret = json!({"spec": {"deletionPolicy": "Delete", "delivery": {"mode": "Secret"}}});
    world.edit::<HasuraInstance>("shop", secret).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = generation(&world).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.gone::<Secret>("shop-auth").await?;
    ensure!(generation(&world).await? == before + 1, "not one write");
    nothing_of_ours(&world).await
}

/// The pods of before the write may start anew until then.
async fn with_delete_the_secret_stays_while_a_rollout_does_not_get_through(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--release-after", "2s"])?;
    world.example_is_ready().await?;
    let secret = json!({"spec": {"deletionPolicy": "Delete", "delivery": {"mode": "Secret"}}});
    world.edit::<HasuraInstance>("shop", secret).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let paused = json!({"spec": {"paused": true}});
    world.edit::<Deployment>("hasura", paused).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    nothing_of_ours(&world).await?;
    let kept: Secret = world.get("shop-auth").await?;
    ensure!(kept.metadata.owner_references.is_none(), "{kept:?}");
    let note = world.event("shop", "LeftBehind").await?;
    ensure!(note.contains("old pods"), "{note}");
    Ok(())
}

async fn nothing_of_ours(world: &World) -> anyhow::Result<()> {
    let deployment: Deployment = world.get("hasura").await?;
    let ours = |manager: &Option<String>| manager.as_deref() == Some("logto-hasura");
    let fields = deployment.managed_fields();
    ensure!(!fields.iter().any(|entry| ours(&entry.manager)));
    let spec = serde_json::to_string(&deployment.spec)?;
    ensure!(!spec.contains("auth-hash") && !spec.contains(JWT_SECRET));
    Ok(())
}

/// The user took his lines out before.
async fn with_delete_a_secret_that_nobody_refers_to_goes(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.edit::<HasuraInstance>("shop", delete()).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world
        .waiting::<HasuraInstance>("shop", "NotReferenced")
        .await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.gone::<Secret>("shop-auth").await?;
    nothing_of_ours(&world).await
}

async fn with_delete_a_config_map_that_the_manifest_names_stays_and_is_said(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let lines = reference("configMapKeyRef", "shop-auth");
    base(&world, deployment_with(&world, lines)).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "ConfigMap"})))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.edit::<HasuraInstance>("shop", delete()).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let kept: ConfigMap = world.get("shop-auth").await?;
    ensure!(kept.metadata.owner_references.is_none(), "{kept:?}");
    let note = world.event("shop", "LeftBehind").await?;
    ensure!(note.contains("still refers to it"), "{note}");
    let fields = world.get::<Deployment>("hasura").await?;
    let spec = serde_json::to_string(&fields.spec)?;
    ensure!(!spec.contains("auth-hash"), "the annotation is left");
    Ok(())
}

async fn with_delete_the_secret_of_a_hasura_elsewhere_goes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world, world.deployment()).await?;
    let mut elsewhere = delivering(&world, json!({"mode": "Secret"}));
    let spec = elsewhere["spec"].as_object_mut().unwrap();
    spec.remove("deploymentRef");
    spec.insert("deletionPolicy".into(), json!("Delete"));
    world.apply::<HasuraInstance>(elsewhere).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.get::<Secret>("shop-auth").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.gone::<Secret>("shop-auth").await
}

async fn with_delete_a_secret_that_a_second_deployment_shares_stays(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let secret = json!({"spec": {"deletionPolicy": "Delete", "delivery": {"mode": "Secret"}}});
    world.edit::<HasuraInstance>("shop", secret).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let mut second = world.deployment_named("second");
    add_env(&mut second, reference("secretKeyRef", "shop-auth"));
    world.apply::<Deployment>(second).await?;
    // Neither a switch nor a deletion takes it from under the second one.
    let patch_env = json!({"spec": {"delivery": {"mode": "PatchEnv"}}});
    world.edit::<HasuraInstance>("shop", patch_env).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    world.get::<Secret>("shop-auth").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let kept: Secret = world.get("shop-auth").await?;
    ensure!(kept.metadata.owner_references.is_none(), "{kept:?}");
    Ok(())
}

async fn what_was_left_and_then_changed_is_somebody_elses(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    let instance = delivering(&world, json!({"mode": "Secret"}));
    world.apply::<HasuraInstance>(instance.clone()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let mine = json!({"stringData": {JWT_SECRET: "mine"}});
    world.edit::<Secret>("shop-auth", mine).await?;
    world.apply::<HasuraInstance>(instance).await?;
    world
        .stalled::<HasuraInstance>("shop", "DeliveryTaken")
        .await?;
    ensure!(value(&world.get("shop-auth").await?) == "mine");
    Ok(())
}

async fn what_another_instance_left_is_not_taken(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base_with_reference(&world).await?;
    let delivery = json!({"mode": "Secret", "name": "shop-auth"});
    let mut other = delivering(&world, delivery);
    other["metadata"]["name"] = json!("other");
    other["spec"]["apiResource"]["indicator"] = json!("https://other.example.com/");
    world.apply::<HasuraInstance>(other).await?;
    world.ready::<HasuraInstance>("other").await?;
    world.delete::<HasuraInstance>("other").await?;
    world.gone::<HasuraInstance>("other").await?;
    let left: Secret = world.get("shop-auth").await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world
        .stalled::<HasuraInstance>("shop", "DeliveryTaken")
        .await?;
    let now: Secret = world.get("shop-auth").await?;
    ensure!(now.resource_version() == left.resource_version());
    Ok(())
}

/// Its owner would take it along, and no pod would start any more.
async fn a_secret_that_pods_need_is_not_lost_with_the_right_to_retain_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let user = world.namespace.clone();
    give(&world, &user, true).await?;
    give_secrets(&world, &user).await?;
    world.start_operator_as(&user, &["--release-after", "500ms"])?;
    base_with_reference(&world).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.delete::<RoleBinding>("secrets").await?;
    world.delete::<HasuraInstance>("shop").await?;
    let note = world.event("shop", "RetainFailed").await?;
    ensure!(
        note.contains("shop-auth") && note.contains("delivery.secrets"),
        "{note}"
    );
    world.get::<HasuraInstance>("shop").await?;
    give_secrets(&world, &user).await?;
    world.gone::<HasuraInstance>("shop").await?;
    let kept: Secret = world.get("shop-auth").await?;
    ensure!(kept.metadata.owner_references.is_none(), "{kept:?}");
    take(&world, &user).await
}
