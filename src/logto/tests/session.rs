//! What a session knows after requests whose answers were lost.

use serde_json::{Value, json};

use super::server::{Seen, Server, json, with_header};
use crate::{
    domain::{ownership::Owner, plan::Step},
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
