//! What a test can break, and what the emulator counts.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use logto_emulator::{Fault, FaultRule, Options};
use reqwest::Client;
use serde_json::{Value, json};

use crate::bed::Bed;

#[tokio::test]
async fn a_rule_lets_some_requests_pass_and_then_hits_so_many() {
    let bed = Bed::new().await;
    let rule = FaultRule::new("GET", "/api/roles/:id", Fault::status(503));
    bed.fail(rule.skip(1).times(2));
    let id = bed.make_roles(1).remove(0);
    let path = format!("/api/roles/{id}");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bed.status_of(&path).await);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    assert_eq!(bed.emulator.switches().pending_faults(), 0);
}

#[tokio::test]
async fn a_rule_hits_its_method_and_route_alone_unless_it_ends_in_a_star() {
    let bed = Bed::new().await;
    bed.fail(FaultRule::new("PATCH", "/api/roles", Fault::status(503)));
    bed.fail(FaultRule::new("POST", "/api/role", Fault::status(503)));
    assert_eq!(bed.status_of("/api/roles").await, 200);
    assert_eq!(bed.make_role("a").await.unwrap().status(), 200);
    bed.emulator.switches().clear_faults();
    bed.fail(FaultRule::new("*", "/api/*", Fault::status(502)).times(2));
    assert_eq!(bed.status_of("/api/resources").await, 502);
    assert_eq!(bed.make_role("b").await.unwrap().status(), 502);
    assert!(!bed.has_role("b"));
}

#[tokio::test]
async fn a_refusal_can_say_when_to_come_again() {
    let bed = Bed::new().await;
    let fault = Fault::Status {
        status: 429,
        retry_after: Some("Fri, 31 Dec 1999 23:59:59 GMT".to_owned()),
        body: json!({"code": "request.rate_limited"}),
    };
    bed.fail(FaultRule::new("GET", "/api/roles", fault));
    let answer = bed.get("/api/roles").await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(
        answer.headers()["retry-after"],
        "Fri, 31 Dec 1999 23:59:59 GMT"
    );
    assert_eq!(
        answer.json::<Value>().await.unwrap(),
        json!({"code": "request.rate_limited"})
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_the_work_done_or_not_as_told() {
    let bed = Bed::new().await;
    for (name, fault, is_done) in [
        ("before", Fault::DropBefore, false),
        ("after", Fault::DropAfterWrite, true),
    ] {
        bed.fail(FaultRule::new("POST", "/api/roles", fault));
        assert!(bed.make_role(name).await.is_err(), "{name}");
        assert_eq!(bed.has_role(name), is_done, "{name}");
    }
    bed.fail(FaultRule::new(
        "POST",
        "/api/roles",
        Fault::Error500AfterWrite,
    ));
    assert_eq!(bed.make_role("error").await.unwrap().status(), 500);
    assert!(bed.has_role("error"));
    let expected = [
        "POST /api/roles closed",
        "POST /api/roles closed",
        "POST /api/roles 500",
    ];
    assert_eq!(bed.emulator.last_requests(9), expected);
}

#[tokio::test]
async fn a_client_that_leaves_a_hanging_request_has_changed_nothing() {
    let bed = Bed::new().await;
    let hang = |milliseconds| Fault::Hang(Duration::from_millis(milliseconds));
    bed.fail(FaultRule::new("POST", "/api/roles", hang(300)));
    let left = tokio::time::timeout(Duration::from_millis(50), bed.make_role("left")).await;
    assert!(left.is_err(), "no answer came in time");
    // This one hangs longer, so the first would have been worked on when it is answered.
    bed.fail(FaultRule::new("POST", "/api/roles", hang(600)));
    let answer = bed.make_role("stayed").await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(bed.has_role("stayed") && !bed.has_role("left"));
}

#[tokio::test]
async fn latency_delays_every_request() {
    let bed = Bed::new().await;
    bed.emulator.switches().latency(Duration::from_millis(100));
    let start = Instant::now();
    assert_eq!(bed.status_of("/api/status").await, 204);
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn while_down_nobody_gets_an_answer_and_nothing_is_counted() {
    let bed = Bed::new().await;
    let fresh = Client::new();
    let url = format!("{}/api/status", bed.emulator.endpoint());
    assert_eq!(bed.status_of("/api/status").await, 204);
    bed.emulator.switches().down(true);
    bed.emulator.reset_requests();
    assert!(
        bed.get("/api/status").await.is_err(),
        "on the open connection"
    );
    assert!(fresh.get(&url).send().await.is_err(), "on a new one");
    assert!(bed.emulator.requests().is_empty());
    bed.emulator.switches().down(false);
    assert_eq!(fresh.get(&url).send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_dropped_emulator_answers_nobody() {
    let bed = Bed::new().await;
    let url = format!("{}/api/status", bed.emulator.endpoint());
    drop(bed.emulator);
    assert!(
        bed.client.get(&url).send().await.is_err(),
        "on the open connection"
    );
    assert!(
        Client::new().get(&url).send().await.is_err(),
        "on a new one"
    );
}

#[tokio::test]
async fn the_key_set_alone_can_be_down() {
    let bed = Bed::new().await;
    bed.emulator.switches().jwks_down(true);
    assert!(bed.get("/oidc/jwks").await.is_err());
    assert_eq!(bed.status_of("/api/roles").await, 200);
    bed.emulator.switches().jwks_down(false);
    assert_eq!(bed.status_of("/oidc/jwks").await, 200);
}

#[tokio::test]
async fn a_hidden_role_is_missed_by_the_list_and_found_by_id() {
    let bed = Bed::new().await;
    let ids = bed.make_roles(3);
    bed.emulator.switches().hide_from_lists("role-001", 1);
    let (seen, total) = bed.page(1).await;
    assert!(!seen.contains(&ids[1]) && seen.contains(&ids[0]));
    assert_eq!((seen.len(), total), (3, 4), "the seeded role is there too");
    assert_eq!(bed.status_of(&format!("/api/roles/{}", ids[1])).await, 200);
    assert!(bed.page(1).await.0.contains(&ids[1]), "only once");
}

#[tokio::test]
async fn pages_miss_a_row_that_moves_while_they_are_read() {
    let bed = Bed::new().await;
    let ids = bed.make_roles(127);
    let (first, total) = bed.page(1).await;
    let tenant = bed.emulator.tenant();
    tenant
        .edit_role(&ids[5], |role| role.description = "new".to_owned())
        .unwrap();
    let (second, _) = bed.page(2).await;
    let distinct: BTreeSet<&String> = first.iter().chain(&second).collect();
    assert_eq!(first.len() + second.len(), total);
    assert_eq!(
        distinct.len(),
        total - 1,
        "one came twice, so one is missing"
    );
}

#[tokio::test]
async fn shuffled_pages_overlap() {
    let bed = Bed::new().await;
    bed.make_roles(150);
    bed.emulator.switches().shuffle_pages(true);
    let (first, total) = bed.page(1).await;
    let (second, _) = bed.page(2).await;
    let distinct: BTreeSet<&String> = first.iter().chain(&second).collect();
    // That 51 rows out of 151 avoid the first hundred by chance happens once in 10^40.
    assert!(distinct.len() < total);
}

#[tokio::test]
async fn a_lost_race_can_be_an_error_without_a_code() {
    let bed = Bed::new().await;
    bed.make_role("raced").await.unwrap();
    assert_eq!(bed.make_role("raced").await.unwrap().status(), 422);
    bed.emulator.switches().race_500(true);
    let answer = bed.make_role("raced").await.unwrap();
    assert_eq!(answer.status(), 500);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({"message": "Internal server error."}));
    assert_eq!(bed.make_role("other").await.unwrap().status(), 200);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_writes_apart() {
    let bed = Bed::new().await;
    bed.make_role("a").await.unwrap();
    bed.status_of("/api/roles/x/scopes?page=1").await;
    bed.status_of("/api/roles/y/scopes").await;
    bed.status_of("/nowhere").await;
    bed.fresh_token().await;
    let counts = bed.emulator.requests();
    let counts: Vec<(&str, u64)> = counts
        .iter()
        .map(|(key, count)| (key.as_str(), *count))
        .collect();
    let expected = [
        ("GET (no such route)", 1),
        ("GET /api/roles/:id/scopes", 2),
        ("POST /api/roles", 1),
        ("POST /oidc/token", 1),
    ];
    assert_eq!(counts, expected);
    assert_eq!(bed.emulator.writes(), 1);
    let last = bed.emulator.last_requests(4);
    assert_eq!(last[0], "GET /api/roles/x/scopes?page=1 404");
    assert_eq!(last[3], "POST /oidc/token 200");
    bed.emulator.reset_requests();
    assert_eq!(
        (bed.emulator.requests().len(), bed.emulator.writes()),
        (0, 0)
    );
}

#[tokio::test]
async fn a_rotated_key_leaves_old_tokens_good_for_one_rotation() {
    let bed = Bed::new().await;
    let keys = async || -> Vec<Value> {
        let set: Value = bed.get("/oidc/jwks").await.unwrap().json().await.unwrap();
        set["keys"].as_array().unwrap().clone()
    };
    let before = keys().await;
    bed.emulator.rotate_signing_key().unwrap();
    let after = keys().await;
    assert_eq!((before.len(), after.len()), (1, 2));
    assert_eq!(after[1], before[0], "the new key comes first");
    assert_eq!(bed.status_of("/api/roles").await, 200);
    bed.emulator.rotate_signing_key().unwrap();
    let answer = bed.get("/api/roles").await.unwrap();
    assert_eq!(answer.status(), 401);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["data"]["code"], "ERR_JWKS_NO_MATCHING_KEY");
}

#[tokio::test]
async fn an_expired_token_is_refused_to_the_second() {
    let options = Options {
        token_ttl: 0,
        ..Options::default()
    };
    let bed = Bed::with(options).await;
    let answer = bed.get("/api/roles").await.unwrap();
    assert_eq!(answer.status(), 401);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["code"], "auth.unauthorized");
    assert_eq!(body["data"]["code"], "ERR_JWT_EXPIRED");
    assert_eq!(body["data"]["payload"]["sub"], bed.emulator.client_id());
}
