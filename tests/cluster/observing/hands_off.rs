//! What is suspended or observed is left alone, while it lives and when it goes.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::{api::apps::v1::Deployment, apimachinery::pkg::apis::meta::v1::Condition};
use logto_emulator::TokenKind;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use super::observe;
use crate::{
    suite::Test,
    tests,
    world::{OurKind, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        suspended_objects_are_released_untouched,
        observed_objects_are_released_untouched,
        a_suspended_tenant_is_not_written_to_whatever_drifts_or_is_edited,
    ]
}

async fn a_suspended_tenant_is_not_written_to_whatever_drifts_or_is_edited(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.example_is_ready().await?;
    world
        .edit::<LogtoTenant>("main", json!({"spec": {"suspend": true}}))
        .await?;
    world
        .condition::<HasuraInstance>("shop", "Ready", "Unknown", "Suspended")
        .await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "Ready", "Unknown", "Suspended")
        .await?;
    let tenant = world.logto.tenant();
    let role = tenant.role_by_name("user:reader").context("the role")?;
    tenant.edit_role(&role.id, |role| role.description = "edited".into())?;
    tenant.delete_custom_jwt(TokenKind::AccessToken)?;
    let generation = world.get::<Deployment>("hasura").await?.metadata.generation;
    world.logto.reset_requests();
    let scope = json!({"spec": {"scope": {"description": "another one"}}});
    world
        .edit::<HasuraRoleBinding>("user-reader", scope)
        .await?;
    let resource = json!({"spec": {"apiResource": {"name": "Another"}, "auth": {"unauthorizedRole": "nobody"}}});
    world.edit::<HasuraInstance>("shop", resource).await?;
    // Both edits were seen.
    world
        .condition::<HasuraRoleBinding>("user-reader", "Ready", "Unknown", "Suspended")
        .await?;
    world
        .condition::<HasuraInstance>("shop", "Ready", "Unknown", "Suspended")
        .await?;
    world.quiet().await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    let now = world.get::<Deployment>("hasura").await?.metadata.generation;
    ensure!(now == generation, "the Deployment was written");
    Ok(())
}

/// Everything is deleted in this state; Logto and the Deployment stay as they are.
async fn released_untouched(world: &World, hands: Value) -> anyhow::Result<()> {
    world.example_is_ready().await?;
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await?;
    world
        .edit::<HasuraRoleBinding>("user-reader", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await?;
    world.edit::<LogtoTenant>("main", hands).await?;
    world
        .until("all to be held", || async {
            let (tenant, binding) = (
                world.get::<LogtoTenant>("main").await?,
                world.get::<HasuraRoleBinding>("user-reader").await?,
            );
            let held = |conditions: &[_]| {
                conditions.iter().any(|condition: &Condition| {
                    condition.type_ == "Ready"
                        && ["Suspended", "Observed"].contains(&condition.reason.as_str())
                })
            };
            Ok((held(tenant.conditions()) && held(binding.conditions())).then_some(()))
        })
        .await?;
    let (roles, script) = (
        world.logto.tenant().roles(),
        world.logto.tenant().custom_jwt(TokenKind::AccessToken),
    );
    let deployment = world.get::<Deployment>("hasura").await?;
    world.logto.reset_requests();
    world.delete_in_order().await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    ensure!(world.logto.tenant().roles() == roles, "the roles changed");
    ensure!(
        world.logto.tenant().custom_jwt(TokenKind::AccessToken) == script,
        "the script changed"
    );
    let now = world.get::<Deployment>("hasura").await?;
    ensure!(
        now.metadata.generation == deployment.metadata.generation,
        "the Deployment changed"
    );
    Ok(())
}

async fn suspended_objects_are_released_untouched(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    released_untouched(&world, json!({"spec": {"suspend": true}})).await
}

async fn observed_objects_are_released_untouched(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    released_untouched(&world, observe()).await
}
