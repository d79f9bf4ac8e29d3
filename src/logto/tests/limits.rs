use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, pause, resume};

use super::server::{Server, code, json, text, with_header};
use crate::logto::{Client, Error, Exchanged, RateLimit};

/// A server that answers the first call of the API with 429 and this header.
async fn limited(retry_after: RetryAfter) -> Server {
    let calls = AtomicUsize::new(0);
    Server::start(move |seen| {
        if !seen.path.starts_with("/api/") {
            return None;
        }
        Some(
            match (calls.fetch_add(1, Ordering::SeqCst), retry_after()) {
                (0, Some(header)) => with_header(text(429, "slow down"), "retry-after", &header),
                (0, None) => text(429, "slow down"),
                _ => json(200, json!([])),
            },
        )
    })
    .await
}

type RetryAfter = fn() -> Option<String>;

fn a_minute() -> Option<String> {
    Some("60".to_owned())
}

fn not_said() -> Option<String> {
    None
}

fn in_a_minute() -> Option<String> {
    let then = Timestamp::now() + Duration::from_secs(60);
    Some(then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

#[tokio::test]
async fn a_429_is_not_repeated_and_pauses_every_call_of_the_tenant() {
    for (form, seconds) in [
        (a_minute as RetryAfter, 60),
        (in_a_minute, 60),
        (not_said, 10),
    ] {
        let server = limited(form).await;
        let client = server.client().await;
        let begin = Instant::now();
        let error = client.list_resources_with_scopes().await.unwrap_err();
        let Error::Wait { after, .. } = error else {
            panic!("{error:?}")
        };
        // A date has no fractions of a second.
        assert!(
            (seconds - 2..=seconds).contains(&after.as_secs()),
            "{after:?}"
        );
        assert_eq!(
            server.count("/api/resources"),
            1,
            "the call itself is not repeated"
        );

        pause();
        advance(after - Duration::from_millis(200)).await;
        resume();
        let background = client.background();
        let (first, second, third) = tokio::join!(
            client.list_resources_with_scopes(),
            background.list_resources_with_scopes(),
            client.discover()
        );
        first.and(second).unwrap();
        third.unwrap();
        assert!(
            begin.elapsed() >= after,
            "{:?} of {after:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test]
async fn four_requests_at_a_time_reach_logto_and_two_of_the_background() {
    for (background, most) in [(false, 4), (true, 2)] {
        let server = Server::start_slow(Duration::from_millis(20), |seen| {
            seen.path.starts_with("/api/").then(|| json(200, json!([])))
        })
        .await;
        let client = server.client().await;
        let client = if background {
            client.background()
        } else {
            client
        };
        let mut callers = JoinSet::new();
        for _ in 0..40 {
            let client = client.clone();
            callers.spawn(async move { client.list_resources_with_scopes().await.unwrap() });
        }
        callers.join_all().await;
        assert_eq!(server.most_at_once(), most);
    }
}

#[tokio::test]
async fn the_rate_holds_for_tokens_discovery_and_calls_together() {
    let server =
        Server::start(|seen| seen.path.starts_with("/api/").then(|| json(200, json!([])))).await;
    let mut config = server.config();
    config.rate = RateLimit {
        requests_per_second: 20,
        burst: 3,
    };
    let begin = Instant::now();
    let client = Client::connect(config).await.unwrap();
    for _ in 0..5 {
        client.list_resources_with_scopes().await.unwrap();
    }
    // Seven requests with the document and the token, three of them at once.
    assert_eq!(server.seen().len(), 7);
    assert!(
        begin.elapsed() >= Duration::from_millis(4 * 50),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn the_observer_is_told_of_every_request_and_how_it_ended() {
    fn answer(path: &str) -> Option<Response> {
        match path {
            "/api/roles/gone" => Some(code(404, "entity.not_exists_with_id")),
            "/api/roles/odd" => Some(text(404, "Not Found")),
            "/api/roles/down" => Some(text(502, "")),
            _ => None,
        }
    }
    let server = Server::start(|seen| answer(&seen.path)).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut config = server.config();
    config.observer = Arc::new({
        let told = Arc::clone(&told);
        move |exchanged: Exchanged| {
            told.lock()
                .unwrap()
                .push((exchanged.operation.name(), exchanged.outcome.name()));
        }
    });
    let client = Client::connect(config).await.unwrap();
    for id in ["gone", "odd", "down"] {
        client.get_role(id).await.unwrap_err();
    }
    client.delete_role("gone").await.unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        [
            ("discover", "ok"),
            ("fetch_token", "ok"),
            ("get_role", "not_found"),
            ("get_role", "stop"),
            ("get_role", "retry"),
            ("delete_role", "not_found"),
        ]
    );
}
