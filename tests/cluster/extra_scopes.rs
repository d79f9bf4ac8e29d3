//! Roles that hold more than their binding gave them, and roles that every new user gets.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_emulator::{Emulator, Role};
use logto_hasura::api::{HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    subjects::{applied, apply, assigned, holds, not_assigned, users, wrong},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        nobody_is_given_a_role_that_came_to_hold_another_scope,
        a_machine_role_with_management_access_is_given_to_no_application,
        a_default_role_is_kept_a_default_role_and_the_other_way_round,
        a_role_with_another_scope_is_not_made_a_default_role,
    ]
}

fn role(logto: &Emulator, name: &str) -> anyhow::Result<Role> {
    logto.tenant().role_by_name(name).context("the role")
}

/// Makes an API resource by hand, and gives the role its scope.
fn give_extra_scope(logto: &Emulator, role: &Role) -> anyhow::Result<String> {
    let tenant = logto.tenant();
    let billing = tenant
        .create_resource("Billing", "https://billing.example.com")
        .map_err(wrong)?;
    let scope = tenant
        .create_scope(&billing.id, "pay", None)
        .map_err(wrong)?;
    tenant.attach_scope(&role.id, &scope.id).map_err(wrong)?;
    Ok(scope.id)
}

/// Waits for ExtraScopes=True; gives the message.
async fn has_extra_scopes(world: &World, name: &str) -> anyhow::Result<String> {
    let (_, condition) = world
        .condition::<HasuraRoleBinding>(name, "ExtraScopes", "True", "ExtraScopesHeld")
        .await?;
    Ok(condition.message)
}

async fn nobody_is_given_a_role_that_came_to_hold_another_scope(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let [alice, bob] = users(&world.logto, ["alice", "bob"])?;
    applied(&world, json!([{"kind": "User", "username": "alice"}])).await?;
    let role = role(&world.logto, "user:reader")?;
    let scope = give_extra_scope(&world.logto, &role)?;
    world
        .until("the message to name the scope", || async {
            let message = has_extra_scopes(&world, "user-reader").await?;
            let named = message.contains("\"pay\" of \"https://billing.example.com\"");
            Ok(named.then_some(()))
        })
        .await?;

    let both = json!([
        {"kind": "User", "username": "alice"},
        {"kind": "User", "username": "bob"},
    ]);
    apply(&world, both).await?;
    not_assigned(&world, "user-reader", "ExtraScopesHeld").await?;
    world.quiet().await?;
    ensure!(!holds(&world.logto, &bob, "user:reader"));
    ensure!(
        holds(&world.logto, &alice, "user:reader"),
        "who had it keeps it"
    );

    world
        .logto
        .tenant()
        .detach_scope(&role.id, &scope)
        .map_err(wrong)?;
    assigned(&world, "user-reader").await?;
    ensure!(holds(&world.logto, &bob, "user:reader"));
    let binding: HasuraRoleBinding = world.get("user-reader").await?;
    let conditions = binding.status.context("a status")?.conditions;
    ensure!(
        conditions
            .iter()
            .all(|condition| condition.type_ != "ExtraScopes")
    );
    Ok(())
}

async fn a_machine_role_with_management_access_is_given_to_no_application(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1h"])?;
    world.apply_base().await?;
    let mut tenant = world.tenant();
    tenant["spec"]["customClaims"] = json!({"machines": "Manage"});
    world.apply::<LogtoTenant>(tenant).await?;
    let logto = world.logto.tenant();
    let application = logto.create_application("mine").map_err(wrong)?;
    let mut binding = world.binding("sync", "sync", "sync");
    binding["spec"]["logtoRole"] = json!({"type": "MachineToMachine"});
    world.apply::<HasuraRoleBinding>(binding.clone()).await?;
    world
        .until_logto("the role", |logto| role(logto, "sync").is_ok())
        .await?;
    world.quiet().await?;
    // No resync sees it: the scopes are read before somebody is given the role.
    let role = role(&world.logto, "sync")?;
    logto
        .attach_scope(&role.id, "management-api-all")
        .map_err(wrong)?;
    binding["spec"]["subjects"] = json!([{"kind": "Application", "id": application.id}]);
    world.apply::<HasuraRoleBinding>(binding).await?;
    let message = has_extra_scopes(&world, "sync").await?;
    ensure!(message.contains("all"), "{message}");
    not_assigned(&world, "sync", "ExtraScopesHeld").await?;
    ensure!(logto.roles_of_application(&application.id).is_empty());
    Ok(())
}

/// Applies `user-reader` with this `isDefault`.
async fn apply_default(world: &World, is_default: Value) -> anyhow::Result<()> {
    let mut binding = world.binding("user-reader", "user:reader", "read:user");
    binding["spec"]["logtoRole"]["isDefault"] = is_default;
    world.apply::<HasuraRoleBinding>(binding).await?;
    Ok(())
}

async fn a_default_role_is_kept_a_default_role_and_the_other_way_round(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let is_default =
        |logto: &Emulator| role(logto, "user:reader").is_ok_and(|role| role.is_default);
    let set = |wanted: bool| {
        let role = role(&world.logto, "user:reader")?;
        let edited = world
            .logto
            .tenant()
            .edit_role(&role.id, |role| role.is_default = wanted);
        edited.map_err(wrong)
    };
    apply_default(&world, json!(true)).await?;
    world.until_logto("a default role", is_default).await?;
    let somebody = world.logto.tenant().register("somebody").map_err(wrong)?;
    ensure!(holds(&world.logto, &somebody, "user:reader"));
    set(false)?;
    world
        .until_logto("a default role again", is_default)
        .await?;
    apply_default(&world, json!(false)).await?;
    world
        .until_logto("no default role", |logto| !is_default(logto))
        .await?;
    set(true)?;
    world
        .until_logto("no default role again", |logto| !is_default(logto))
        .await?;

    // Left out of the spec, it is left alone in Logto.
    let binding = world.binding("user-reader", "user:reader", "read:user");
    world.apply::<HasuraRoleBinding>(binding).await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "RoleSynced", "True", "")
        .await?;
    set(true)?;
    world.logto.reset_requests();
    world
        .until_logto("three more listings", |logto| {
            logto
                .requests()
                .get("GET /api/roles")
                .is_some_and(|listings| *listings >= 3)
        })
        .await?;
    ensure!(is_default(&world.logto) && world.logto.writes() == 0);
    Ok(())
}

async fn a_role_with_another_scope_is_not_made_a_default_role(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    apply_default(&world, json!(false)).await?;
    world
        .until_logto("the role", |logto| role(logto, "user:reader").is_ok())
        .await?;
    let role_before = role(&world.logto, "user:reader")?;
    let scope = give_extra_scope(&world.logto, &role_before)?;
    has_extra_scopes(&world, "user-reader").await?;
    apply_default(&world, json!(true)).await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "RoleSynced", "True", "")
        .await?;
    world.quiet().await?;
    ensure!(!role(&world.logto, "user:reader")?.is_default);
    world
        .logto
        .tenant()
        .detach_scope(&role_before.id, &scope)
        .map_err(wrong)?;
    world
        .until_logto("a default role", |logto| {
            role(logto, "user:reader").is_ok_and(|role| role.is_default)
        })
        .await
}
