//! What becomes of Hasura's Deployment: patched once, never broken, rolled out for real.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use kube::api::{Patch, PatchParams};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub const JWT_SECRET: &str = "HASURA_GRAPHQL_JWT_SECRET";

pub fn tests() -> Vec<Test> {
    tests![
        the_two_role_example_ends_ready_after_one_rollout,
        a_deployment_that_comes_late_is_waited_for,
        a_deployment_made_anew_gets_the_settings_again,
        the_only_container_is_taken_whatever_its_name,
        pods_that_crash_make_a_stuck_rollout_that_recovers_when_the_cause_is_mended,
        a_later_image_bump_or_scale_to_zero_does_not_undo_ready,
        an_env_entry_removed_by_hand_comes_back,
        a_value_that_was_put_back_is_not_ready_before_its_rollout,
        the_unauthorized_role_comes_and_goes_with_the_spec,
    ]
}

pub async fn base_with(world: &World, deployment: Value) -> anyhow::Result<()> {
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<Deployment>(deployment).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    Ok(())
}

pub fn container(deployment: &mut Value) -> &mut Value {
    &mut deployment["spec"]["template"]["spec"]["containers"][0]
}

pub fn add_env(deployment: &mut Value, entry: Value) {
    if let Some(env) = container(deployment)["env"].as_array_mut() {
        env.push(entry);
    }
}

pub async fn generation(world: &World) -> anyhow::Result<i64> {
    world
        .get::<Deployment>("hasura")
        .await?
        .metadata
        .generation
        .context("a generation")
}

async fn the_two_role_example_ends_ready_after_one_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let secret = world
        .env("hasura", JWT_SECRET)
        .await?
        .context("the JWT secret")?;
    let secret: Value = serde_json::from_str(&secret)?;
    ensure!(secret["audience"] == INDICATOR, "{secret}");
    ensure!(
        secret["issuer"] == format!("{}/oidc", world.logto.endpoint()),
        "{secret}"
    );
    ensure!(
        secret["jwk_url"] == format!("{}/oidc/jwks", world.logto.endpoint()),
        "{secret}"
    );
    ensure!(
        secret["extra_required_claims"] == json!(["audience", "issuer"]),
        "{secret}"
    );

    let deployment: Deployment = world.get("hasura").await?;
    let status = deployment.status.context("a status")?;
    ensure!(
        status.available_replicas == Some(2) && status.updated_replicas == Some(2),
        "{status:?}"
    );
    ensure!(generation(&world).await? == 2, "one patch");
    let managers = deployment.metadata.managed_fields.unwrap_or_default();
    let ours = managers
        .into_iter()
        .find(|entry| entry.manager.as_deref() == Some("logto-hasura"))
        .context("our fields")?;
    let fields = serde_json::to_string(&ours.fields_v1)?;
    ensure!(
        fields.matches("k:{").count() == 2,
        "only one container's one entry is ours: {fields}"
    );
    Ok(())
}

async fn a_deployment_that_comes_late_is_waited_for(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    let message = world
        .waiting::<HasuraInstance>("shop", "DeploymentNotFound")
        .await?;
    ensure!(message.contains("hasura"), "{message}");
    world.published("user-reader").await?;
    let message = world
        .waiting::<HasuraRoleBinding>("user-reader", "InstanceNotReady")
        .await?;
    ensure!(message.contains("shop"), "{message}");
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    Ok(())
}

async fn a_deployment_made_anew_gets_the_settings_again(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.delete::<Deployment>("hasura").await?;
    world
        .waiting::<HasuraInstance>("shop", "DeploymentNotFound")
        .await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(world.env("hasura", JWT_SECRET).await?.is_some());
    Ok(())
}

async fn the_only_container_is_taken_whatever_its_name(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    container(&mut deployment)["name"] = json!("engine");
    base_with(&world, deployment).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn pods_that_crash_make_a_stuck_rollout_that_recovers_when_the_cause_is_mended(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    // Its value is not looked at, and Hasura does not start with this one.
    add_env(
        &mut deployment,
        json!({"name": "HASURA_GRAPHQL_AUTH_HOOK_TYPE", "valueFrom": {
            "configMapKeyRef": {"name": "hasura-hook", "key": "type"}
        }}),
    );
    let hook = |type_: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hasura-hook"}, "data": {"type": type_}});
    world
        .apply::<k8s_openapi::api::core::v1::ConfigMap>(hook("PUT"))
        .await?;
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "RolloutStuck")
        .await?;
    ensure!(message.contains("old pods go on serving"), "{message}");
    world
        .apply::<k8s_openapi::api::core::v1::ConfigMap>(hook("GET"))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn a_later_image_bump_or_scale_to_zero_does_not_undo_ready(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let before = world.ready::<HasuraInstance>("shop").await?;
    let mut deployment = world.deployment();
    container(&mut deployment)["image"] = json!("hasura/graphql-engine:v2.48.7");
    world.apply::<Deployment>(deployment.clone()).await?;
    rolled_out(&world).await?;
    world.quiet().await?;
    let bumped: HasuraInstance = world.get("shop").await?;
    ensure!(
        bumped.metadata.resource_version == before.metadata.resource_version,
        "the status was written: {bumped:?}"
    );
    deployment["spec"]["replicas"] = json!(0);
    world.apply::<Deployment>(deployment).await?;
    let ready = |instance: &HasuraInstance| {
        let conditions = instance.status.iter().flat_map(|status| &status.conditions);
        let mut ready = conditions.filter(|condition| condition.type_ == "Ready");
        ready.next().cloned()
    };
    let (before, after) = world
        .until("the scale to zero to be said", || async {
            let after: HasuraInstance = world.get("shop").await?;
            let pair = ready(&bumped).zip(ready(&after)).context("Ready")?;
            Ok(pair.1.message.contains("no replica runs").then_some(pair))
        })
        .await?;
    ensure!(
        after.status == "True" && after.last_transition_time == before.last_transition_time,
        "{after:?}"
    );
    Ok(())
}

async fn an_env_entry_removed_by_hand_comes_back(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    remove_the_entry(&world, Value::Null).await?;
    world
        .until("the entry", || async {
            Ok(world.env("hasura", JWT_SECRET).await?.map(|_| ()))
        })
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

/// Takes the JWT secret out of the Deployment, as an edit by hand does.
pub async fn remove_the_entry(world: &World, further: Value) -> anyhow::Result<()> {
    let mut without = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "graphql-engine", "env": [{"name": JWT_SECRET, "$patch": "delete"}, further]}
    ]}}}});
    if without["spec"]["template"]["spec"]["containers"][0]["env"][1].is_null() {
        container(&mut without)["env"].as_array_mut().unwrap().pop();
    }
    let params = PatchParams {
        field_manager: Some("reverter".to_owned()),
        ..PatchParams::default()
    };
    world
        .api::<Deployment>()
        .patch("hasura", &params, &Patch::Strategic(without))
        .await?;
    Ok(())
}

/// Waits until both pods run with the Deployment's last template, and no other.
pub async fn rolled_out(world: &World) -> anyhow::Result<()> {
    world
        .until("the rollout to end", || async {
            let deployment: Deployment = world.get("hasura").await?;
            let status = deployment.status.unwrap_or_default();
            let done = status.observed_generation == deployment.metadata.generation
                && status.updated_replicas == Some(2)
                && status.available_replicas == Some(2)
                && status.replicas == Some(2);
            Ok(done.then_some(()))
        })
        .await
}

async fn a_value_that_was_put_back_is_not_ready_before_its_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.stop_operator().await?;
    remove_the_entry(&world, Value::Null).await?;
    rolled_out(&world).await?;
    let paused = |paused| json!({"spec": {"paused": paused}});
    world.edit::<Deployment>("hasura", paused(true)).await?;
    world.start_operator(&[])?;
    world
        .waiting::<HasuraInstance>("shop", "RolloutPaused")
        .await?;
    ensure!(
        world.env("hasura", JWT_SECRET).await?.is_some(),
        "the value was not put back"
    );
    world
        .condition::<HasuraInstance>("shop", "RolledOut", "False", "RolloutPaused")
        .await?;
    world.edit::<Deployment>("hasura", paused(false)).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn the_unauthorized_role_comes_and_goes_with_the_spec(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let role = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";
    world
        .edit::<HasuraInstance>(
            "shop",
            json!({"spec": {"auth": {"unauthorizedRole": "anonymous"}}}),
        )
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(world.env("hasura", role).await?.as_deref() == Some("anonymous"));
    world
        .edit::<HasuraInstance>(
            "shop",
            json!({"spec": {"auth": {"unauthorizedRole": null}}}),
        )
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(world.env("hasura", role).await?.is_none());
    ensure!(world.env("hasura", JWT_SECRET).await?.is_some());
    Ok(())
}
