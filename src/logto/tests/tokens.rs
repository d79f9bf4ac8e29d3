use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{advance, pause, resume};

use super::server::{SECRET, Seen, Server, code, json, text, token};
use crate::logto::{Client, CredentialsCause, Error, Operation, PlanLimit};

const API: &str = "/api/resources";

fn is_token(seen: &Seen) -> bool {
    seen.path == "/oidc/token"
}

fn listed(seen: &Seen) -> Option<Response> {
    seen.path.starts_with(API).then(|| json(200, json!([])))
}

/// Moves the clock and lets it run again, as the connections need a running one.
async fn later(seconds: u64) {
    pause();
    advance(Duration::from_secs(seconds)).await;
    resume();
}

async fn cause(client: &Client) -> CredentialsCause {
    match client.list_resources_with_scopes().await.unwrap_err() {
        Error::Credentials { cause, .. } => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn fifty_callers_share_one_token_request() {
    let server = Server::start_slow(Duration::from_millis(30), listed).await;
    let client = server.client().await;
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        callers.spawn(async move { client.list_resources_with_scopes().await.unwrap() });
    }
    callers.join_all().await;
    assert_eq!(server.count("/oidc/token"), 1);
    assert_eq!(server.count(API), 50);
}

#[tokio::test]
async fn fifty_callers_share_one_refusal() {
    let server = Server::start_slow(Duration::from_millis(30), |seen| {
        is_token(seen).then(|| {
            json(
                401,
                json!({"error": "invalid_client", "error_description": SECRET}),
            )
        })
    })
    .await;
    let client = server.client().await;
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        callers.spawn(async move { cause(&client).await });
    }
    let causes = callers.join_all().await;
    assert!(
        causes
            .iter()
            .all(|cause| *cause == CredentialsCause::InvalidClient)
    );
    assert_eq!(server.count("/oidc/token"), 1);
    assert_eq!(cause(&client).await, CredentialsCause::InvalidClient);
    assert_eq!(server.count("/oidc/token"), 2, "who comes later asks again");
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_leave_the_others_without_a_token() {
    let server = Server::start_slow(Duration::from_millis(50), listed).await;
    let client = server.client().await;
    let gives_up = tokio::time::timeout(
        Duration::from_millis(10),
        client.list_resources_with_scopes(),
    );
    let (gave_up, served) = tokio::join!(gives_up, client.list_resources_with_scopes());
    gave_up.unwrap_err();
    served.unwrap();
}

#[tokio::test]
async fn the_request_for_a_token_is_what_logto_expects() {
    let server = Server::start(listed).await;
    let mut config = server.config();
    config.credentials.client_id = "a:b".to_owned();
    config.credentials.client_secret = "s&c ret%".into();
    let client = Client::connect(config).await.unwrap();
    client.list_resources_with_scopes().await.unwrap();
    let seen = server.seen();
    let request = seen.iter().find(|seen| is_token(seen)).unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.body,
        "grant_type=client_credentials&resource=https%3A%2F%2Fdefault.logto.app%2Fapi&scope=all"
    );
    // base64 of a%3Ab:s%26c+ret%25
    assert_eq!(
        request.authorization.as_deref(),
        Some("Basic YSUzQWI6cyUyNmMrcmV0JTI1")
    );
    let call = seen.last().unwrap();
    assert_eq!(call.authorization.as_deref(), Some("Bearer t1"));
}

#[tokio::test]
async fn a_token_is_renewed_when_80_percent_of_its_life_are_over() {
    let server = Server::start(|seen| {
        is_token(seen)
            .then(|| token("t", 1000))
            .or_else(|| listed(seen))
    })
    .await;
    let client = server.client().await;
    for (wait, requests) in [(0, 1), (795, 1), (10, 2), (790, 2), (20, 3)] {
        later(wait).await;
        client.list_resources_with_scopes().await.unwrap();
        assert_eq!(server.count("/oidc/token"), requests, "{wait} s later");
    }
}

#[tokio::test]
async fn while_the_renewal_fails_the_old_token_is_used_until_its_end() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::start({
        let asked = Arc::clone(&asked);
        move |seen| match is_token(seen) && asked.fetch_add(1, Ordering::SeqCst) > 0 {
            true => Some(text(503, "down")),
            false => is_token(seen)
                .then(|| token("t", 1000))
                .or_else(|| listed(seen)),
        }
    })
    .await;
    let client = server.client().await;
    for (wait, requests) in [(0, 1), (810, 2), (10, 2), (30, 3)] {
        later(wait).await;
        client.list_resources_with_scopes().await.unwrap();
        assert_eq!(server.count("/oidc/token"), requests, "{wait} s later");
    }
    later(200).await;
    let error = client.list_resources_with_scopes().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Retry {
                operation: Operation::FetchToken,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn tokens_that_are_used_up_pause_nothing_and_leave_the_old_token_its_life() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::start({
        let asked = Arc::clone(&asked);
        move |seen| match is_token(seen) && asked.fetch_add(1, Ordering::SeqCst) > 0 {
            true => Some(code(429, "auth.exceed_token_limit")),
            false => is_token(seen)
                .then(|| token("t", 1000))
                .or_else(|| listed(seen)),
        }
    })
    .await;
    let client = server.client().await;
    for wait in [0, 810] {
        later(wait).await;
        client.list_resources_with_scopes().await.unwrap();
    }
    later(200).await;
    let error = client.list_resources_with_scopes().await.unwrap_err();
    let used_up = Error::Plan {
        operation: Operation::FetchToken,
        limit: PlanLimit::Tokens,
    };
    assert_eq!(error, used_up);
    let text = error.to_string();
    assert!(!text.contains(SECRET) && !text.contains("rate"), "{text}");
    // A limit of the rate would hold the next request back.
    let began = std::time::Instant::now();
    client.keys().await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(900));
}

#[tokio::test]
async fn a_refused_token_is_fetched_once_more_and_the_request_made_again() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |seen| match seen.authorization.as_deref() {
        _ if is_token(seen) => Some(token(
            &format!("t{}", asked.fetch_add(1, Ordering::SeqCst)),
            3600,
        )),
        Some("Bearer t0") => Some(code(401, "auth.unauthorized")),
        _ => listed(seen),
    })
    .await;
    let client = server.client().await;
    let mut callers = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        callers.spawn(async move { client.list_resources_with_scopes().await.unwrap() });
    }
    callers.join_all().await;
    assert_eq!(server.count("/oidc/token"), 2);
    client.list_resources_with_scopes().await.unwrap();
    assert_eq!(server.count("/oidc/token"), 2);
}

#[tokio::test]
async fn a_logto_that_refuses_its_own_new_token_is_asked_twice_and_no_more() {
    let server = Server::start(|seen| {
        seen.path
            .starts_with(API)
            .then(|| code(401, "auth.unauthorized"))
    })
    .await;
    let client = server.client().await;
    assert_eq!(cause(&client).await, CredentialsCause::TokenRejected);
    assert_eq!(server.count("/oidc/token"), 2);
    assert_eq!(server.count(API), 2);
}

#[tokio::test]
async fn a_token_without_the_scope_all_names_the_role_that_is_missing() {
    for scope in [json!("other"), json!("allowed"), json!("")] {
        let server = Server::start(move |seen| {
            let granted = json!({"access_token": "t", "expires_in": 3600, "token_type": "Bearer", "scope": scope});
            is_token(seen).then(|| json(200, granted))
        })
        .await;
        assert_eq!(
            cause(&server.client().await).await,
            CredentialsCause::MissingRole
        );
        assert_eq!(server.count(API), 0);
    }
    let none = json!({"access_token": "t", "expires_in": 3600, "token_type": "Bearer"});
    let server = Server::start(move |seen| is_token(seen).then(|| json(200, none.clone()))).await;
    let error = server
        .client()
        .await
        .list_roles()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("Logto Management API access"), "{error}");
}

#[tokio::test]
async fn a_token_that_is_no_header_value_or_lives_absurdly_long_does_no_harm() {
    let server = Server::start(|seen| is_token(seen).then(|| token("a\r\nb", 3600))).await;
    let error = server.client().await.list_roles().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Stop {
                operation: Operation::FetchToken,
                ..
            }
        ),
        "{error}"
    );
    let server = Server::start(|seen| {
        is_token(seen)
            .then(|| token("t", u64::MAX))
            .or_else(|| listed(seen))
    })
    .await;
    server
        .client()
        .await
        .list_resources_with_scopes()
        .await
        .unwrap();
}

#[tokio::test]
async fn no_debug_output_or_message_shows_a_secret_or_a_token() {
    let server =
        Server::start(|seen| is_token(seen).then(|| code(400, "oidc.access_denied"))).await;
    let config = server.config();
    let shown = format!("{:?} {:?}", config.credentials, config.transport);
    let error = Client::connect(config)
        .await
        .unwrap()
        .list_roles()
        .await
        .unwrap_err();
    let shown = format!("{shown} {error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
}
