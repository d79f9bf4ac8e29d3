//! What is granted from one namespace to another, and that nothing keeps a grant that lost its consent.

use std::sync::Arc;

use anyhow::ensure;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;

use super::{allow, binding, nobody_else, shop_takes_the_teams, two, until_claims};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        who_is_given_the_role_is_for_the_instances_owner_to_say,
        a_default_role_that_is_forbidden_is_taken_back_from_newcomers,
        a_suspended_twin_of_another_namespace_keeps_no_grant,
        neither_suspend_nor_observe_keeps_a_grant_whose_consent_was_withdrawn,
        no_role_goes_from_one_namespace_to_another,
    ]
}

async fn who_is_given_the_role_is_for_the_instances_owner_to_say(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    shop_takes_the_teams(&world, &team).await?;
    let mallory = world.person("mallory", &[])?;
    let mut binding = binding(&world, &team, "reader", "team-a:reader");
    binding["spec"]["subjects"] = json!([{"kind": "User", "username": "mallory"}]);
    team.apply::<HasuraRoleBinding>(binding.clone()).await?;
    team.stalled::<HasuraRoleBinding>("reader", "SubjectsForbidden")
        .await?;
    ensure!(mallory.claims().await?.is_none(), "he is given nothing");
    ensure!(world.logto.tenant().role_by_name("team-a:reader").is_none());

    let mut rules = allow(json!({"names": [team.namespace]}), &["team-a:*"]);
    rules["spec"]["allowedBindings"][0]["subjects"] = json!("Allow");
    world.edit::<HasuraInstance>("shop", rules).await?;
    team.condition::<HasuraRoleBinding>("reader", "SubjectsAssigned", "True", "")
        .await?;
    until_claims(&world, &mallory, &["team-a:reader"]).await?;

    // And back: the grant ends although he still holds the role, and although the binding is suspended.
    let suspend = |suspend: bool| json!({"spec": {"suspend": suspend}});
    team.edit::<HasuraRoleBinding>("reader", suspend(true))
        .await?;
    team.condition::<HasuraRoleBinding>("reader", "Ready", "Unknown", "Suspended")
        .await?;
    let names = json!({"names": [team.namespace]});
    world
        .edit::<HasuraInstance>("shop", allow(names, &["team-a:*"]))
        .await?;
    until_claims(&world, &mallory, &[]).await?;
    team.edit::<HasuraRoleBinding>("reader", suspend(false))
        .await?;
    team.stalled::<HasuraRoleBinding>("reader", "SubjectsForbidden")
        .await?;
    until_claims(&world, &mallory, &[]).await?;
    team.end().await;
    Ok(())
}

async fn a_default_role_that_is_forbidden_is_taken_back_from_newcomers(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    shop_takes_the_teams(&world, &team).await?;
    let names = json!({"names": [team.namespace]});
    let mut rules = allow(names.clone(), &["team-a:*"]);
    rules["spec"]["allowedBindings"][0]["subjects"] = json!("Allow");
    world.edit::<HasuraInstance>("shop", rules).await?;
    let mut binding = binding(&world, &team, "reader", "team-a:reader");
    binding["spec"]["logtoRole"]["isDefault"] = json!(true);
    team.apply::<HasuraRoleBinding>(binding).await?;
    let is_default = |logto: &logto_emulator::Emulator| {
        let role = logto.tenant().role_by_name("team-a:reader");
        role.is_some_and(|role| role.is_default)
    };
    world.until_logto("a default role", is_default).await?;
    world
        .edit::<HasuraInstance>("shop", allow(names, &["team-a:*"]))
        .await?;
    team.stalled::<HasuraRoleBinding>("reader", "SubjectsForbidden")
        .await?;
    // As the message advises.
    let left_out = json!({"spec": {"logtoRole": {"isDefault": null}}});
    team.edit::<HasuraRoleBinding>("reader", left_out).await?;
    team.ready::<HasuraRoleBinding>("reader").await?;
    ensure!(!is_default(&world.logto), "newcomers still get the role");
    team.end().await;
    Ok(())
}

/// Whoever names the same role in a suspended binding of another namespace keeps nothing of it alive.
async fn a_suspended_twin_of_another_namespace_keeps_no_grant(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    world.apply_base().await?;
    let names = json!({"names": [team.namespace]});
    world
        .edit::<HasuraInstance>("shop", allow(names, &["*"]))
        .await?;
    let mut editor = world.binding("editor", "editor", "edit");
    editor["spec"]["deletionPolicy"] = json!("Retain");
    world.apply::<HasuraRoleBinding>(editor).await?;
    world.ready::<HasuraRoleBinding>("editor").await?;
    let alice = world.person("alice", &["editor"])?;
    until_claims(&world, &alice, &["editor"]).await?;
    let mut twin = team.binding("twin", "editor", "edit");
    twin["spec"]["instanceRef"] = json!({"name": "shop", "namespace": world.namespace});
    twin["spec"]["suspend"] = json!(true);
    team.apply::<HasuraRoleBinding>(twin).await?;
    team.condition::<HasuraRoleBinding>("twin", "Ready", "Unknown", "Suspended")
        .await?;
    world.delete::<HasuraRoleBinding>("editor").await?;
    world.gone::<HasuraRoleBinding>("editor").await?;
    until_claims(&world, &alice, &[]).await?;
    team.end().await;
    Ok(())
}

async fn neither_suspend_nor_observe_keeps_a_grant_whose_consent_was_withdrawn(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    shop_takes_the_teams(&world, &team).await?;
    for (name, field) in [
        ("suspended", json!({"suspend": true})),
        ("observed", json!({"managementPolicy": "Observe"})),
    ] {
        let role = format!("team-a:{name}");
        team.apply::<HasuraRoleBinding>(binding(&world, &team, name, &role))
            .await?;
        team.ready::<HasuraRoleBinding>(name).await?;
        team.edit::<HasuraRoleBinding>(name, json!({"spec": field}))
            .await?;
    }
    let alice = world.person("alice", &["team-a:suspended", "team-a:observed"])?;
    until_claims(&world, &alice, &["team-a:observed", "team-a:suspended"]).await?;
    team.condition::<HasuraRoleBinding>("suspended", "Ready", "Unknown", "Suspended")
        .await?;
    team.condition::<HasuraRoleBinding>("observed", "Ready", "True", "Observed")
        .await?;

    // Another scope in the spec of what is held changes nothing, and keeps nothing.
    for name in ["suspended", "observed"] {
        let scope = json!({"spec": {"scope": {"name": format!("renamed:{name}")}}});
        team.edit::<HasuraRoleBinding>(name, scope).await?;
    }
    world.quiet().await?;
    until_claims(&world, &alice, &["team-a:observed", "team-a:suspended"]).await?;

    // The instance, and the tenant too, are suspended when the consent goes, and the operator was restarted.
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"suspend": true}}))
        .await?;
    world
        .edit::<LogtoTenant>("main", json!({"spec": {"suspend": true}}))
        .await?;
    world
        .condition::<LogtoTenant>("main", "Ready", "Unknown", "Suspended")
        .await?;
    world.stop_operator().await?;
    world.start_operator_with_both(&team)?;
    world.quiet().await?;
    until_claims(&world, &alice, &["team-a:observed", "team-a:suspended"]).await?;
    world.edit::<HasuraInstance>("shop", nobody_else()).await?;
    until_claims(&world, &alice, &[]).await?;
    for name in ["suspended", "observed"] {
        team.condition::<HasuraRoleBinding>(name, "GrantWithdrawn", "True", "ConsentWithdrawn")
            .await?;
    }

    // Another restart writes nothing, so the time that was said does not move.
    team.quiet().await?;
    world.stop_operator().await?;
    let before = (world.fingerprint().await?, team.fingerprint().await?);
    world.start_operator_with_both(&team)?;
    world.quiet().await?;
    team.quiet().await?;
    let after = (world.fingerprint().await?, team.fingerprint().await?);
    ensure!(before == after, "{before:?} became {after:?}");
    team.end().await;
    Ok(())
}

/// A younger twin in another namespace gets neither the role that the first one leaves nor the people who hold it.
async fn no_role_goes_from_one_namespace_to_another(world: Arc<World>) -> anyhow::Result<()> {
    let team = two(&world).await?;
    world.apply_base().await?;
    let rules = json!({"spec": {"allowedBindings": [
        {"namespaces": {"names": [team.namespace]}, "hasuraRoles": ["*"], "subjects": "Allow"}
    ]}});
    world.edit::<HasuraInstance>("shop", rules).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("editor", "editor", "edit"))
        .await?;
    world.ready::<HasuraRoleBinding>("editor").await?;
    let alice = world.person("alice", &["editor"])?;
    let role = world
        .logto
        .tenant()
        .role_by_name("editor")
        .map(|role| role.id);

    let mut twin = team.binding("twin", "editor", "edit");
    twin["spec"]["instanceRef"] = json!({"name": "shop", "namespace": world.namespace});
    team.apply::<HasuraRoleBinding>(twin).await?;
    let message = team
        .stalled::<HasuraRoleBinding>("twin", "HasuraRoleTaken")
        .await?;
    ensure!(
        !message.contains(&world.namespace) && message.contains("another namespace"),
        "{message}"
    );

    world.delete::<HasuraRoleBinding>("editor").await?;
    world.gone::<HasuraRoleBinding>("editor").await?;
    // The role stays for alice, marked as the first one's; the twin does not get it.
    team.stalled::<HasuraRoleBinding>("twin", "RoleConflict")
        .await?;
    until_claims(&world, &alice, &[]).await?;
    let kept = world
        .logto
        .tenant()
        .role_by_name("editor")
        .map(|role| role.id);
    ensure!(kept == role, "the role was not made anew");
    team.end().await;
    Ok(())
}
