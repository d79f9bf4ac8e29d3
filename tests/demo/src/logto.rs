//! What is in Logto now, read from the emulator's data and not from what the operator says.

use anyhow::{Context as _, Result, ensure};
use logto_emulator::{Resource, TokenKind};

use crate::{play::INDICATOR, screen::Screen, stage::Stage};

/// Shows the API resource, its scopes, the roles with what they hold, and the script that makes the claims.
///
/// # Errors
/// When that is not what the examples ask for.
pub fn show(screen: &Screen, stage: &Stage) -> Result<()> {
    let tenant = stage.logto.tenant();
    let Resource {
        id,
        name,
        indicator,
        access_token_ttl,
        ..
    } = tenant
        .resources()
        .into_iter()
        .find(|resource| resource.indicator == INDICATOR)
        .context("the API resource is not in Logto")?;
    let ttl = format!("{access_token_ttl} s");
    screen.table(
        &header(["API RESOURCE", "INDICATOR", "TOKENS LIVE"]),
        &[vec![name, indicator, ttl]],
    )?;

    screen.gap()?;
    let scopes = tenant.scopes(&id);
    let rows: Vec<Vec<String>> = scopes
        .iter()
        .map(|scope| {
            vec![
                scope.name.clone(),
                scope.description.clone().unwrap_or_default(),
            ]
        })
        .collect();
    screen.table(&header(["SCOPE", "DESCRIPTION"]), &rows)?;

    screen.gap()?;
    let mut rows = Vec::new();
    for (role, scope) in bound(stage) {
        let found = tenant
            .role_by_name(&role)
            .with_context(|| format!("the role {role} is not in Logto"))?;
        let held: Vec<String> = tenant
            .scopes_of_role(&found.id)
            .into_iter()
            .map(|scope| scope.name)
            .collect();
        ensure!(
            held == [scope.as_str()],
            "the role {role} holds {held:?}, not {scope}"
        );
        rows.push(vec![role, held.join(" "), found.description]);
    }
    ensure!(!rows.is_empty(), "the examples bind no role");
    screen.table(&header(["ROLE", "HOLDS SCOPE", "DESCRIPTION"]), &rows)?;
    screen.aside(
        "[logto-hasura:…] says whose it is: the operator changes and deletes only what bears its mark.",
    )?;
    screen.gap()?;
    show_script(screen, stage)
}

/// Shows the data of the Custom JWT script; its program is the same for everybody.
fn show_script(screen: &Screen, stage: &Stage) -> Result<()> {
    let script = stage.logto.tenant().custom_jwt(TokenKind::AccessToken);
    let script = script.context("there is no Custom JWT script for the tokens of people")?;
    let program = script["script"].as_str().unwrap_or_default();
    screen.quote(&format!(
        "The Custom JWT script that Logto runs for each token of a user: {} bytes of a constant program, and as data",
        program.len()
    ))?;
    let variables = script["environmentVariables"].as_object();
    for (name, value) in variables.into_iter().flatten() {
        screen.quote(&format!("{name} ="))?;
        screen.quote(&format!("  {}", value.as_str().unwrap_or_default()))?;
    }
    Ok(screen
        .aside("It was proved by dry runs in Logto before it was deployed, and read back after.")?)
}

/// The Hasura role and the scope of each binding that was applied.
fn bound(stage: &Stage) -> Vec<(String, String)> {
    let bindings = stage
        .applied
        .iter()
        .filter(|manifest| manifest.kind() == "HasuraRoleBinding");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    bindings
        .map(|manifest| &manifest.object["spec"])
        .map(|spec| (text(&spec["hasuraRole"]), text(&spec["scope"]["name"])))
        .collect()
}

fn header<const N: usize>(names: [&str; N]) -> [String; N] {
    names.map(str::to_owned)
}
