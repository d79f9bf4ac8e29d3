//! What the operator finds on Hasura's Deployment and does not patch over.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_hasura::api::{HasuraInstance, LogtoTenant};
use serde_json::json;

use crate::{
    deployments::{JWT_SECRET, add_env, base_with, container, generation},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_container_that_can_not_be_told_is_said_with_the_names,
        an_env_entry_of_another_manager_is_named_and_left_alone,
        an_env_entry_by_value_from_is_said_and_left_alone,
        a_webhook_beside_the_jwt_secret_is_refused_before_it_could_crash_hasura,
        a_hasura_without_admin_secret_is_never_patched,
        an_admin_secret_by_env_from_is_found,
        a_flag_that_would_win_over_the_env_is_refused,
        strategy_recreate_needs_consent,
        keys_that_do_not_answer_are_not_handed_to_hasura,
        keys_of_another_logto_are_not_handed_to_hasura,
        a_webhook_added_later_is_said_before_pods_crash,
    ]
}

async fn a_container_that_can_not_be_told_is_said_with_the_names(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    container(&mut deployment)["name"] = json!("hasura");
    container(&mut deployment)["image"] = json!("registry.example.com/shop/hasura:1");
    let sidecar = json!({"name": "proxy", "image": "example.com/proxy:1"});
    deployment["spec"]["template"]["spec"]["containers"]
        .as_array_mut()
        .context("containers")?
        .push(sidecar);
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "ContainerNotFound")
        .await?;
    ensure!(
        message.contains("hasura") && message.contains("proxy"),
        "{message}"
    );
    ensure!(generation(&world).await? == 1);
    Ok(())
}

async fn an_env_entry_of_another_manager_is_named_and_left_alone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let theirs = r#"{"jwk_url":"https://elsewhere.example.com/jwks"}"#;
    let mut deployment = world.deployment();
    add_env(
        &mut deployment,
        json!({"name": JWT_SECRET, "value": theirs}),
    );
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "EnvConflict")
        .await?;
    ensure!(
        message.contains("\"test\"") || message.contains("test"),
        "the manager is named: {message}"
    );
    ensure!(world.env("hasura", JWT_SECRET).await?.as_deref() == Some(theirs));
    ensure!(generation(&world).await? == 1);

    // Its manager takes it away, and the operator goes on by itself.
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn an_env_entry_by_value_from_is_said_and_left_alone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    let source = json!({"secretKeyRef": {"name": "hasura-settings", "key": "jwt"}});
    add_env(
        &mut deployment,
        json!({"name": JWT_SECRET, "valueFrom": source}),
    );
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "EnvUsesValueFrom")
        .await?;
    ensure!(message.contains(JWT_SECRET), "{message}");
    ensure!(generation(&world).await? == 1);
    Ok(())
}

async fn a_webhook_beside_the_jwt_secret_is_refused_before_it_could_crash_hasura(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    add_env(
        &mut deployment,
        json!({"name": "HASURA_GRAPHQL_AUTH_HOOK", "value": "https://hook.example.com/"}),
    );
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "AuthHookSet")
        .await?;
    ensure!(message.contains("HASURA_GRAPHQL_AUTH_HOOK"), "{message}");
    ensure!(generation(&world).await? == 1 && world.env("hasura", JWT_SECRET).await?.is_none());

    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn a_hasura_without_admin_secret_is_never_patched(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    container(&mut deployment)["env"]
        .as_array_mut()
        .context("env")?
        .remove(1);
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "AdminSecretMissing")
        .await?;
    ensure!(message.contains("HASURA_GRAPHQL_ADMIN_SECRET"), "{message}");
    ensure!(generation(&world).await? == 1);
    Ok(())
}

async fn an_admin_secret_by_env_from_is_found(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let settings = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hasura-settings"},
        "stringData": {"HASURA_GRAPHQL_ADMIN_SECRET": "only-in-tests"},
    });
    world.apply::<Secret>(settings).await?;
    let mut deployment = world.deployment();
    container(&mut deployment)["env"]
        .as_array_mut()
        .context("env")?
        .remove(1);
    container(&mut deployment)["envFrom"] = json!([{"secretRef": {"name": "hasura-settings"}}]);
    base_with(&world, deployment).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn a_flag_that_would_win_over_the_env_is_refused(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    container(&mut deployment)["args"] = json!(["graphql-engine", "serve", "--jwt-secret", "{}"]);
    base_with(&world, deployment).await?;
    let message = world.stalled::<HasuraInstance>("shop", "FlagWins").await?;
    ensure!(message.contains("--jwt-secret"), "{message}");
    Ok(())
}

async fn strategy_recreate_needs_consent(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    deployment["spec"]["strategy"] = json!({"type": "Recreate"});
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "StrategyStopsAllPods")
        .await?;
    ensure!(message.contains("allowRecreate"), "{message}");
    world
        .edit::<HasuraInstance>(
            "shop",
            json!({"spec": {"delivery": {"allowRecreate": true}}}),
        )
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn keys_that_do_not_answer_are_not_handed_to_hasura(world: Arc<World>) -> anyhow::Result<()> {
    world.logto.switches().jwks_down(true);
    world.start_operator(&[])?;
    world.apply_example().await?;
    let message = world
        .waiting::<LogtoTenant>("main", "JwksUnreachable")
        .await?;
    ensure!(message.contains("/oidc/jwks"), "{message}");
    world
        .waiting::<HasuraInstance>("shop", "JwksUnreachable")
        .await?;
    world.published("user-reader").await?;
    ensure!(generation(&world).await? == 1);
    world.logto.switches().jwks_down(false);
    world.ready::<LogtoTenant>("main").await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn keys_of_another_logto_are_not_handed_to_hasura(world: Arc<World>) -> anyhow::Result<()> {
    let other = logto_emulator::Emulator::start().await?;
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    let mut tenant = world.tenant();
    tenant["spec"]["endpointForHasura"] = json!(other.endpoint());
    world.apply::<LogtoTenant>(tenant).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    let message = world.stalled::<LogtoTenant>("main", "JwksMismatch").await?;
    ensure!(message.contains("endpointForHasura"), "{message}");
    world
        .stalled::<HasuraInstance>("shop", "JwksMismatch")
        .await?;
    ensure!(generation(&world).await? == 1);
    ensure!(
        !other.requests().contains_key("POST /oidc/token"),
        "no credentials went there"
    );
    Ok(())
}

async fn a_webhook_added_later_is_said_before_pods_crash(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let mut deployment = world.deployment();
    deployment["spec"]["paused"] = json!(true);
    add_env(
        &mut deployment,
        json!({"name": "HASURA_GRAPHQL_AUTH_HOOK", "value": "https://hook.example.com/"}),
    );
    world.apply::<Deployment>(deployment).await?;
    world
        .stalled::<HasuraInstance>("shop", "AuthHookSet")
        .await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}
