//! The folders of `examples/`, applied as a user would, and what their READMEs promise of it.

mod place;

use std::{collections::BTreeSet, fs, sync::Arc};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, policy::PlannedAction};
use serde_json::json;

use self::place::{Example, Place, folder};
use crate::{
    deployments::JWT_SECRET,
    observing::{actions, hand_made},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        every_example_is_applied_by_a_test,
        quickstart,
        adopt_existing,
        secret_delivery,
        webhook,
        multi_namespace,
        argocd,
        flux,
    ]
}

/// A test of this file has the folder's name, with `_` for `-`.
async fn every_example_is_applied_by_a_test(_: Arc<World>) -> anyhow::Result<()> {
    let tested: BTreeSet<String> = tests()
        .iter()
        .map(|test| test.name.replace('_', "-"))
        .collect();
    for entry in fs::read_dir(folder(""))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(tested.contains(&name), "no test applies examples/{name}");
    }
    Ok(())
}

async fn quickstart(world: Arc<World>) -> anyhow::Result<()> {
    let place = Place::new(&world, &[]).await?;
    let example = Example::read("quickstart")?;
    place.apply(&example).await?;
    place.start_operator()?;
    place.all_say(&example, "Succeeded").await
}

async fn adopt_existing(world: Arc<World>) -> anyhow::Result<()> {
    let place = Place::new(&world, &[]).await?;
    let (_, role) = hand_made(&world)?;
    let example = Example::read("adopt-existing")?;
    place.apply(&example).await?;
    place.start_operator()?;
    for (name, step) in [
        ("user-reader", PlannedAction::Adopt),
        ("user-maintainer", PlannedAction::Create),
    ] {
        world
            .condition::<HasuraRoleBinding>(name, "Ready", "True", "Observed")
            .await?;
        let (binding, _) = world
            .condition::<HasuraRoleBinding>(name, "InSync", "False", "ChangesPlanned")
            .await?;
        let plan = binding.status.context("a status")?.plan;
        // The scope, the role, and the grant in the claims.
        let steps = [step, step, PlannedAction::Create];
        ensure!(actions(plan.as_ref()) == steps, "{plan:?}");
    }
    world
        .condition::<HasuraInstance>("shop", "Ready", "True", "Observed")
        .await?;
    let (instance, _) = world
        .condition::<HasuraInstance>("shop", "InSync", "False", "ChangesPlanned")
        .await?;
    let plan = instance.status.context("a status")?.plan;
    // The API resource, its name, and the env entry.
    let steps = [
        PlannedAction::Adopt,
        PlannedAction::Change,
        PlannedAction::Change,
    ];
    ensure!(actions(plan.as_ref()) == steps, "{plan:?}");
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());

    let manage = json!({"spec": {"managementPolicy": "Manage"}});
    world.edit::<HasuraInstance>("shop", manage.clone()).await?;
    for name in ["user-reader", "user-maintainer"] {
        world
            .edit::<HasuraRoleBinding>(name, manage.clone())
            .await?;
    }
    place.all_say(&example, "Succeeded").await?;
    let reader: HasuraRoleBinding = world.get("user-reader").await?;
    let origin = reader
        .status
        .and_then(|status| status.role)
        .and_then(|role| role.origin);
    ensure!(json!(origin) == json!("Adopted"), "{origin:?}");
    ensure!(world.logto.tenant().users_of_role(&role).len() == 2);
    Ok(())
}

async fn secret_delivery(world: Arc<World>) -> anyhow::Result<()> {
    let place = Place::new(&world, &[]).await?;
    let example = Example::read("secret-delivery")?;
    place.apply(&example).await?;
    place.start_operator()?;
    place.all_say(&example, "Succeeded").await?;
    let secret: Secret = world.get("shop-auth").await?;
    ensure!(secret.data.unwrap_or_default().contains_key(JWT_SECRET));
    let map: ConfigMap = world.get("reports-auth").await?;
    let value = map.data.unwrap_or_default().remove(JWT_SECRET);
    let value = value.context("the key that the README reads")?;
    ensure!(
        value.contains("https://reports.example.com/v1/graphql"),
        "{value}"
    );
    world
        .condition::<HasuraInstance>("reports", "RolledOut", "Unknown", "NotWatched")
        .await?;
    let role = world.logto.tenant().role_by_name("reports-report:reader");
    ensure!(role.is_some(), "its prefix");
    Ok(())
}

async fn webhook(world: Arc<World>) -> anyhow::Result<()> {
    let place = Place::new(&world, &[]).await?;
    let example = Example::read("webhook")?;
    place.apply(&example).await?;
    place.start_operator()?;
    place.all_say(&example, "Succeeded").await?;
    for name in ["HASURA_GRAPHQL_AUTH_HOOK", "HASURA_GRAPHQL_AUTH_HOOK_MODE"] {
        ensure!(world.env("hasura", name).await?.is_some(), "{name}");
    }
    ensure!(world.env("hasura", JWT_SECRET).await?.is_none());
    Ok(())
}

async fn multi_namespace(world: Arc<World>) -> anyhow::Result<()> {
    let place = Place::new(&world, &["logto", "team-a"]).await?;
    world
        .logto
        .tenant()
        .create_user_with_email("alice", "alice@example.com")?;
    let example = Example::read("multi-namespace")?;
    place.apply(&example).await?;
    place.start_operator()?;
    place.all_say(&example, "Succeeded").await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "SubjectsAssigned", "True", "")
        .await?;

    let nobody = json!({"spec": {"allowedBindings": null}});
    world.edit::<HasuraInstance>("shop", nobody).await?;
    let team = place.world("team-a")?;
    team.waiting::<HasuraRoleBinding>("team-a-reader", "InstanceNotFound")
        .await?;
    team.condition::<HasuraRoleBinding>("team-a-reader", "GrantWithdrawn", "True", "")
        .await?;
    place.end().await;
    Ok(())
}

async fn argocd(world: Arc<World>) -> anyhow::Result<()> {
    let tools = Example::read("argocd")?;
    let foreign = ["Application logto-hasura", "Application shop"];
    ensure!(tools.foreign == foreign, "{:?}", tools.foreign);
    ensure!(tools.documents.is_empty(), "they go into the folder shop");
    without_secrets_in_git(&world, "argocd/shop").await
}

async fn flux(world: Arc<World>) -> anyhow::Result<()> {
    let tools = Example::read("flux")?;
    let foreign = [
        "GitRepository logto-hasura",
        "Kustomization logto-hasura-crds",
        "Kustomization logto-hasura",
        "Kustomization shop",
    ];
    ensure!(tools.foreign == foreign, "{:?}", tools.foreign);
    ensure!(tools.documents.is_empty(), "they go into the folder shop");
    let operator = Example::read("flux/operator")?;
    ensure!(operator.foreign == ["HelmRelease logto-hasura"]);
    without_secrets_in_git(&world, "flux/shop").await
}

/// Applies a folder whose Secrets are made by hand, as its README says.
async fn without_secrets_in_git(world: &World, folder: &str) -> anyhow::Result<()> {
    let place = Place::new(world, &[]).await?;
    world.apply::<Secret>(world.secret()).await?;
    let hasura = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hasura"},
        "stringData": {"database-url": "postgres://db/hasura", "admin-secret": "only-in-tests"},
    });
    world.apply::<Secret>(hasura).await?;
    let example = Example::read(folder)?;
    ensure!(example.foreign.is_empty(), "{:?}", example.foreign);
    let mut kinds = example.documents.iter().map(|object| &object["kind"]);
    ensure!(kinds.all(|kind| kind != "Secret"), "a Secret in Git");
    place.apply(&example).await?;
    place.start_operator()?;
    place.all_say(&example, "Succeeded").await
}
