//! What was sent to Hasura and what it has to say, row by row.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use logto_emulator::Emulator;
use serde_json::{Value, json};

use crate::{
    hasura::{Answer, Request},
    sign_in::CLAIMS,
    world::{INDICATOR, World},
};

/// Rows of a matrix: what was sent, and what Hasura has to say.
#[derive(Default)]
pub struct Matrix {
    rows: Vec<(String, Request, Answer)>,
}

impl Matrix {
    pub fn row(&mut self, what: &str, request: Request, expected: Answer) {
        self.rows.push((what.to_owned(), request, expected));
    }

    /// Sends all rows, prints what was answered, and fails with those that were answered otherwise.
    pub async fn check(self, world: &World) -> anyhow::Result<()> {
        let mut wrong = Vec::new();
        for (what, request, expected) in self.rows {
            let (answer, _) = world.query(&request).await?;
            println!("| {what} | {answer} |");
            if answer != expected {
                wrong.push(format!("{what}: {answer}, not {expected}"));
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }
}

pub fn role(name: &str) -> Answer {
    Answer::Role(name.to_owned())
}

pub fn refused(code: &str, message: &str) -> Answer {
    Answer::Refused(code.to_owned(), message.to_owned())
}

pub fn invalid(error: &str) -> Answer {
    refused("invalid-jwt", &format!("Could not verify JWT: {error}"))
}

pub fn not_allowed() -> Answer {
    refused(
        "access-denied",
        "Your requested role is not in allowed roles",
    )
}

pub fn no_claims() -> Answer {
    refused(
        "jwt-invalid-claims",
        &format!("claims key: '{CLAIMS}' not found"),
    )
}

pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A token with all that Hasura looks at, as Logto would sign it; `changes` replace parts of it, null takes one out.
pub fn made_up(logto: &Emulator, changes: Value) -> Value {
    let mut claims = json!({
        "iss": format!("{}/oidc", logto.endpoint()),
        "aud": INDICATOR,
        "sub": "made-up",
        "iat": now() - 10,
        "exp": now() + 600,
        CLAIMS: {
            "x-hasura-allowed-roles": ["user:reader"],
            "x-hasura-default-role": "user:reader",
            "x-hasura-user-id": "made-up",
        },
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|_, value| !value.is_null());
    }
    claims
}

/// The example, with a second API resource in the tenant, and Hasuras that have read their keys.
pub async fn shop(world: &World) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world
        .logto
        .tenant()
        .create_resource("Other", "https://other.example.com")?;
    let token = world.logto.sign(&made_up(&world.logto, json!({})));
    world.accepted(&Request::bearer(&token)).await
}

impl World {
    /// Waits until all Hasuras have read the keys, which they do a moment after they are ready.
    pub async fn accepted(&self, request: &Request) -> anyhow::Result<()> {
        self.until("Hasura to accept a request", || async {
            let (answer, _) = self.query(request).await?;
            Ok(matches!(answer, Answer::Role(_)).then_some(()))
        })
        .await
    }
}
