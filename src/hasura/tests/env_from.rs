use k8s_openapi::api::core::v1::Container;
use kube::Api;
use serde_json::{Value, json};

use super::super::env_from::{EnvFromKeys, Keys, Referenced, Source, SourceKind, read};
use super::{FakeApi, status};

async fn read_with(
    answers: impl IntoIterator<Item = (u16, Value)>,
    list: Value,
) -> (Result<EnvFromKeys, kube::Error>, Vec<String>) {
    read_of(answers, json!({"name": "graphql-engine", "envFrom": list})).await
}

/// What is read of a container, and what is asked for that.
async fn read_of(
    answers: impl IntoIterator<Item = (u16, Value)>,
    container: Value,
) -> (Result<EnvFromKeys, kube::Error>, Vec<String>) {
    let fake = FakeApi::answering(answers);
    let client = fake.client();
    let secrets = Api::namespaced(client.clone(), "shop");
    let config_maps = Api::namespaced(client, "shop");
    let container: Container = serde_json::from_value(container).unwrap();
    let result = read(&secrets, &config_maps, &container).await;
    (
        result,
        fake.seen().into_iter().map(|seen| seen.line).collect(),
    )
}

fn not_found() -> (u16, Value) {
    status(404, "NotFound", "secrets \"x\" not found", json!([]))
}

fn keys_of(result: Result<EnvFromKeys, kube::Error>) -> Vec<Keys> {
    result
        .unwrap()
        .sources
        .into_iter()
        .map(|source| source.keys)
        .collect()
}

#[tokio::test]
async fn key_names_are_read_from_secrets_and_config_maps_and_values_are_not_kept() {
    let secret = json!({"data": {"HASURA_GRAPHQL_ADMIN_SECRET": "aHVudGVyMg=="}});
    let config_map = json!({"data": {"A": "hunter2"}, "binaryData": {"B": "AA=="}});
    let list = json!([
        {"secretRef": {"name": "s"}, "prefix": "X_"},
        {"configMapRef": {"name": "c"}},
    ]);
    let (result, lines) = read_with([(200, secret), (200, config_map)], list).await;
    let keys = result.unwrap();
    assert!(!format!("{keys:?}").contains("hunter2"));
    assert_eq!(
        keys.sources,
        [
            Source {
                kind: SourceKind::Secret,
                name: "s".into(),
                prefix: "X_".into(),
                keys: Keys::Known(["HASURA_GRAPHQL_ADMIN_SECRET".to_owned()].into()),
                role: None,
            },
            Source {
                kind: SourceKind::ConfigMap,
                name: "c".into(),
                prefix: String::new(),
                keys: Keys::Known(["A".to_owned()].into()),
                role: None,
            },
        ]
    );
    assert_eq!(
        lines,
        [
            "GET /api/v1/namespaces/shop/secrets/s",
            "GET /api/v1/namespaces/shop/configmaps/c"
        ]
    );
}

#[tokio::test]
async fn a_source_that_may_not_be_read_is_unknown() {
    let forbidden = status(403, "Forbidden", "secrets \"s\" is forbidden", json!([]));
    let (result, _) = read_with([forbidden], json!([{"secretRef": {"name": "s"}}])).await;
    assert_eq!(keys_of(result), [Keys::Unknown]);
}

#[tokio::test]
async fn a_source_that_is_not_there_is_missing_and_says_whether_that_matters() {
    let list = json!([
        {"secretRef": {"name": "a"}},
        {"configMapRef": {"name": "b", "optional": true}},
    ]);
    let (result, _) = read_with([not_found(), not_found()], list).await;
    assert_eq!(
        keys_of(result),
        [
            Keys::Missing { optional: false },
            Keys::Missing { optional: true }
        ]
    );
}

#[tokio::test]
async fn an_empty_secret_has_no_keys() {
    let (result, _) = read_with([(200, json!({}))], json!([{"secretRef": {"name": "a"}}])).await;
    assert_eq!(keys_of(result), [Keys::Known([].into())]);
}

#[tokio::test]
async fn a_passing_fault_is_no_answer() {
    let down = status(503, "ServiceUnavailable", "etcd is away", json!([]));
    let (result, _) = read_with([down], json!([{"secretRef": {"name": "a"}}])).await;
    assert!(result.is_err());
}

const ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";

#[tokio::test]
async fn of_all_values_the_role_of_anonymous_callers_alone_is_kept() {
    let secret = json!({"data": {ROLE: "Z3Vlc3Q=", "HASURA_GRAPHQL_ADMIN_SECRET": "aHVudGVyMg=="}});
    let config_map =
        json!({"data": {"ROLE": "hunter3", "UNAUTHORIZED_ROLE": "visitor", "X": "hunter4"}});
    let list = json!([
        {"secretRef": {"name": "s"}},
        {"configMapRef": {"name": "c"}, "prefix": "HASURA_GRAPHQL_"},
    ]);
    let (result, _) = read_with([(200, secret), (200, config_map)], list).await;
    let keys = result.unwrap();
    let roles: Vec<_> = keys.sources.iter().map(|s| s.role.as_deref()).collect();
    assert_eq!(roles, [Some("guest"), Some("visitor")]);
    assert!(!format!("{keys:?}").contains("hunter"));
}

#[tokio::test]
async fn a_role_longer_than_any_that_is_bound_is_cut() {
    let long = "r".repeat(1 << 16);
    let config_map = json!({"data": {ROLE: long}});
    let (result, _) = read_with(
        [(200, config_map)],
        json!([{"configMapRef": {"name": "c"}}]),
    )
    .await;
    let role = result.unwrap().sources.remove(0).role.unwrap();
    assert_eq!((role.chars().count(), role.ends_with('…')), (129, true));
}

#[tokio::test]
async fn the_roles_own_reference_is_read_and_no_other() {
    let by = |from: Value| {
        let other =
            json!({"name": "OTHER", "valueFrom": {"secretKeyRef": {"name": "o", "key": "o"}}});
        json!({"name": "graphql-engine", "env": [other, {"name": ROLE, "valueFrom": from}]})
    };
    let config_map = json!({"configMapKeyRef": {"name": "roles", "key": "anonymous"}});
    let secret = json!({"secretKeyRef": {"name": "roles", "key": "anonymous"}});
    let found = json!({"data": {"anonymous": "guest"}});
    let (result, lines) = read_of([(200, found)], by(config_map.clone())).await;
    assert_eq!(
        result.unwrap().referenced_role,
        Some(Referenced::Value("guest".into()))
    );
    assert_eq!(lines, ["GET /api/v1/namespaces/shop/configmaps/roles"]);
    let (result, _) = read_of([(200, json!({"data": {"x": "y"}}))], by(config_map.clone())).await;
    assert_eq!(result.unwrap().referenced_role, Some(Referenced::Absent));
    let (result, _) = read_of([not_found()], by(config_map)).await;
    assert_eq!(result.unwrap().referenced_role, Some(Referenced::Absent));
    let forbidden = status(
        403,
        "Forbidden",
        "secrets \"roles\" is forbidden",
        json!([]),
    );
    let (result, _) = read_of([forbidden], by(secret)).await;
    assert_eq!(result.unwrap().referenced_role, Some(Referenced::Unread));
    let field = json!({"fieldRef": {"fieldPath": "metadata.labels['role']"}});
    let (result, lines) = read_of([], by(field)).await;
    assert_eq!(result.unwrap().referenced_role, Some(Referenced::Unread));
    assert!(lines.is_empty(), "{lines:?}");
}
