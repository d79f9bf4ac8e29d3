//! What Hasura is told of issuers: after another ENDPOINT of Logto, and where people sign in at other origins.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_emulator::{Emulator, Fault, FaultRule};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    deployments::generation,
    hasura::Request,
    matrix::{Matrix, invalid, made_up, role},
    sign_in::Person,
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        another_endpoint_of_logto_is_one_rollout_and_said_when_somebody_asks,
        another_endpoint_of_logto_is_noticed_at_the_resync_and_a_failing_document_changes_nothing,
        people_who_sign_in_at_a_custom_domain_are_let_in,
        a_sign_in_endpoint_of_somebody_elses_logto_is_refused_and_never_used,
        a_sign_in_endpoint_that_does_not_answer_leaves_hasura_as_it_is,
        an_endpoint_below_a_path_is_said_not_to_be_supported,
    ]
}

const DISCOVERY: &str = "/oidc/.well-known/openid-configuration";

/// What Hasura was told.
async fn told(world: &World) -> anyhow::Result<Value> {
    let secret = world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await?;
    Ok(serde_json::from_str(&secret.context("a JWT secret")?)?)
}

async fn is_told(world: &World, issuer: Option<&str>) -> anyhow::Result<()> {
    world
        .until(&format!("Hasura to be told {issuer:?}"), || async {
            let told = told(world).await?;
            Ok((told["issuer"].as_str() == issuer).then_some(()))
        })
        .await
}

/// The world's Logto by another name, which can be made a custom domain.
fn custom(world: &World) -> String {
    world.logto.endpoint().replace("127.0.0.1", "localhost")
}

fn issuer_of(origin: &str) -> String {
    format!("{origin}/oidc")
}

async fn sign_in_at(world: &World, origins: &[&str]) -> anyhow::Result<()> {
    let spec = json!({"spec": {"signInEndpoints": origins}});
    world.edit::<LogtoTenant>("main", spec).await?;
    Ok(())
}

async fn connected(world: &World) -> anyhow::Result<String> {
    let (_, connected) = world
        .condition::<LogtoTenant>("main", "Connected", "True", "Succeeded")
        .await?;
    Ok(connected.message)
}

async fn another_endpoint_of_logto_is_one_rollout_and_said_when_somebody_asks(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1h"])?;
    world.example_is_ready().await?;
    let own = issuer_of(&world.logto.endpoint());
    ensure!(generation(&world).await? == 2);
    ensure!(!connected(&world).await?.contains("issuer"));
    let alice = world.person("alice", &["user:reader"])?;
    let before = alice.token(&[]).await?;

    // Whose tokens are refused sees the instance, and maybe nothing else.
    world.logto.set_endpoint("https://id.example.com");
    world.ask_for_reconcile::<HasuraInstance>("shop").await?;
    is_told(&world, Some("https://id.example.com/oidc")).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let tenant: LogtoTenant = world.ready("main").await?;
    let status = tenant.status.context("a status")?;
    ensure!(status.issuer.as_deref() == Some("https://id.example.com/oidc"));
    let change = format!("issuer changed from {own} to https://id.example.com/oidc");
    let said = connected(&world).await?;
    ensure!(said.contains(&change), "{said}");
    let note = world.event("main", "LogtoChanged").await?;
    ensure!(
        note.contains(&own) && note.contains("id.example.com"),
        "{note}"
    );
    world.quiet().await?;
    ensure!(generation(&world).await? == 3, "one rollout");
    let after = alice.token(&[]).await?;
    world.accepted(&Request::bearer(&after)).await?;
    let mut matrix = Matrix::default();
    let refused = invalid("JWTNotInIssuer");
    matrix.row("of before", Request::bearer(&before), refused);
    matrix.row("of now", Request::bearer(&after), role("user:reader"));
    matrix.check(&world).await?;

    // Said by the status, so that a restart says the same and rolls nothing.
    world.stop_operator().await?;
    world.logto.set_endpoint(&world.logto.endpoint());
    world.start_operator(&["--resync-period", "1h"])?;
    is_told(&world, Some(&own)).await?;
    world.quiet().await?;
    ensure!(generation(&world).await? == 4, "one rollout more");
    let said = connected(&world).await?;
    ensure!(said.contains(&format!("to {own}")), "{said}");
    Ok(())
}

async fn another_endpoint_of_logto_is_noticed_at_the_resync_and_a_failing_document_changes_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    let before = world.fingerprint().await?;
    let down = FaultRule::new("GET", DISCOVERY, Fault::status(502));
    world.logto.switches().fail(down.times(4));
    let elsewhere = json!({"issuer": "https://evil.example/oidc", "token_endpoint": "https://evil.example/oidc/token",
        "jwks_uri": "https://evil.example/oidc/jwks"});
    let elsewhere = Fault::Status {
        status: 200,
        retry_after: None,
        body: elsewhere,
    };
    let elsewhere = FaultRule::new("GET", DISCOVERY, elsewhere);
    world.logto.switches().fail(elsewhere.times(2));
    world
        .until_logto("six documents that can not be used", |logto| {
            logto.switches().pending_faults() == 0
        })
        .await?;
    ensure!(world.fingerprint().await? == before, "nothing was written");

    world.logto.set_endpoint("https://id.example.com");
    is_told(&world, Some("https://id.example.com/oidc")).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    ensure!(generation(&world).await? == 3, "one rollout");
    Ok(())
}

/// A token of a person that is asked for at an origin.
async fn token_at(world: &World, origin: &str, person: &Person<'_>) -> anyhow::Result<String> {
    let (id, application) = (&person.id, &person.application);
    world
        .logto
        .user_token_at(origin, id, application, INDICATOR, &[])
        .await
}

async fn people_who_sign_in_at_a_custom_domain_are_let_in(world: Arc<World>) -> anyhow::Result<()> {
    world.logto.add_custom_domain("localhost");
    world.start_operator(&["--resync-period", "1h"])?;
    let (own, domain) = (world.logto.endpoint(), custom(&world));
    let mut tenant = world.tenant();
    tenant["spec"]["signInEndpoints"] = json!([domain]);
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(tenant).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    world.apply_example_bindings().await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let alice = world.person("alice", &["user:reader"])?;
    let at_own = token_at(&world, &own, &alice).await?;
    let at_domain = token_at(&world, &domain, &alice).await?;
    world.accepted(&Request::bearer(&at_domain)).await?;
    let secret = told(&world).await?;
    ensure!(secret["issuer"] == issuer_of(&domain), "{secret}");
    ensure!(secret["jwk_url"] == format!("{own}/oidc/jwks"), "{secret}");
    ensure!(generation(&world).await? == 2);
    let mut matrix = Matrix::default();
    let refused = invalid("JWTNotInIssuer");
    matrix.row("at the other", Request::bearer(&at_own), refused);
    matrix.check(&world).await?;

    sign_in_at(&world, &[&domain, &own]).await?;
    is_told(&world, None).await?;
    let secret = told(&world).await?;
    ensure!(
        secret["extra_required_claims"] == json!(["audience"]),
        "{secret}"
    );
    let (tenant, unchecked) = world
        .condition::<LogtoTenant>("main", "IssuerUnchecked", "True", "SeveralIssuers")
        .await?;
    ensure!(
        unchecked.message.contains("audience and keys guard it")
            && unchecked.message.contains(&issuer_of(&domain)),
        "{}",
        unchecked.message
    );
    let rows = tenant.status.context("a status")?.sign_in_endpoints;
    let issuers: Vec<_> = rows.into_iter().filter_map(|row| row.issuer).collect();
    ensure!(
        issuers == [issuer_of(&domain), issuer_of(&own)],
        "{issuers:?}"
    );
    world.ready::<LogtoTenant>("main").await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    ensure!(generation(&world).await? == 3, "one rollout");
    let mut matrix = Matrix::default();
    let reader = || role("user:reader");
    matrix.row("at the domain", Request::bearer(&at_domain), reader());
    matrix.row("at its own host", Request::bearer(&at_own), reader());
    let logto = &world.logto;
    let other = json!({"aud": "https://other.example.com"});
    let other = logto.sign(&made_up(logto, other));
    let refused = invalid("JWTNotInAudience");
    matrix.row("another audience", Request::bearer(&other), refused);
    let stranger = Emulator::start().await?;
    let foreign = stranger.sign(&made_up(logto, json!({})));
    let refused = invalid("JWSError JWSInvalidSignature");
    matrix.row("another's key", Request::bearer(&foreign), refused);
    world.accepted(&Request::bearer(&at_own)).await?;
    matrix.check(&world).await
}

async fn a_sign_in_endpoint_of_somebody_elses_logto_is_refused_and_never_used(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let stranger = Emulator::start().await?;
    world.start_operator(&["--resync-period", "1h"])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let own = world.logto.endpoint();
    sign_in_at(&world, &[&own, &stranger.endpoint()]).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "SignInRefused")
        .await?;
    ensure!(
        message.contains(&stranger.endpoint()) && message.contains("not those of the tenant"),
        "{message}"
    );
    world.quiet().await?;
    ensure!(told(&world).await?["issuer"] == issuer_of(&own));
    ensure!(generation(&world).await? == 2, "no rollout");
    let asked = stranger.requests();
    let only = [format!("GET {DISCOVERY}"), "GET /oidc/jwks".to_owned()];
    ensure!(asked.keys().all(|asked| only.contains(asked)), "{asked:?}");

    sign_in_at(&world, &["http://169.254.169.254"]).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "SignInRefused")
        .await?;
    ensure!(message.contains("spec.signInEndpoints"), "{message}");
    sign_in_at(&world, &[&own]).await?;
    world.ready::<LogtoTenant>("main").await?;
    world.quiet().await?;
    ensure!(generation(&world).await? == 2, "no rollout");
    Ok(())
}

async fn a_sign_in_endpoint_that_does_not_answer_leaves_hasura_as_it_is(
    world: Arc<World>,
) -> anyhow::Result<()> {
    // The same Logto by an address at which it can be down by itself.
    let domain = Emulator::start().await?;
    domain.switches().key_set(world.logto.key_set());
    world.start_operator(&["--resync-period", "1h"])?;
    world.apply_base().await?;
    sign_in_at(&world, &[&domain.endpoint()]).await?;
    world.ready::<LogtoTenant>("main").await?;
    world.ready::<HasuraInstance>("shop").await?;
    is_told(&world, Some(&issuer_of(&domain.endpoint()))).await?;
    world.quiet().await?;
    let before = generation(&world).await?;
    domain.switches().down(true);
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world.quiet().await?;
    world.ready::<LogtoTenant>("main").await?;

    world.stop_operator().await?;
    world.start_operator(&["--resync-period", "1h"])?;
    let message = world
        .waiting::<LogtoTenant>("main", "SignInUnreachable")
        .await?;
    ensure!(message.contains(&domain.endpoint()), "{message}");
    world.quiet().await?;
    ensure!(generation(&world).await? == before, "no rollout");
    domain.switches().down(false);
    world.ready::<LogtoTenant>("main").await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(generation(&world).await? == before, "no rollout");
    Ok(())
}

async fn an_endpoint_below_a_path_is_said_not_to_be_supported(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut secret = world.secret();
    secret["stringData"]["endpoint"] = json!("https://example.com/auth");
    world.apply::<Secret>(secret).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CredentialsInvalid")
        .await?;
    ensure!(
        message.contains("below a path is not supported")
            && message.contains("host name of its own"),
        "{message}"
    );
    Ok(())
}
