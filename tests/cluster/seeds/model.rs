//! What has to be there in the end, told by the objects alone.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use logto_emulator::{Emulator, TokenKind};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use serde_json::Value;

use super::chaos::{Chaos, RESOURCE};
use crate::world::World;

/// Waits until all is ready and what was deleted is gone, and compares what is in Logto with the objects.
pub async fn holds(world: &World, chaos: &Chaos<'_>) -> anyhow::Result<()> {
    world.ready::<HasuraInstance>("shop").await?;
    world
        .until("deleted bindings to be gone", || async {
            let all = world
                .api::<HasuraRoleBinding>()
                .list(&Default::default())
                .await?;
            Ok((all.items.len() == chaos.bindings.len()).then_some(()))
        })
        .await?;
    // An edit in Logto is seen with the next listing, so a first look may come too early.
    world
        .until("Logto to be as the objects say", || async {
            Ok(differences(&world.logto, chaos)?.is_empty().then_some(()))
        })
        .await
        .with_context(|| format!("{:#?}", differences(&world.logto, chaos)))?;
    for name in chaos.bindings.keys() {
        world.ready::<HasuraRoleBinding>(name).await?;
    }
    world.quiet().await?;
    let left = differences(&world.logto, chaos)?;
    ensure!(left.is_empty(), "{left:#?}");
    Ok(())
}

/// What is not as the objects say, in words.
fn differences(emulator: &Emulator, chaos: &Chaos<'_>) -> anyhow::Result<Vec<String>> {
    let logto = emulator.tenant();
    let resources: Vec<_> = logto
        .resources()
        .into_iter()
        .filter(|resource| resource.indicator == RESOURCE)
        .collect();
    let [resource] = resources.as_slice() else {
        return Ok(vec![format!("{} resources", resources.len())]);
    };
    let mut wrong = Vec::new();
    let mut wanted_scopes = BTreeSet::new();
    let mut wanted_roles = BTreeSet::new();
    for (name, binding) in &chaos.bindings {
        let spec = &binding["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let scope = text(&spec["scope"]["name"]);
        let role_name = text(&spec["hasuraRole"]);
        let Some(role) = logto.role_by_name(&role_name) else {
            wrong.push(format!("{name}: no role {role_name}"));
            continue;
        };
        let described = format!("{} [logto-hasura:", text(&spec["logtoRole"]["description"]));
        if !role.description.starts_with(&described) {
            wrong.push(format!(
                "{name}: the role is described {:?}",
                role.description
            ));
        }
        let held: Vec<_> = logto
            .scopes_of_role(&role.id)
            .into_iter()
            .map(|scope| scope.name)
            .collect();
        if held != [scope.clone()] {
            wrong.push(format!(
                "{name}: the role holds {held:?} instead of {scope:?}"
            ));
        }
        wanted_scopes.insert(scope.clone());
        wanted_roles.insert((role_name, scope));
    }
    let scopes: Vec<_> = logto
        .scopes(&resource.id)
        .into_iter()
        .map(|scope| scope.name)
        .collect();
    let are_there: BTreeSet<_> = scopes.iter().cloned().collect();
    if are_there != wanted_scopes || scopes.len() != wanted_scopes.len() {
        wrong.push(format!("scopes {scopes:?} instead of {wanted_scopes:?}"));
    }
    wrong.extend(left_over(emulator, &wanted_roles));
    let granted = granted(emulator)?;
    if granted != wanted_roles {
        wrong.push(format!(
            "granted is {granted:?} instead of {wanted_roles:?}"
        ));
    }
    Ok(wrong)
}

/// Roles of bindings that are gone: they stay only for who holds them, and give nothing.
fn left_over(emulator: &Emulator, wanted: &BTreeSet<(String, String)>) -> Vec<String> {
    let logto = emulator.tenant();
    let mut wrong = Vec::new();
    for role in logto.roles() {
        let is_ours = role.description.contains("[logto-hasura:");
        if !is_ours || wanted.iter().any(|(name, _)| *name == role.name) {
            continue;
        }
        if logto.users_of_role(&role.id).is_empty() {
            wrong.push(format!(
                "the role {} is left over, and nobody holds it",
                role.name
            ));
        }
        if !logto.scopes_of_role(&role.id).is_empty() {
            wrong.push(format!("the role {} gives a scope still", role.name));
        }
    }
    wrong
}

/// The roles and scopes that the deployed script grants.
fn granted(emulator: &Emulator) -> anyhow::Result<BTreeSet<(String, String)>> {
    let Some(script) = emulator.tenant().custom_jwt(TokenKind::AccessToken) else {
        return Ok(BTreeSet::new());
    };
    let variables = script
        .get("environmentVariables")
        .and_then(Value::as_object);
    let mut all = BTreeSet::new();
    for value in variables
        .into_iter()
        .flat_map(|variables| variables.values())
    {
        let entry: Value = serde_json::from_str(value.as_str().context("a text")?)?;
        for pair in entry["roles"].as_array().context("roles")? {
            let text = |place: usize| pair[place].as_str().unwrap_or_default().to_owned();
            all.insert((text(0), text(1)));
        }
    }
    Ok(all)
}
