//! Whom a binding gives its role, and from whom it takes it back.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_emulator::{Emulator, Violation};
use logto_hasura::api::{
    HasuraRoleBinding,
    binding::{SubjectState, SubjectStatus},
};
use serde_json::{Value, json};

use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        named_users_are_given_the_role_and_only_they_lose_it_again,
        a_role_taken_away_in_logto_is_reported_and_not_given_again,
        an_account_registered_under_a_name_later_is_given_nothing,
        a_case_variant_of_a_username_is_given_nothing,
        an_application_is_named_by_id_or_by_a_name_that_only_one_has,
        a_suspended_user_is_not_given_the_role_until_the_suspension_ends,
    ]
}

pub fn wrong(violation: Violation) -> anyhow::Error {
    anyhow::anyhow!("{violation:?}")
}

/// Makes users and gives their ids.
pub fn users<const N: usize>(logto: &Emulator, names: [&str; N]) -> anyhow::Result<[String; N]> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(logto.tenant().create_user(name).map_err(wrong)?);
    }
    ids.try_into()
        .map_err(|_| anyhow::anyhow!("as many ids as names"))
}

/// Whether a user holds a role.
pub fn holds(logto: &Emulator, user: &str, role: &str) -> bool {
    let roles = logto.tenant().roles_of_user(user);
    roles.iter().any(|held| held.name == role)
}

/// Applies the binding `user-reader` with these subjects.
pub async fn apply(world: &World, subjects: Value) -> anyhow::Result<()> {
    let mut binding = world.binding("user-reader", "user:reader", "read:user");
    binding["spec"]["subjects"] = subjects;
    world.apply::<HasuraRoleBinding>(binding).await?;
    Ok(())
}

/// Applies it and waits until all of them hold the role.
pub async fn applied(world: &World, subjects: Value) -> anyhow::Result<()> {
    apply(world, subjects).await?;
    assigned(world, "user-reader").await
}

/// Waits until all subjects of a binding hold its role.
pub async fn assigned(world: &World, name: &str) -> anyhow::Result<()> {
    world
        .condition::<HasuraRoleBinding>(name, "SubjectsAssigned", "True", "Succeeded")
        .await?;
    Ok(())
}

/// Waits until some do not; gives the message.
pub async fn not_assigned(world: &World, name: &str, reason: &str) -> anyhow::Result<String> {
    let (_, condition) = world
        .condition::<HasuraRoleBinding>(name, "SubjectsAssigned", "False", reason)
        .await?;
    Ok(condition.message)
}

pub async fn rows(world: &World, name: &str) -> anyhow::Result<Vec<SubjectStatus>> {
    let binding: HasuraRoleBinding = world.get(name).await?;
    Ok(binding.status.context("a status")?.subjects)
}

pub async fn state(world: &World, named: &str) -> anyhow::Result<SubjectState> {
    let rows = rows(world, "user-reader").await?;
    let row = rows.into_iter().find(|row| row.named == named);
    Ok(row.with_context(|| format!("a row {named}"))?.state)
}

/// Waits until the status of `user-reader` speaks of nobody any more.
pub async fn no_rows(world: &World) -> anyhow::Result<()> {
    world
        .until("the rows to go", || async {
            Ok(rows(world, "user-reader").await?.is_empty().then_some(()))
        })
        .await
}

/// Ends the operator without a word, as a lost node does.
pub fn kill_operator(world: &World) {
    drop(world.operator.lock().unwrap().take());
}

async fn named_users_are_given_the_role_and_only_they_lose_it_again(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let [alice, bob, carol] = users(&world.logto, ["alice", "bob", "carol"])?;
    apply(&world, json!([])).await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let role = world
        .logto
        .tenant()
        .role_by_name("user:reader")
        .context("the role")?;
    world
        .logto
        .tenant()
        .assign_role(&carol, &role.id)
        .map_err(wrong)?;

    let named = json!([
        {"kind": "User", "username": "alice"},
        {"kind": "User", "id": bob},
        {"kind": "User", "username": "carol"},
    ]);
    applied(&world, named).await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    for user in [&alice, &bob, &carol] {
        ensure!(holds(&world.logto, user, "user:reader"));
    }
    ensure!(state(&world, "username=alice").await? == SubjectState::Assigned);
    ensure!(state(&world, "username=carol").await? == SubjectState::HadRole);
    world.event("user-reader", "SubjectsChanged").await?;
    ensure!(
        world.logto.requests().get("POST /api/roles/:id/users") == Some(&1),
        "all are given it at once: {:?}",
        world.logto.requests()
    );

    apply(&world, json!([])).await?;
    world
        .until_logto("the role to be taken back", |logto| {
            !holds(logto, &alice, "user:reader") && !holds(logto, &bob, "user:reader")
        })
        .await?;
    no_rows(&world).await?;
    ensure!(
        holds(&world.logto, &carol, "user:reader"),
        "somebody else gave it to carol"
    );
    Ok(())
}

async fn a_role_taken_away_in_logto_is_reported_and_not_given_again(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let [alice] = users(&world.logto, ["alice"])?;
    let named = json!([{"kind": "User", "username": "alice"}]);
    applied(&world, named.clone()).await?;
    let role = world
        .logto
        .tenant()
        .role_by_name("user:reader")
        .context("the role")?;
    world
        .logto
        .tenant()
        .unassign_role(&alice, &role.id)
        .map_err(wrong)?;
    let message = not_assigned(&world, "user-reader", "SubjectsNotFound").await?;
    ensure!(
        message.contains("username=alice") && message.contains("anew"),
        "{message}"
    );
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    ensure!(!holds(&world.logto, &alice, "user:reader"));

    // Named anew, it is given again.
    apply(&world, json!([])).await?;
    no_rows(&world).await?;
    applied(&world, named).await?;
    ensure!(holds(&world.logto, &alice, "user:reader"));
    Ok(())
}

async fn an_account_registered_under_a_name_later_is_given_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let named = json!([
        {"kind": "User", "username": "mallory"},
        {"kind": "User", "primaryEmail": "late@example.com"},
    ]);
    apply(&world, named).await?;
    let message = not_assigned(&world, "user-reader", "SubjectsNotFound").await?;
    ensure!(message.starts_with("2 of 2"), "{message}");
    // The rule goes by whole seconds, as the API server's times do.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let [mallory] = users(&world.logto, ["mallory"])?;
    let late = world
        .logto
        .tenant()
        .create_user_with_email("late", "late@example.com")
        .map_err(wrong)?;
    world
        .until_logto("whom the address means", |logto| {
            holds(logto, &late, "user:reader")
        })
        .await?;
    world
        .until("the message to name mallory alone", || async {
            let message = not_assigned(&world, "user-reader", "SubjectsNotFound").await?;
            let alone = message.starts_with("1 of 2") && message.contains("username=mallory");
            Ok(alone.then_some(()))
        })
        .await?;
    ensure!(!holds(&world.logto, &mallory, "user:reader"));
    Ok(())
}

async fn a_case_variant_of_a_username_is_given_nothing(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let [variant, bob, shouting] = users(&world.logto, ["Alice", "bob", "BOB"])?;
    let named = json!([
        {"kind": "User", "username": "alice"},
        {"kind": "User", "username": "bob"},
    ]);
    apply(&world, named).await?;
    not_assigned(&world, "user-reader", "SubjectsNotFound").await?;
    ensure!(holds(&world.logto, &bob, "user:reader"));
    ensure!(!holds(&world.logto, &variant, "user:reader"));
    ensure!(!holds(&world.logto, &shouting, "user:reader"));
    Ok(())
}

async fn an_application_is_named_by_id_or_by_a_name_that_only_one_has(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut tenant = world.tenant();
    tenant["spec"]["customClaims"] = json!({"machines": "Manage"});
    world.apply_base().await?;
    world
        .apply::<logto_hasura::api::LogtoTenant>(tenant)
        .await?;
    let logto = world.logto.tenant();
    let made: Vec<String> = ["by-id", "nightly", "twin", "twin"]
        .iter()
        .map(|name| Ok(logto.create_application(name).map_err(wrong)?.id))
        .collect::<anyhow::Result<_>>()?;
    let web = logto.create_web_application("web").map_err(wrong)?.id;
    let mut binding = world.binding("sync", "sync", "sync");
    binding["spec"]["logtoRole"] = json!({"type": "MachineToMachine"});
    binding["spec"]["subjects"] = json!([
        {"kind": "Application", "id": made[0]},
        {"kind": "Application", "name": "nightly"},
        {"kind": "Application", "name": "twin"},
        {"kind": "Application", "id": web},
    ]);
    world.apply::<HasuraRoleBinding>(binding).await?;
    let message = not_assigned(&world, "sync", "SubjectsNotFound").await?;
    ensure!(
        message.contains("name=twin") && message.contains("by id"),
        "{message}"
    );
    let role = logto.role_by_name("sync").context("the role")?;
    let held = |id: &String| {
        let holders = logto.applications_of_role(&role.id);
        holders.iter().any(|application| application.id == *id)
    };
    ensure!(held(&made[0]) && held(&made[1]));
    ensure!(!held(&made[2]) && !held(&made[3]));
    // Logto itself would take it.
    ensure!(
        !held(&web) && message.contains("no machine-to-machine application"),
        "{message}"
    );
    ensure!(
        rows(&world, "sync")
            .await?
            .iter()
            .any(|row| row.state == SubjectState::Refused)
    );
    Ok(())
}

async fn a_suspended_user_is_not_given_the_role_until_the_suspension_ends(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let [sue] = users(&world.logto, ["sue"])?;
    let suspend = |suspended| {
        let tenant = world.logto.tenant();
        let edited = tenant.edit_user(&sue, |user| user.is_suspended = suspended);
        edited.map_err(wrong)
    };
    suspend(true)?;
    apply(&world, json!([{"kind": "User", "id": sue}])).await?;
    let message = not_assigned(&world, "user-reader", "SubjectsNotFound").await?;
    ensure!(message.contains("suspended"), "{message}");
    ensure!(!holds(&world.logto, &sue, "user:reader"));
    suspend(false)?;
    assigned(&world, "user-reader").await?;
    ensure!(holds(&world.logto, &sue, "user:reader"));
    Ok(())
}
