use std::sync::Arc;

use axum::{
    Router,
    http::{Method, StatusCode, Uri},
};
use serde_json::Value;

use super::*;

type Requests = Arc<Mutex<Vec<(Method, String, Value)>>>;

/// An API server that notes what it is asked, stores nothing, and knows no event of the name `forgotten`.
fn events() -> (Events, Requests) {
    let requests = Requests::default();
    let noted = Arc::clone(&requests);
    let answer = move |method: Method, uri: Uri, body: String| async move {
        let event: Value = serde_json::from_str(&body).unwrap();
        let path = uri.path().to_owned();
        let is_forgotten = path.contains("forgotten.") && method == Method::PATCH;
        lock(&noted).push((method, path, event));
        if is_forgotten {
            let status =
                json!({"kind": "Status", "apiVersion": "v1", "code": 404, "reason": "NotFound"});
            return (StatusCode::NOT_FOUND, status.to_string());
        }
        (StatusCode::OK, body)
    };
    let client = Client::new(Router::new().fallback(answer), "shop");
    (Events::new(client), requests)
}

fn object(name: &str) -> ObjectReference {
    ObjectReference {
        name: Some(name.to_owned()),
        namespace: Some("shop".to_owned()),
        uid: Some(format!("uid of {name}")),
        ..ObjectReference::default()
    }
}

async fn say(events: &Events, name: &str, note: &str) {
    let type_ = EventType::Warning;
    let said = events.publish(object(name), type_, "RoleConflict", note);
    said.await.unwrap();
}

fn methods(requests: &Requests) -> Vec<Method> {
    let requests = lock(requests);
    requests.iter().map(|(method, ..)| method.clone()).collect()
}

#[tokio::test]
async fn what_is_said_again_is_counted_and_another_note_is_another_event() {
    let (events, requests) = events();
    for note in ["of a", "of a", "of b", "of a"] {
        say(&events, "reader", note).await;
    }
    say(&events, "maintainer", "of a").await;
    use Method as M;
    assert_eq!(
        methods(&requests),
        [M::POST, M::PATCH, M::POST, M::PATCH, M::POST]
    );
    let requests = lock(&requests);
    let name = requests[0].2["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("reader."), "{name}");
    assert_eq!(requests[0].2["note"], "of a");
    for (again, count) in [(1, 2), (3, 3)] {
        assert!(requests[again].1.ends_with(name), "{}", requests[again].1);
        assert_eq!(requests[again].2["series"]["count"], count);
    }
}

#[tokio::test]
async fn what_the_api_server_forgot_is_said_anew() {
    let (events, requests) = events();
    say(&events, "forgotten", "of a").await;
    say(&events, "forgotten", "of a").await;
    assert_eq!(
        methods(&requests),
        [Method::POST, Method::PATCH, Method::POST]
    );
}

#[tokio::test]
async fn no_more_is_remembered_however_much_is_said() {
    let (events, requests) = events();
    say(&events, "first", "of a").await;
    for other in 0..REMEMBERED {
        say(&events, &format!("other-{other}"), "of a").await;
    }
    assert_eq!(lock(&events.lately).len(), REMEMBERED);
    say(&events, "first", "of a").await;
    assert!(methods(&requests).iter().all(|it| it == Method::POST));
}

#[tokio::test]
async fn long_names_and_notes_are_cut_to_what_the_api_server_takes() {
    let (events, requests) = events();
    let name = format!("{}.{}", "a".repeat(235), "b".repeat(17));
    say(&events, &name, &"🔒".repeat(400)).await;
    let requests = lock(&requests);
    let event = &requests[0].2;
    let made = event["metadata"]["name"].as_str().unwrap();
    assert!(made.len() <= 253, "{made}");
    assert!(made.starts_with(&format!("{}.", "a".repeat(235))), "{made}");
    assert!(!made.contains(".."), "{made}");
    assert_eq!(event["note"].as_str().unwrap().len(), 1000);
    assert_eq!(event["regarding"]["name"], name.as_str());
}
