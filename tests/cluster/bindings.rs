//! What becomes of scopes and roles in Logto as bindings come, change and go.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_emulator::{Emulator, RoleType};
use logto_hasura::api::HasuraRoleBinding;
use serde_json::json;

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_role_and_its_scope_are_made_for_each_binding_in_two_writes,
        a_third_binding_leaves_the_others_untouched,
        an_edited_description_reaches_logto_and_nothing_else_changes,
        a_renamed_scope_keeps_its_id_and_its_roles,
        a_deleted_binding_takes_its_scope_and_role_and_no_others,
        a_role_that_somebody_holds_stays_without_its_scope,
        a_role_that_an_application_holds_stays_without_its_scope,
        a_binding_renamed_in_one_apply_takes_the_role_from_nobody,
        a_role_of_machines_is_made_for_machines,
    ]
}

/// Waits for the bindings of the example; their instance need not have rolled out.
pub async fn bindings_are_ready(world: &World) -> anyhow::Result<()> {
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    Ok(())
}

pub fn resource_id(logto: &Emulator) -> Option<String> {
    let resources = logto.tenant().resources();
    resources
        .into_iter()
        .find(|resource| resource.indicator == INDICATOR)
        .map(|resource| resource.id)
}

/// The names of our resource's scopes, sorted.
pub fn scope_names(logto: &Emulator) -> Vec<String> {
    let scopes = resource_id(logto)
        .map(|id| logto.tenant().scopes(&id))
        .unwrap_or_default();
    let mut names: Vec<String> = scopes.into_iter().map(|scope| scope.name).collect();
    names.sort();
    names
}

/// The names of the scopes that a role holds.
pub fn held_by(logto: &Emulator, role: &str) -> Vec<String> {
    let role = logto.tenant().role_by_name(role);
    let scopes = role
        .map(|role| logto.tenant().scopes_of_role(&role.id))
        .unwrap_or_default();
    scopes.into_iter().map(|scope| scope.name).collect()
}

async fn a_role_and_its_scope_are_made_for_each_binding_in_two_writes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;

    ensure!(scope_names(&world.logto) == ["maintain:user", "read:user"]);
    ensure!(held_by(&world.logto, "user:reader") == ["read:user"]);
    ensure!(held_by(&world.logto, "user:maintainer") == ["maintain:user"]);
    let role = world
        .logto
        .tenant()
        .role_by_name("user:reader")
        .context("the role")?;
    ensure!(
        role.description
            .starts_with("Role user:reader [logto-hasura:"),
        "{}",
        role.description
    );
    ensure!(role.kind == RoleType::User && !role.is_default);

    world.quiet().await?;
    // On a busy machine the second binding may come too late for the first write of the script.
    let scripts = world.script_writes();
    ensure!(
        world.logto.writes() == 5 + scripts && (1..=2).contains(&scripts),
        "2 × 2 + 1 writes and one or two of the script, not {:?}",
        world.logto.requests()
    );
    let binding: HasuraRoleBinding = world.get("user-reader").await?;
    let status = binding.status.context("a status")?;
    ensure!(status.role.context("a role in the status")?.id == role.id);
    Ok(())
}

async fn a_third_binding_leaves_the_others_untouched(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;
    let before = world.logto.tenant().role_by_name("user:reader");
    world.quiet().await?;
    world.logto.reset_requests();

    world
        .apply::<HasuraRoleBinding>(world.binding("user-auditor", "user:auditor", "audit:user"))
        .await?;
    world.ready::<HasuraRoleBinding>("user-auditor").await?;
    ensure!(held_by(&world.logto, "user:auditor") == ["audit:user"]);
    world.quiet().await?;
    ensure!(
        world.logto.writes() == 2 + 1 && world.script_writes() == 1,
        "{:?}",
        world.logto.requests()
    );
    ensure!(world.logto.tenant().role_by_name("user:reader") == before);
    Ok(())
}

async fn an_edited_description_reaches_logto_and_nothing_else_changes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;
    world.quiet().await?;
    world.logto.reset_requests();

    let fields = json!({"spec": {"logtoRole": {"description": "May read"}}});
    world
        .edit::<HasuraRoleBinding>("user-reader", fields)
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let role = world
        .logto
        .tenant()
        .role_by_name("user:reader")
        .context("the role")?;
    ensure!(
        role.description.starts_with("May read [logto-hasura:"),
        "{}",
        role.description
    );
    world.quiet().await?;
    ensure!(
        world.logto.requests().get("PATCH /api/roles/:id") == Some(&1),
        "{:?}",
        world.logto.requests()
    );
    ensure!(world.logto.writes() == 1);
    Ok(())
}

async fn a_renamed_scope_keeps_its_id_and_its_roles(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;
    let role = world
        .logto
        .tenant()
        .role_by_name("user:reader")
        .context("the role")?;
    let before = world.logto.tenant().scopes_of_role(&role.id);

    world
        .edit::<HasuraRoleBinding>(
            "user-reader",
            json!({"spec": {"scope": {"name": "read:everything"}}}),
        )
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let after = world.logto.tenant().scopes_of_role(&role.id);
    ensure!(
        after[0].name == "read:everything" && after[0].id == before[0].id,
        "{before:?} {after:?}"
    );
    ensure!(scope_names(&world.logto) == ["maintain:user", "read:everything"]);
    Ok(())
}

async fn a_deleted_binding_takes_its_scope_and_role_and_no_others(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;
    let resource = resource_id(&world.logto).context("the resource")?;
    world
        .logto
        .tenant()
        .create_scope(&resource, "by-hand", None)
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    let kept = world.logto.tenant().role_by_name("user:maintainer");

    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(world.logto.tenant().role_by_name("user:reader").is_none());
    ensure!(scope_names(&world.logto) == ["by-hand", "maintain:user"]);
    ensure!(world.logto.tenant().role_by_name("user:maintainer") == kept);
    ensure!(held_by(&world.logto, "user:maintainer") == ["maintain:user"]);
    Ok(())
}

async fn a_role_that_somebody_holds_stays_without_its_scope(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;
    let logto = world.logto.tenant();
    let role = logto.role_by_name("user:reader").context("the role")?;
    let alice = logto
        .create_user("alice")
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    logto
        .assign_role(&alice, &role.id)
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    logto
        .edit_role(&role.id, |role| role.is_default = true)
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;

    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(
        logto.roles_of_user(&alice).len() == 1,
        "alice lost the role"
    );
    ensure!(held_by(&world.logto, "user:reader").is_empty());
    ensure!(scope_names(&world.logto) == ["maintain:user"]);
    let kept = logto
        .role_by_name("user:reader")
        .context("the role stays")?;
    ensure!(
        kept.description.contains("[logto-hasura:") && !kept.is_default,
        "{kept:?}"
    );
    world.event("user-reader", "RoleKept").await?;

    // Applied again, the same assignment opens the same role.
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    ensure!(held_by(&world.logto, "user:reader") == ["read:user"]);
    ensure!(logto.role_by_name("user:reader").context("the role")?.id == role.id);
    Ok(())
}

async fn a_role_that_an_application_holds_stays_without_its_scope(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.manage_machines().await?;
    let mut binding = world.binding("sync", "sync", "sync");
    binding["spec"]["logtoRole"] = json!({"type": "MachineToMachine"});
    world.apply::<HasuraRoleBinding>(binding).await?;
    world.ready::<HasuraRoleBinding>("sync").await?;
    let logto = world.logto.tenant();
    let role = logto.role_by_name("sync").context("the role")?;
    let application = logto
        .create_application("nightly")
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    logto
        .assign_role_to_application(&application.id, &role.id)
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;

    world.delete::<HasuraRoleBinding>("sync").await?;
    world.gone::<HasuraRoleBinding>("sync").await?;
    ensure!(logto.role_by_name("sync").is_some() && held_by(&world.logto, "sync").is_empty());
    Ok(())
}

async fn a_binding_renamed_in_one_apply_takes_the_role_from_nobody(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;
    let logto = world.logto.tenant();
    let role = logto.role_by_name("user:reader").context("the role")?;
    let alice = logto
        .create_user("alice")
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    logto
        .assign_role(&alice, &role.id)
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;

    world
        .apply::<HasuraRoleBinding>(world.binding("reader-renamed", "user:reader", "read:user"))
        .await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("reader-renamed").await?;
    ensure!(logto.role_by_name("user:reader").context("the role")?.id == role.id);
    ensure!(
        logto.roles_of_user(&alice).len() == 1,
        "alice lost the role"
    );
    ensure!(held_by(&world.logto, "user:reader") == ["read:user"]);
    ensure!(
        !world.logto.requests().contains_key("DELETE /api/roles/:id"),
        "{:?}",
        world.logto.requests()
    );
    Ok(())
}

async fn a_role_of_machines_is_made_for_machines(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.manage_machines().await?;
    let mut binding = world.binding("sync", "sync", "sync:orders");
    binding["spec"]["logtoRole"] = json!({"type": "MachineToMachine", "name": "order-sync"});
    world.apply::<HasuraRoleBinding>(binding).await?;
    world.ready::<HasuraRoleBinding>("sync").await?;
    let role = world
        .logto
        .tenant()
        .role_by_name("order-sync")
        .context("the role")?;
    ensure!(role.kind == RoleType::MachineToMachine);
    ensure!(
        role.description
            .starts_with("Hasura role sync [logto-hasura:"),
        "{}",
        role.description
    );
    ensure!(held_by(&world.logto, "order-sync") == ["sync:orders"]);
    Ok(())
}
