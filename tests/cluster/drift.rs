//! What somebody changes in Logto is set right, and a restart changes nothing.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_emulator::{Emulator, Role, Scope};
use logto_hasura::{
    api::{HasuraInstance, HasuraRoleBinding},
    domain::ownership::split,
};
use serde_json::json;

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        what_is_changed_in_logto_is_mended_by_the_next_resync,
        what_is_changed_in_logto_is_mended_at_once_by_the_annotation,
        a_role_renamed_and_then_deleted_by_hand_is_made_again_at_once,
        a_resource_deleted_in_logto_comes_back_with_all_that_it_held,
        a_role_missing_from_a_page_is_neither_made_again_nor_taken_for_deleted,
        a_role_hidden_at_the_first_listing_is_not_made_again,
        pages_whose_order_changes_lead_to_no_write,
        a_restart_writes_nothing_to_logto_and_nothing_to_the_api_server,
        a_lost_status_is_rebuilt_from_the_marks_without_a_write_to_logto,
    ]
}

fn role(logto: &Emulator, name: &str) -> Option<Role> {
    logto.tenant().role_by_name(name)
}

fn held(logto: &Emulator, name: &str) -> usize {
    role(logto, name).map_or(0, |role| logto.tenant().scopes_of_role(&role.id).len())
}

async fn converged(world: &World) -> anyhow::Result<()> {
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    Ok(())
}

/// Whether a description has the text of before, and a mark again.
fn is_mended(description: &str, before: &str) -> bool {
    let (text, mark) = split(description);
    text == split(before).0 && mark.is_some()
}

/// Deletes one role, detaches the other's scope and edits descriptions, marks included.
fn tamper(logto: &Emulator) -> anyhow::Result<()> {
    let tenant = logto.tenant();
    let reader = role(logto, "user:reader").context("user:reader")?;
    let maintainer = role(logto, "user:maintainer").context("user:maintainer")?;
    let scope = tenant.scopes_of_role(&maintainer.id).remove(0);
    let wrong = |violation| anyhow::anyhow!("{violation:?}");
    tenant.delete_role(&reader.id).map_err(wrong)?;
    tenant
        .detach_scope(&maintainer.id, &scope.id)
        .map_err(wrong)?;
    tenant
        .edit_scope(&scope.id, |scope| {
            scope.description = Some("edited, and the mark kept? no".to_owned())
        })
        .map_err(wrong)?;
    tenant
        .edit_role(&maintainer.id, |role| {
            role.description = role.description.replace("Role", "My role")
        })
        .map_err(wrong)?;
    let resource = tenant
        .resources()
        .into_iter()
        .find(|resource| resource.indicator == INDICATOR)
        .context("resource")?;
    tenant
        .edit_resource(&resource.id, |resource| resource.access_token_ttl = 7)
        .map_err(wrong)?;
    Ok(())
}

async fn what_is_changed_in_logto_is_mended_by_the_next_resync(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_example().await?;
    converged(&world).await?;
    let tenant = world.logto.tenant();
    let wrong = |violation| anyhow::anyhow!("{violation:?}");
    let reader = role(&world.logto, "user:reader").context("the role")?;
    let maintainer = role(&world.logto, "user:maintainer").context("the role")?;
    let scope = tenant.scopes_of_role(&maintainer.id).remove(0);

    tenant.delete_role(&reader.id).map_err(wrong)?;
    world
        .until_logto("the deleted role", |logto| held(logto, "user:reader") == 1)
        .await?;
    world.event("user-reader", "AssignmentsLost").await?;

    tenant
        .detach_scope(&maintainer.id, &scope.id)
        .map_err(wrong)?;
    world
        .until_logto("the detached scope", |logto| {
            held(logto, "user:maintainer") == 1
        })
        .await?;

    tenant
        .edit_role(&maintainer.id, |role| {
            role.description = "no mark at all".to_owned()
        })
        .map_err(wrong)?;
    world
        .until_logto("the role's description", |logto| {
            role(logto, "user:maintainer")
                .is_some_and(|role| is_mended(&role.description, &maintainer.description))
        })
        .await?;
    // Who made it can not be told any more, so from now on it counts as taken over.
    let maintainer = role(&world.logto, "user:maintainer").context("the role")?;

    // So only a role that was made proves whose a scope without a mark is.
    let reader = role(&world.logto, "user:reader").context("the role")?;
    let scope = tenant.scopes_of_role(&reader.id).remove(0);
    tenant
        .edit_scope(&scope.id, |scope| scope.description = None)
        .map_err(wrong)?;
    world
        .until_logto("the scope's description", |logto| {
            let scopes = logto.tenant().scopes_of_role(&reader.id);
            let text = |scope: &Scope| scope.description.clone().unwrap_or_default();
            scopes
                .first()
                .is_some_and(|found| is_mended(&text(found), &text(&scope)))
        })
        .await?;

    tenant
        .edit_role(&maintainer.id, |role| {
            role.name = "renamed by hand".to_owned()
        })
        .map_err(wrong)?;
    world
        .until_logto("the role's name", |logto| {
            role(logto, "user:maintainer").as_ref() == Some(&maintainer)
        })
        .await?;

    let resource = tenant
        .resources()
        .into_iter()
        .find(|resource| resource.indicator == INDICATOR)
        .context("resource")?;
    tenant
        .edit_resource(&resource.id, |resource| resource.access_token_ttl = 7)
        .map_err(wrong)?;
    world
        .until_logto("the resource", |logto| {
            logto.tenant().resources().contains(&resource)
        })
        .await?;
    converged(&world).await
}

async fn what_is_changed_in_logto_is_mended_at_once_by_the_annotation(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged(&world).await?;
    tamper(&world.logto)?;

    world
        .ask_for_reconcile::<HasuraRoleBinding>("user-reader")
        .await?;
    world
        .until_logto("the deleted role", |logto| held(logto, "user:reader") == 1)
        .await?;
    ensure!(
        held(&world.logto, "user:maintainer") == 0,
        "only what was asked for is read again"
    );
    world.ask_for_reconcile::<HasuraInstance>("shop").await?;
    world
        .until_logto("the resource", |logto| {
            logto.tenant().resources().iter().any(|resource| {
                resource.indicator == INDICATOR && resource.access_token_ttl == 3600
            })
        })
        .await?;
    // Role and scope were both edited, but the role kept its mark, and the scope kept its name.
    world
        .ask_for_reconcile::<HasuraRoleBinding>("user-maintainer")
        .await?;
    let message = world
        .stalled::<HasuraRoleBinding>("user-maintainer", "ScopeConflict")
        .await?;
    ensure!(
        message.contains("maintain:user"),
        "a scope without mark that no role of ours holds is nobody's: {message}"
    );
    Ok(())
}

async fn a_role_renamed_and_then_deleted_by_hand_is_made_again_at_once(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged(&world).await?;
    let wrong = |violation| anyhow::anyhow!("{violation:?}");
    let reader = role(&world.logto, "user:reader").context("the role")?;
    let tenant = world.logto.tenant();
    tenant
        .edit_role(&reader.id, |role| role.name = "renamed".to_owned())
        .map_err(wrong)?;
    world.stop_operator().await?;
    // The restarted operator lists the new name, and then the role goes before it is visited again.
    world.start_operator(&["--resync-period", "1h"])?;
    world
        .until_logto("the role's name", |logto| {
            role(logto, "user:reader").is_some()
        })
        .await?;
    tenant
        .edit_role(&reader.id, |role| role.name = "renamed again".to_owned())
        .map_err(wrong)?;
    world
        .ask_for_reconcile::<HasuraRoleBinding>("user-reader")
        .await?;
    world
        .until_logto("the role's name again", |logto| {
            role(logto, "user:reader").is_some()
        })
        .await?;
    tenant.delete_role(&reader.id).map_err(wrong)?;
    world
        .edit::<HasuraRoleBinding>(
            "user-reader",
            json!({"spec": {"logtoRole": {"description": "Edited"}}}),
        )
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    ensure!(held(&world.logto, "user:reader") == 1);
    Ok(())
}

async fn a_resource_deleted_in_logto_comes_back_with_all_that_it_held(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_example().await?;
    converged(&world).await?;
    let tenant = world.logto.tenant();
    let resource = tenant
        .resources()
        .into_iter()
        .find(|resource| resource.indicator == INDICATOR)
        .context("resource")?;
    tenant
        .delete_resource(&resource.id)
        .map_err(|violation| anyhow::anyhow!("{violation:?}"))?;
    world
        .until_logto("both scopes", |logto| {
            held(logto, "user:reader") == 1 && held(logto, "user:maintainer") == 1
        })
        .await?;
    converged(&world).await
}

async fn a_role_missing_from_a_page_is_neither_made_again_nor_taken_for_deleted(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.quiet().await?;
    world.logto.reset_requests();
    world.logto.switches().hide_from_lists("user:reader", 1000);
    let listings = |logto: &Emulator| {
        logto
            .requests()
            .get("GET /api/roles")
            .copied()
            .unwrap_or_default()
    };
    world
        .until_logto("ten more listings", |logto| listings(logto) >= 10)
        .await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    ensure!(
        world.logto.requests().contains_key("GET /api/roles/:id"),
        "it was looked for by its id"
    );
    converged(&world).await
}

async fn a_role_hidden_at_the_first_listing_is_not_made_again(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.stop_operator().await?;
    world.logto.switches().hide_from_lists("user:reader", 3);
    world.logto.reset_requests();
    world.start_operator(&[])?;
    world
        .until_logto("the restarted operator's listing", |logto| {
            logto.requests().contains_key("GET /api/roles")
        })
        .await?;
    world.quiet().await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    converged(&world).await
}

async fn pages_whose_order_changes_lead_to_no_write(world: Arc<World>) -> anyhow::Result<()> {
    let wrong = |violation| anyhow::anyhow!("{violation:?}");
    for number in 0..250 {
        let kind = logto_emulator::RoleType::User;
        world
            .logto
            .tenant()
            .create_role(&format!("foreign-{number}"), "By hand", kind, &[])
            .map_err(wrong)?;
    }
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.quiet().await?;
    world.logto.reset_requests();
    world.logto.switches().shuffle_pages(true);
    let listings = |logto: &Emulator| {
        logto
            .requests()
            .get("GET /api/roles")
            .copied()
            .unwrap_or_default()
    };
    world
        .until_logto("thirty more pages", |logto| listings(logto) >= 30)
        .await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    converged(&world).await
}

async fn a_restart_writes_nothing_to_logto_and_nothing_to_the_api_server(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.quiet().await?;
    let before = world.fingerprint().await?;
    world.stop_operator().await?;
    world.logto.reset_requests();

    world.start_operator(&[])?;
    world
        .until_logto("the first listing", |logto| {
            logto.requests().contains_key("GET /api/roles")
        })
        .await?;
    world.quiet().await?;
    let after = world.fingerprint().await?;
    ensure!(after.0 == before.0, "{before:?} became {after:?}");
    ensure!(after.1 == 0, "{:?}", world.logto.requests());
    Ok(())
}

async fn a_lost_status_is_rebuilt_from_the_marks_without_a_write_to_logto(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged(&world).await?;
    world.stop_operator().await?;
    for name in ["user-reader", "user-maintainer"] {
        world
            .forge_status::<HasuraRoleBinding>(name, json!({"status": null}))
            .await?;
    }
    world
        .forge_status::<HasuraInstance>("shop", json!({"status": null}))
        .await?;
    world.logto.reset_requests();

    world.start_operator(&[])?;
    converged(&world).await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    let instance: HasuraInstance = world.get("shop").await?;
    let resource = instance
        .status
        .and_then(|status| status.api_resource)
        .context("the resource in the status")?;
    ensure!(
        format!("{:?}", resource.origin) == "Adopted",
        "{resource:?}"
    );
    Ok(())
}
