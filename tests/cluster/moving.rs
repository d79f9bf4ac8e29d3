//! Which container is Hasura, and what becomes of the settings when `spec.deploymentRef` is changed.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_hasura::api::{HasuraInstance, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    deployments::{JWT_SECRET, add_env, base_with, container, generation},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        hasura_beside_a_proxy_is_found_and_a_container_that_joins_moves_nothing,
        a_container_that_is_not_there_is_said_with_advice_that_works,
        another_container_takes_one_apply_and_one_rollout,
        another_deployment_gets_the_settings_first_and_the_old_one_is_released_through_a_restart,
        with_retain_the_settings_stay_on_the_old_deployment,
        an_instance_deleted_on_its_way_leaves_nothing_on_either_deployment,
        two_instances_that_swap_their_deployments_both_end_ready,
        a_forged_status_takes_no_settings_from_any_deployment,
        with_a_secret_the_old_deployment_keeps_its_lines,
    ]
}

fn containers(deployment: &mut Value) -> &mut Vec<Value> {
    deployment["spec"]["template"]["spec"]["containers"]
        .as_array_mut()
        .unwrap()
}

/// Names another Deployment or container.
async fn name(world: &World, fields: Value) -> anyhow::Result<()> {
    let spec = json!({"spec": {"deploymentRef": fields}});
    world.edit::<HasuraInstance>("shop", spec).await?;
    Ok(())
}

/// The containers of a Deployment that have a JWT secret.
async fn with_the_setting(world: &World, deployment: &str) -> anyhow::Result<Vec<String>> {
    let deployment: Deployment = world.get(deployment).await?;
    let pod = deployment.spec.and_then(|spec| spec.template.spec);
    let containers = pod.context("a pod template")?.containers;
    let has_it = containers.into_iter().filter(|container| {
        let mut env = container.env.iter().flatten();
        env.any(|entry| entry.name == JWT_SECRET)
    });
    Ok(has_it.map(|container| container.name).collect())
}

async fn generation_of(world: &World, deployment: &str) -> anyhow::Result<Option<i64>> {
    let deployment: Deployment = world.get(deployment).await?;
    Ok(deployment.metadata.generation)
}

async fn previous(world: &World) -> anyhow::Result<Vec<String>> {
    let shop: HasuraInstance = world.get("shop").await?;
    let previous = shop.status.context("a status")?.previous_deployments;
    Ok(previous
        .into_iter()
        .filter_map(|before| before.name)
        .collect())
}

/// As people write it: a database proxy first, and a name of their own for Hasura's container.
fn beside_a_proxy(world: &World) -> Value {
    let mut deployment = world.deployment();
    container(&mut deployment)["name"] = json!("hasura");
    container(&mut deployment)["command"] = json!(["graphql-engine", "serve", "--enable-console"]);
    let anonymous = json!({"name": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "value": "anonymous"});
    add_env(&mut deployment, anonymous);
    let proxy = json!({
        "name": "cloudsql-proxy", "image": "registry.example.com/cloudsql-proxy:1.33",
        "command": ["/cloud_sql_proxy", "-instances=p:r:i=tcp:5432"],
    });
    containers(&mut deployment).insert(0, proxy);
    deployment
}

async fn hasura_beside_a_proxy_is_found_and_a_container_that_joins_moves_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = beside_a_proxy(&world);
    base_with(&world, deployment.clone()).await?;
    let shop = world.ready::<HasuraInstance>("shop").await?;
    ensure!(with_the_setting(&world, "hasura").await? == ["hasura"]);
    ensure!(generation(&world).await? == 2, "one patch");
    let at = shop.status.and_then(|status| status.deployment);
    let at = at.context("the Deployment in the status")?;
    ensure!(
        (at.name.as_deref(), at.container.as_deref()) == (Some("hasura"), Some("hasura")),
        "{at:?}"
    );

    let joins = json!({"name": "graphql-engine", "image": "registry.example.com/shop/a:1"});
    containers(&mut deployment).push(joins);
    world.apply::<Deployment>(deployment).await?;
    let (_, condition) = world
        .condition::<HasuraInstance>("shop", "ContainerAmbiguous", "True", "ResolvesElsewhere")
        .await?;
    let advice = "spec.deploymentRef.container";
    ensure!(condition.message.contains(advice), "{condition:?}");
    world.quiet().await?;
    ensure!(with_the_setting(&world, "hasura").await? == ["hasura"]);
    ensure!(generation(&world).await? == 3, "the operator patched it");

    name(&world, json!({"container": "hasura"})).await?;
    world
        .until("the condition to go", || async {
            let shop = world.ready::<HasuraInstance>("shop").await?;
            let mut conditions = shop.status.context("a status")?.conditions.into_iter();
            let is_there = conditions.any(|condition| condition.type_ == "ContainerAmbiguous");
            Ok((!is_there).then_some(()))
        })
        .await?;
    ensure!(generation(&world).await? == 3, "the operator patched it");
    Ok(())
}

async fn a_container_that_is_not_there_is_said_with_advice_that_works(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<Deployment>(beside_a_proxy(&world)).await?;
    let mut instance = world.instance();
    instance["spec"]["deploymentRef"]["container"] = json!("graphql-engine");
    world.apply::<HasuraInstance>(instance).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "ContainerNotFound")
        .await?;
    let advice = "set spec.deploymentRef.container to one of: cloudsql-proxy, hasura";
    ensure!(message.contains(advice), "{message}");
    ensure!(generation(&world).await? == 1);
    name(&world, json!({"container": "hasura"})).await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(with_the_setting(&world, "hasura").await? == ["hasura"]);
    Ok(())
}

async fn another_container_takes_one_apply_and_one_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    let mut second = container(&mut deployment).clone();
    second["name"] = json!("second");
    containers(&mut deployment).push(second);
    base_with(&world, deployment).await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(with_the_setting(&world, "hasura").await? == ["graphql-engine"]);
    ensure!(generation(&world).await? == 2, "one patch");
    for (number, to) in [(3, json!("second")), (4, Value::Null)] {
        name(&world, json!({"container": to})).await?;
        let shop = world.ready::<HasuraInstance>("shop").await?;
        let expected = to.as_str().unwrap_or("graphql-engine");
        ensure!(with_the_setting(&world, "hasura").await? == [expected]);
        ensure!(generation(&world).await? == number, "not one patch");
        let at = shop.status.and_then(|status| status.deployment);
        let container = at.and_then(|at| at.container);
        ensure!(container.as_deref() == Some(expected), "{container:?}");
    }
    Ok(())
}

/// The Deployment `other`, whose rollouts wait.
async fn other_waits(world: &World) -> anyhow::Result<()> {
    let mut other = world.deployment_named("other");
    other["spec"]["paused"] = json!(true);
    world.apply::<Deployment>(other).await?;
    Ok(())
}

/// The instance is on `hasura`, has this policy and comes to name `other`, whose rollout waits.
async fn on_the_way(world: &World, policy: &str) -> anyhow::Result<()> {
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    other_waits(world).await?;
    let spec = json!({"spec": {"deletionPolicy": policy, "deploymentRef": {"name": "other"}}});
    world.edit::<HasuraInstance>("shop", spec).await?;
    world
        .waiting::<HasuraInstance>("shop", "RolloutPaused")
        .await?;
    ensure!(with_the_setting(world, "hasura").await? == ["graphql-engine"]);
    ensure!(with_the_setting(world, "other").await? == ["graphql-engine"]);
    ensure!(previous(world).await? == ["hasura"]);
    Ok(())
}

async fn go_on(world: &World) -> anyhow::Result<()> {
    let paused = json!({"spec": {"paused": false}});
    world.edit::<Deployment>("other", paused).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let none: [&str; 0] = [];
    ensure!(previous(world).await? == none);
    Ok(())
}

async fn another_deployment_gets_the_settings_first_and_the_old_one_is_released_through_a_restart(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    on_the_way(&world, "Delete").await?;
    world.stop_operator().await?;
    world.start_operator(&[])?;
    go_on(&world).await?;
    let note = world.event("shop", "DeploymentReleased").await?;
    ensure!(note.contains("hasura"), "{note}");
    let none: [&str; 0] = [];
    ensure!(with_the_setting(&world, "hasura").await? == none);
    ensure!(generation(&world).await? == 3, "written once, left once");
    ensure!(with_the_setting(&world, "other").await? == ["graphql-engine"]);
    world.quiet().await?;

    // And back, where the Deployment is gone before it could be released.
    world.delete::<Deployment>("other").await?;
    name(&world, json!({"name": "hasura"})).await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(previous(&world).await? == none);
    ensure!(with_the_setting(&world, "hasura").await? == ["graphql-engine"]);
    Ok(())
}

async fn with_retain_the_settings_stay_on_the_old_deployment(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    on_the_way(&world, "Retain").await?;
    go_on(&world).await?;
    let note = world.event("shop", "DeploymentReleased").await?;
    ensure!(note.contains("Retain") && note.contains("hasura"), "{note}");
    ensure!(with_the_setting(&world, "hasura").await? == ["graphql-engine"]);
    ensure!(generation(&world).await? == 2, "left as it was");
    Ok(())
}

async fn an_instance_deleted_on_its_way_leaves_nothing_on_either_deployment(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    on_the_way(&world, "Delete").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let none: [&str; 0] = [];
    ensure!(with_the_setting(&world, "hasura").await? == none);
    ensure!(with_the_setting(&world, "other").await? == none);
    Ok(())
}

/// The instance `billing`, for a Deployment of its own.
fn billing(world: &World, deployment: &str) -> Value {
    let mut billing = world.instance();
    billing["metadata"]["name"] = json!("billing");
    billing["spec"]["apiResource"]["indicator"] = json!("https://billing.example.com/");
    billing["spec"]["logtoRoleNamePrefix"] = json!("billing-");
    billing["spec"]["deploymentRef"]["name"] = json!(deployment);
    billing["spec"]["deletionPolicy"] = json!("Delete");
    billing
}

async fn two_instances_that_swap_their_deployments_both_end_ready(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let other = world.deployment_named("other");
    world.apply::<Deployment>(other).await?;
    let delete = json!({"spec": {"deletionPolicy": "Delete"}});
    world.edit::<HasuraInstance>("shop", delete).await?;
    world
        .apply::<HasuraInstance>(billing(&world, "other"))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraInstance>("billing").await?;
    name(&world, json!({"name": "other"})).await?;
    // It is the older one, and takes nothing from the one that is there.
    let message = world
        .stalled::<HasuraInstance>("shop", "DeploymentTaken")
        .await?;
    ensure!(message.contains("billing"), "{message}");
    world
        .apply::<HasuraInstance>(billing(&world, "hasura"))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraInstance>("billing").await?;
    world.quiet().await?;
    for (deployment, indicator) in [
        ("hasura", "https://billing.example.com/"),
        ("other", crate::world::INDICATOR),
    ] {
        let secret = world.env(deployment, JWT_SECRET).await?;
        let secret = secret.context("no Hasura is without settings")?;
        let secret: Value = serde_json::from_str(&secret)?;
        ensure!(secret["audience"] == indicator, "{deployment}: {secret}");
    }
    ensure!(previous(&world).await?.is_empty());
    Ok(())
}

async fn a_forged_status_takes_no_settings_from_any_deployment(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let delete = json!({"spec": {"deletionPolicy": "Delete"}});
    world.edit::<HasuraInstance>("shop", delete).await?;
    world.ready::<HasuraInstance>("shop").await?;
    // What another instance left, what it has now, and what somebody else wrote.
    for deployment in ["left", "live"] {
        let own = world.deployment_named(deployment);
        world.apply::<Deployment>(own).await?;
        let mut object = billing(&world, deployment);
        object["spec"]["deletionPolicy"] = json!("Retain");
        world.apply::<HasuraInstance>(object).await?;
        world.ready::<HasuraInstance>("billing").await?;
    }
    let mut theirs = world.deployment_named("theirs");
    let by_hand =
        json!({"name": JWT_SECRET, "value": r#"{"jwk_url":"https://a.example.com/jwks"}"#});
    add_env(&mut theirs, by_hand);
    world.apply::<Deployment>(theirs).await?;

    let (mut forged, mut before) = (Vec::new(), Vec::new());
    for deployment in ["live", "left", "theirs", "hasura"] {
        let found: Deployment = world.get(deployment).await?;
        forged.push(json!({
            "name": deployment, "container": "graphql-engine", "uid": found.metadata.uid, "authHash": "",
            "rolledOut": true,
        }));
        before.push((deployment, generation_of(&world, deployment).await?));
    }
    let status = json!({"status": {"previousDeployments": forged}});
    world.forge_status::<HasuraInstance>("shop", status).await?;
    world
        .until("the forged names to be dropped", || async {
            Ok(previous(&world).await?.is_empty().then_some(()))
        })
        .await?;
    world.quiet().await?;
    for (deployment, generation) in before {
        ensure!(
            generation_of(&world, deployment).await? == generation,
            "{deployment} was written"
        );
        ensure!(with_the_setting(&world, deployment).await? == ["graphql-engine"]);
    }
    Ok(())
}

async fn with_a_secret_the_old_deployment_keeps_its_lines(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    for name in ["hasura", "other"] {
        let mut deployment = world.deployment_named(name);
        let from = json!({"secretKeyRef": {"name": "shop-auth", "key": JWT_SECRET}});
        let entry = json!({"name": JWT_SECRET, "valueFrom": from});
        add_env(&mut deployment, entry);
        world.apply::<Deployment>(deployment).await?;
    }
    let mut instance = world.instance();
    instance["spec"]["delivery"] = json!({"mode": "Secret"});
    instance["spec"]["deletionPolicy"] = json!("Delete");
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    name(&world, json!({"name": "other"})).await?;
    world.ready::<HasuraInstance>("shop").await?;
    for (name, is_annotated) in [("hasura", false), ("other", true)] {
        let deployment: Deployment = world.get(name).await?;
        let template = deployment.spec.context("a spec")?.template;
        let annotations = template.metadata.and_then(|metadata| metadata.annotations);
        let found = annotations.is_some_and(|all| all.contains_key("logto-hasura.dev/auth-hash"));
        ensure!(found == is_annotated, "{name}");
        ensure!(with_the_setting(&world, name).await? == ["graphql-engine"]);
    }
    world.get::<Secret>("shop-auth").await?;
    Ok(())
}
