//! What somebody can not do to a Deployment who holds the token of the operator.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::{
    access::Account,
    helm::{Helm, watching},
    policies::{Asker, in_force, refused},
};
use crate::{suite::Test, tests, world::World};

mod patches;

use patches::{add, by_value, container, inside, outside, pod, remove};

pub fn tests() -> Vec<Test> {
    tests![
        whoever_holds_the_operators_token_runs_no_code_elsewhere_with_it,
        the_operators_own_entries_and_annotation_may_change,
        a_large_deployment_can_be_judged,
    ]
}

const POLICY: &str = "deployments";

/// A Deployment with two containers and no pods.
fn victim(world: &World) -> Value {
    let mut deployment = world.deployment();
    deployment["spec"]["replicas"] = json!(0);
    let template = &mut deployment["spec"]["template"];
    template["metadata"]["annotations"] = json!({"kept": "a"});
    let containers = template["spec"]["containers"].as_array_mut();
    containers
        .into_iter()
        .for_each(|all| all.push(json!({"name": "sidecar", "image": "envoy"})));
    deployment
}

/// The release, and its account with the rights and the policy in force.
async fn installed(world: &World) -> anyhow::Result<(Helm, Asker)> {
    let helm = Helm::of(world).await?;
    let here = watching(&[&world.namespace]);
    let keys = r#"delivery.keys=["jwt.secret"]"#;
    helm.install(&[&here, r#"ownerId="hostile""#, keys]).await?;
    Account::of_release(world).await?;
    world.apply::<Deployment>(victim(world)).await?;
    let operator = Asker::operator(world)?;
    let (operation, _) = outside().swap_remove(0);
    let dry = operator.dry();
    in_force(world, POLICY, || {
        dry.patch::<Deployment>("hasura", &operation)
    })
    .await?;
    Ok((helm, operator))
}

async fn whoever_holds_the_operators_token_runs_no_code_elsewhere_with_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let (helm, operator) = installed(&world).await?;
    let before: Deployment = world.get("hasura").await?;
    let all = [outside(), inside()].concat();
    ensure!(all.len() >= 50, "{}", all.len());
    for (operations, words) in &all {
        let answer = operator.patch::<Deployment>("hasura", operations).await;
        refused(&world, POLICY, answer, words).with_context(|| operations.to_string())?;
    }
    let after: Deployment = world.get("hasura").await?;
    ensure!(before.spec == after.spec, "{after:?}");
    helm.uninstall().await
}

async fn the_operators_own_entries_and_annotation_may_change(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let (helm, operator) = installed(&world).await?;
    let jwt = "HASURA_GRAPHQL_JWT_SECRET";
    let key = json!({"name": "shop-auth", "key": jwt});
    let named = json!({"name": "shop-auth", "key": "jwt.secret"});
    let annotation = "/spec/template/metadata/annotations/logto-hasura.dev~1auth-hash";
    let last = "/spec/template/spec/containers/0/env/2";
    for operations in [
        by_value(jwt, r#"{"jwk_url":"https://auth.example.com/oidc/jwks"}"#),
        json!([{"op": "replace", "path": last, "value": {"name": jwt, "valueFrom": {"secretKeyRef": key}}}]),
        json!([{"op": "replace", "path": last, "value": {"name": jwt, "valueFrom": {"configMapKeyRef": key}}}]),
        json!([{"op": "replace", "path": last, "value": {"name": jwt, "valueFrom": {"secretKeyRef": named}}}]),
        remove(last),
        by_value(
            "HASURA_GRAPHQL_AUTH_HOOK",
            "https://auth.example.com/api?a=b",
        ),
        by_value("HASURA_GRAPHQL_AUTH_HOOK_MODE", "GET"),
        by_value("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "anonymous"),
        container("env/0", json!({"name": jwt, "value": "{}"})),
        pod("containers/1/env", json!([{"name": jwt, "value": "{}"}])),
        remove("/spec/template/spec/containers/1/env"),
        add(annotation, json!("a")),
        add(annotation, json!("b")),
        remove(annotation),
    ] {
        operator
            .patch::<Deployment>("hasura", &operations)
            .await
            .with_context(|| operations.to_string())?;
    }
    // An entry that somebody else gave such a reference stays as it is while another one is set.
    let foreign = json!({"fieldRef": {"fieldPath": "spec.nodeName"}});
    let foreign = json!({"name": "HASURA_GRAPHQL_JWT_SECRET", "valueFrom": foreign});
    world
        .apply::<Deployment>({
            let mut deployment = victim(&world);
            deployment["metadata"]["name"] = json!("foreign");
            deployment["spec"]["template"]["spec"]["containers"][0]["env"] = json!([foreign]);
            deployment
        })
        .await?;
    let role = by_value("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "anonymous");
    operator.patch::<Deployment>("foreign", &role).await?;
    helm.uninstall().await
}

async fn a_large_deployment_can_be_judged(world: Arc<World>) -> anyhow::Result<()> {
    let (helm, operator) = installed(&world).await?;
    let entries: Vec<Value> = (0..300)
        .map(|number| json!({"name": format!("VARIABLE_{number}"), "value": "x".repeat(50)}))
        .collect();
    let containers: Vec<Value> = (0..10)
        .map(|number| json!({"name": format!("c{number}"), "image": "x", "env": entries}))
        .collect();
    let mut deployment = victim(&world);
    deployment["metadata"]["name"] = json!("large");
    deployment["spec"]["template"]["spec"]["containers"] = json!(containers);
    world.apply::<Deployment>(deployment).await?;
    let secret = by_value("HASURA_GRAPHQL_JWT_SECRET", "{}");
    operator.patch::<Deployment>("large", &secret).await?;
    helm.uninstall().await
}
