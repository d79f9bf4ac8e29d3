//! Requests that a webhook judges.

use axum::http::Method;
use serde_json::{Value, json};

use crate::bed::{Hasura, Refusal, SECRET, refused, start};
use crate::servers::{Answer, Fixed};

const HOOK: &str = "HASURA_GRAPHQL_AUTH_HOOK";
const MODE: &str = "HASURA_GRAPHQL_AUTH_HOOK_MODE";

async fn with_hook(answer: Answer, env: &[(&str, &str)]) -> (Hasura, Fixed) {
    let hook = Fixed::start(answer).await;
    let url = hook.url();
    let hasura = start(&[&[SECRET, (HOOK, &url)], env].concat()).await;
    (hasura, hook)
}

fn unexpected(message: &str) -> Refusal {
    (500, "unexpected".to_owned(), message.to_owned())
}

#[tokio::test]
async fn the_hook_says_the_role_and_the_session_variables() {
    let answer =
        json!({"X-Hasura-Role": "user", "X-Hasura-User-Id": "u1", "Cache-Control": "max-age=60"});
    let (hasura, hook) = with_hook(Answer::json(answer), &[]).await;
    // What the client says of itself reaches the hook, and only the hook.
    let headers = [
        ("authorization", "Bearer token"),
        ("expected-role", "user"),
        ("x-hasura-role", "admin"),
        ("x-hasura-org-id", "theirs"),
        ("user-agent", "browser"),
        ("origin", "https://shop.example.com"),
        ("accept-language", "de"),
        ("dnt", "1"),
        ("content-md5", "x"),
    ];
    let session = hasura.session(&headers).await;
    assert_eq!(
        session,
        json!({"x-hasura-role": "user", "x-hasura-user-id": "u1"})
    );

    let asked = hook.asked().pop().unwrap();
    let header = |name: &str| asked.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!((asked.method, asked.body.len()), (Method::GET, 0));
    for (name, value) in &headers[..4] {
        assert_eq!(header(name), Some(*value), "{name}");
    }
    for name in [
        "origin",
        "accept-language",
        "dnt",
        "content-md5",
        "content-length",
    ] {
        assert_eq!(header(name), None, "{name}");
    }
    assert_eq!(header("user-agent"), Some("hasura-graphql-engine/v2.49.4"));
    assert_eq!(header("content-type"), Some("application/json"));

    hasura.session(&headers).await;
    assert_eq!(hook.asked().len(), 2, "an answer is never kept");
}

#[tokio::test]
async fn a_post_hook_gets_headers_and_request_in_its_body() {
    let answer = Answer::json(json!({"x-hasura-role": "user"}));
    let (hasura, hook) = with_hook(answer.clone(), &[(MODE, "POST")]).await;
    let request = json!({"query": "{ a }", "variables": {"b": 1}, "operationName": "c"});
    let headers = [("x-anything", "goes"), ("x-hasura-role", "admin")];
    let (_, body) = hasura.send("/v1/graphql", &headers, &request).await;
    assert_eq!(body["data"]["role"], "user");
    let asked = hook.asked().pop().unwrap();
    assert_eq!(asked.method, Method::POST);
    assert!(!asked.headers.contains_key("x-anything"));
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body["headers"]["x-anything"], "goes");
    assert_eq!(body["headers"]["x-hasura-role"], "admin");
    assert_eq!(body["request"], request);

    // Where there is no GraphQL request, it is null.
    hasura.get("/v1alpha1/config", &[]).await;
    let asked = hook.asked().pop().unwrap();
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body.get("request"), Some(&Value::Null));

    let silent = ("HASURA_GRAPHQL_AUTH_HOOK_SEND_REQUEST_BODY", "false");
    let (hasura, hook) = with_hook(answer, &[(MODE, "POST"), silent]).await;
    hasura.session(&[]).await;
    let body: Value = serde_json::from_slice(&hook.asked()[0].body).unwrap();
    assert_eq!(body.get("request"), None);
}

#[tokio::test]
async fn each_bad_answer_of_the_hook_has_its_own_words() {
    let (hasura, hook) = with_hook(Answer::status(401), &[]).await;
    let no_role = refused(
        "invalid-params",
        "x-hasura-role not found in session variables",
    );
    let denied = (
        401,
        "access-denied".to_owned(),
        "Authentication hook unauthorized this request".to_owned(),
    );
    let invalid = unexpected("Invalid response from authorization hook");
    let vectors = [
        (Answer::status(401), denied),
        (Answer::status(403), invalid.clone()),
        (Answer::status(204), invalid.clone()),
        (Answer::status(500), invalid),
        (Answer::json(json!({})), no_role.clone()),
        (Answer::json(json!({"X-Hasura-Role": ""})), no_role),
    ];
    for (answer, expected) in vectors {
        hook.set(answer);
        // The client's own role does not fill in for the hook's.
        let refusal = hasura.refusal(&[("x-hasura-role", "user")]).await;
        assert_eq!(refusal, expected);
    }
    for body in [
        json!([]),
        json!({"x-hasura-role": "user", "x-hasura-level": 7}),
    ] {
        hook.set(Answer::json(body));
        let (status, code, message) = hasura.refusal(&[]).await;
        assert_eq!((status, code.as_str()), (500, "unexpected"));
        let expected = "Invalid response from authorization hook: Error in $";
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn a_hook_that_can_not_be_reached_lets_it_start_and_refuses_every_request() {
    for url in ["http://127.0.0.1:9/hook", "no url", ""] {
        let hasura = start(&[SECRET, (HOOK, url)]).await;
        let failed = unexpected("webhook authentication request failed");
        assert_eq!(hasura.refusal(&[]).await, failed, "{url}");
    }
}

#[tokio::test]
async fn the_admin_secret_does_without_the_hook() {
    let (hasura, hook) = with_hook(Answer::status(500), &[]).await;
    assert_eq!(
        hasura.role(&[("x-hasura-admin-secret", SECRET.1)]).await,
        "admin"
    );
    let wrong = hasura.refusal(&[("x-hasura-admin-secret", "guess")]).await;
    assert_eq!(wrong.0, 401);
    assert!(hook.asked().is_empty());
}

#[tokio::test]
async fn a_cookie_of_the_hook_reaches_the_client() {
    let answer = Answer::json(json!({"x-hasura-role": "user"})).with("set-cookie", "seen=1");
    let (hasura, _hook) = with_hook(answer, &[]).await;
    let response = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(hasura.url("/v1/graphql"))
        .body(r#"{"query":"{a}"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["set-cookie"], "seen=1");
}
