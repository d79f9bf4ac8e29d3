use k8s_openapi::api::core::v1::EnvFromSource;
use kube::Api;
use serde_json::{Value, json};

use super::super::env_from::{EnvFromKeys, Keys, Source, SourceKind, read};
use super::{FakeApi, status};

fn sources(list: Value) -> Vec<EnvFromSource> {
    serde_json::from_value(list).unwrap()
}

async fn read_with(
    answers: impl IntoIterator<Item = (u16, Value)>,
    list: Value,
) -> (Result<EnvFromKeys, kube::Error>, Vec<String>) {
    let fake = FakeApi::answering(answers);
    let client = fake.client();
    let secrets = Api::namespaced(client.clone(), "shop");
    let config_maps = Api::namespaced(client, "shop");
    let result = read(&secrets, &config_maps, &sources(list)).await;
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
            },
            Source {
                kind: SourceKind::ConfigMap,
                name: "c".into(),
                prefix: String::new(),
                keys: Keys::Known(["A".to_owned()].into()),
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
