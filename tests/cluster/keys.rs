//! The tenant's signing keys: what the status says of them, and a rollout where Hasura would never read them again.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_hasura::api::{HasuraInstance, LogtoTenant, tenant::KeyRefresh};
use serde_json::json;

use crate::{
    deployments::{base_with, generation},
    suite::Test,
    tests,
    webhook::{allowing, revision},
    world::World,
};

const HASH: &str = "logto-hasura.dev/auth-hash";

pub fn tests() -> Vec<Test> {
    tests![
        the_status_says_which_keys_sign_and_how_hasura_reads_them_again,
        each_change_of_keys_without_a_caching_header_is_one_rollout,
        a_change_of_keys_that_hasura_reads_by_itself_is_no_rollout,
        a_caching_header_that_appears_later_is_no_rollout,
        a_restart_with_keys_in_the_annotation_writes_nothing,
        a_webhook_needs_no_rollout_for_new_keys,
        an_annotation_of_another_manager_is_named_and_left_alone,
    ]
}

async fn hash(world: &World) -> anyhow::Result<Option<String>> {
    let deployment: Deployment = world.get("hasura").await?;
    let template = deployment.spec.context("a spec")?.template;
    let annotations = template.metadata.and_then(|metadata| metadata.annotations);
    Ok(annotations.and_then(|all| all.get(HASH).cloned()))
}

/// Waits until the tenant's status lists so many keys, read anew.
async fn keys_are_listed(world: &World, number: usize) -> anyhow::Result<LogtoTenant> {
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world
        .until(&format!("{number} keys in the status"), || async {
            let tenant: LogtoTenant = world.get("main").await?;
            let set = tenant
                .status
                .as_ref()
                .and_then(|status| status.key_set.as_ref());
            let listed = set.is_some_and(|set| set.keys.len() == number);
            Ok(listed.then_some(tenant))
        })
        .await
}

async fn the_status_says_which_keys_sign_and_how_hasura_reads_them_again(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    for (header, status, reason, refresh, max_age) in [
        // What the emulator says by itself, as Logto since 1.39.
        (
            Some("no-cache, max-age=0, must-revalidate"),
            "False",
            "RefreshedEachTick",
            KeyRefresh::EachTick,
            None,
        ),
        (
            Some("max-age=60"),
            "True",
            "Succeeded",
            KeyRefresh::AfterMaxAge,
            Some(60),
        ),
        (None, "False", "NeverRefreshed", KeyRefresh::Never, None),
    ] {
        world.logto.switches().jwks_cache_control(header);
        world.ready::<LogtoTenant>("main").await?;
        world.ask_for_reconcile::<LogtoTenant>("main").await?;
        let (tenant, condition) = world
            .condition::<LogtoTenant>("main", "JwksCacheable", status, reason)
            .await?;
        let advised = condition.message.contains("Cache-Control: max-age=60");
        ensure!(advised == (status == "False"), "{}", condition.message);
        let set = tenant
            .status
            .and_then(|status| status.key_set)
            .context("keys")?;
        ensure!(
            (set.refresh, set.max_age_seconds) == (refresh, max_age),
            "{set:?}"
        );
        let [key] = set.keys.as_slice() else {
            anyhow::bail!("one key: {set:?}");
        };
        ensure!(key.algorithm == "ES384" && key.id.len() == 43, "{key:?}");
    }
    world.ready::<LogtoTenant>("main").await?;
    Ok(())
}

async fn each_change_of_keys_without_a_caching_header_is_one_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.logto.switches().jwks_cache_control(None);
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let mut before = hash(&world).await?;
    ensure!(before.is_some(), "set with the first patch");
    ensure!((generation(&world).await?, revision(&world).await?) == (2, 2));
    let changes: [fn(&World) -> anyhow::Result<()>; 3] = [
        |world| world.logto.rotate_signing_key(),
        |world| world.logto.rotate_signing_key(),
        |world| world.logto.rotate_signing_key_staged(),
    ];
    for (rollouts, change) in (3..).zip(changes) {
        change(&world)?;
        world.ask_for_reconcile::<LogtoTenant>("main").await?;
        world
            .until("the new keys in the annotation", || async {
                let now = hash(&world).await?;
                Ok((now.is_some() && now != before).then_some(()))
            })
            .await?;
        world.quiet().await?;
        world.ready::<HasuraInstance>("shop").await?;
        let now = (generation(&world).await?, revision(&world).await?);
        ensure!(
            now == (rollouts, rollouts as u64),
            "{now:?} is not {rollouts}"
        );
        before = hash(&world).await?;
    }
    let note = world.event("shop", "DeploymentPatched").await?;
    ensure!(!note.is_empty());
    Ok(())
}

async fn a_change_of_keys_that_hasura_reads_by_itself_is_no_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    for header in ["no-cache, max-age=0, must-revalidate", "max-age=60"] {
        world.logto.switches().jwks_cache_control(Some(header));
        let mut known: LogtoTenant =
            keys_are_listed(&world, if header == "max-age=60" { 2 } else { 1 }).await?;
        let before = known.status.take().and_then(|status| status.key_set);
        world.logto.rotate_signing_key()?;
        world.ask_for_reconcile::<LogtoTenant>("main").await?;
        world
            .until("other keys in the status", || async {
                let tenant: LogtoTenant = world.get("main").await?;
                let set = tenant.status.and_then(|status| status.key_set);
                let ids = |set: &Option<logto_hasura::api::tenant::KeySetStatus>| {
                    set.as_ref().map(|set| set.keys.clone())
                };
                Ok((ids(&set) != ids(&before)).then_some(()))
            })
            .await?;
    }
    world.quiet().await?;
    ensure!(hash(&world).await?.is_none());
    ensure!((generation(&world).await?, revision(&world).await?) == (2, 2));
    Ok(())
}

async fn a_caching_header_that_appears_later_is_no_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.logto.switches().jwks_cache_control(None);
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = hash(&world).await?;
    world
        .logto
        .switches()
        .jwks_cache_control(Some("max-age=60"));
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world
        .condition::<LogtoTenant>("main", "JwksCacheable", "True", "")
        .await?;
    world.logto.rotate_signing_key()?;
    keys_are_listed(&world, 2).await?;
    world.ask_for_reconcile::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    ensure!(hash(&world).await? == before && before.is_some());
    ensure!((generation(&world).await?, revision(&world).await?) == (2, 2));
    Ok(())
}

async fn a_restart_with_keys_in_the_annotation_writes_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.logto.switches().jwks_cache_control(None);
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.quiet().await?;
    world.stop_operator().await?;
    let before = world.fingerprint().await?;
    world.logto.reset_requests();
    world.start_operator(&[])?;
    world
        .until_logto("the restarted operator to read the keys", |logto| {
            logto.requests().contains_key("GET /oidc/jwks")
        })
        .await?;
    world.quiet().await?;
    ensure!(world.fingerprint().await?.0 == before.0);
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    Ok(())
}

async fn a_webhook_needs_no_rollout_for_new_keys(world: Arc<World>) -> anyhow::Result<()> {
    world.logto.switches().jwks_cache_control(None);
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.apply::<LogtoTenant>(allowing(&world)).await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(hash(&world).await?.is_some());
    let mode = json!({"spec": {"auth": {"mode": "Webhook"}}});
    world.edit::<HasuraInstance>("shop", mode).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.logto.rotate_signing_key()?;
    keys_are_listed(&world, 2).await?;
    world.quiet().await?;
    ensure!(hash(&world).await?.is_none(), "it went with the switch");
    ensure!((generation(&world).await?, revision(&world).await?) == (3, 3));
    Ok(())
}

async fn an_annotation_of_another_manager_is_named_and_left_alone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.logto.switches().jwks_cache_control(None);
    world.start_operator(&[])?;
    let mut deployment = world.deployment();
    deployment["spec"]["template"]["metadata"]["annotations"] = json!({HASH: "theirs"});
    base_with(&world, deployment).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "EnvConflict")
        .await?;
    ensure!(
        message.contains("\"test\"") && message.contains(HASH),
        "{message}"
    );
    ensure!(hash(&world).await?.as_deref() == Some("theirs"));
    ensure!(generation(&world).await? == 1);
    // Its manager takes it away, and the operator goes on by itself.
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}
