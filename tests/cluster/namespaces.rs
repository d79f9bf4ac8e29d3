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

mod grants;

pub fn tests() -> Vec<Test> {
    let mut all = tests![
        a_binding_of_another_namespace_works_where_the_instance_takes_it_and_ends_when_it_does_not,
        a_reference_that_is_not_allowed_reads_like_one_to_nothing,
        a_namespace_that_loses_its_label_loses_its_grants,
        labels_without_the_right_to_read_namespaces_are_stalled_and_change_nothing,
        an_instance_of_another_namespace_may_have_the_allowed_indicators_alone,
        an_instance_whose_tenant_withdraws_its_consent_grants_nothing_any_more,
    ];
    all.extend(grants::tests());
    all
}

/// A second namespace, labelled `team: a`, and an operator for both.
pub async fn two(world: &World) -> anyhow::Result<World> {
    let team = world.beside("team", json!({"team": "a"})).await?;
    world.start_operator_with_both(&team)?;
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
