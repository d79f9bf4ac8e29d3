//! Where the operator may be sent, and what it trusts there.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use logto_hasura::api::LogtoTenant;
use serde_json::json;

use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        a_host_that_the_operator_was_not_told_of_is_refused_without_a_request,
        a_metadata_address_is_refused_without_a_request,
        a_ca_bundle_is_looked_for_checked_and_read_again,
        keys_of_a_secret_that_does_not_say_so_are_sent_nowhere,
    ]
}

async fn a_host_that_the_operator_was_not_told_of_is_refused_without_a_request(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--allow-logto-host", "logto.example.com,*.logto.app"])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "HostNotAllowed")
        .await?;
    ensure!(
        message.contains("Secret") && message.contains("--allow-logto-host"),
        "{message}"
    );
    ensure!(world.logto.requests().is_empty());
    world.stop_operator().await?;

    world.start_operator(&["--allow-logto-host", "127.0.0.1"])?;
    world.ready::<LogtoTenant>("main").await?;
    let elsewhere = json!({"spec": {"endpointForHasura": "https://logto.example.com"}});
    world.edit::<LogtoTenant>("main", elsewhere).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "HostNotAllowed")
        .await?;
    ensure!(
        message.contains("spec.endpointForHasura names https://logto.example.com"),
        "{message}"
    );
    let elsewhere = json!({"spec": {
        "endpointForHasura": null, "signInEndpoints": ["https://id.example.com"],
    }});
    world.edit::<LogtoTenant>("main", elsewhere).await?;
    world
        .until("the sign-in endpoint to be refused too", || async {
            let message = world
                .stalled::<LogtoTenant>("main", "HostNotAllowed")
                .await?;
            let named = "spec.signInEndpoints names https://id.example.com";
            Ok(message.contains(named).then_some(()))
        })
        .await
}

async fn a_metadata_address_is_refused_without_a_request(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut secret = world.secret();
    secret["stringData"]["endpoint"] = json!("http://[::ffff:a9fe:a9fe]");
    world.apply::<Secret>(secret).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CredentialsInvalid")
        .await?;
    ensure!(message.contains("metadata"), "{message}");
    world.apply::<Secret>(world.secret()).await?;
    world.ready::<LogtoTenant>("main").await?;
    let metadata = json!({"spec": {"endpointForHasura": "http://169.254.169.254"}});
    world.edit::<LogtoTenant>("main", metadata).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CredentialsInvalid")
        .await?;
    ensure!(message.contains("spec.endpointForHasura"), "{message}");
    Ok(())
}

async fn a_ca_bundle_is_looked_for_checked_and_read_again(world: Arc<World>) -> anyhow::Result<()> {
    let config_map = |pem: &str| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "corp-ca"},
            "data": {"ca.crt": pem},
        })
    };
    let connections = || -> u64 {
        // Each gets a token of its own; the discovery document is read at each look at the credentials.
        let requests = world.logto.requests();
        requests.get("POST /oidc/token").copied().unwrap_or(0)
    };
    world.start_operator(&["--credentials-recheck", "300ms"])?;
    world.apply::<Secret>(world.secret()).await?;
    let mut tenant = world.tenant();
    tenant["spec"]["caBundleRef"] =
        json!({"kind": "ConfigMap", "name": "corp-ca", "key": "ca.crt"});
    world.apply::<LogtoTenant>(tenant.clone()).await?;
    let message = world
        .waiting::<LogtoTenant>("main", "CaBundleNotFound")
        .await?;
    ensure!(message.contains(r#"ConfigMap "corp-ca""#), "{message}");

    world.apply::<ConfigMap>(config_map("corp-ca")).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CaBundleInvalid")
        .await?;
    ensure!(message.contains("BEGIN CERTIFICATE"), "{message}");

    world
        .apply::<ConfigMap>(config_map(&certificate()?))
        .await?;
    world.ready::<LogtoTenant>("main").await?;
    let tenant_now: LogtoTenant = world.get("main").await?;
    let status = tenant_now.status.context("a status")?;
    let connected = status
        .conditions
        .iter()
        .find(|one| one.type_ == "Connected");
    let message = &connected.context("a condition")?.message;
    ensure!(message.contains("give its pods the CA too"), "{message}");

    let before = connections();
    world
        .apply::<ConfigMap>(config_map(&certificate()?))
        .await?;
    world
        .until("a new connection", async || {
            Ok((connections() > before).then_some(()))
        })
        .await?;

    tenant["spec"]["caBundleRef"] = json!({"kind": "Secret", "name": "logto-m2m", "key": "ca.crt"});
    world.apply::<LogtoTenant>(tenant).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CaBundleInvalid")
        .await?;
    ensure!(message.contains(r#"has no key "ca.crt""#), "{message}");
    Ok(())
}

/// Whoever may write LogtoTenants could have a password sent to an address that stands beside it.
async fn keys_of_a_secret_that_does_not_say_so_are_sent_nowhere(
    world: Arc<World>,
) -> anyhow::Result<()> {
    const LABEL: &str = "logto-hasura.dev/credentials";
    world.start_operator(&["--credentials-recheck", "300ms"])?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "payments"},
        "stringData": {
            "url": world.logto.endpoint(),
            "user": world.logto.client_id(),
            "password": world.logto.client_secret(),
        },
    });
    world.apply::<Secret>(secret).await?;
    let mut tenant = world.tenant();
    let keys = json!({"endpoint": "url", "clientId": "user", "clientSecret": "password"});
    tenant["spec"]["credentialsSecretRef"] = json!({"name": "payments", "keys": keys});
    world.apply::<LogtoTenant>(tenant).await?;
    let stalled = || world.stalled::<LogtoTenant>("main", "CredentialsNotLabelled");
    let message = stalled().await?;
    ensure!(
        message.contains(r#"Secret "payments""#) && message.contains(LABEL),
        "{message}"
    );
    let labelled = |value: Option<&str>| json!({"metadata": {"labels": {LABEL: value}}});
    world
        .edit::<Secret>("payments", labelled(Some("false")))
        .await?;
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world.quiet().await?;
    stalled().await?;
    ensure!(world.logto.requests().is_empty(), "something was sent");

    world
        .edit::<Secret>("payments", labelled(Some("true")))
        .await?;
    world.ready::<LogtoTenant>("main").await?;
    let missing = json!({"spec": {"credentialsSecretRef": {"keys": {"clientId": "id"}}}});
    world.edit::<LogtoTenant>("main", missing).await?;
    let message = world
        .stalled::<LogtoTenant>("main", "CredentialsInvalid")
        .await?;
    ensure!(message.contains("no key id"), "{message}");
    let mended = json!({"spec": {"credentialsSecretRef": {"keys": {"clientId": "user"}}}});
    world.edit::<LogtoTenant>("main", mended).await?;
    world.ready::<LogtoTenant>("main").await?;

    // Consent that is taken back counts.
    world.edit::<Secret>("payments", labelled(None)).await?;
    stalled().await?;
    Ok(())
}

/// A CA of somebody's.
fn certificate() -> anyhow::Result<String> {
    let key = rcgen::KeyPair::generate()?;
    Ok(rcgen::CertificateParams::default().self_signed(&key)?.pem())
}
