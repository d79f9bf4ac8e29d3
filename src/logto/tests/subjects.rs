//! Users and applications, and the roles that they are given.

use serde_json::{Value, json};

use super::server::{Seen, Server, code, empty, html, json, text, with_header};
use crate::logto::{Client, Error};

fn user(id: &str) -> Value {
    json!({"id": id, "username": "alice", "primaryEmail": null, "createdAt": 1795457502666u64,
        "isSuspended": false, "customData": {}})
}

fn application(id: &str) -> Value {
    json!({"tenantId": "default", "id": id, "name": "job", "type": "MachineToMachine"})
}

/// Logto's answers on 1.42, as far as the shape goes.
fn answer(seen: &Seen) -> Option<axum::response::Response> {
    let path = seen.path.split('?').next()?;
    let page = |row| Some(with_header(json(200, json!([row])), "total-number", "1"));
    match (seen.method.as_str(), path) {
        ("GET", "/api/users" | "/api/roles/x1/users") => page(user("u1")),
        ("GET", "/api/applications" | "/api/roles/x1/applications") => page(application("a1")),
        ("GET", "/api/users/u1") => Some(json(200, user("u1"))),
        ("GET", "/api/users/gone") => Some(code(404, "entity.not_found")),
        ("GET", "/api/applications/a1") => Some(json(200, application("a1"))),
        ("POST", "/api/roles/x1/users" | "/api/roles/x1/applications") => {
            Some(text(201, "Created"))
        }
        ("DELETE", _) => Some(empty(204)),
        _ => None,
    }
}

/// The one request that a call made, as method and path.
fn made(server: &Server) -> String {
    let seen = server.seen().pop().unwrap();
    format!("{} {}", seen.method, seen.path)
}

#[tokio::test]
async fn a_subject_is_looked_for_to_the_letter() {
    let server = Server::start(answer).await;
    let client = server.client().await;
    let found = client.find_users("username", "a&b=c").await.unwrap();
    assert_eq!(found[0].id, "u1");
    assert_eq!(
        made(&server),
        "GET /api/users?search.username=a%26b%3Dc&mode.username=exact&isCaseSensitive=true"
    );
    client.find_applications("job").await.unwrap();
    assert_eq!(
        made(&server),
        "GET /api/applications?search.name=job&mode.name=exact&isCaseSensitive=true"
    );
    assert_eq!(client.get_user("u1").await.unwrap().unwrap().id, "u1");
    assert_eq!(client.get_user("gone").await.unwrap(), None);
    assert!(client.get_application("a1").await.unwrap().is_some());
}

#[tokio::test]
async fn only_the_users_who_are_asked_for_are_read_fifty_at_a_time() {
    let server = Server::start(answer).await;
    let client = server.client().await;
    let ids: Vec<String> = (0..120).map(|n| format!("user{n:08}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    client.list_role_users("x1", &ids).await.unwrap();
    assert_eq!(server.count("/api/roles/x1/users"), 3);
    let longest = server.seen().iter().map(|seen| seen.path.len()).max();
    assert!(longest < Some(2000), "{longest:?}");
    client.list_role_users("x1", &[]).await.unwrap();
    assert_eq!(
        server.count("/api/roles/x1/users"),
        3,
        "nobody is asked for"
    );
}

async fn assign_both(client: &Client, ids: &[String]) -> [Result<(), Error>; 2] {
    [
        client.assign_users("x1", ids).await,
        client.assign_applications("x1", ids).await,
    ]
}

#[tokio::test]
async fn an_assignment_is_done_when_logto_says_created_and_not_when_a_proxy_answers() {
    let server = Server::start(answer).await;
    let client = server.client().await;
    let ids = ["u1".to_owned(), "u2".to_owned()];
    for result in assign_both(&client, &ids).await {
        result.unwrap();
    }
    let bodies: Vec<Value> = server.seen().iter().rev().take(2).map(Seen::json).collect();
    let ids_of = |key: &str| json!({ key: ["u1", "u2"] });
    assert_eq!(bodies, [ids_of("applicationIds"), ids_of("userIds")]);
    client.unassign_user("x1", "u1").await.unwrap();
    assert_eq!(made(&server), "DELETE /api/roles/x1/users/u1");
    client.unassign_application("x1", "a1").await.unwrap();
    assert_eq!(made(&server), "DELETE /api/roles/x1/applications/a1");

    let proxy = Server::start(|seen| seen.path.starts_with("/api").then(|| html(200))).await;
    for result in assign_both(&proxy.client().await, &ids).await {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Stop { .. }) && error.may_have_happened(),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_refused_assignment_gave_nobody_anything_and_a_lost_race_may_have() {
    for (status, code_, happened) in [
        (422, "role.user_exists", false),
        (422, "role.application_exists", false),
        (404, "entity.not_found", false),
        (500, "any", true),
    ] {
        let refused = move |seen: &Seen| seen.path.starts_with("/api").then(|| code(status, code_));
        let server = Server::start(refused).await;
        for result in assign_both(&server.client().await, &["u1".to_owned()]).await {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Reread { .. }), "{error}");
            assert_eq!(error.may_have_happened(), happened, "{error}");
        }
    }
}

#[tokio::test]
async fn an_id_that_logto_would_not_issue_is_not_put_into_a_path() {
    let server = Server::start(answer).await;
    let client = server.client().await;
    let before = server.seen().len();
    for id in ["../roles", "", "a/b", "a?b"] {
        assert!(client.get_user(id).await.is_err(), "{id}");
        assert!(client.unassign_user("x1", id).await.is_err(), "{id}");
        assert!(client.unassign_application(id, "a1").await.is_err(), "{id}");
    }
    assert_eq!(server.seen().len(), before);
}
