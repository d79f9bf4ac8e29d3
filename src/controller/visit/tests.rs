use std::sync::Mutex;

use axum::{Router, http::StatusCode};
use kube::Client;
use serde_json::Value;

use super::*;
use crate::{api::LogtoTenant, controller::registry::lock};

type Patches = Arc<Mutex<Vec<Value>>>;

fn tenant(metadata: Value) -> LogtoTenant {
    let mut tenant = json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "LogtoTenant",
        "metadata": {"name": "main", "namespace": "shop", "resourceVersion": "7"},
        "spec": {"tenantId": "default", "credentialsSecretRef": {"name": "logto-m2m"}},
    });
    for (field, value) in metadata.as_object().unwrap() {
        tenant["metadata"][field] = value.clone();
    }
    serde_json::from_value(tenant).unwrap()
}

/// An API server that notes what it is sent; it answers with `stored`, or that the object changed.
fn api(stored: Option<LogtoTenant>) -> (Api<LogtoTenant>, Patches) {
    let patches = Patches::default();
    let noted = Arc::clone(&patches);
    let answer = move |body: String| async move {
        lock(&noted).push(serde_json::from_str(&body).unwrap());
        match stored {
            Some(tenant) => (StatusCode::OK, serde_json::to_string(&tenant).unwrap()),
            None => {
                let status = json!({"kind": "Status", "apiVersion": "v1", "code": 409, "reason": "Conflict"});
                (StatusCode::CONFLICT, status.to_string())
            }
        }
    };
    let client = Client::new(Router::new().fallback(answer), "shop");
    (Api::namespaced(client, "shop"), patches)
}

#[tokio::test]
async fn the_visit_that_puts_the_finalizer_on_goes_on_with_what_is_stored_then() {
    let stored = tenant(json!({
        "resourceVersion": "8", "generation": 2, "finalizers": ["example.com/other", FINALIZER],
        "managedFields": [{"manager": "kubectl"}],
    }));
    let (api, patches) = api(Some(stored));
    let read = tenant(json!({"finalizers": ["example.com/other"]}));
    let held = hold(&api, Arc::new(read)).await.unwrap();
    assert_eq!(held.resource_version().as_deref(), Some("8"));
    assert!(held.managed_fields().is_empty());
    let expected = json!({"metadata": {"resourceVersion": "7", "finalizers": ["example.com/other", FINALIZER]}});
    assert_eq!(*lock(&patches), [expected]);
}

#[tokio::test]
async fn what_has_the_finalizer_or_is_being_deleted_is_written_nothing() {
    let (api, patches) = api(None);
    let held = json!({"finalizers": [FINALIZER]});
    let going =
        json!({"deletionTimestamp": "2026-01-02T03:04:05Z", "finalizers": ["example.com/other"]});
    for metadata in [held, going] {
        let read = Arc::new(tenant(metadata));
        let same = hold(&api, Arc::clone(&read)).await.unwrap();
        assert!(Arc::ptr_eq(&read, &same));
    }
    assert!(lock(&patches).is_empty());
}

#[tokio::test]
async fn what_changed_meanwhile_is_left_to_the_visit_that_the_change_brings() {
    let (api, _) = api(None);
    let result = hold(&api, Arc::new(tenant(json!({})))).await;
    assert!(matches!(result, Err(Error::Changed)), "{result:?}");
}
