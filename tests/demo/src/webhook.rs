//! The same Hasura in webhook mode, in which it asks Logto at each request.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    graphql::{Hasura, Question},
    hasura, manifests, readiness,
    screen::Screen,
    sign_in::Tokens,
    stage::Stage,
};

const HOOK: &str = "HASURA_GRAPHQL_AUTH_HOOK";

/// The route of the hook in Logto.
const ROUTE: &str = "GET /api/authn/hasura";

/// Switches, waits for the rollout, and asks again.
///
/// # Errors
/// When the switch does not come to its end, or an answer is not what it has to be.
pub async fn show(screen: &Screen, stage: &mut Stage, tokens: &Tokens) -> Result<()> {
    switch(screen, stage).await?;
    wait(stage).await?;
    screen.line("All is Ready again.")?;
    let hook = hasura::env(stage, HOOK).await?;
    ensure!(
        hasura::env(stage, hasura::JWT_SECRET).await?.is_none(),
        "the Deployment still carries {}",
        hasura::JWT_SECRET
    );
    let hook = hook.with_context(|| format!("{HOOK} is not on the Deployment"))?;
    screen.quote(&format!("{HOOK} = {hook}"))?;
    screen.aside(
        "One rollout again. HASURA_GRAPHQL_JWT_SECRET is gone: with both, Hasura would not start.",
    )?;

    let (hasura, which) = Hasura::running_with(stage, HOOK, "Expected-Role").await?;
    screen.gap()?;
    screen.quote(&format!("POST /v1/graphql to {which}:"))?;
    let before = asked(stage);
    let questions = questions(tokens);
    hasura.ask_all(screen, &questions).await?;
    let times = asked(stage) - before;
    ensure!(
        times == u64::try_from(questions.len())?,
        "Logto was asked {times} times"
    );
    screen.aside(&format!(
        "Logto was asked {times} times, once for each request. It has no default role to offer: without Expected-Role, and\n\
         without an unauthorizedRole in the instance, a request has no role."
    ))?;
    take_away(screen, stage, tokens, &hasura).await
}

/// A role that is taken away ends with the next request, and not with the token.
async fn take_away(screen: &Screen, stage: &Stage, tokens: &Tokens, hasura: &Hasura) -> Result<()> {
    let people = &stage.people;
    people.take(&stage.logto, &people.bob, "user:maintainer")?;
    screen.gap()?;
    screen.line("bob lost user:maintainer in Logto. With the same token:")?;
    let again = Question {
        who: "bob",
        token: Some(&tokens.bob),
        role: Some("user:maintainer"),
        expected: None,
    };
    hasura.ask_all(screen, &[again]).await?;
    Ok(screen.aside(
        "In mode JWT his token would work until it expires, 3600 s at most here. docs/tokens.md compares the two.",
    )?)
}

fn questions(tokens: &Tokens) -> Vec<Question<'_>> {
    let (alice, bob) = (tokens.alice.as_str(), tokens.bob.as_str());
    let question = |who, token, role, expected| Question {
        who,
        token: Some(token),
        role,
        expected,
    };
    let (reader, maintainer) = (Some("user:reader"), Some("user:maintainer"));
    vec![
        question("alice", alice, reader, reader),
        question("alice", alice, maintainer, None),
        question("alice", alice, None, None),
        question("bob", bob, maintainer, maintainer),
    ]
}

/// Applies the examples' tenant and instance with the other mode.
async fn switch(screen: &Screen, stage: &mut Stage) -> Result<()> {
    let changes = [
        ("LogtoTenant", "main", "webhookMode", json!("Allow")),
        ("HasuraInstance", "shop", "auth", json!({"mode": "Webhook"})),
    ];
    for (kind, name, field, value) in changes {
        screen.line(&format!("{kind} {name}: spec.{field} = {value}"))?;
        set(stage, kind, name, field, value).await?;
    }
    Ok(())
}

async fn set(stage: &mut Stage, kind: &str, name: &str, field: &str, value: Value) -> Result<()> {
    let manifest = stage
        .applied
        .iter_mut()
        .find(|manifest| manifest.kind() == kind && manifest.name() == name)
        .with_context(|| format!("the examples hold no {kind} {name}"))?;
    manifest.object["spec"][field] = value;
    manifests::apply(&stage.client, manifest).await
}

/// Waits until all that is the operator's is Ready for its newest spec.
async fn wait(stage: &Stage) -> Result<()> {
    stage
        .until("all objects to be Ready in webhook mode", async || {
            for manifest in stage.applied.iter().filter(|manifest| manifest.is_ours()) {
                let api = manifests::api(&stage.client, manifest);
                if !readiness::is_ready(&api.get(manifest.name()).await?) {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .await
}

fn asked(stage: &Stage) -> u64 {
    let requests = stage.logto.requests();
    requests.get(ROUTE).copied().unwrap_or_default()
}
