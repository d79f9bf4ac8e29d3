//! What the Deployment gets, and what it is spared.

mod anonymous;
mod apply;
mod diff;
mod env_from;
mod hold;
mod keys;
mod references;
mod startup;
mod visibility;
mod webhook;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Json, Router};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::env::{AuthEnv, DesiredAuth};

const ADMIN: &str = "HASURA_GRAPHQL_ADMIN_SECRET";

/// What mode JWT asks for, without a role for requests without a token.
fn desired() -> DesiredAuth {
    jwt(None)
}

fn jwt(unauthorized_role: Option<&str>) -> DesiredAuth {
    let env = AuthEnv::Jwt {
        secret: "{}".into(),
        unauthorized_role: unauthorized_role.map(str::to_owned),
    };
    DesiredAuth {
        env,
        key_hash: None,
        delivered: None,
    }
}

/// What mode Webhook asks for.
fn webhook() -> DesiredAuth {
    let url = HOOK.into();
    DesiredAuth {
        env: AuthEnv::Webhook { url },
        key_hash: None,
        delivered: None,
    }
}

const HOOK: &str = "https://logto.example.com/api/authn/hasura?resource=x";

fn hook_entries() -> [Value; 2] {
    [
        json!({"name": "HASURA_GRAPHQL_AUTH_HOOK", "value": HOOK}),
        json!({"name": "HASURA_GRAPHQL_AUTH_HOOK_MODE", "value": "GET"}),
    ]
}

fn admin_secret() -> Value {
    json!({"name": ADMIN, "valueFrom": {"secretKeyRef": {"name": "hasura", "key": "admin"}}})
}

fn jwt_secret() -> Value {
    json!({"name": "HASURA_GRAPHQL_JWT_SECRET", "value": "{}"})
}

/// A Deployment with one container as given; its name and a readiness probe are added.
fn deployment(mut container: Value) -> Deployment {
    container["name"] = json!("graphql-engine");
    if container["readinessProbe"].is_null() {
        container["readinessProbe"] = json!({"httpGet": {"path": "/healthz", "port": 8080}});
    }
    with_containers(json!([container]))
}

fn with_containers(containers: Value) -> Deployment {
    serde_json::from_value(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "hasura",
            "namespace": "shop",
            "uid": "6f1c",
            "resourceVersion": "230",
        },
        "spec": {"selector": {}, "template": {"spec": {"containers": containers}}},
    }))
    .unwrap()
}

/// An API server that gives prepared answers in their order, and remembers what it was asked.
#[derive(Default)]
struct FakeApi {
    answers: Mutex<VecDeque<(u16, Value)>>,
    seen: Mutex<Vec<Seen>>,
}

/// One request to the fake.
struct Seen {
    /// Method, path and query.
    line: String,
    body: Value,
}

impl FakeApi {
    fn answering(answers: impl IntoIterator<Item = (u16, Value)>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    fn client(self: &Arc<Self>) -> kube::Client {
        let router = Router::new().fallback(answer).with_state(Arc::clone(self));
        kube::Client::new(router, "default")
    }

    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(State(api): State<Arc<FakeApi>>, request: Request<Body>) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    api.seen.lock().unwrap().push(Seen {
        line: format!("{} {}", parts.method, parts.uri),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    });
    let next = api.answers.lock().unwrap().pop_front();
    let (code, answer) = next.unwrap_or((500, json!({"message": "not expected"})));
    (StatusCode::from_u16(code).unwrap(), Json(answer))
}

/// A refusal as kube-apiserver words it.
fn status(code: u16, reason: &str, message: &str, causes: Value) -> (u16, Value) {
    let body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": {"name": "hasura", "group": "apps", "kind": "Deployment", "causes": causes},
        "code": code,
    });
    (code, body)
}
