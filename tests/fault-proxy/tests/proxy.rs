//! What a test can rely on: numbers, holds and faults do what they say, and everything else passes as it is.
#![allow(clippy::unwrap_used)]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::OriginalUri,
    http::HeaderMap,
    routing::any,
};
use fault_proxy::{Answer, Effect, Fault, Moment, Proxy, Record, Rule, Upstream};
use futures::StreamExt;
use tokio::net::TcpListener;

struct Bed {
    record: Arc<Record>,
    proxy: Proxy,
    seen: Arc<AtomicUsize>,
    http: reqwest::Client,
}

impl Bed {
    /// A proxy before a server that counts what it sees, and answers with it.
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let echo = move |OriginalUri(uri): OriginalUri, headers: HeaderMap, body: Bytes| async move {
            count.fetch_add(1, Ordering::SeqCst);
            let host = headers["host"].to_str().unwrap().to_owned();
            let body = String::from_utf8(body.to_vec()).unwrap();
            ([("x-kept", "yes")], format!("{host} {uri} {body}"))
        };
        let slow = || async {
            let begin = futures::stream::iter([Ok::<_, Infallible>("begin")]);
            Body::from_stream(begin.chain(futures::stream::pending()))
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let routes = Router::new().route("/api/slow", any(slow));
            axum::serve(listener, routes.fallback(any(echo))).await
        });
        let record = Record::new();
        let proxy = Proxy::start(Upstream::logto(&url).unwrap(), Arc::clone(&record))
            .await
            .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            record,
            proxy,
            seen,
            http,
        }
    }

    fn post(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.proxy.url());
        self.http.post(url).body("hello")
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    fn fail(&self, effect: Effect, answer: Answer) {
        let fault = Fault { effect, answer };
        self.record.fail(Rule::on("POST", "/api/", 1, fault));
    }
}

#[tokio::test]
async fn what_nothing_happens_to_passes_as_it_is() {
    let bed = Bed::new().await;
    let answer = bed.post("/api/roles?page=2").send().await.unwrap();
    assert_eq!(answer.headers()["x-kept"], "yes");
    let host = bed.proxy.url().replace("http://", "");
    let expected = format!("{host} /api/roles?page=2 hello");
    assert_eq!(answer.text().await.unwrap(), expected);
}

#[tokio::test]
async fn writes_are_numbered_and_what_changes_nothing_is_not() {
    let bed = Bed::new().await;
    for path in [
        "/oidc/token",
        "/api/roles",
        "/api/configs/jwt-customizer/test",
        "/api/resources",
    ] {
        bed.post(path).send().await.unwrap();
    }
    let numbers: Vec<_> = bed
        .record
        .exchanges()
        .into_iter()
        .map(|exchange| (exchange.write, exchange.status))
        .collect();
    let ok = Some(200);
    assert_eq!(
        numbers,
        [(None, ok), (Some(1), ok), (None, ok), (Some(2), ok)]
    );
    assert_eq!(bed.record.writes(), 2);
}

#[tokio::test]
async fn a_held_write_has_its_effect_only_when_it_is_held_after_it() {
    for (moment, effects) in [(Moment::Before, 1), (Moment::After, 2)] {
        let bed = Bed::new().await;
        let held = bed.record.hold(2, moment);
        bed.post("/api/roles").send().await.unwrap();
        let write = tokio::spawn(bed.post("/api/roles/1").send());
        assert_eq!(held.await.unwrap().path, "/api/roles/1");
        assert_eq!(bed.seen(), effects, "{moment:?}");
        assert!(!write.is_finished());
        write.abort();
        bed.post("/api/roles/2").send().await.unwrap();
        assert_eq!(bed.seen(), effects + 1, "one write is held, not the next");
    }
}

#[tokio::test]
async fn an_answer_is_replaced_with_or_without_the_effect() {
    let bed = Bed::new().await;
    let busy = Answer::json(429, "{}").with("retry-after", "7");
    bed.fail(Effect::Without, busy);
    let answer = bed.post("/api/roles").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), bed.seen()), (429, 0));
    assert_eq!(answer.headers()["retry-after"], "7");
    bed.fail(Effect::With, Answer::of(500, "text/html", "<p>"));
    let answer = bed.post("/api/roles").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), bed.seen()), (500, 1));
    assert_eq!(bed.record.hits_left(), 0);
    let answer = bed.post("/api/roles").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), bed.seen()), (200, 2));
}

#[tokio::test]
async fn a_connection_is_closed_kept_silent_or_torn() {
    let bed = Bed::new().await;
    bed.fail(Effect::With, Answer::Close);
    assert!(bed.post("/api/roles").send().await.is_err());
    assert_eq!(bed.seen(), 1);
    for effect in [Effect::Without, Effect::With] {
        bed.fail(effect, Answer::Torn);
        let answer = bed.post("/api/roles").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert!(answer.text().await.is_err(), "half of it is not all of it");
    }
    bed.fail(Effect::Without, Answer::Silence);
    let silent = bed.post("/api/roles").timeout(Duration::from_millis(200));
    assert!(silent.send().await.unwrap_err().is_timeout());
    assert_eq!(bed.seen(), 2);
}

#[tokio::test]
async fn an_answer_under_way_falls_silent_and_the_next_one_does_not() {
    let bed = Bed::new().await;
    let answer = bed.post("/api/slow").send().await.unwrap();
    bed.record.silence_streams();
    let rest = tokio::time::timeout(Duration::from_millis(300), answer.text());
    assert!(rest.await.is_err(), "it never ends");
    let answer = bed.post("/api/roles").send().await.unwrap();
    assert!(answer.text().await.unwrap().ends_with("hello"));
}
