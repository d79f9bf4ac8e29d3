//! A Logto Cloud tenant whose plan allows no more: it is said where it hits, and heals when the plan does.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use logto_emulator::{Fault, FaultRule};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};

use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        tokens_that_are_used_up_are_a_limit_of_the_plan_and_asked_for_seldom,
        a_resource_a_role_and_a_script_beyond_the_plan_are_said_and_made_when_it_allows_them,
    ]
}

async fn tokens_that_are_used_up_are_a_limit_of_the_plan_and_asked_for_seldom(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let used_up = FaultRule::new("POST", "/oidc/token", Fault::tokens_used_up());
    world.logto.switches().fail(used_up.times(1000));
    world.start_operator(&[])?;
    world.apply_example().await?;
    let message = world.stalled::<LogtoTenant>("main", "PlanLimit").await?;
    ensure!(
        message.contains("tokens of the tenant's Logto Cloud plan are used up")
            && message.contains("auth.exceed_token_limit")
            && !message.contains("rate"),
        "{message}"
    );
    let waits = world
        .waiting::<HasuraRoleBinding>("user-reader", "TenantNotReady")
        .await?;
    ensure!(waits.contains("are used up"), "{waits}");
    let asked = || 1000 - world.logto.switches().pending_faults();
    let before = asked();
    tokio::time::sleep(Duration::from_secs(4)).await;
    // At most one in half a second, which the retry of credentials is here.
    ensure!(asked() - before <= 9, "{before} became {}", asked());
    world.logto.switches().clear_faults();
    world.ready::<LogtoTenant>("main").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    Ok(())
}

async fn a_resource_a_role_and_a_script_beyond_the_plan_are_said_and_made_when_it_allows_them(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let beyond = |method: &str, route: &str, key: &str| {
        let rule = FaultRule::new(method, route, Fault::plan_limit(key));
        world.logto.switches().fail(rule.times(1000));
    };
    beyond("POST", "/api/resources", "resourcesLimit");
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_example().await?;
    let message = world.stalled::<HasuraInstance>("shop", "PlanLimit").await?;
    ensure!(message.contains("no more API resources"), "{message}");
    world.ready::<LogtoTenant>("main").await?;

    world.logto.switches().clear_faults();
    beyond("POST", "/api/roles", "userRolesLimit");
    world.ready::<HasuraInstance>("shop").await?;
    for binding in ["user-reader", "user-maintainer"] {
        let message = world
            .stalled::<HasuraRoleBinding>(binding, "PlanLimit")
            .await?;
        ensure!(
            message.contains("no more roles for users") && message.contains("userRolesLimit"),
            "{message}"
        );
    }
    world.logto.switches().clear_faults();
    beyond("PUT", "/api/configs/jwt-customizer/*", "somethingElse");
    let (_, claims) = world
        .condition::<LogtoTenant>("main", "ClaimsDeployed", "False", "PlanLimit")
        .await?;
    ensure!(
        claims.message.contains("allows no more of it")
            && !claims.message.contains("somethingElse"),
        "{}",
        claims.message
    );
    world.logto.switches().clear_faults();
    for binding in ["user-reader", "user-maintainer"] {
        world.ready::<HasuraRoleBinding>(binding).await?;
    }
    ensure!(world.made() == (1, 2, 2), "{:?}", world.made());
    Ok(())
}
