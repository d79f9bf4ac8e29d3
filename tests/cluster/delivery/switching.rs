//! A switch of the delivery while a user's manifest comes after, and what is noticed of the Secret afterwards.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret, rbac::v1::RoleBinding};
use kube::api::{Patch, PatchParams};
use logto_hasura::api::{HasuraInstance, LogtoTenant};
use serde_json::json;

use super::{JWT_SECRET, alice_gets_in, base, delivering, deployment_with, reference};
use crate::{
    deployments::generation,
    suite::Test,
    tests,
    watches::{give, give_secrets, take},
    webhook::allowing,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_manifest_takes_the_reference_over_without_a_rollout,
        kubectl_apply_of_the_client_side_takes_the_lines_after_the_switch,
        the_secret_of_before_stays_until_no_pod_can_need_it,
        a_secret_of_before_that_may_not_be_deleted_keeps_nothing_from_being_ready,
        a_reference_that_moves_is_not_ready_before_its_rollout,
        pods_that_are_yours_to_start_from_now_on_are_not_started_once_more,
        a_secret_in_the_way_that_goes_is_noticed,
        without_the_right_to_make_secrets_the_charts_value_is_named,
        a_caching_header_that_appears_later_rolls_nothing_with_a_secret_either,
        a_hook_in_a_secret_for_a_hasura_elsewhere_keeps_the_tenant_to_itself,
    ]
}

async fn switch(world: &World, mode: &str) -> anyhow::Result<()> {
    let spec = json!({"spec": {"delivery": {"mode": mode}}});
    world.edit::<HasuraInstance>("shop", spec).await?;
    Ok(())
}

/// Whether the operator owns a field of an env entry.
async fn owns_an_entry(world: &World) -> anyhow::Result<bool> {
    let deployment: Deployment = world.get("hasura").await?;
    let managed = deployment.metadata.managed_fields.unwrap_or_default();
    let mut ours = managed
        .into_iter()
        .filter(|entry| entry.manager.as_deref() == Some("logto-hasura"));
    Ok(ours.any(|entry| {
        serde_json::to_string(&entry.fields_v1).is_ok_and(|fields| fields.contains("f:env"))
    }))
}

async fn a_manifest_takes_the_reference_over_without_a_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let with_lines = deployment_with(&world, reference("secretKeyRef", "shop-auth"));
    // Before the switch the API server takes no reference beside the operator's value.
    let early = world.apply::<Deployment>(with_lines.clone()).await;
    let said = format!("{:?}", early.err());
    ensure!(said.contains("valueFrom"), "{said}");
    switch(&world, "Secret").await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = generation(&world).await?;
    ensure!(before == 3, "the switch is one write: {before}");

    world.apply::<Deployment>(with_lines).await?;
    world
        .until("the operator to give its entry up", || async {
            Ok((!owns_an_entry(&world).await?).then_some(()))
        })
        .await?;
    ensure!(generation(&world).await? == before, "it was rolled");
    world.ready::<HasuraInstance>("shop").await?;

    // And back: the manifest has to give the entry up first, which the operator holds by then.
    switch(&world, "PatchEnv").await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "EnvUsesValueFrom")
        .await?;
    ensure!(message.contains("shop-auth"), "{message}");
    ensure!(owns_an_entry(&world).await?, "Hasura would lose it");
    ensure!(generation(&world).await? == before, "it was rolled");
    world.get::<Secret>("shop-auth").await?;
    let after: Deployment = world.apply::<Deployment>(world.deployment()).await?;
    ensure!(
        after.metadata.generation == Some(before),
        "the manifest took the setting away"
    );
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(generation(&world).await? == before + 1, "not one rollout");
    world.gone::<Secret>("shop-auth").await?;
    ensure!(world.env("hasura", JWT_SECRET).await?.is_some());
    alice_gets_in(&world).await
}

async fn kubectl_apply_of_the_client_side_takes_the_lines_after_the_switch(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    // The patch that kubectl works out of the manifest's last text, its new one and the live object.
    let lines = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "graphql-engine", "env": [reference("secretKeyRef", "shop-auth")]}
    ]}}}});
    let params = PatchParams {
        field_manager: Some("kubectl-client-side-apply".to_owned()),
        ..PatchParams::default()
    };
    let deployments = world.api::<Deployment>();
    let early = deployments
        .patch("hasura", &params, &Patch::Strategic(lines.clone()))
        .await;
    ensure!(
        format!("{early:?}").contains("valueFrom"),
        "it was taken beside the value"
    );
    switch(&world, "Secret").await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = generation(&world).await?;
    deployments
        .patch("hasura", &params, &Patch::Strategic(lines))
        .await?;
    world.quiet().await?;
    ensure!(generation(&world).await? == before, "it was rolled");
    world.ready::<HasuraInstance>("shop").await?;
    alice_gets_in(&world).await
}

/// A container that starts anew reads the Secret again, in the pods of before too.
async fn the_secret_of_before_stays_until_no_pod_can_need_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--credentials-recheck", "1s"])?;
    world.example_is_ready().await?;
    switch(&world, "Secret").await?;
    world.ready::<HasuraInstance>("shop").await?;
    let paused = |paused| json!({"spec": {"paused": paused}});
    world.edit::<Deployment>("hasura", paused(true)).await?;
    switch(&world, "PatchEnv").await?;
    world
        .waiting::<HasuraInstance>("shop", "RolloutPaused")
        .await?;
    ensure!(world.env("hasura", JWT_SECRET).await?.is_some());
    world.quiet().await?;
    world.get::<Secret>("shop-auth").await?;
    world.edit::<Deployment>("hasura", paused(false)).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.gone::<Secret>("shop-auth").await
}

/// The chart's value may be taken back in the same commit as the switch.
async fn a_secret_of_before_that_may_not_be_deleted_keeps_nothing_from_being_ready(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let user = world.namespace.clone();
    give(&world, &user, true).await?;
    give_secrets(&world, &user).await?;
    world.start_operator_as(&user, &["--credentials-recheck", "1s"])?;
    world.example_is_ready().await?;
    switch(&world, "Secret").await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.delete::<RoleBinding>("secrets").await?;
    switch(&world, "PatchEnv").await?;
    let instance = world.ready::<HasuraInstance>("shop").await?;
    let said = format!("{:?}", instance.status.unwrap_or_default().conditions);
    ensure!(said.contains("shop-auth"), "{said}");
    // Trying again writes nothing.
    world.quiet().await?;
    world.get::<Secret>("shop-auth").await?;
    give_secrets(&world, &user).await?;
    world.gone::<Secret>("shop-auth").await?;
    world
        .until("nothing more to be said", || async {
            let instance: HasuraInstance = world.get("shop").await?;
            let said = format!("{:?}", instance.status.unwrap_or_default().conditions);
            Ok((!said.contains("shop-auth")).then_some(()))
        })
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    take(&world, &user).await
}

async fn a_reference_that_moves_is_not_ready_before_its_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let lines = reference("secretKeyRef", "shop-auth");
    base(&world, deployment_with(&world, lines)).await?;
    let instance = delivering(&world, json!({"mode": "Secret"}));
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let named = json!({"spec": {"delivery": {"name": "moved"}}});
    world.edit::<HasuraInstance>("shop", named).await?;
    world
        .waiting::<HasuraInstance>("shop", "NotReferenced")
        .await?;
    let mut moved = deployment_with(&world, reference("secretKeyRef", "moved"));
    moved["spec"]["paused"] = json!(true);
    world.apply::<Deployment>(moved.clone()).await?;
    world
        .waiting::<HasuraInstance>("shop", "RolloutPaused")
        .await?;
    moved["spec"]["paused"] = json!(false);
    world.apply::<Deployment>(moved).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.gone::<Secret>("shop-auth").await?;
    alice_gets_in(&world).await
}

async fn pods_that_are_yours_to_start_from_now_on_are_not_started_once_more(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let lines = reference("secretKeyRef", "shop-auth");
    base(&world, deployment_with(&world, lines)).await?;
    let instance = delivering(&world, json!({"mode": "Secret"}));
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = generation(&world).await?;
    let none = json!({"spec": {"delivery": {"rollout": "None"}}});
    world.edit::<HasuraInstance>("shop", none).await?;
    world
        .condition::<HasuraInstance>("shop", "RolledOut", "Unknown", "NotWatched")
        .await?;
    world.quiet().await?;
    ensure!(generation(&world).await? == before, "it was rolled");
    Ok(())
}

async fn a_secret_in_the_way_that_goes_is_noticed(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&["--credentials-recheck", "2s"])?;
    base(&world, world.deployment()).await?;
    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-auth"}});
    world.apply::<Secret>(theirs).await?;
    // Without a Deployment nothing else wakes the instance.
    let mut elsewhere = delivering(&world, json!({"mode": "Secret"}));
    let spec = elsewhere["spec"].as_object_mut().unwrap();
    spec.remove("deploymentRef");
    world.apply::<HasuraInstance>(elsewhere).await?;
    world
        .stalled::<HasuraInstance>("shop", "DeliveryTaken")
        .await?;
    world.quiet().await?;
    world.delete::<Secret>("shop-auth").await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn without_the_right_to_make_secrets_the_charts_value_is_named(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let user = world.namespace.clone();
    give(&world, &user, true).await?;
    world.start_operator_as(&user, &[])?;
    let lines = reference("secretKeyRef", "shop-auth");
    base(&world, deployment_with(&world, lines)).await?;
    let instance = delivering(&world, json!({"mode": "Secret"}));
    world.apply::<HasuraInstance>(instance).await?;
    let message = world.waiting::<HasuraInstance>("shop", "Forbidden").await?;
    ensure!(
        message.contains("delivery.secrets") && message.contains("shop-auth"),
        "{message}"
    );
    ensure!(generation(&world).await? == 1, "the Deployment was written");
    take(&world, &user).await
}

async fn a_caching_header_that_appears_later_rolls_nothing_with_a_secret_either(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.logto.switches().jwks_cache_control(None);
    world.start_operator(&[])?;
    let lines = reference("secretKeyRef", "shop-auth");
    base(&world, deployment_with(&world, lines)).await?;
    let instance = delivering(&world, json!({"mode": "Secret"}));
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    let before = generation(&world).await?;
    world
        .logto
        .switches()
        .jwks_cache_control(Some("max-age=60"));
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world
        .condition::<LogtoTenant>("main", "JwksCacheable", "True", "")
        .await?;
    world.ask_for_reconcile::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    world.stop_operator().await?;
    world.start_operator(&[])?;
    world.ask_for_reconcile::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    ensure!(generation(&world).await? == before, "it was rolled");
    Ok(())
}

/// Every role of the tenant works there by its name.
async fn a_hook_in_a_secret_for_a_hasura_elsewhere_keeps_the_tenant_to_itself(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world, world.deployment()).await?;
    world.apply::<LogtoTenant>(allowing(&world)).await?;
    let mut elsewhere = delivering(&world, json!({"mode": "Secret"}));
    let spec = elsewhere["spec"].as_object_mut().unwrap();
    spec.remove("deploymentRef");
    spec.insert(
        "auth".into(),
        json!({"mode": "Webhook", "unauthorizedRole": "anonymous"}),
    );
    world.apply::<HasuraInstance>(elsewhere).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let mut other = world.instance();
    other["metadata"]["name"] = json!("other");
    other["spec"]["apiResource"]["indicator"] = json!("https://other.example.com/");
    other["spec"]["logtoRoleNamePrefix"] = json!("other-");
    world.apply::<HasuraInstance>(other).await?;
    let message = world
        .stalled::<HasuraInstance>("other", "TenantShared")
        .await?;
    ensure!(message.contains("shop"), "{message}");
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}
