//! Settings that stand outside the Deployment: in ConfigMaps and Secrets, which nobody watches, or where they can not be seen.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use serde_json::{Value, json};

use crate::{
    deployments::{JWT_SECRET, base_with, container},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_webhook_in_a_config_map_is_missed_soon_after_it_is_gone,
        a_role_of_anonymous_callers_is_refused_wherever_it_stands,
        a_shell_that_sets_the_jwt_secret_is_refused_and_another_is_said_while_it_is_there,
        an_image_of_ones_own_is_said_while_it_is_there,
        an_old_key_is_won_over_and_its_return_is_said_before_our_entries_go,
    ]
}

const ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";
const HOOK: &str = "HASURA_GRAPHQL_AUTH_HOOK";
const ADMIN: &str = "HASURA_GRAPHQL_ADMIN_SECRET";

/// Looks again each second at what is ready; at what is refused it does by the clock of the suite.
const OFTEN: [&str; 2] = ["--resync-period", "1s"];

fn config_map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hasura-env"}, "data": data})
}

/// With these values in base64: a key that is gone from `stringData` would stay.
fn secret(mut data: Value) -> Value {
    data[ADMIN] = json!("b25seS1pbi10ZXN0cw==");
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hasura-secret"}, "data": data})
}

/// A Deployment that takes its whole environment from a ConfigMap and a Secret, with these env entries besides.
fn by_sources(world: &World, env: Value) -> Value {
    let mut deployment = world.deployment();
    let hasura = container(&mut deployment);
    hasura["name"] = json!("hasura");
    hasura["env"] = env;
    hasura["envFrom"] = json!([
        {"configMapRef": {"name": "hasura-env"}},
        {"secretRef": {"name": "hasura-secret"}},
    ]);
    deployment
}

/// Waits until an instance has a condition of this type no more.
async fn without(world: &World, type_: &str) -> anyhow::Result<()> {
    world
        .until(&format!("{type_} to be gone"), || async {
            let instance: HasuraInstance = world.get("shop").await?;
            let status = instance.status.unwrap_or_default();
            let there = status.conditions.iter().any(|found| found.type_ == type_);
            Ok((!there).then_some(()))
        })
        .await
}

async fn a_webhook_in_a_config_map_is_missed_soon_after_it_is_gone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    // The resync comes too late for it.
    world.start_operator(&["--resync-period", "10m"])?;
    let with_hook = || config_map(json!({HOOK: "http://auth.shop.svc/hook"}));
    world.apply::<ConfigMap>(with_hook()).await?;
    world.apply::<Secret>(secret(json!({}))).await?;
    base_with(&world, by_sources(&world, json!([]))).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "AuthHookSet")
        .await?;
    ensure!(message.contains("ConfigMap hasura-env"), "{message}");
    world.apply::<ConfigMap>(config_map(json!({}))).await?;
    world.ready::<HasuraInstance>("shop").await?;

    // The same with policy Observe.
    let policy = |policy: &str| json!({"spec": {"managementPolicy": policy}});
    world.apply::<ConfigMap>(with_hook()).await?;
    world
        .edit::<HasuraInstance>("shop", policy("Observe"))
        .await?;
    world
        .condition::<HasuraInstance>("shop", "InSync", "False", "AuthHookSet")
        .await?;
    world.apply::<ConfigMap>(config_map(json!({}))).await?;
    world
        .condition::<HasuraInstance>("shop", "InSync", "True", "")
        .await?;
    Ok(())
}

async fn a_role_of_anonymous_callers_is_refused_wherever_it_stands(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&OFTEN)?;
    let by_map = |role: &str| config_map(json!({ROLE: role}));
    world.apply::<ConfigMap>(by_map("user")).await?;
    world.apply::<Secret>(secret(json!({}))).await?;
    base_with(&world, by_sources(&world, json!([]))).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user", "user", "use"))
        .await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "UnauthorizedRoleBound")
        .await?;
    ensure!(
        message.contains("envFrom ConfigMap hasura-env"),
        "{message}"
    );
    ensure!(world.env("hasura", JWT_SECRET).await?.is_none());
    world.apply::<ConfigMap>(by_map("guest")).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("user").await?;

    // Pods read it whenever they start anew, so it is looked at while all is well too.
    world.apply::<ConfigMap>(by_map("admin")).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "UnauthorizedRoleInvalid")
        .await?;
    ensure!(
        message.contains("envFrom ConfigMap hasura-env"),
        "{message}"
    );
    world.apply::<ConfigMap>(config_map(json!({}))).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .apply::<Secret>(secret(json!({ROLE: "dXNlcg=="})))
        .await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "UnauthorizedRoleBound")
        .await?;
    ensure!(
        message.contains("envFrom Secret hasura-secret"),
        "{message}"
    );

    // The operator's entry wins over all of envFrom.
    let guest = json!({"spec": {"auth": {"unauthorizedRole": "guest"}}});
    world.edit::<HasuraInstance>("shop", guest).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let none = json!({"spec": {"auth": {"unauthorizedRole": null}}});
    world.edit::<HasuraInstance>("shop", none).await?;
    world
        .stalled::<HasuraInstance>("shop", "UnauthorizedRoleBound")
        .await?;
    world.apply::<Secret>(secret(json!({}))).await?;
    world.ready::<HasuraInstance>("shop").await?;

    let from = json!({"configMapKeyRef": {"name": "hasura-env", "key": "anonymous"}});
    let by_reference = by_sources(&world, json!([{"name": ROLE, "valueFrom": from}]));
    world
        .apply::<ConfigMap>(config_map(json!({"anonymous": "guest"})))
        .await?;
    world.apply::<Deployment>(by_reference).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .apply::<ConfigMap>(config_map(json!({"anonymous": "user"})))
        .await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "UnauthorizedRoleBound")
        .await?;
    ensure!(message.contains("(from ConfigMap hasura-env)"), "{message}");
    Ok(())
}

async fn a_shell_that_sets_the_jwt_secret_is_refused_and_another_is_said_while_it_is_there(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&OFTEN)?;
    let with_text = |text: &str| {
        let mut deployment = world.deployment();
        let hasura = container(&mut deployment);
        hasura["command"] = json!(["/bin/sh", "-c"]);
        hasura["args"] = json!([text]);
        hasura["env"] = json!([]);
        deployment
    };
    let sets = "set -a; . /plain/secret.env; set +a\n\
                export HASURA_GRAPHQL_JWT_SECRET=\"$(cat /plain/jwt.json)\"\n\
                exec docker-entrypoint.sh graphql-engine serve";
    base_with(&world, with_text(sets)).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "AdminSecretUnknown")
        .await?;
    ensure!(
        message.contains("shell") && message.contains(JWT_SECRET),
        "{message}"
    );
    ensure!(!message.contains("has no admin secret"), "{message}");

    // As the message asks.
    let with_admin = |text: &str| {
        let mut deployment = with_text(text);
        let from = json!({"secretKeyRef": {"name": "hasura-secret", "key": ADMIN}});
        container(&mut deployment)["env"] = json!([{"name": ADMIN, "valueFrom": from}]);
        deployment
    };
    world.apply::<Secret>(secret(json!({}))).await?;
    world.apply::<Deployment>(with_admin(sets)).await?;
    world
        .stalled::<HasuraInstance>("shop", "CommandSetsAuth")
        .await?;
    let plain =
        "set -a; . /plain/secret.env; set +a\nexec docker-entrypoint.sh graphql-engine serve";
    world.apply::<Deployment>(with_admin(plain)).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .condition::<HasuraInstance>("shop", "SettingsUnseen", "True", "OwnCommand")
        .await?;
    world.quiet().await
}

async fn an_image_of_ones_own_is_said_while_it_is_there(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&OFTEN)?;
    let mut deployment = world.deployment();
    let image = "registry.example.com/shop/hasura-with-migrations:2024-05-01";
    container(&mut deployment)["image"] = json!(image);
    base_with(&world, deployment).await?;
    let (_, unseen) = world
        .condition::<HasuraInstance>("shop", "SettingsUnseen", "True", "OwnImage")
        .await?;
    ensure!(unseen.message.contains(image), "{}", unseen.message);
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    without(&world, "SettingsUnseen").await
}

async fn an_old_key_is_won_over_and_its_return_is_said_before_our_entries_go(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&OFTEN)?;
    let key = "an-old-shared-key-of-at-least-32-bytes";
    let old = json!({"type": "HS256", "key": key}).to_string();
    let everything = json!({ADMIN: "only-in-tests", JWT_SECRET: old});
    world.apply::<ConfigMap>(config_map(everything)).await?;
    let mut deployment = by_sources(&world, json!([]));
    container(&mut deployment)["envFrom"] = json!([{"configMapRef": {"name": "hasura-env"}}]);
    base_with(&world, deployment).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let (_, exposed) = world
        .condition::<HasuraInstance>("shop", "AdminSecretExposed", "True", "StandsInPlainText")
        .await?;
    ensure!(
        exposed.message.contains("ConfigMap hasura-env"),
        "{}",
        exposed.message
    );

    let delete = json!({"spec": {"deletionPolicy": "Delete"}});
    world.edit::<HasuraInstance>("shop", delete).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let note = world.event("shop", "OlderSettingsReturn").await?;
    ensure!(
        note.contains(JWT_SECRET) && note.contains("ConfigMap hasura-env"),
        "{note}"
    );
    ensure!(!note.contains(key) && !world.operator_log().contains(key));
    ensure!(world.env("hasura", JWT_SECRET).await?.is_none());
    Ok(())
}
