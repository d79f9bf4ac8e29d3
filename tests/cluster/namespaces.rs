//! Bindings and instances of other namespaces: what they may do, and what becomes of it when they may no longer.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Secret},
};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    suite::Test,
    tests,
    watches::{give, take},
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_binding_of_another_namespace_works_where_the_instance_takes_it_and_ends_when_it_does_not,
        a_reference_that_is_not_allowed_reads_like_one_to_nothing,
        who_is_given_the_role_is_for_the_instances_owner_to_say,
        a_default_role_that_is_forbidden_is_taken_back_from_newcomers,
        a_suspended_twin_of_another_namespace_keeps_no_grant,
        neither_suspend_nor_observe_keeps_a_grant_whose_consent_was_withdrawn,
        a_namespace_that_loses_its_label_loses_its_grants,
        labels_without_the_right_to_read_namespaces_are_stalled_and_change_nothing,
        an_instance_of_another_namespace_may_have_the_allowed_indicators_alone,
        an_instance_whose_tenant_withdraws_its_consent_grants_nothing_any_more,
        no_role_goes_from_one_namespace_to_another,
    ]
}

/// A second namespace, labelled `team: a`, and an operator for both.
async fn two(world: &World) -> anyhow::Result<World> {
    let team = world.beside("team", json!({"team": "a"})).await?;
    let both = format!("{},{}", world.namespace, team.namespace);
    world.start_operator(&["--watch-namespace", &both])?;
    Ok(team)
}

/// A binding of the team's namespace to the instance of the other one.
fn binding(world: &World, team: &World, name: &str, role: &str) -> Value {
    let mut binding = team.binding(name, role, &format!("{role}:scope"));
    binding["spec"]["instanceRef"] = json!({"name": "shop", "namespace": world.namespace});
    binding
}

fn allow(namespaces: Value, roles: &[&str]) -> Value {
    json!({"spec": {"allowedBindings": [{"namespaces": namespaces, "hasuraRoles": roles}]}})
}

fn nobody_else() -> Value {
    json!({"spec": {"allowedBindings": null}})
}

/// Shop is ready and takes roles `team-a:*` of the team.
async fn shop_takes_the_teams(world: &World, team: &World) -> anyhow::Result<()> {
    world.apply_base().await?;
    let names = json!({"names": [team.namespace]});
    world
        .edit::<HasuraInstance>("shop", allow(names, &["team-a:*"]))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn until_claims(
    world: &World,
    person: &crate::sign_in::Person<'_>,
    roles: &[&str],
) -> anyhow::Result<()> {
    let what = format!("a token with the roles {roles:?}");
    world
        .until(&what, || async {
            let claims = person.claims().await?.unwrap_or_default();
            let allowed = claims["x-hasura-allowed-roles"].clone();
            let expected = if roles.is_empty() {
                Value::Null
            } else {
                json!(roles)
            };
            Ok((allowed == expected).then_some(()))
        })
        .await
}

async fn a_binding_of_another_namespace_works_where_the_instance_takes_it_and_ends_when_it_does_not(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    shop_takes_the_teams(&world, &team).await?;
    team.apply::<HasuraRoleBinding>(binding(&world, &team, "reader", "team-a:reader"))
        .await?;
    team.ready::<HasuraRoleBinding>("reader").await?;
    let alice = world.person("alice", &["team-a:reader"])?;
    until_claims(&world, &alice, &["team-a:reader"]).await?;

    world.edit::<HasuraInstance>("shop", nobody_else()).await?;
    team.waiting::<HasuraRoleBinding>("reader", "InstanceNotFound")
        .await?;
    until_claims(&world, &alice, &[]).await?;
    let (_, condition) = team
        .condition::<HasuraRoleBinding>("reader", "GrantWithdrawn", "True", "ConsentWithdrawn")
        .await?;
    ensure!(
        condition.message.contains("work until 20"),
        "{}",
        condition.message
    );
    let role = world.logto.tenant().role_by_name("team-a:reader");
    ensure!(
        role.is_some(),
        "the role and its holders stay for another day"
    );

    let names = json!({"names": [team.namespace]});
    world
        .edit::<HasuraInstance>("shop", allow(names, &["team-a:*"]))
        .await?;
    team.ready::<HasuraRoleBinding>("reader").await?;
    until_claims(&world, &alice, &["team-a:reader"]).await?;

    // Deleted without consent, it is cleaned up all the same.
    world.edit::<HasuraInstance>("shop", nobody_else()).await?;
    alice.lose("team-a:reader")?;
    team.delete::<HasuraRoleBinding>("reader").await?;
    team.gone::<HasuraRoleBinding>("reader").await?;
    let role = world.logto.tenant().role_by_name("team-a:reader");
    ensure!(role.is_none(), "the role goes with its binding");
    team.end().await;
    Ok(())
}

async fn a_reference_that_is_not_allowed_reads_like_one_to_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let mut messages = Vec::new();
    for (name, instance) in [("to-shop", "shop"), ("to-none", "none")] {
        let mut binding = binding(&world, &team, name, "team-a:reader");
        binding["spec"]["instanceRef"]["name"] = json!(instance);
        team.apply::<HasuraRoleBinding>(binding).await?;
        let message = team
            .waiting::<HasuraRoleBinding>(name, "InstanceNotFound")
            .await?;
        messages.push(message.replace(instance, "INSTANCE"));
    }
    let mut indicator = team.instance();
    indicator["spec"]["apiResource"]["indicator"] = json!("https://team.example.com/v1/graphql");
    for (name, tenant) in [("to-main", "main"), ("to-nothing", "nothing")] {
        let mut instance = indicator.clone();
        instance["metadata"]["name"] = json!(name);
        instance["spec"]["tenantRef"] = json!({"name": tenant, "namespace": world.namespace});
        team.apply::<HasuraInstance>(instance).await?;
        let message = team
            .waiting::<HasuraInstance>(name, "TenantNotFound")
            .await?;
        messages.push(message.replace(tenant, "TENANT"));
    }
    ensure!(messages[0] == messages[1], "{messages:?}");
    ensure!(messages[2] == messages[3], "{messages:?}");
    let objects = team.api::<HasuraRoleBinding>();
    let (there, nothing) = (objects.get("to-shop").await?, objects.get("to-none").await?);
    let kinds = |binding: HasuraRoleBinding| {
        let status = binding.status.unwrap_or_default();
        let types = status
            .conditions
            .into_iter()
            .map(|condition| condition.type_);
        (types.collect::<Vec<_>>(), status.role, status.tenant_ref)
    };
    ensure!(kinds(there) == kinds(nothing), "something else is told");
    ensure!(
        world.logto.tenant().role_by_name("team-a:reader").is_none(),
        "nothing was made"
    );
    team.end().await;
    Ok(())
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
    let both = format!("{},{}", world.namespace, team.namespace);
    world.stop_operator().await?;
    world.start_operator(&["--watch-namespace", &both])?;
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
    world.start_operator(&["--watch-namespace", &both])?;
    world.quiet().await?;
    team.quiet().await?;
    let after = (world.fingerprint().await?, team.fingerprint().await?);
    ensure!(before == after, "{before:?} became {after:?}");
    team.end().await;
    Ok(())
}

async fn relabel(team: &World, label: Value) -> anyhow::Result<()> {
    let namespaces: Api<Namespace> = Api::all(team.client.clone());
    let labels = Patch::Merge(json!({"metadata": {"labels": {"team": label}}}));
    namespaces
        .patch(&team.namespace, &PatchParams::default(), &labels)
        .await?;
    Ok(())
}

async fn a_namespace_that_loses_its_label_loses_its_grants(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    world.apply_base().await?;
    let labels = json!({"matchLabels": {"team": "a"}});
    world
        .edit::<HasuraInstance>("shop", allow(labels, &["team-a:*"]))
        .await?;
    team.apply::<HasuraRoleBinding>(binding(&world, &team, "reader", "team-a:reader"))
        .await?;
    team.ready::<HasuraRoleBinding>("reader").await?;
    let alice = world.person("alice", &["team-a:reader"])?;
    until_claims(&world, &alice, &["team-a:reader"]).await?;
    relabel(&team, json!("b")).await?;
    until_claims(&world, &alice, &[]).await?;
    relabel(&team, json!("a")).await?;
    until_claims(&world, &alice, &["team-a:reader"]).await?;
    team.end().await;
    Ok(())
}

async fn labels_without_the_right_to_read_namespaces_are_stalled_and_change_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    world.apply_base().await?;
    let labels = json!({"matchLabels": {"team": "a"}});
    world
        .edit::<HasuraInstance>("shop", allow(labels, &["team-a:*"]))
        .await?;
    team.apply::<HasuraRoleBinding>(binding(&world, &team, "reader", "team-a:reader"))
        .await?;
    team.ready::<HasuraRoleBinding>("reader").await?;
    let alice = world.person("alice", &["team-a:reader"])?;
    until_claims(&world, &alice, &["team-a:reader"]).await?;
    world.stop_operator().await?;

    let both = format!("{},{}", world.namespace, team.namespace);
    give(&world, &world.namespace, true).await?;
    world.start_operator_as(&world.namespace, &["--watch-namespace", &both])?;
    world
        .stalled::<HasuraInstance>("shop", "NamespacesUnreadable")
        .await?;
    team.apply::<HasuraRoleBinding>(binding(&world, &team, "writer", "team-a:writer"))
        .await?;
    team.waiting::<HasuraRoleBinding>("writer", "InstanceNotFound")
        .await?;
    world.quiet().await?;
    until_claims(&world, &alice, &["team-a:reader"]).await?;
    take(&world, &world.namespace).await?;
    team.end().await;
    Ok(())
}

/// Secret, tenant and a Deployment here, an instance in the team's namespace.
async fn instance_of_the_team(
    world: &World,
    team: &World,
    prefixes: &[&str],
) -> anyhow::Result<()> {
    world.apply::<Secret>(world.secret()).await?;
    let mut tenant = world.tenant();
    tenant["spec"]["allowedInstances"] =
        json!([{"namespaces": {"names": [team.namespace]}, "indicatorPrefixes": prefixes}]);
    world.apply::<LogtoTenant>(tenant).await?;
    team.apply::<Deployment>(team.deployment()).await?;
    let mut instance = team.instance();
    instance["spec"]["tenantRef"] = json!({"name": "main", "namespace": world.namespace});
    team.apply::<HasuraInstance>(instance).await?;
    Ok(())
}

async fn an_instance_of_another_namespace_may_have_the_allowed_indicators_alone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    instance_of_the_team(&world, &team, &["https://shop.example.com/"]).await?;
    team.ready::<HasuraInstance>("shop").await?;
    let mut billing = team.instance();
    billing["metadata"]["name"] = json!("billing");
    billing["spec"]["tenantRef"] = json!({"name": "main", "namespace": world.namespace});
    billing["spec"]["apiResource"]["indicator"] = json!("https://billing.example.com/v1/graphql");
    billing["spec"]["logtoRoleNamePrefix"] = json!("billing-");
    billing["spec"]["deploymentRef"]["name"] = json!("billing");
    team.apply::<HasuraInstance>(billing).await?;
    team.waiting::<HasuraInstance>("billing", "TenantNotFound")
        .await?;
    let resources = world.logto.tenant().resources();
    ensure!(
        !resources
            .iter()
            .any(|resource| resource.indicator.contains("billing")),
        "{resources:?}"
    );
    team.end().await;
    Ok(())
}

async fn an_instance_whose_tenant_withdraws_its_consent_grants_nothing_any_more(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    instance_of_the_team(&world, &team, &[INDICATOR]).await?;
    team.apply::<HasuraRoleBinding>(team.binding("reader", "reader", "read"))
        .await?;
    team.ready::<HasuraRoleBinding>("reader").await?;
    let alice = world.person("alice", &["reader"])?;
    until_claims(&world, &alice, &["reader"]).await?;
    world
        .edit::<LogtoTenant>("main", json!({"spec": {"allowedInstances": null}}))
        .await?;
    until_claims(&world, &alice, &[]).await?;
    team.waiting::<HasuraInstance>("shop", "TenantNotFound")
        .await?;
    team.condition::<HasuraInstance>("shop", "GrantWithdrawn", "True", "ConsentWithdrawn")
        .await?;
    team.waiting::<HasuraRoleBinding>("reader", "TenantNotFound")
        .await?;
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
