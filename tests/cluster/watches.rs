//! A watch that fails is counted, and the others go on.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use logto_hasura::api::HasuraInstance;
use serde_json::{Value, json};

use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![a_watch_without_its_right_is_counted_and_stalls_no_other_and_heals_without_a_restart]
}

/// Everything but a right to look at Deployments, which comes with `deployments`.
fn rights(deployments: bool) -> Value {
    let mut rules = vec![
        json!({"apiGroups": ["logto-hasura.dev"], "resources": ["*"], "verbs": ["*"]}),
        json!({"apiGroups": [""], "resources": ["secrets", "namespaces"], "verbs": ["get"]}),
        json!({"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}),
    ];
    if deployments {
        let verbs = json!(["get", "list", "watch", "patch"]);
        rules.push(json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": verbs}));
    }
    json!(rules)
}

/// Gives a user the operator's rights, with or without those on Deployments.
pub async fn give(world: &World, user: &str, deployments: bool) -> anyhow::Result<()> {
    let params = PatchParams::apply("test").force();
    let roles: Api<ClusterRole> = Api::all(world.client.clone());
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": user},
        "rules": rights(deployments),
    });
    roles.patch(user, &params, &Patch::Apply(role)).await?;
    let bindings: Api<ClusterRoleBinding> = Api::all(world.client.clone());
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    });
    bindings
        .patch(user, &params, &Patch::Apply(binding))
        .await?;
    Ok(())
}

/// Gives a user all rights on the namespace's Secrets; they end with the RoleBinding `secrets`.
pub async fn give_secrets(world: &World, user: &str) -> anyhow::Result<()> {
    let api = "rbac.authorization.k8s.io";
    let version = format!("{api}/v1");
    world
        .apply::<Role>(json!({
            "apiVersion": version, "kind": "Role", "metadata": {"name": "secrets"},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}],
        }))
        .await?;
    world
        .apply::<RoleBinding>(json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": {"name": "secrets"},
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "secrets"},
            "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
        }))
        .await?;
    Ok(())
}

async fn a_watch_without_its_right_is_counted_and_stalls_no_other_and_heals_without_a_restart(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let user = world.namespace.clone();
    give(&world, &user, false).await?;
    world.start_operator_as(&user, &[])?;
    world.apply_example().await?;
    world.published("user-reader").await?;
    world.published("user-maintainer").await?;
    let metrics = world.metrics().await?;
    let failures = metrics.lines().find(|line| {
        line.starts_with("logto_hasura_watch_failures_total")
            && line.contains("kind=\"Deployment\"")
    });
    ensure!(
        failures.is_some_and(|line| !line.ends_with(" 0")),
        "{metrics}"
    );

    give(&world, &user, true).await?;
    world.ready::<HasuraInstance>("shop").await?;
    take(&world, &user).await
}

/// Takes them back.
pub async fn take(world: &World, user: &str) -> anyhow::Result<()> {
    Api::<ClusterRoleBinding>::all(world.client.clone())
        .delete(user, &DeleteParams::default())
        .await?;
    Api::<ClusterRole>::all(world.client.clone())
        .delete(user, &DeleteParams::default())
        .await?;
    Ok(())
}
