//! What a session knows after requests whose answers were lost.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::server::{Seen, Server, code, json, role, with_header};
use crate::{
    api::binding::SubjectKind,
    domain::{ownership::Owner, plan::Step, release::Holders},
    logto::Session,
};

const INDICATOR: &str = "https://shop.example.com/v1/graphql";

fn resource() -> Value {
    json!({"tenantId": "default", "id": "r1", "name": "Shop", "indicator": INDICATOR, "accessTokenTtl": 3600,
        "isDefault": false, "scopes": []})
}

/// A tenant with one resource and nothing in it, that fails each creation without a word on whether it happened.
fn answer(seen: &Seen) -> Option<axum::response::Response> {
    let none = || Some(with_header(json(200, json!([])), "total-number", "0"));
    match (seen.method.as_str(), seen.path.split('?').next()?) {
        ("GET", "/api/resources") => Some(json(200, json!([resource()]))),
        ("GET", "/api/resources/r1") => Some(json(200, resource())),
        ("GET", "/api/roles" | "/api/resources/r1/scopes") => none(),
        ("POST", "/api/resources/r1/scopes") => Some(json(500, json!({"message": "boom"}))),
        _ => None,
    }
}

#[tokio::test]
async fn a_scope_that_may_have_been_made_is_read_by_name_before_it_is_made_again() {
    let server = Server::start(answer).await;
    let session = Session::open(server.client().await, Owner::new("test").unwrap())
        .await
        .unwrap();
    let step = Step::CreateScope {
        indicator: INDICATOR.into(),
        name: "read:user".into(),
        description: "Reads".into(),
    };
    let steps = [step.clone()];
    assert!(!session.is_unsure_of(&steps));
    session.execute(&step).await.unwrap_err();
    assert!(session.is_unsure_of(&steps));
    session
        .reread_binding(INDICATOR, "read:user", "user:reader")
        .await
        .unwrap();
    assert!(!session.is_unsure_of(&steps), "it was seen to be absent");
}

/// A tenant in which the role `x1`, which two users hold, has another name by now, and whose old name the role `x2` has,
/// which nobody holds.
fn renamed(seen: &Seen) -> Option<axum::response::Response> {
    let named = |id: &str, name: &str, users: u32| {
        let mut row = role(id);
        row["name"] = json!(name);
        row["usersCount"] = json!(users);
        row["applicationsCount"] = json!(0);
        row
    };
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let rows = match (seen.method.as_str(), path) {
        ("GET", "/api/resources") => return Some(json(200, json!([resource()]))),
        ("GET", "/api/roles/x1") => return Some(json(200, named("x1", "third", 2))),
        ("GET", "/api/roles/gone") => return Some(code(404, "entity.not_exists_with_id")),
        ("GET", "/api/roles") if query.contains("second") => json!([]),
        ("GET", "/api/roles") => json!([named("x2", "first", 0)]),
        _ => return None,
    };
    Some(with_header(json(200, rows), "total-number", "1"))
}

#[tokio::test]
async fn holders_of_a_role_that_was_renamed_meanwhile_are_not_taken_for_nobody() {
    let server = Server::start(renamed).await;
    let session = Session::open(server.client().await, Owner::new("test").unwrap())
        .await
        .unwrap();
    let held = async |id, name| {
        let (kind, own) = (SubjectKind::User, BTreeSet::new());
        session
            .holders_beside(kind, (id, name), &own)
            .await
            .unwrap()
            .0
    };
    assert_eq!(held("x2", "first").await, Holders::Nobody);
    assert_eq!(
        held("x1", "first").await,
        Holders::Somebody,
        "another one's count"
    );
    assert_eq!(held("x1", "second").await, Holders::Somebody, "no count");
    assert_eq!(held("gone", "second").await, Holders::Nobody);
}
