//! Credentials that are missing or wrong, and a Logto that is down, slow, throttling or failing.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Secret;
use logto_emulator::{Emulator, Fault, FaultRule};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;

use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        credentials_that_come_late_or_wrong_are_said_and_mended_without_a_restart,
        an_endpoint_that_is_no_https_origin_is_refused_before_anything_is_sent,
        an_application_without_management_access_is_told_which_role_it_lacks,
        logto_down_at_the_start_is_waited_for,
        logto_down_in_the_middle_stops_nobody_for_good,
        a_slow_logto_only_takes_longer,
        a_throttling_logto_is_left_alone_as_long_as_it_asks,
        a_creation_that_answers_500_makes_nothing_twice,
        a_creation_whose_answer_is_lost_makes_nothing_twice,
        a_second_tenant_object_for_the_same_tenant_is_refused,
        no_secret_shows_in_logs_events_or_statuses,
    ]
}

fn down(logto: &Emulator, down: bool) {
    logto.switches().down(down);
}

/// The bindings of the example are ready, and nothing is there twice.
async fn converged_once(world: &World) -> anyhow::Result<()> {
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    let logto = world.logto.tenant();
    let ours: Vec<_> = logto
        .roles()
        .into_iter()
        .filter(|role| role.description.contains("[logto-hasura:"))
        .collect();
    ensure!(ours.len() == 2, "{ours:?}");
    let resources: Vec<_> = logto
        .resources()
        .into_iter()
        .filter(|resource| resource.id != "management-api")
        .collect();
    ensure!(resources.len() == 1, "{resources:?}");
    ensure!(logto.scopes(&resources[0].id).len() == 2);
    for role in ours {
        ensure!(logto.scopes_of_role(&role.id).len() == 1, "{role:?}");
    }
    Ok(())
}

async fn credentials_that_come_late_or_wrong_are_said_and_mended_without_a_restart(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--credentials-recheck", "500ms"])?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let message = world
        .waiting::<LogtoTenant>("main", "SecretNotFound")
        .await?;
    ensure!(
        message.contains("logto-m2m") && message.contains("clientSecret"),
        "{message}"
    );

    world.apply::<Secret>(world.secret_with("wrong")).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CredentialsRefused")
        .await?;
    ensure!(
        message.contains("invalid_client") && !message.contains("wrong"),
        "{message}"
    );
    world.apply::<HasuraInstance>(world.instance()).await?;
    let message = world
        .waiting::<HasuraInstance>("shop", "TenantNotReady")
        .await?;
    ensure!(message.contains("main"), "{message}");

    world.apply::<Secret>(world.secret()).await?;
    world.ready::<LogtoTenant>("main").await?;
    world
        .condition::<HasuraInstance>("shop", "ApiResourceSynced", "True", "")
        .await?;

    world
        .logto
        .tenant()
        .replace_client_secret("another-secret-of-the-application");
    world
        .apply::<Secret>(world.secret_with("another-secret-of-the-application"))
        .await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world
        .apply::<k8s_openapi::api::apps::v1::Deployment>(world.deployment())
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;

    world.delete::<Secret>("logto-m2m").await?;
    world
        .waiting::<LogtoTenant>("main", "SecretNotFound")
        .await?;
    let binding: HasuraRoleBinding = world.get("user-reader").await?;
    ensure!(
        binding.status.context("a status")?.conditions[0].status == "True",
        "what is in Logto still holds"
    );
    Ok(())
}

async fn an_endpoint_that_is_no_https_origin_is_refused_before_anything_is_sent(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    let mut tenant = world.tenant();
    tenant["spec"]["allowPlainHttp"] = json!(false);
    world.apply::<LogtoTenant>(tenant).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CredentialsInvalid")
        .await?;
    ensure!(
        message.contains("endpoint") && message.contains("https"),
        "{message}"
    );
    let mut secret = world.secret();
    secret["stringData"]["endpoint"] = json!(format!("{}/some/path", world.logto.endpoint()));
    world.apply::<Secret>(secret).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world
        .stalled::<LogtoTenant>("main", "CredentialsInvalid")
        .await?;
    ensure!(
        !world.logto.requests().contains_key("POST /oidc/token"),
        "{:?}",
        world.logto.requests()
    );
    Ok(())
}

async fn an_application_without_management_access_is_told_which_role_it_lacks(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world
        .logto
        .tenant()
        .revoke_management_api_access()
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    world.start_operator(&[])?;
    world.apply_base().await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CredentialsRefused")
        .await?;
    ensure!(message.contains("Logto Management API access"), "{message}");
    Ok(())
}

async fn logto_down_at_the_start_is_waited_for(world: Arc<World>) -> anyhow::Result<()> {
    down(&world.logto, true);
    world.start_operator(&[])?;
    world.apply_example().await?;
    world
        .waiting::<LogtoTenant>("main", "LogtoUnreachable")
        .await?;
    world
        .waiting::<HasuraRoleBinding>("user-reader", "TenantNotReady")
        .await?;
    down(&world.logto, false);
    converged_once(&world).await
}

async fn logto_down_in_the_middle_stops_nobody_for_good(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged_once(&world).await?;
    down(&world.logto, true);
    world
        .edit::<HasuraRoleBinding>(
            "user-reader",
            json!({"spec": {"scope": {"name": "read:all"}}}),
        )
        .await?;
    let message = world
        .waiting::<HasuraRoleBinding>("user-reader", "TenantNotReady")
        .await?;
    ensure!(
        message.contains("main") && message.contains("connection"),
        "{message}"
    );
    world
        .waiting::<LogtoTenant>("main", "LogtoUnreachable")
        .await?;
    let other: HasuraRoleBinding = world.get("user-maintainer").await?;
    ensure!(
        other.status.context("a status")?.conditions[0].status == "True",
        "what was verified stays said"
    );

    down(&world.logto, false);
    converged_once(&world).await?;
    world.ready::<LogtoTenant>("main").await?;
    Ok(())
}

async fn a_slow_logto_only_takes_longer(world: Arc<World>) -> anyhow::Result<()> {
    world.logto.switches().latency(Duration::from_millis(400));
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged_once(&world).await?;
    world.quiet().await?;
    ensure!(
        world.logto.writes() - world.script_writes() == 5,
        "{:?}",
        world.logto.requests()
    );
    Ok(())
}

async fn a_throttling_logto_is_left_alone_as_long_as_it_asks(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let throttle = Fault::Status {
        status: 429,
        retry_after: Some("2".to_owned()),
        body: json!({}),
    };
    world
        .logto
        .switches()
        .fail(FaultRule::new("POST", "/api/roles", throttle));
    world.start_operator(&[])?;
    world.apply_example().await?;
    world
        .until_logto("the refusal", |logto| {
            logto.switches().pending_faults() == 0
        })
        .await?;
    // The pods of Hasura read the keys all the time; they are not asked to wait.
    let of_operator = || {
        let requests = world.logto.requests();
        let own = requests
            .iter()
            .filter(|(route, _)| *route != "GET /oidc/jwks");
        own.map(|(_, count)| count).sum::<u64>()
    };
    let refused = of_operator();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let later = of_operator();
    // Requests that were under way already, four at the most, may still have come.
    ensure!(
        later <= refused + 3,
        "{refused} requests became {later} while Logto asked to be left alone"
    );
    converged_once(&world).await
}

async fn a_creation_that_answers_500_makes_nothing_twice(world: Arc<World>) -> anyhow::Result<()> {
    for route in ["/api/resources", "/api/resources/:id/scopes", "/api/roles"] {
        world
            .logto
            .switches()
            .fail(FaultRule::new("POST", route, Fault::Error500AfterWrite));
    }
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged_once(&world).await?;
    ensure!(
        world.logto.switches().pending_faults() == 0,
        "a fault did not come to pass"
    );
    world.quiet().await?;
    ensure!(
        world.logto.writes() - world.script_writes() == 5,
        "nothing is sent again that happened: {:?}",
        world.logto.requests()
    );
    let instance: HasuraInstance = world.get("shop").await?;
    let resource = instance
        .status
        .and_then(|status| status.api_resource)
        .context("the resource in the status")?;
    ensure!(
        format!("{:?}", resource.origin) == "Created",
        "{resource:?}"
    );
    Ok(())
}

async fn a_creation_whose_answer_is_lost_makes_nothing_twice(
    world: Arc<World>,
) -> anyhow::Result<()> {
    for route in ["/api/resources", "/api/resources/:id/scopes", "/api/roles"] {
        world
            .logto
            .switches()
            .fail(FaultRule::new("POST", route, Fault::DropAfterWrite));
    }
    world.start_operator(&[])?;
    world.apply_example().await?;
    converged_once(&world).await?;
    ensure!(
        world.logto.switches().pending_faults() == 0,
        "a fault did not come to pass"
    );
    world.quiet().await?;
    ensure!(
        world.logto.writes() - world.script_writes() == 5,
        "nothing is sent again that happened: {:?}",
        world.logto.requests()
    );
    Ok(())
}

async fn a_second_tenant_object_for_the_same_tenant_is_refused(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<LogtoTenant>("main").await?;
    let mut second = world.tenant();
    second["metadata"]["name"] = json!("second");
    world.apply::<LogtoTenant>(second).await?;
    let message = world
        .stalled::<LogtoTenant>("second", "TenantTaken")
        .await?;
    ensure!(message.contains("main"), "{message}");
    world.delete::<LogtoTenant>("main").await?;
    world.ready::<LogtoTenant>("second").await?;
    Ok(())
}

async fn no_secret_shows_in_logs_events_or_statuses(world: Arc<World>) -> anyhow::Result<()> {
    const PLANTED: &str = "planted-secret-4fQ7";
    world.logto.tenant().replace_client_secret(PLANTED);
    world.start_operator(&["--log", "trace", "--credentials-recheck", "300ms"])?;
    world.apply_example().await?;
    world.apply::<Secret>(world.secret_with(PLANTED)).await?;
    converged_once(&world).await?;
    world.logto.tenant().replace_client_secret("rotated");
    world
        .logto
        .switches()
        .fail(FaultRule::new("*", "/api/*", Fault::status(500)).times(5));
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world.quiet().await?;

    let seen = format!("{}{}", world.operator_log(), world.report("").await);
    ensure!(seen.contains("status changed"), "the log was read");
    let leaked = seen
        .lines()
        .find(|line| line.contains(PLANTED) || line.contains("eyJ"));
    ensure!(leaked.is_none(), "a secret or a token in: {leaked:?}");
    Ok(())
}
