//! What becomes of Hasura's settings when their instance goes.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Secret},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PropagationPolicy},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use serde_json::{Value, json};

use super::{JWT_SECRET, base_with_reference, delivering, value};
use crate::{
    suite::Test,
    tests,
    watches::{give, take},
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
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    namespaces
        .delete(&world.namespace, &DeleteParams::default())
        .await?;
    world
        .until("the namespace to be gone", || async {
            let found = namespaces.get_opt(&world.namespace).await?;
            Ok(found.is_none().then_some(()))
        })
        .await
}
