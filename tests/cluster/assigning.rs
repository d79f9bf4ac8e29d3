//! What may happen while a role is given: crashes, races, and how little is asked of Logto when nothing does.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use logto_emulator::{Fault, FaultRule};
use logto_hasura::api::{
    HasuraRoleBinding,
    binding::{SubjectState, SubjectStatus},
};
use serde_json::json;

use crate::{
    subjects::{applied, apply, assigned, holds, kill_operator, no_rows, rows, users, wrong},
    suite::Test,
    tests,
    world::World,
};

const HOLDERS: &str = "/api/roles/:id/users";

pub fn tests() -> Vec<Test> {
    tests![
        a_crash_after_the_request_loses_and_doubles_nobody,
        a_crash_before_the_request_loses_and_doubles_nobody,
        an_answer_that_is_lost_loses_and_doubles_nobody,
        who_got_the_role_by_hand_at_the_same_moment_keeps_it,
        subjects_that_are_settled_cost_one_request_in_a_resync_period,
    ]
}

/// Waits until the status says that somebody is about to be given the role.
async fn assigning(world: &World) -> anyhow::Result<Vec<SubjectStatus>> {
    let rows = || async {
        let rows = rows(world, "user-reader").await.unwrap_or_default();
        let under_way = rows.iter().any(|row| row.state == SubjectState::Assigning);
        Ok(under_way.then_some(rows))
    };
    world.until("a row that says Assigning", rows).await
}

/// Whom it gave the role before it was killed, the binding still knows as its own.
async fn restarted_it_owns_what_it_gave(world: &World, alice: &str) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    assigned(world, "user-reader").await?;
    ensure!(holds(&world.logto, alice, "user:reader"));
    ensure!(rows(world, "user-reader").await?[0].state == SubjectState::Assigned);
    apply(world, json!([])).await?;
    no_rows(world).await?;
    ensure!(!holds(&world.logto, alice, "user:reader"));
    Ok(())
}

async fn a_crash_after_the_request_loses_and_doubles_nobody(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let [alice] = users(&world.logto, ["alice"])?;
    // At rest, the one read before the request is the only one.
    apply(&world, json!([])).await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.quiet().await?;
    let switches = world.logto.switches();
    switches.fail(FaultRule::new("POST", HOLDERS, Fault::DropAfterWrite));
    // The operator does not learn what became of its request before it is killed.
    switches.fail(
        FaultRule::new("GET", HOLDERS, Fault::status(500))
            .skip(1)
            .times(1000),
    );
    apply(&world, json!([{"kind": "User", "username": "alice"}])).await?;
    world
        .until_logto("alice to hold the role", |logto| {
            holds(logto, &alice, "user:reader")
        })
        .await?;
    kill_operator(&world);
    assigning(&world).await?;
    switches.clear_faults();
    restarted_it_owns_what_it_gave(&world, &alice).await?;
    let requests = world.logto.requests();
    ensure!(
        requests.get(&format!("POST {HOLDERS}")) == Some(&1),
        "{requests:?}"
    );
    Ok(())
}

async fn a_crash_before_the_request_loses_and_doubles_nobody(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let [alice] = users(&world.logto, ["alice"])?;
    let switches = world.logto.switches();
    switches.fail(FaultRule::new(
        "POST",
        HOLDERS,
        Fault::Hang(Duration::from_secs(60)),
    ));
    apply(&world, json!([{"kind": "User", "username": "alice"}])).await?;
    assigning(&world).await?;
    world
        .until_logto("the request", |logto| {
            logto.requests().contains_key(&format!("POST {HOLDERS}"))
        })
        .await?;
    kill_operator(&world);
    ensure!(!holds(&world.logto, &alice, "user:reader"));
    switches.clear_faults();
    restarted_it_owns_what_it_gave(&world, &alice).await
}

async fn an_answer_that_is_lost_loses_and_doubles_nobody(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let [alice, bob] = users(&world.logto, ["alice", "bob"])?;
    let switches = world.logto.switches();
    switches.fail(FaultRule::new("POST", HOLDERS, Fault::Error500AfterWrite));
    applied(&world, json!([{"kind": "User", "username": "alice"}])).await?;
    switches.fail(FaultRule::new("POST", HOLDERS, Fault::DropAfterWrite));
    let both = json!([
        {"kind": "User", "username": "alice"},
        {"kind": "User", "username": "bob"},
    ]);
    applied(&world, both).await?;
    let rows = rows(&world, "user-reader").await?;
    ensure!(
        rows.iter().all(|row| row.state == SubjectState::Assigned),
        "{rows:?}"
    );
    ensure!(holds(&world.logto, &alice, "user:reader") && holds(&world.logto, &bob, "user:reader"));
    let requests = world.logto.requests();
    ensure!(
        requests.get(&format!("POST {HOLDERS}")) == Some(&2),
        "{requests:?}"
    );
    Ok(())
}

async fn who_got_the_role_by_hand_at_the_same_moment_keeps_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let [alice, bob] = users(&world.logto, ["alice", "bob"])?;
    let logto = world.logto.tenant();
    let late = Fault::Hang(Duration::from_secs(1));
    world
        .logto
        .switches()
        .fail(FaultRule::new("POST", HOLDERS, late));
    let both = json!([
        {"kind": "User", "username": "alice"},
        {"kind": "User", "username": "bob"},
    ]);
    apply(&world, both).await?;
    assigning(&world).await?;
    let role = logto.role_by_name("user:reader").context("the role")?;
    logto.assign_role(&alice, &role.id).map_err(wrong)?;
    assigned(&world, "user-reader").await?;
    ensure!(holds(&world.logto, &bob, "user:reader"));
    apply(&world, json!([])).await?;
    no_rows(&world).await?;
    ensure!(
        holds(&world.logto, &alice, "user:reader"),
        "somebody else gave it to alice"
    );
    ensure!(!holds(&world.logto, &bob, "user:reader"));
    Ok(())
}

async fn subjects_that_are_settled_cost_one_request_in_a_resync_period(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1h"])?;
    world.apply_base().await?;
    let [_, bob, _] = users(&world.logto, ["alice", "bob", "carol"])?;
    let named = json!([
        {"kind": "User", "username": "alice"},
        {"kind": "User", "id": bob},
        {"kind": "User", "username": "carol"},
    ]);
    applied(&world, named).await?;
    world.quiet().await?;
    let asked = |what: &str| {
        world
            .logto
            .requests()
            .get(what)
            .copied()
            .unwrap_or_default()
    };
    let holders = format!("GET {HOLDERS}");
    ensure!(asked(&format!("POST {HOLDERS}")) == 1);

    // A visit for another reason, and a restart, ask nothing before it is time.
    world.logto.reset_requests();
    let label = json!({"metadata": {"labels": {"touched": "yes"}}});
    world
        .edit::<HasuraRoleBinding>("user-reader", label)
        .await?;
    world.quiet().await?;
    let requests = world.logto.requests();
    // A Hasura asks for the keys.
    ensure!(
        requests.keys().all(|asked| asked == "GET /oidc/jwks"),
        "{requests:?}"
    );
    world.stop_operator().await?;
    world.start_operator(&["--resync-period", "1h"])?;
    world
        .until_logto("the first listing", |_| asked("GET /api/roles") > 0)
        .await?;
    world.quiet().await?;
    ensure!(
        asked(&holders) == 0 && world.logto.writes() == 0,
        "{:?}",
        world.logto.requests()
    );

    world.stop_operator().await?;
    world.logto.reset_requests();
    world.start_operator(&["--resync-period", "2s"])?;
    world
        .until_logto("four looks", |_| asked(&holders) >= 4)
        .await?;
    let requests = world.logto.requests();
    ensure!(
        asked("GET /api/users") == 0 && asked("GET /api/users/:id") == 0,
        "{requests:?}"
    );
    ensure!(world.logto.writes() == 0, "{requests:?}");
    ensure!(
        asked(&holders).abs_diff(asked("GET /api/roles")) <= 2,
        "{requests:?}"
    );
    Ok(())
}
