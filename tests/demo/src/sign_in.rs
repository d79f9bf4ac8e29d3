//! Alice and bob sign in; what stands in a token, and what Hasura makes of it.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::ByteString;
use serde_json::Value;

use crate::{
    graphql::{Hasura, Question},
    hasura::JWT_SECRET,
    play::INDICATOR,
    screen::{Screen, Style},
    stage::Stage,
};

/// The claim that Hasura reads.
const CLAIMS: &str = "https://hasura.io/jwt/claims";

/// Their access tokens.
pub struct Tokens {
    pub alice: String,
    pub bob: String,
}

/// Signs them in, shows the claims of one, and asks Hasura as both.
///
/// # Errors
/// When a token or an answer is not what it has to be.
pub async fn show(screen: &Screen, stage: &Stage) -> Result<Tokens> {
    let people = &stage.people;
    people.give(&stage.logto, &people.alice, "user:reader")?;
    people.give(&stage.logto, &people.bob, "user:maintainer")?;
    screen.line(
        "alice was given the role user:reader and bob user:maintainer, as in Logto's console.",
    )?;
    let tokens = Tokens {
        alice: people.sign_in(&stage.logto, &people.alice).await?,
        bob: people.sign_in(&stage.logto, &people.bob).await?,
    };
    screen.line(&format!(
        "Both signed in, and asked for the resource {INDICATOR} and both scopes."
    ))?;
    screen.gap()?;
    screen.quote("What stands in alice's access token:")?;
    show_claims(screen, &tokens.alice)?;
    screen.aside(
        "The middle part is the operator's; the Custom JWT script that Logto ran put it there.",
    )?;

    let (hasura, which) = Hasura::running_with(stage, JWT_SECRET, "x-hasura-role").await?;
    screen.gap()?;
    screen.quote(&format!("POST /v1/graphql to {which}:"))?;
    hasura.ask_all(screen, &questions(&tokens)).await?;
    screen.aside(
        "Everybody who signs in has the role \"user\", and it is the default: everyoneRoles and defaultRole of the instance.",
    )?;
    Ok(tokens)
}

fn questions(tokens: &Tokens) -> Vec<Question<'_>> {
    let (alice, bob) = (Some(tokens.alice.as_str()), Some(tokens.bob.as_str()));
    let question = |who, token, role, expected| Question {
        who,
        token,
        role,
        expected,
    };
    let (reader, maintainer) = (Some("user:reader"), Some("user:maintainer"));
    vec![
        question("alice", alice, reader, reader),
        question("alice", alice, maintainer, None),
        question("alice", alice, None, Some("user")),
        question("bob", bob, maintainer, maintainer),
        question("bob", bob, reader, None),
        question("nobody", None, None, None),
    ]
}

/// Shows a token's payload, and makes Hasura's claims stand out.
fn show_claims(screen: &Screen, token: &str) -> Result<()> {
    let payload = payload(token)?;
    ensure!(
        payload[CLAIMS].is_object(),
        "the token is without {CLAIMS}: {payload}"
    );
    let begin = format!("  {CLAIMS:?}: {{");
    let mut is_hasuras = false;
    for line in format!("{payload:#}").lines() {
        is_hasuras |= line == begin;
        let style = if is_hasuras { Style::Good } else { Style::Dim };
        screen.quote(&screen.styled(style, line))?;
        is_hasuras &= !line.starts_with("  }");
    }
    Ok(())
}

/// What stands in a token, as anybody who has it can read.
fn payload(token: &str) -> Result<Value> {
    let part = token.split('.').nth(1).context("the token is opaque")?;
    // Kubernetes has the other alphabet of base64, and padding.
    let mut base64 = part.replace('-', "+").replace('_', "/");
    while !base64.len().is_multiple_of(4) {
        base64.push('=');
    }
    let ByteString(json) = serde_json::from_value(Value::String(base64))?;
    serde_json::from_slice(&json).context("the token's payload is not JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tokens_payload_is_read_whatever_its_length_and_letters() {
        for (part, text) in [
            ("eyJhIjoiIn0", ""),
            ("eyJhIjoieCJ9", "x"),
            ("eyJhIjoi77-_In0", "\u{ffff}"),
        ] {
            let token = format!("h.{part}.s");
            assert_eq!(payload(&token).unwrap()["a"], text);
        }
        assert!(payload("opaque").is_err());
        assert!(payload("a.!.b").is_err());
    }
}
