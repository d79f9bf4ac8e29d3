//! What stands for the secrets and tokens that the recordings mask.

use reqwest::Method;
use serde_json::{Value, json};

use crate::session::Session;

/// The resource of the recordings.
const HASURA: &str = "https://hasura.example.com/api";

/// A recorded text with what was masked put in. A subject token is spent by one exchange, so each is made anew.
pub async fn without(session: &Session, recorded: &str) -> String {
    if recorded == "<subject token>" {
        return subject_token(session).await;
    }
    let mut text = session.learned.translate(recorded);
    text = text.replace("<operator secret>", session.emulator.client_secret());
    for (mask, name) in [("<web secret>", "web"), ("<job secret>", "job")] {
        if text.contains(mask) {
            let secrets = session
                .emulator
                .tenant()
                .secrets(&application(session, name));
            text = text.replace(mask, &secrets[0].value);
        }
    }
    text
}

/// A token of the recorded user for the recorded resource.
pub async fn user_token(session: &Session) -> String {
    let (user, web) = (alice(session), application(session, "web"));
    let emulator = &session.emulator;
    let token = emulator.user_token(&user, &web, Some(HASURA), &["read:user"]);
    token.await.unwrap()
}

async fn subject_token(session: &Session) -> String {
    let request = session.management(Method::POST, "/api/subject-tokens");
    let request = request.json(&json!({"userId": alice(session)}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["subjectToken"].as_str().unwrap().to_owned()
}

fn alice(session: &Session) -> String {
    let users = session.emulator.tenant().users();
    let alice = |user: &logto_emulator::User| user.username.as_deref() == Some("alice");
    users.into_iter().find(alice).unwrap().id
}

fn application(session: &Session, name: &str) -> String {
    let applications = session.emulator.tenant().applications();
    let found = applications.into_iter().find(|row| row.name == name);
    found.unwrap().id
}
