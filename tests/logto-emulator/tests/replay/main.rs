//! The emulator answers as a Logto 1.42 did: every recorded exchange is sent to one fresh emulator, in order.
#![allow(clippy::unwrap_used)]

mod compare;
mod masks;
mod recording;
mod session;

use std::fs;

use recording::{RECORDINGS, copy_of, entries_of, original_of};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{compare::Learned, session::Session};

#[tokio::test]
async fn every_recorded_exchange_gets_the_same_answer() {
    let mut session = Session::start().await;
    for (name, count) in RECORDINGS {
        let entries = entries_of(name);
        assert_eq!(entries.len(), count, "entries of {name}");
        for (index, entry) in entries.iter().enumerate() {
            let at = format!("{name} #{index}");
            replay_entry(&mut session, &at, entry).await;
        }
    }
    let differences = session.differences;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn replay_entry(session: &mut Session, at: &str, entry: &Value) {
    let note = entry["note"].as_str().unwrap_or_default();
    if let Some(size) = script_size(note) {
        replay_large_script(session, at, entry, size).await;
    } else if note == "does not parse" {
        let mut entry = entry.clone();
        // Each engine words its syntax errors in its own way.
        entry["response"]["body"]["data"]["message"] = json!("<words of the engine>");
        session.replay(at, &entry).await;
    } else if entry.get("answers").is_some() {
        replay_race(session, at, entry).await;
    } else if entry.get("request").is_none() {
        make_what_the_note_says(session, note).await;
    } else if at.starts_with("11-pages") {
        // This recording leaves out the authorization, which was always there.
        let mut entry = entry.clone();
        entry["request"]["authorization"] = json!("Management API token");
        session.replay(at, &entry).await;
    } else {
        session.replay(at, entry).await;
    }
}

/// The two entries of 07-jwt-customizer that tell in words what was sent.
fn script_size(note: &str) -> Option<usize> {
    match note {
        "a script of 900 kB" => Some(900_000),
        "a script of 1.1 MB" => Some(1_100_000),
        _ => None,
    }
}

async fn replay_large_script(session: &mut Session, at: &str, entry: &Value, size: usize) {
    let path = entry["request"]["path"].as_str().unwrap();
    let request = session.management(Method::PUT, path);
    let request = request.json(&json!({"script": "x".repeat(size)}));
    let answer = request.send().await.unwrap();
    let recorded = &entry["response"];
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap();
    if recorded["status"] != status || recorded["body"].as_str().is_some_and(|text| text != body) {
        session.report(at, format!("recorded {recorded}, here {status} {body:.40}"));
    }
}

/// The one entry of 11-pages that tells in words what was made.
async fn make_what_the_note_says(session: &mut Session, note: &str) {
    assert_eq!(
        note,
        "then 120 scopes scope-000 to scope-119 and 120 roles paged-000 to paged-119 were made, each role with its scope"
    );
    let resources = session.emulator.tenant().resources();
    let paged = resources.iter().find(|row| row.name == "Paged").unwrap();
    for number in 0..120 {
        let name = format!("scope-{number:03}");
        let path = format!("/api/resources/{}/scopes", paged.id);
        let scope = create(session, &path, json!({"name": name})).await;
        let name = format!("paged-{number:03}");
        let role = json!({"name": name, "description": "d", "scopeIds": [scope["id"]]});
        create(session, "/api/roles", role).await;
    }
}

async fn create(session: &Session, path: &str, body: Value) -> Value {
    let request = session.management(Method::POST, path).json(&body);
    let answer = request.send().await.unwrap();
    answer.error_for_status().unwrap().json().await.unwrap()
}

/// Eight clients at once: one wins, and every other gets an answer that was recorded for a loser.
async fn replay_race(session: &mut Session, at: &str, entry: &Value) {
    let path = entry["request"]["path"].as_str().unwrap();
    let path = session.learned.translate(path);
    let body = session.learned.translate_all(&entry["request"]["body"]);
    let recorded = entry["answers"].as_array().unwrap();
    let mut race = tokio::task::JoinSet::new();
    for _ in recorded {
        race.spawn(session.management(Method::POST, &path).json(&body).send());
    }
    let (mut winners, mut losers) = (Vec::new(), Vec::new());
    for answer in race.join_all().await {
        let answer = answer.unwrap();
        let status = answer.status();
        let answer =
            json!({"status": status.as_u16(), "body": answer.json::<Value>().await.unwrap()});
        if status.is_success() {
            winners.push(answer)
        } else {
            losers.push(answer)
        }
    }
    assert_eq!(winners.len(), 1, "{at}: winners");
    session.compare(at, &recorded[0], &winners[0]);
    for loser in losers {
        if !recorded[1..].contains(&loser) {
            session.report(at, format!("nobody was answered {loser}"));
        }
    }
}

#[test]
fn the_project_s_copies_are_the_recordings() {
    for (name, _) in RECORDINGS {
        let Some(original) = original_of(name) else {
            println!("the recordings are not beside this project: its copies stand alone");
            return;
        };
        assert!(
            fs::read(copy_of(name)).unwrap() == fs::read(original).unwrap(),
            "the copy of {name} differs from the recording: copy it again"
        );
    }
}

fn differences(recorded: Value, ours: Value) -> Vec<String> {
    Learned::new("http://127.0.0.1:1".to_owned()).differences("x", "", &recorded, &ours)
}

#[test]
fn a_replay_sees_what_differs() {
    for (recorded, ours) in [
        (json!({"code": "a"}), json!({"code": "b"})),
        (json!({"code": "a"}), json!({})),
        (json!({}), json!({"code": "a"})),
        (json!({"name": null}), json!({"name": ""})),
        (json!({"isDefault": false}), json!({"isDefault": true})),
        (
            json!({"accessTokenTtl": 3600}),
            json!({"accessTokenTtl": 900}),
        ),
        (
            json!({"createdAt": 1795457488460_u64}),
            json!({"createdAt": 1795457488}),
        ),
        (
            json!({"iat": 1795457488}),
            json!({"iat": 1795457488460_u64}),
        ),
        (json!([{"id": "a"}]), json!([])),
        (
            json!([{"id": "a", "name": "n"}]),
            json!([{"id": "b", "name": "m"}]),
        ),
        // A value that is not made in the run can not be learned, nor one id stand for two.
        (json!({"resourceId": "aaa"}), json!({"resourceId": "bbb"})),
        (
            json!([{"id": "aaa", "name": "n"}, {"id": "aaa", "name": "m"}]),
            json!([{"id": "ccc", "name": "n"}, {"id": "ddd", "name": "m"}]),
        ),
    ] {
        assert!(
            !differences(recorded.clone(), ours.clone()).is_empty(),
            "{recorded} and {ours}"
        );
    }
}

#[test]
fn a_replay_overlooks_what_may_differ() {
    for (recorded, ours) in [
        (
            json!({"id": "aaa", "tenantId": "default"}),
            json!({"id": "bbb", "tenantId": "default"}),
        ),
        (
            json!({"createdAt": 1795457488460_u64}),
            json!({"createdAt": 1700000000000_u64}),
        ),
        (
            json!([{"id": "a", "name": "n"}, {"id": "b", "name": "m"}]),
            json!([{"id": "d", "name": "m"}, {"id": "c", "name": "n"}]),
        ),
        (
            json!({"issuer": "http://localhost:3011/oidc"}),
            json!({"issuer": "http://127.0.0.1:1/oidc"}),
        ),
        (
            json!({"access_token": "<jwt>"}),
            json!({"access_token": "e.y.J"}),
        ),
    ] {
        assert_eq!(differences(recorded, ours), Vec::<String>::new());
    }
}
