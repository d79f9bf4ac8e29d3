//! LogtoTenants that announce the same issuer: who it belongs to keeps it, whoever was there first.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_emulator::{Emulator, Fault, FaultRule, Options};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;

use crate::{suite::Test, tests, world::World};

const DISCOVERY: &str = "GET /oidc/.well-known/openid-configuration";

pub fn tests() -> Vec<Test> {
    tests![
        who_announces_somebody_elses_issuer_does_not_stand_in_his_way,
        who_can_not_be_proved_yet_gets_his_tenant_when_he_can,
        of_two_addresses_of_one_logto_the_first_keeps_it,
    ]
}

/// How often the world's Logto was asked this.
fn asked(world: &World, request: &str) -> u64 {
    world.logto.requests().get(request).copied().unwrap_or(0)
}

/// A LogtoTenant and the Secret of its name, for an endpoint.
async fn tenant_at(world: &World, name: &str, endpoint: &str, secret: &str) -> anyhow::Result<()> {
    let mut credentials = world.secret_with(secret);
    credentials["metadata"]["name"] = json!(name);
    credentials["stringData"]["endpoint"] = json!(endpoint);
    world.apply::<Secret>(credentials).await?;
    let mut tenant = world.tenant();
    tenant["metadata"]["name"] = json!(name);
    tenant["spec"]["credentialsSecretRef"]["name"] = json!(name);
    world.apply::<LogtoTenant>(tenant).await?;
    Ok(())
}

/// The LogtoTenant `rogue`, ready, for a server that announces the issuer of the world's Logto.
async fn rogue(world: &World) -> anyhow::Result<Emulator> {
    let rogue = Emulator::start_with(Options {
        issuer: Some(format!("{}/oidc", world.logto.endpoint())),
        client_secret: "a-secret-of-the-rogue".to_owned(),
        ..Options::default()
    })
    .await?;
    tenant_at(world, "rogue", &rogue.endpoint(), rogue.client_secret()).await?;
    world.ready::<LogtoTenant>("rogue").await?;
    Ok(rogue)
}

/// The world's Logto by another address than that of its issuer, as from inside of a cluster.
fn inside(world: &World) -> String {
    world.logto.endpoint().replace("127.0.0.1", "localhost")
}

async fn who_announces_somebody_elses_issuer_does_not_stand_in_his_way(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let rogue = rogue(&world).await?;
    let before = world.logto.requests();
    ensure!(before.is_empty(), "alone, it costs nothing: {before:?}");

    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.ready::<LogtoTenant>("main").await?;
    let message = world.stalled::<LogtoTenant>("rogue", "TenantTaken").await?;
    let (own, issuers) = (rogue.endpoint(), world.logto.endpoint());
    ensure!(
        message.contains("main")
            && message.contains(&format!("the keys at {own} are not those"))
            && message.contains(&issuers),
        "{message}"
    );

    rogue.switches().key_set(world.logto.key_set());
    world.ask_for_reconcile::<LogtoTenant>("rogue").await?;
    world
        .until("the copied keys to be seen through", || async {
            let message = world.stalled::<LogtoTenant>("rogue", "TenantTaken").await?;
            Ok(message.contains("did not sign").then_some(()))
        })
        .await?;
    // One document and one key set for `main`, as ever, and the same for each comparison: of the first keys, of the connection
    // that is made anew since none of them is left, and of those that were asked for, unless that is the same visit. A token
    // for `main` alone.
    world.quiet().await?;
    for (request, expected) in [
        (DISCOVERY, 3..=4),
        ("GET /oidc/jwks", 3..=4),
        ("POST /oidc/token", 1..=1),
    ] {
        let count = asked(&world, request);
        ensure!(
            expected.contains(&count),
            "{request}: {count} is not in {expected:?}"
        );
    }

    world.apply::<Deployment>(world.deployment()).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    let binding = world.binding("user-reader", "user:reader", "read:user");
    world.apply::<HasuraRoleBinding>(binding).await?;
    world.published("user-reader").await?;
    world.ready::<LogtoTenant>("main").await?;
    ensure!(rogue.writes() == 0, "{:?}", rogue.requests());
    ensure!(
        asked(&world, "POST /oidc/token") == 1,
        "one session's token"
    );

    world.delete::<LogtoTenant>("rogue").await?;
    world.gone::<LogtoTenant>("rogue").await
}

async fn who_can_not_be_proved_yet_gets_his_tenant_when_he_can(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let _rogue = rogue(&world).await?;
    let (_, route) = DISCOVERY.split_once(' ').unwrap_or_default();
    let down = FaultRule::new("GET", route, Fault::status(502));
    world.logto.switches().fail(down.skip(1).times(1000));
    let secret = world.logto.client_secret();
    tenant_at(&world, "main", &inside(&world), secret).await?;
    let message = world.stalled::<LogtoTenant>("main", "TenantTaken").await?;
    ensure!(
        message.contains("rogue")
            && message.contains("HTTP 502")
            && message.contains(&world.logto.endpoint()),
        "{message}"
    );
    // Several more attempts change nothing, also where both were made in the same second.
    world
        .until_logto("three more attempts", |logto| {
            logto.switches().pending_faults() < 997
        })
        .await?;
    world.stalled::<LogtoTenant>("main", "TenantTaken").await?;
    world.ready::<LogtoTenant>("rogue").await?;

    world.logto.switches().clear_faults();
    world.ready::<LogtoTenant>("main").await?;
    world.stalled::<LogtoTenant>("rogue", "TenantTaken").await?;
    Ok(())
}

async fn of_two_addresses_of_one_logto_the_first_keeps_it(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let secret = world.logto.client_secret();
    tenant_at(&world, "inside", &inside(&world), secret).await?;
    let first: LogtoTenant = world.ready("inside").await?;
    ensure!(asked(&world, DISCOVERY) == 1, "alone, nothing is compared");

    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let message = world.stalled::<LogtoTenant>("main", "TenantTaken").await?;
    ensure!(
        message.contains("inside") && !message.contains("proved"),
        "{message}"
    );
    for name in ["main", "inside"] {
        world.ask_for_reconcile::<LogtoTenant>(name).await?;
    }
    world.quiet().await?;
    let later: LogtoTenant = world.ready("inside").await?;
    ensure!(
        later.status.map(|status| status.conditions)
            == first.status.map(|status| status.conditions),
        "it never lost its tenant"
    );
    // One that each was made with, one for the comparison when they met, one for that which was asked for; and each look at
    // what Logto announces: one for each of the two that was asked for, and those of the one that waits for its tenant.
    let count = asked(&world, DISCOVERY);
    ensure!(count >= 6, "{count}");
    let connections = asked(&world, "POST /oidc/token");
    ensure!(
        connections == 2,
        "no connection was made anew: {connections}"
    );
    Ok(())
}
