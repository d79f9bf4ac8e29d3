//! A Secret or ConfigMap that pods read: it comes back, and says nothing that was not judged.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret},
};
use kube::ResourceExt;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;

use super::{base, base_with_reference, delivering, deployment_with, reference, value};
use crate::{
    deployments::{add_env, container, generation},
    suite::Test,
    tests,
    webhook::allowing,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_secret_that_was_deleted_by_hand_comes_back,
        a_config_map_that_is_there_already_is_never_touched,
        settings_that_nobody_judged_do_not_reach_pods_that_start_anew,
        a_role_that_is_gone_from_the_spec_but_not_from_the_pods_is_bound_by_nobody_unseen,
        a_bound_role_that_only_our_own_reference_gives_goes_by_itself,
    ]
}

async fn a_secret_that_was_deleted_by_hand_comes_back(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&["--credentials-recheck", "1s"])?;
    base_with_reference(&world).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before: Secret = world.get("shop-auth").await?;
    let written = generation(&world).await?;
    world.delete::<Secret>("shop-auth").await?;
    let after = world
        .until("the Secret to come back", || async {
            Ok(world.api::<Secret>().get_opt("shop-auth").await?)
        })
        .await?;
    ensure!(after.uid() != before.uid() && value(&after) == value(&before));
    ensure!(generation(&world).await? == written, "it was rolled");
    Ok(())
}

async fn a_config_map_that_is_there_already_is_never_touched(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world, world.deployment()).await?;
    let theirs = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-auth"},
        "data": {"colour": "theirs"},
    });
    let before = world.apply::<ConfigMap>(theirs).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "ConfigMap"})))
        .await?;
    world
        .stalled::<HasuraInstance>("shop", "DeliveryTaken")
        .await?;
    let after: ConfigMap = world.get("shop-auth").await?;
    ensure!(
        after.resource_version() == before.resource_version(),
        "it was touched"
    );
    Ok(())
}

/// By envFrom they would read the webhook beside whatever else the container says.
async fn settings_that_nobody_judged_do_not_reach_pods_that_start_anew(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let method = json!({"name": "HASURA_GRAPHQL_AUTH_HOOK_MODE", "value": "POST"});
    let mut deployment = deployment_with(&world, method);
    container(&mut deployment)["envFrom"] = json!([{"secretRef": {"name": "shop-auth"}}]);
    base(&world, deployment).await?;
    world.apply::<LogtoTenant>(allowing(&world)).await?;
    world
        .apply::<HasuraInstance>(delivering(&world, json!({"mode": "Secret"})))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before: Secret = world.get("shop-auth").await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    let webhook = json!({"mode": "Webhook", "unauthorizedRole": "anonymous"});
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"auth": webhook}}))
        .await?;
    world
        .waiting::<HasuraInstance>("shop", "NotReferenced")
        .await?;
    let after: Secret = world.get("shop-auth").await?;
    ensure!(after.data == before.data, "{after:?}");
    Ok(())
}

async fn a_role_that_is_gone_from_the_spec_but_not_from_the_pods_is_bound_by_nobody_unseen(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let role = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";
    let mut deployment = deployment_with(&world, reference("secretKeyRef", "shop-auth"));
    add_env(
        &mut deployment,
        json!({"name": role, "valueFrom": {"secretKeyRef": {"name": "shop-auth", "key": role}}}),
    );
    base(&world, deployment).await?;
    let mut instance = delivering(&world, json!({"mode": "Secret"}));
    instance["spec"]["auth"] = json!({"unauthorizedRole": "guest"});
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let without = json!({"spec": {"auth": {"unauthorizedRole": null}}});
    world.edit::<HasuraInstance>("shop", without).await?;
    world
        .waiting::<HasuraInstance>("shop", "NotReferenced")
        .await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("guest", "guest", "be:guest"))
        .await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "UnauthorizedRoleBound")
        .await?;
    ensure!(message.contains("guest"), "{message}");
    // Once the manifest gives the reference up, all is well.
    let lines = reference("secretKeyRef", "shop-auth");
    world
        .apply::<Deployment>(deployment_with(&world, lines))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn a_bound_role_that_only_our_own_reference_gives_goes_by_itself(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world, world.deployment()).await?;
    let mut instance = world.instance();
    instance["spec"]["auth"] = json!({"unauthorizedRole": "guest"});
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let secret = json!({"spec": {"delivery": {"mode": "Secret"}}});
    world.edit::<HasuraInstance>("shop", secret).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("guest", "guest", "be:guest"))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("guest", "UnauthorizedRoleBound")
        .await?;
    let without = json!({"spec": {"auth": {"unauthorizedRole": null}}});
    world.edit::<HasuraInstance>("shop", without).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("guest").await?;
    let deployment = serde_json::to_string(&world.get::<Deployment>("hasura").await?.spec)?;
    ensure!(!deployment.contains("UNAUTHORIZED_ROLE"), "{deployment}");
    Ok(())
}
