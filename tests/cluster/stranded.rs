//! Deletions after what they would need is gone already: a way to Logto, an API resource, claims that somebody writes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Secret;
use logto_emulator::{Fault, FaultRule};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        everything_deleted_at_once_with_what_it_made_ends_soon_and_leaves_nothing,
        an_instance_goes_whose_claims_the_operator_does_not_write_any_more,
        credentials_that_were_revoked_hold_no_deletion_for_ever_and_what_is_left_is_listed,
        a_secret_that_was_deleted_holds_no_deletion_for_ever,
        a_role_goes_with_its_binding_after_its_api_resource_went,
        a_role_that_nothing_proves_any_more_stays_and_is_listed,
        an_instance_of_a_tenant_that_never_was_goes_at_once,
    ]
}

/// Far from the five minutes that a deletion may wait.
const SOON: Duration = Duration::from_secs(40);

fn delete_all() -> Value {
    json!({"spec": {"deletionPolicy": "Delete"}})
}

fn has_resource(world: &World) -> bool {
    let resources = world.logto.tenant().resources();
    resources
        .iter()
        .any(|resource| resource.indicator == INDICATOR)
}

async fn everything_deleted_at_once_with_what_it_made_ends_soon_and_leaves_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    for order in ["tib", "itb", "bti", "ibt", "sti"] {
        world.example_is_ready().await?;
        world.edit::<HasuraInstance>("shop", delete_all()).await?;
        let start = Instant::now();
        for kind in format!("{order}b").chars() {
            match kind {
                't' => world.delete::<LogtoTenant>("main").await?,
                'i' => world.delete::<HasuraInstance>("shop").await?,
                's' => world.delete::<Secret>("logto-m2m").await?,
                _ => {
                    for name in ["user-reader", "user-maintainer"] {
                        // The second time it may be gone.
                        _ = world.delete::<HasuraRoleBinding>(name).await;
                    }
                }
            }
        }
        for name in ["user-reader", "user-maintainer"] {
            world.gone::<HasuraRoleBinding>(name).await.context(order)?;
        }
        world.gone::<HasuraInstance>("shop").await.context(order)?;
        world.gone::<LogtoTenant>("main").await.context(order)?;
        ensure!(start.elapsed() < SOON, "{order}: {:?}", start.elapsed());
        ensure!(!has_resource(&world), "{order}: the resource is left");
        let roles = world.logto.tenant().roles();
        let ours = |role: &&logto_emulator::Role| role.description.contains("[logto-hasura:");
        ensure!(!roles.iter().any(|role| ours(&role)), "{order}: {roles:?}");
    }
    Ok(())
}

async fn an_instance_goes_whose_claims_the_operator_does_not_write_any_more(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let ignore = json!({"spec": {"customClaims": {"users": "Ignore"}}});
    world.edit::<LogtoTenant>("main", ignore).await?;
    world.edit::<HasuraInstance>("shop", delete_all()).await?;
    for name in ["user-reader", "user-maintainer"] {
        world.delete::<HasuraRoleBinding>(name).await?;
        world.gone::<HasuraRoleBinding>(name).await?;
    }
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    ensure!(!has_resource(&world), "the resource is left");
    Ok(())
}

async fn credentials_that_were_revoked_hold_no_deletion_for_ever_and_what_is_left_is_listed(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--release-after", "3s"])?;
    world.example_is_ready().await?;
    world.edit::<HasuraInstance>("shop", delete_all()).await?;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    world
        .edit::<HasuraRoleBinding>("user-maintainer", retain)
        .await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    // The token that it has is good for an hour, if Logto did not refuse it.
    world.logto.tenant().replace_client_secret("another-secret");
    let unauthorized = Fault::Status {
        status: 401,
        retry_after: None,
        body: json!({"code": "auth.unauthorized"}),
    };
    let refusal = FaultRule::new("GET", "/api/resources", unauthorized);
    world.logto.switches().fail(refusal);
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world
        .stalled::<LogtoTenant>("main", "CredentialsRefused")
        .await?;
    let role = world.logto.tenant().role_by_name("user:reader");
    let role = role.context("the role")?;
    for name in ["user-reader", "user-maintainer"] {
        world.delete::<HasuraRoleBinding>(name).await?;
        world.gone::<HasuraRoleBinding>(name).await?;
        let note = world.event(name, "LeftBehind").await?;
        ensure!(
            name != "user-reader" || note.contains(&role.id),
            "{name}: {note}"
        );
    }
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let note = world.event("shop", "LeftBehind").await?;
    ensure!(
        note.contains(INDICATOR) && note.contains("credentials"),
        "{note}"
    );
    Ok(())
}

async fn a_secret_that_was_deleted_holds_no_deletion_for_ever(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--release-after", "3s", "--credentials-recheck", "500ms"])?;
    world.example_is_ready().await?;
    world.edit::<HasuraInstance>("shop", delete_all()).await?;
    world.delete::<Secret>("logto-m2m").await?;
    world
        .waiting::<LogtoTenant>("main", "SecretNotFound")
        .await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.event("shop", "LeftBehind").await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    Ok(())
}

async fn a_role_goes_with_its_binding_after_its_api_resource_went(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.edit::<HasuraInstance>("shop", delete_all()).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    ensure!(!has_resource(&world), "the resource is left");
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    let role = |name| world.logto.tenant().role_by_name(name);
    ensure!(role("user:reader").is_none(), "the role is left");
    ensure!(role("user:maintainer").is_some());

    // Somebody deletes the resource by hand.
    world.apply::<HasuraInstance>(world.instance()).await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let resources = world.logto.tenant().resources();
    let ours = resources
        .iter()
        .find(|resource| resource.indicator == INDICATOR);
    world
        .logto
        .tenant()
        .delete_resource(&ours.context("the resource")?.id)?;
    world.delete::<HasuraRoleBinding>("user-maintainer").await?;
    world.gone::<HasuraRoleBinding>("user-maintainer").await?;
    ensure!(role("user:maintainer").is_none(), "the role is left");
    Ok(())
}

async fn a_role_that_nothing_proves_any_more_stays_and_is_listed(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.edit::<HasuraInstance>("shop", delete_all()).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let role = world.logto.tenant().role_by_name("user:reader");
    let role = role.context("the role")?;
    world.logto.tenant().edit_role(&role.id, |role| {
        role.description = "written by somebody".to_owned();
    })?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    let found = world.logto.tenant().role_by_name("user:reader");
    ensure!(found.is_some(), "it was not to be told whose it is");
    let note = world.event("user-reader", "LeftBehind").await?;
    ensure!(note.contains(&role.id), "{note}");
    Ok(())
}

async fn an_instance_of_a_tenant_that_never_was_goes_at_once(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut instance = world.instance();
    instance["spec"]["deletionPolicy"] = json!("Delete");
    world.apply::<HasuraInstance>(instance).await?;
    world
        .waiting::<HasuraInstance>("shop", "TenantNotFound")
        .await?;
    let start = Instant::now();
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    ensure!(start.elapsed() < SOON, "{:?}", start.elapsed());
    Ok(())
}
