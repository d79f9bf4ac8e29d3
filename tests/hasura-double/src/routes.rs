//! What is answered where.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::aeson;
use crate::authenticate::Authenticator;
use crate::config;
use crate::hook::GraphqlRequest;
use crate::refusal::Refusal;
use crate::session::Session;

type App = State<Arc<Authenticator>>;

/// What `export_metadata` answers.
const METADATA: &str = include_str!("metadata.json");

pub(crate) fn router(authenticator: Arc<Authenticator>) -> Router {
    Router::new()
        .route("/v1/graphql", post(graphql))
        .route("/v1beta1/relay", post(graphql))
        .route("/v1alpha1/graphql", post(graphql_with_status))
        .route("/v1/metadata", post(metadata))
        .route("/v1alpha1/config", get(config))
        .route("/v1/version", get(version))
        .route("/healthz", get("OK"))
        .route("/hasura/healthz", get("OK"))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(authenticator)
}

/// The status is 200 whatever comes of it; a client has to look into the body.
async fn graphql(state: App, headers: HeaderMap, body: Bytes) -> Response {
    let mut response = graphql_with_status(state, headers, body).await;
    *response.status_mut() = StatusCode::OK;
    response
}

async fn graphql_with_status(State(app): App, headers: HeaderMap, body: Bytes) -> Response {
    match echo(&app, &headers, &body).await {
        Ok(session) => {
            let data = json!({"role": session.role, "session": session.variables});
            with_cookies(session, Json(json!({ "data": data })).into_response())
        }
        Err(refusal) => {
            let extensions = json!({"path": "$", "code": refusal.code});
            let error = json!({"message": refusal.message, "extensions": extensions});
            (refusal.status, Json(json!({ "errors": [error] }))).into_response()
        }
    }
}

/// Authentication goes before the body, which the webhook may want to see.
async fn echo(app: &Authenticator, headers: &HeaderMap, body: &[u8]) -> Result<Session, Refusal> {
    let request = graphql_request(body);
    let session = app.session(headers, request.as_ref().ok().cloned()).await?;
    request.map(|_| session)
}

fn graphql_request(body: &[u8]) -> Result<GraphqlRequest, Refusal> {
    let value = json_body(body)?;
    let request = value.as_object().and_then(|object| {
        let of_request = ["query", "variables", "operationName"];
        let fields = object
            .iter()
            .filter(|(name, _)| of_request.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()));
        object.get("query")?.is_string().then(|| fields.collect())
    });
    request.ok_or_else(|| Refusal::bad_request("parse-failed", "key \"query\" not found"))
}

fn json_body(body: &[u8]) -> Result<Value, Refusal> {
    aeson::decode(body).map_err(|error| Refusal::bad_request("invalid-json", error.to_string()))
}

async fn metadata(State(app): App, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let session = app.session(&headers, None).await?;
    let query = json_body(&body)?;
    if !session.is_admin() {
        return Err(Refusal::bad_request(
            "access-denied",
            "restricted access : admin only",
        ));
    }
    if query["type"] != "export_metadata" {
        let message = format!("hasura-double does not know the query {}", query["type"]);
        return Err(Refusal::bad_request("not-supported", message));
    }
    let metadata: Value = serde_json::from_str(METADATA)
        .map_err(|error| Refusal::unexpected(format!("the metadata is no JSON: {error}")))?;
    let answer = match query["version"].as_u64() {
        Some(2) => json!({"resource_version": 1, "metadata": metadata}),
        _ => metadata,
    };
    Ok(with_cookies(session, Json(answer).into_response()))
}

async fn config(State(app): App, headers: HeaderMap) -> Result<Response, Refusal> {
    let session = app.session(&headers, None).await?;
    if !session.is_admin() {
        return Err(Refusal::bad_request(
            "access-denied",
            "You have to be an admin to access this endpoint",
        ));
    }
    let config = config::of(&app.settings, &app.version);
    Ok(with_cookies(session, Json(config).into_response()))
}

async fn version(State(app): App) -> Json<Value> {
    Json(json!({"server_type": "ce", "version": app.version}))
}

async fn nothing() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not-found",
        "resource does not exist",
    )
}

fn with_cookies(session: Session, mut response: Response) -> Response {
    for cookie in session.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The shape of all answers but GraphQL's.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"path": "$", "error": self.message, "code": self.code});
        (self.status, Json(body)).into_response()
    }
}
