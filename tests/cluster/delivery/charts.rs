//! Charts that always take the setting from a Secret, under a key of theirs.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use kube::ResourceExt;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use serde_json::{Value, json};

use super::{JWT_SECRET, alice_gets_in, base, delivering, deployment_with};
use crate::{
    deployments::{add_env, container, generation},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_chart_that_always_names_a_secret_and_a_key_gets_the_settings_under_both,
        a_reference_to_nothing_is_told_the_delivery_that_fits_it,
        a_setting_that_another_entry_reads_is_not_written,
        a_key_that_is_renamed_stays_until_no_pod_reads_it,
    ]
}

fn of_secret(variable: &str, name: &str, key: &str) -> Value {
    json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}})
}

/// What the chart renders: its own Secret, and the JWT secret from the one of this name.
fn chart(secret: &str, unauthorized_role: &str) -> Value {
    let of_its_own = |variable, key| of_secret(variable, "hasura-secrets", key);
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "hasura", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "hasura"}},
            "template": {
                "metadata": {"labels": {"app": "hasura"}, "annotations": {"checksum/secret": "0"}},
                "spec": {
                    "initContainers": [{"name": "wait", "image": "busybox:1", "command": ["sh", "-c", "true"]}],
                    "containers": [{
                        "name": "hasura",
                        "image": "hasura/graphql-engine:v2.2.0.cli-migrations-v3",
                        "env": [
                            of_its_own("HASURA_GRAPHQL_DATABASE_URL", "pg.url"),
                            of_its_own("HASURA_GRAPHQL_ADMIN_SECRET", "admin.secret"),
                            of_secret(JWT_SECRET, secret, "jwt.secret"),
                            {"name": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "value": unauthorized_role},
                        ],
                        "livenessProbe": probe, "readinessProbe": probe,
                    }],
                },
            },
        },
    })
}

fn secret_of_the_chart() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hasura-secrets"},
        "stringData": {
            "admin.secret": "only-in-tests",
            "jwt.secret": r#"{"type":"HS256","key":"an-old-shared-key-of-at-least-32-bytes"}"#,
            "pg.url": "postgres://db/hasura",
        },
    })
}

async fn deliver(world: &World, delivery: Value) -> anyhow::Result<()> {
    let spec = json!({"spec": {"delivery": delivery}});
    world.edit::<HasuraInstance>("shop", spec).await?;
    Ok(())
}

async fn keys_of(world: &World, name: &str) -> anyhow::Result<Vec<String>> {
    let secret: Secret = world.get(name).await?;
    Ok(secret.data.unwrap_or_default().into_keys().collect())
}

async fn a_chart_that_always_names_a_secret_and_a_key_gets_the_settings_under_both(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let theirs: Secret = world.apply(secret_of_the_chart()).await?;
    base(&world, chart("hasura-secrets", "")).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "EnvUsesValueFrom")
        .await?;
    for words in [
        r#"key "jwt.secret" of Secret "hasura-secrets""#,
        "somebody else made",
        "{mode: Secret, name: shop-auth, keys: {jwtSecret: jwt.secret}}",
    ] {
        ensure!(message.contains(words), "{words}: {message}");
    }

    let keys = json!({"jwtSecret": "jwt.secret"});
    let into_theirs = json!({"mode": "Secret", "name": "hasura-secrets", "keys": keys});
    deliver(&world, into_theirs).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "DeliveryTaken")
        .await?;
    ensure!(
        message.contains(JWT_SECRET) && message.contains("spec.delivery.keys"),
        "{message}"
    );

    // Hasura does not start with an empty role either, which the chart's values can mend.
    deliver(&world, json!({"name": "shop-auth"})).await?;
    world
        .apply::<Deployment>(chart("shop-auth", "anonymous"))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    alice_gets_in(&world).await?;
    ensure!(keys_of(&world, "shop-auth").await? == ["jwt.secret"]);
    let after: Secret = world.get("hasura-secrets").await?;
    ensure!(
        after.resource_version() == theirs.resource_version(),
        "the chart's Secret was touched"
    );
    Ok(())
}

async fn a_reference_to_nothing_is_told_the_delivery_that_fits_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let entry = of_secret(JWT_SECRET, "hasura-jwt", "jwt.secret");
    base(&world, deployment_with(&world, entry)).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "EnvUsesValueFrom")
        .await?;
    let (_, told) = message
        .split_once("spec.delivery ")
        .context(message.clone())?;
    let (told, _) = told.split_once(" the operator").context(message.clone())?;
    let told: Value = serde_saphyr::from_str(told)?;
    deliver(&world, told).await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    alice_gets_in(&world).await?;
    ensure!(keys_of(&world, "hasura-jwt").await? == ["jwt.secret"]);
    Ok(())
}

async fn a_setting_that_another_entry_reads_is_not_written(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let entry = of_secret(JWT_SECRET, "shop-auth", "jwt.secret");
    let good = deployment_with(&world, entry);
    let mut deployment = good.clone();
    let admin = "HASURA_GRAPHQL_ADMIN_SECRET";
    container(&mut deployment)["env"][1] = of_secret(admin, "shop-auth", "jwt.secret");
    base(&world, deployment).await?;
    let delivery = json!({"mode": "Secret", "keys": {"jwtSecret": "jwt.secret"}});
    world
        .apply::<HasuraInstance>(delivering(&world, delivery))
        .await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "DeliveryMisread")
        .await?;
    ensure!(message.contains(admin), "{message}");
    let made = world.api::<Secret>().get_opt("shop-auth").await?;
    ensure!(made.is_none(), "everybody would know the admin secret");
    ensure!(generation(&world).await? == 1, "the Deployment was written");
    world.apply::<Deployment>(good.clone()).await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;

    // Later too, and before the other containers.
    let mut later = good.clone();
    let init = json!([{
        "name": "migrate", "image": "example.com/migrate:1",
        "env": [of_secret("PASSWORD", "shop-auth", "jwt.secret")],
    }]);
    later["spec"]["template"]["spec"]["initContainers"] = init;
    world.apply::<Deployment>(later).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "DeliveryMisread")
        .await?;
    ensure!(
        message.contains("migrate") && message.contains("PASSWORD"),
        "{message}"
    );
    world.apply::<Deployment>(good).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn a_key_that_is_renamed_stays_until_no_pod_reads_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--credentials-recheck", "1s"])?;
    // By references of the operator's own first.
    world.example_is_ready().await?;
    let keys = |key: &str| json!({"mode": "Secret", "keys": {"jwtSecret": key}});
    let only = async |key: &'static str| {
        let what = format!("{key} to be the only key");
        let look = || async { Ok((keys_of(&world, "shop-auth").await? == [key]).then_some(())) };
        world.until(&what, look).await
    };
    deliver(&world, keys("jwt.secret")).await?;
    world.ready::<HasuraInstance>("shop").await?;
    only("jwt.secret").await?;
    deliver(&world, keys("jwt")).await?;
    world.ready::<HasuraInstance>("shop").await?;
    only("jwt").await?;
    ensure!(generation(&world).await? == 4, "not one rollout each");

    // Then by those of a manifest.
    let mut deployment = world.deployment();
    add_env(&mut deployment, of_secret(JWT_SECRET, "shop-auth", "jwt"));
    world.apply::<Deployment>(deployment.clone()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    deliver(&world, keys("jwt.key")).await?;
    let message = world
        .waiting::<HasuraInstance>("shop", "NotReferenced")
        .await?;
    for words in ["key: jwt.key}", "spec.delivery.keys is {jwtSecret: jwt}"] {
        ensure!(message.contains(words), "{words}: {message}");
    }
    ensure!(keys_of(&world, "shop-auth").await? == ["jwt", "jwt.key"]);
    let env = container(&mut deployment)["env"].as_array_mut();
    let entry = env.and_then(|env| env.last_mut()).context("an entry")?;
    *entry = of_secret(JWT_SECRET, "shop-auth", "jwt.key");
    world.apply::<Deployment>(deployment).await?;
    world.ready::<HasuraInstance>("shop").await?;
    only("jwt.key").await?;
    alice_gets_in(&world).await?;
    let spec = json!({"spec": {"delivery": {"keys": null, "mode": "PatchEnv"}}});
    world.edit::<HasuraInstance>("shop", spec).await?;
    world
        .stalled::<HasuraInstance>("shop", "EnvUsesValueFrom")
        .await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.gone::<Secret>("shop-auth").await?;
    Ok(())
}
