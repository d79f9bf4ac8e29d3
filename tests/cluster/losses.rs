//! Subjects of a role that is lost, of a binding that goes, and of a status that is lost or forged.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_hasura::api::{HasuraRoleBinding, binding::SubjectState};
use serde_json::json;

use crate::{
    subjects::{
        applied, apply, assigned, holds, kill_operator, no_rows, not_assigned, rows, state, users,
        wrong,
    },
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_role_that_was_lost_is_given_to_the_subjects_again,
        a_deleted_binding_takes_the_role_from_its_subjects_alone,
        a_renamed_binding_leaves_the_role_with_its_subjects,
        a_lost_status_takes_nothing_back,
        a_forged_status_gives_and_takes_no_other_role,
    ]
}

async fn a_role_that_was_lost_is_given_to_the_subjects_again(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let [alice, carol] = users(&world.logto, ["alice", "carol"])?;
    applied(&world, json!([{"kind": "User", "username": "alice"}])).await?;
    let logto = world.logto.tenant();
    let role = logto.role_by_name("user:reader").context("the role")?;
    logto.assign_role(&carol, &role.id).map_err(wrong)?;
    world.logto.reset_requests();
    world
        .until_logto("a listing that counts both", |logto| {
            logto
                .requests()
                .get("GET /api/roles")
                .is_some_and(|listings| *listings > 1)
        })
        .await?;
    logto.delete_role(&role.id).map_err(wrong)?;
    world
        .until_logto("the new role to be given", |logto| {
            holds(logto, &alice, "user:reader")
        })
        .await?;
    let note = world.event("user-reader", "AssignmentsLost").await?;
    ensure!(note.contains("2 held it"), "{note}");
    ensure!(
        !holds(&world.logto, &carol, "user:reader"),
        "nobody names carol"
    );
    assigned(&world, "user-reader").await?;
    world
        .until("the row to say so", || async {
            let assigned = state(&world, "username=alice").await? == SubjectState::Assigned;
            Ok(assigned.then_some(()))
        })
        .await
}

async fn a_deleted_binding_takes_the_role_from_its_subjects_alone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let [alice, carol] = users(&world.logto, ["alice", "carol"])?;
    let named = json!([{"kind": "User", "username": "alice"}]);
    applied(&world, named.clone()).await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    let logto = world.logto.tenant();
    ensure!(
        logto.role_by_name("user:reader").is_none(),
        "only its own subject held it"
    );

    applied(&world, named).await?;
    let role = logto.role_by_name("user:reader").context("the role")?;
    logto.assign_role(&carol, &role.id).map_err(wrong)?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(holds(&world.logto, &carol, "user:reader"));
    ensure!(!holds(&world.logto, &alice, "user:reader"));
    ensure!(
        logto.scopes_of_role(&role.id).is_empty(),
        "it grants nothing"
    );
    world.event("user-reader", "RoleKept").await?;
    Ok(())
}

async fn a_renamed_binding_leaves_the_role_with_its_subjects(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let [alice] = users(&world.logto, ["alice"])?;
    let named = json!([{"kind": "User", "username": "alice"}]);
    applied(&world, named.clone()).await?;
    let mut renamed = world.binding("reader-renamed", "user:reader", "read:user");
    renamed["spec"]["subjects"] = named;
    world.apply::<HasuraRoleBinding>(renamed).await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    assigned(&world, "reader-renamed").await?;
    ensure!(holds(&world.logto, &alice, "user:reader"));
    let removals = "DELETE /api/roles/:id/users/:userId";
    ensure!(
        !world.logto.requests().contains_key(removals),
        "she had it all the time"
    );
    ensure!(rows(&world, "reader-renamed").await?[0].state == SubjectState::HadRole);
    Ok(())
}

async fn a_lost_status_takes_nothing_back(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let [alice] = users(&world.logto, ["alice"])?;
    applied(&world, json!([{"kind": "User", "username": "alice"}])).await?;
    kill_operator(&world);
    world
        .forge_status::<HasuraRoleBinding>("user-reader", json!({"status": null}))
        .await?;
    world.logto.reset_requests();
    world.start_operator(&[])?;
    assigned(&world, "user-reader").await?;
    ensure!(state(&world, "username=alice").await? == SubjectState::HadRole);
    apply(&world, json!([])).await?;
    no_rows(&world).await?;
    ensure!(holds(&world.logto, &alice, "user:reader"));
    let requests = world.logto.requests();
    let touched = |asked: &String| asked.ends_with("/users") && !asked.starts_with("GET");
    ensure!(!requests.keys().any(touched), "{requests:?}");
    Ok(())
}

async fn a_forged_status_gives_and_takes_no_other_role(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let [alice, mallory, carol] = users(&world.logto, ["alice", "mallory", "carol"])?;
    let logto = world.logto.tenant();
    let kind = logto_emulator::RoleType::User;
    let billing = logto
        .create_role("billing", "By hand", kind, &[])
        .map_err(wrong)?;
    logto.assign_role(&carol, &billing.id).map_err(wrong)?;
    applied(&world, json!([{"kind": "User", "username": "alice"}])).await?;

    kill_operator(&world);
    let forged = json!({"status": {
        "role": {"id": billing.id, "name": "billing"},
        "subjects": [
            {"kind": "User", "named": "username=alice", "id": mallory, "state": "Assigning"},
            {"kind": "User", "named": "username=mallory", "id": mallory, "state": "Assigning"},
            {"kind": "User", "named": "username=carol", "id": carol, "state": "Assigned"},
            {"kind": "User", "named": "id=../../roles", "id": "../../roles", "state": "Assigned"},
        ],
    }});
    world
        .forge_status::<HasuraRoleBinding>("user-reader", forged)
        .await?;
    world.start_operator(&["--resync-period", "1s"])?;
    let message = not_assigned(&world, "user-reader", "SubjectsNotFound").await?;
    ensure!(message.contains("username=alice"), "{message}");
    world.quiet().await?;
    ensure!(holds(&world.logto, &carol, "billing"));
    ensure!(logto.roles_of_user(&mallory).is_empty());
    ensure!(
        holds(&world.logto, &alice, "user:reader"),
        "she had it and keeps it"
    );
    ensure!(rows(&world, "user-reader").await?.len() == 1);
    Ok(())
}
