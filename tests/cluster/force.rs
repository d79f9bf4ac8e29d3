//! `conflictPolicy: Force`: another manager's value is taken, but not for ever.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use logto_hasura::api::{HasuraInstance, LogtoTenant};
use serde_json::json;

use crate::{
    deployments::{generation, remove_the_entry},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_value_is_taken_by_force_five_times_and_then_the_other_manager_is_named,
        who_removes_the_settings_again_and_again_is_named_and_the_deployment_comes_to_rest,
    ]
}

const JWT_SECRET: &str = "HASURA_GRAPHQL_JWT_SECRET";

/// Somebody who insists on a value of his own.
async fn insist(world: &World, value: &str) -> anyhow::Result<()> {
    let entry = json!({"name": JWT_SECRET, "value": value});
    let mine = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hasura"},
        "spec": {"template": {"spec": {"containers": [{"name": "graphql-engine", "env": [entry]}]}}},
    });
    let params = PatchParams::apply("stubborn").force();
    world
        .api::<Deployment>()
        .patch("hasura", &params, &Patch::Apply(mine))
        .await?;
    Ok(())
}

async fn until_value(world: &World, is_ours: bool) -> anyhow::Result<()> {
    let what = format!(
        "the value to be {}",
        if is_ours { "ours" } else { "theirs" }
    );
    world
        .until(&what, || async {
            let value = world.env("hasura", JWT_SECRET).await?.unwrap_or_default();
            Ok((value.contains("jwk_url") == is_ours).then_some(()))
        })
        .await
}

async fn a_value_is_taken_by_force_five_times_and_then_the_other_manager_is_named(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut instance = world.instance();
    instance["spec"]["delivery"] = json!({"conflictPolicy": "Force"});
    world.apply_base().await?;
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before: Deployment = world.get("hasura").await?;
    for turn in 1..=5 {
        insist(&world, &format!("{{\"turn\":{turn}}}")).await?;
        until_value(&world, true).await?;
    }
    let forced: HasuraInstance = world.get("shop").await?;
    let from = forced
        .status
        .and_then(|status| status.deployment?.forced_from);
    ensure!(from.as_deref() == Some("stubborn"), "{from:?}");
    insist(&world, "{\"turn\":6}").await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "FieldFight")
        .await?;
    ensure!(message.contains("stubborn"), "{message}");
    until_value(&world, false).await?;
    world.quiet().await?;
    let after: Deployment = world.get("hasura").await?;
    let generations = [before, after].map(|found| found.metadata.generation.unwrap_or_default());
    ensure!(generations[1] - generations[0] == 11, "{generations:?}");

    // A restart does not begin anew.
    world.stop_operator().await?;
    world.start_operator(&[])?;
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world.quiet().await?;
    ensure!(generation(&world).await? == generations[1], "it was rolled");
    world
        .stalled::<HasuraInstance>("shop", "FieldFight")
        .await?;

    // Asked to try again, it does.
    world.ask_for_reconcile::<HasuraInstance>("shop").await?;
    until_value(&world, true).await?;
    world.ready::<HasuraInstance>("shop").await?;

    // What was taken by force stays at deletion: without it nothing would be left.
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    until_value(&world, true).await?;
    let note = world.event("shop", "LeftBehind").await?;
    ensure!(note.contains("Force"), "{note}");
    Ok(())
}

/// Who writes the whole object causes no conflict, and takes the entry away at each of his syncs.
async fn who_removes_the_settings_again_and_again_is_named_and_the_deployment_comes_to_rest(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = generation(&world).await?;
    let turn = |turn: usize| json!({"name": "TURN", "value": turn.to_string()});
    for number in 1..=5 {
        remove_the_entry(&world, turn(number)).await?;
        until_value(&world, true).await?;
    }
    remove_the_entry(&world, turn(6)).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "FieldFight")
        .await?;
    ensure!(message.contains("reverter"), "{message}");
    world.quiet().await?;
    ensure!(world.env("hasura", JWT_SECRET).await?.is_none());
    ensure!(generation(&world).await? == before + 11, "not at rest");

    world.ask_for_reconcile::<HasuraInstance>("shop").await?;
    until_value(&world, true).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}
