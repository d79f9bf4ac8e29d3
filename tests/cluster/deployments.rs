//! What becomes of Hasura's Deployment: patched once, never broken, rolled out for real.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

const JWT_SECRET: &str = "HASURA_GRAPHQL_JWT_SECRET";

pub fn tests() -> Vec<Test> {
    tests![
        the_two_role_example_ends_ready_after_one_rollout,
        a_deployment_that_comes_late_is_waited_for,
        a_deployment_made_anew_gets_the_settings_again,
        a_container_that_is_missing_or_ambiguous_is_said_with_the_names,
        the_only_container_is_taken_whatever_its_name,
        an_env_entry_of_another_manager_is_named_and_left_alone,
        an_env_entry_by_value_from_is_said_and_left_alone,
        a_webhook_beside_the_jwt_secret_is_refused_before_it_could_crash_hasura,
        a_hasura_without_admin_secret_is_never_patched,
        an_admin_secret_by_env_from_is_found,
        a_flag_that_would_win_over_the_env_is_refused,
        strategy_recreate_needs_consent,
        keys_that_do_not_answer_are_not_handed_to_hasura,
        keys_of_another_logto_are_not_handed_to_hasura,
        pods_that_crash_make_a_stuck_rollout_that_recovers_when_the_cause_is_mended,
        a_later_image_bump_or_scale_to_zero_does_not_undo_ready,
        an_env_entry_removed_by_hand_comes_back,
        the_unauthorized_role_comes_and_goes_with_the_spec,
    ]
}

async fn base_with(world: &World, deployment: Value) -> anyhow::Result<()> {
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<Deployment>(deployment).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    Ok(())
}

fn container(deployment: &mut Value) -> &mut Value {
    &mut deployment["spec"]["template"]["spec"]["containers"][0]
}

fn add_env(deployment: &mut Value, entry: Value) {
    if let Some(env) = container(deployment)["env"].as_array_mut() {
        env.push(entry);
    }
}

async fn generation(world: &World) -> anyhow::Result<i64> {
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
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
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

async fn a_container_that_is_missing_or_ambiguous_is_said_with_the_names(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    container(&mut deployment)["name"] = json!("hasura");
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

async fn the_only_container_is_taken_whatever_its_name(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    container(&mut deployment)["name"] = json!("engine");
    base_with(&world, deployment).await?;
    world.ready::<HasuraInstance>("shop").await?;
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
    world.ready::<HasuraRoleBinding>("user-reader").await?;
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
        other.requests().get("POST /oidc/token").is_none(),
        "no credentials went there"
    );
    Ok(())
}

async fn pods_that_crash_make_a_stuck_rollout_that_recovers_when_the_cause_is_mended(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    // Nobody can see inside the wrapper; Hasura does not start with the value that it exports.
    add_env(
        &mut deployment,
        json!({"name": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "valueFrom": {
            "configMapKeyRef": {"name": "hasura-roles", "key": "anonymous"}
        }}),
    );
    let roles = |role: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hasura-roles"}, "data": {"anonymous": role}});
    world
        .apply::<k8s_openapi::api::core::v1::ConfigMap>(roles(""))
        .await?;
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "RolloutStuck")
        .await?;
    ensure!(message.contains("old pods go on serving"), "{message}");
    world
        .apply::<k8s_openapi::api::core::v1::ConfigMap>(roles("guest"))
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
    deployment["spec"]["replicas"] = json!(0);
    world.apply::<Deployment>(deployment).await?;
    world
        .until("the scale to zero", || async {
            let status = world
                .get::<Deployment>("hasura")
                .await?
                .status
                .unwrap_or_default();
            Ok(
                (status.replicas.unwrap_or_default() == 0 && status.observed_generation == Some(4))
                    .then_some(()),
            )
        })
        .await?;
    world.quiet().await?;
    let after: HasuraInstance = world.get("shop").await?;
    ensure!(
        after.metadata.resource_version == before.metadata.resource_version,
        "the status was written: {after:?}"
    );
    Ok(())
}

async fn an_env_entry_removed_by_hand_comes_back(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let deployments: Api<Deployment> = world.api();
    let without = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "graphql-engine", "env": [{"name": JWT_SECRET, "$patch": "delete"}]}
    ]}}}});
    deployments
        .patch(
            "hasura",
            &PatchParams::default(),
            &Patch::Strategic(without),
        )
        .await?;
    world
        .until("the entry", || async {
            Ok(world.env("hasura", JWT_SECRET).await?.map(|_| ()))
        })
        .await?;
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
