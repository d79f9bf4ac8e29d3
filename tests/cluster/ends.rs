//! Deletions in every order: nothing is left that was ours alone, nothing goes that is somebody else's, and all ends.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_emulator::Emulator;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        an_instance_deleted_before_its_bindings_leaves_the_resource_and_they_say_so,
        a_binding_is_cleaned_up_after_its_instance_is_gone,
        a_tenant_deleted_before_its_bindings_is_said_and_what_is_left_is_listed,
        a_deleted_namespace_ends_and_leaves_no_role_behind,
        everything_deleted_at_once_in_any_order_ends_and_leaves_no_role_behind,
        a_namespace_whose_secret_went_first_ends_after_the_grace_time,
        a_deletion_waits_while_logto_is_down,
        two_instances_on_one_deployment_the_loser_deleted_leaves_the_env_alone,
        instances_that_ask_for_the_same_are_told_who_has_it,
    ]
}

fn our_roles(logto: &Emulator) -> usize {
    logto
        .tenant()
        .roles()
        .iter()
        .filter(|role| role.description.contains("[logto-hasura:"))
        .count()
}

async fn converged(world: &World) -> anyhow::Result<()> {
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    Ok(())
}

async fn an_instance_deleted_before_its_bindings_leaves_the_resource_and_they_say_so(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let env = world
        .env("hasura", "HASURA_GRAPHQL_JWT_SECRET")
        .await?
        .context("the JWT secret")?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world
        .waiting::<HasuraRoleBinding>("user-reader", "InstanceNotFound")
        .await?;
    ensure!(
        our_roles(&world.logto) == 2,
        "live bindings keep what they made"
    );
    ensure!(
        world.logto.tenant().resources().len() == 2,
        "the resource stays"
    );
    ensure!(
        world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await? == Some(env),
        "Hasura keeps its authentication"
    );

    // Applied again, all is found again.
    world.logto.reset_requests();
    world.apply::<HasuraInstance>(world.instance()).await?;
    converged(&world).await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    Ok(())
}

async fn a_binding_is_cleaned_up_after_its_instance_is_gone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(
        our_roles(&world.logto) == 1,
        "{:?}",
        world.logto.tenant().roles()
    );
    Ok(())
}

async fn a_tenant_deleted_before_its_bindings_is_said_and_what_is_left_is_listed(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.delete::<LogtoTenant>("main").await?;
    world.gone::<LogtoTenant>("main").await?;
    world
        .waiting::<HasuraInstance>("shop", "TenantNotFound")
        .await?;
    world
        .waiting::<HasuraRoleBinding>("user-reader", "TenantNotFound")
        .await?;

    // This operator never saw the credentials; the one before would still clean up with them.
    world.stop_operator().await?;
    world.start_operator(&["--release-after", "1s"])?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    let note = world.event("user-reader", "LeftBehind").await?;
    let role = world
        .logto
        .tenant()
        .role_by_name("user:reader")
        .context("the role is left")?;
    ensure!(note.contains(&role.id), "{note}");

    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    Ok(())
}

async fn a_deleted_namespace_ends_and_leaves_no_role_behind(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.delete_namespace().await?;
    world.namespace_is_gone().await?;
    ensure!(
        our_roles(&world.logto) == 0,
        "{:?}",
        world.logto.tenant().roles()
    );
    Ok(())
}

async fn everything_deleted_at_once_in_any_order_ends_and_leaves_no_role_behind(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    for order in [
        "tibs", "tbis", "itbs", "ibts", "btis", "bits", "stib", "sibt",
    ] {
        world.apply_example().await?;
        converged(&world).await?;
        for kind in order.chars() {
            match kind {
                't' => world.delete::<LogtoTenant>("main").await?,
                'i' => world.delete::<HasuraInstance>("shop").await?,
                's' => world.delete::<Secret>("logto-m2m").await?,
                _ => {
                    world.delete::<HasuraRoleBinding>("user-reader").await?;
                    world.delete::<HasuraRoleBinding>("user-maintainer").await?;
                }
            }
        }
        world
            .gone::<HasuraRoleBinding>("user-reader")
            .await
            .context(order)?;
        world
            .gone::<HasuraRoleBinding>("user-maintainer")
            .await
            .context(order)?;
        world.gone::<HasuraInstance>("shop").await.context(order)?;
        world.gone::<LogtoTenant>("main").await.context(order)?;
        ensure!(
            our_roles(&world.logto) == 0,
            "{order}: {:?}",
            world.logto.tenant().roles()
        );
        // The resource was kept, and without a scope of ours nothing says any more that it is.
        let ours = |resource: &logto_emulator::Resource| resource.indicator == INDICATOR;
        let kept = world
            .logto
            .tenant()
            .resources()
            .into_iter()
            .find(ours)
            .context("the resource stays")?;
        world
            .logto
            .tenant()
            .delete_resource(&kept.id)
            .map_err(|violation| anyhow::anyhow!("{violation:?}"))?;
    }
    Ok(())
}

async fn a_namespace_whose_secret_went_first_ends_after_the_grace_time(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.stop_operator().await?;
    world.delete::<Secret>("logto-m2m").await?;
    world.delete_namespace().await?;
    // This operator never saw the credentials.
    world.start_operator(&["--release-after", "2s"])?;
    world.namespace_is_gone().await?;
    ensure!(
        our_roles(&world.logto) == 2,
        "without credentials nothing could be taken away"
    );
    Ok(())
}

async fn a_deletion_waits_while_logto_is_down(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&["--release-after", "1s"])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.logto.switches().down(true);
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    let (_, condition) = world
        .condition::<HasuraRoleBinding>("user-reader", "Ready", "False", "Deleting")
        .await?;
    ensure!(
        condition.message.contains("tried again"),
        "{}",
        condition.message
    );
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    world
        .get::<HasuraRoleBinding>("user-reader")
        .await
        .context("a remote that is merely down is waited for")?;
    world.logto.switches().down(false);
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(our_roles(&world.logto) == 1);
    Ok(())
}

async fn two_instances_on_one_deployment_the_loser_deleted_leaves_the_env_alone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let env = world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await?;
    let generation = world.get::<Deployment>("hasura").await?.metadata.generation;

    let mut second = world.instance();
    second["metadata"]["name"] = json!("second");
    second["spec"]["apiResource"]["indicator"] = json!("https://other.example.com/");
    second["spec"]["logtoRoleNamePrefix"] = json!("other-");
    // Of its own it would take all away.
    second["spec"]["deletionPolicy"] = json!("Delete");
    world.apply::<HasuraInstance>(second.clone()).await?;
    let message = world
        .stalled::<HasuraInstance>("second", "DeploymentTaken")
        .await?;
    ensure!(
        message.contains("shop") && message.contains("hasura"),
        "{message}"
    );
    world.delete::<HasuraInstance>("second").await?;
    world.gone::<HasuraInstance>("second").await?;
    world.quiet().await?;
    ensure!(world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await? == env);
    ensure!(
        world.get::<Deployment>("hasura").await?.metadata.generation == generation,
        "no rollout"
    );
    ensure!(
        world.logto.tenant().resources().len() == 2,
        "the loser made nothing"
    );

    // One that had it before, and lost it.
    world.apply::<HasuraInstance>(second).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.ready::<HasuraInstance>("second").await?;
    let env = world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await?;
    let mut first = world.instance();
    first["spec"]["deletionPolicy"] = json!("Delete");
    world.apply::<HasuraInstance>(first).await?;
    world
        .stalled::<HasuraInstance>("shop", "DeploymentTaken")
        .await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    ensure!(world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await? == env);
    Ok(())
}

async fn instances_that_ask_for_the_same_are_told_who_has_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world
        .condition::<HasuraInstance>("shop", "ApiResourceSynced", "True", "")
        .await?;
    let mut same_indicator = world.instance();
    same_indicator["metadata"]["name"] = json!("same-indicator");
    same_indicator["spec"]["deploymentRef"]["name"] = json!("other");
    same_indicator["spec"]["logtoRoleNamePrefix"] = json!("other-");
    world.apply::<HasuraInstance>(same_indicator).await?;
    world
        .stalled::<HasuraInstance>("same-indicator", "IndicatorTaken")
        .await?;

    let mut no_prefix = world.instance();
    no_prefix["metadata"]["name"] = json!("no-prefix");
    no_prefix["spec"]["deploymentRef"]["name"] = json!("third");
    no_prefix["spec"]["apiResource"]["indicator"] = json!("https://third.example.com/");
    world.apply::<HasuraInstance>(no_prefix).await?;
    let message = world
        .stalled::<HasuraInstance>("no-prefix", "PrefixTaken")
        .await?;
    ensure!(
        message.contains("shop") && message.contains("prefix"),
        "{message}"
    );

    // When the holder goes, the next in line takes its place.
    world.delete::<HasuraInstance>("shop").await?;
    world
        .condition::<HasuraInstance>("no-prefix", "ApiResourceSynced", "True", "")
        .await?;
    Ok(())
}
