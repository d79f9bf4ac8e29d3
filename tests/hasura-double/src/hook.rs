//! The authorization webhook (Hasura.Server.Auth.WebHook).

use std::collections::BTreeMap;

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::aeson;
use crate::auth_mode::{HookMethod, Webhook};
use crate::refusal::Refusal;
use crate::session::{self, Session, Variables, is_variable, text};

/// The GraphQL request that is to be authenticated.
pub(crate) type GraphqlRequest = Map<String, Value>;

/// Asks the webhook who the request is. What the client says of itself in `X-Hasura-*` goes along to it and counts for
/// nothing else. An answer is never kept (hasura/graphql-engine#5743).
pub(crate) async fn ask(
    webhook: &Webhook,
    http: &reqwest::Client,
    version: &str,
    headers: &HeaderMap,
    request: Option<GraphqlRequest>,
) -> Result<Session, Refusal> {
    let unreached = || Refusal::unexpected("webhook authentication request failed");
    let question = question(webhook, http, headers, request)
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::USER_AGENT,
            format!("hasura-graphql-engine/{version}"),
        );
    let answer = question.send().await.map_err(|error| {
        tracing::error!(%error, "webhook-log");
        unreached()
    })?;
    let status = answer.status();
    let cookies = answer.headers().get_all(header::SET_COOKIE);
    let cookies = cookies.iter().cloned().collect();
    let body = answer.bytes().await.map_err(|_| unreached())?;
    match status {
        StatusCode::OK => Ok(Session {
            cookies,
            ..session_of(&body)?
        }),
        StatusCode::UNAUTHORIZED => Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "access-denied",
            "Authentication hook unauthorized this request",
        )),
        _ => Err(Refusal::unexpected(
            "Invalid response from authorization hook",
        )),
    }
}

fn question(
    webhook: &Webhook,
    http: &reqwest::Client,
    headers: &HeaderMap,
    request: Option<GraphqlRequest>,
) -> reqwest::RequestBuilder {
    match webhook.method {
        HookMethod::Get => http
            .request(Method::GET, &webhook.url)
            .headers(forwarded(headers)),
        HookMethod::Post => {
            let headers: BTreeMap<_, _> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), text(value)))
                .collect();
            let mut body = json!({ "headers": headers });
            if webhook.send_request_body {
                body["request"] = json!(request);
            }
            http.request(Method::POST, &webhook.url)
                .body(body.to_string())
        }
    }
}

/// The client's headers but for those that are about its own connection and body.
fn forwarded(headers: &HeaderMap) -> HeaderMap {
    const KEPT_BACK: [HeaderName; 11] = [
        header::CONTENT_LENGTH,
        header::USER_AGENT,
        header::HOST,
        header::ORIGIN,
        header::REFERER,
        header::ACCEPT,
        header::ACCEPT_ENCODING,
        header::ACCEPT_LANGUAGE,
        header::CACHE_CONTROL,
        header::CONNECTION,
        header::CONTENT_TYPE,
    ];
    const KEPT_BACK_TOO: [&str; 3] = ["content-md5", "accept-datetime", "dnt"];
    headers
        .iter()
        .filter(|(name, _)| !KEPT_BACK.contains(name) && !KEPT_BACK_TOO.contains(&name.as_str()))
        // A body that comes in chunks is announced here, and the question has no body.
        .filter(|(name, _)| *name != header::TRANSFER_ENCODING)
        .map(|(name, value)| (name.clone(), HeaderValue::clone(value)))
        .collect()
}

fn session_of(body: &[u8]) -> Result<Session, Refusal> {
    let variables = variables(body).map_err(|error| {
        Refusal::unexpected(format!("Invalid response from authorization hook: {error}"))
    })?;
    let role = session::requested_role(&variables).ok_or_else(|| {
        Refusal::bad_request(
            "invalid-params",
            "x-hasura-role not found in session variables",
        )
    })?;
    Ok(Session::new(role, variables))
}

/// All values have to be strings, also those that are no session variables, such as `Cache-Control`.
fn variables(body: &[u8]) -> Result<Variables, aeson::Error> {
    let answer = aeson::decode(body)?;
    let answer = aeson::object("HashMap ~Text", &answer)?;
    let mut variables = Variables::new();
    for (name, value) in answer {
        let value = aeson::plain_text(value).map_err(|error| error.at_key(name))?;
        if is_variable(name) {
            variables.insert(name.to_lowercase(), value);
        }
    }
    Ok(variables)
}
