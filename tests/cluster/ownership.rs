//! Whose is what: two clusters on one tenant, lost statuses, and what each deletion policy leaves.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_emulator::{RoleType, TokenKind};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant, Origin};
use serde_json::json;

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        two_clusters_share_a_tenant_and_its_script_and_leave_each_other_alone,
        the_same_owner_in_another_cluster_finds_all_again_and_writes_nothing,
        a_role_that_somebody_holds_goes_with_policy_delete_and_stays_with_the_default,
        what_is_retained_stays_as_it_is_and_is_found_again,
        a_resource_goes_with_its_instance_only_if_it_was_made_and_is_empty,
        a_forged_status_makes_nothing_ones_own,
        a_lost_status_of_what_was_adopted_is_rebuilt_and_never_deleted,
    ]
}

/// The second cluster is a second namespace with an operator of its own; both see the same Logto.
async fn two_clusters_share_a_tenant_and_its_script_and_leave_each_other_alone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let other = world.beside("other", json!({})).await?;
    world.start_operator(&["--owner-id", "one"])?;
    other.start_operator(&["--owner-id", "two"])?;
    world.example_is_ready().await?;

    // The same indicator and roles: a conflict that says so, and no fight.
    other.apply_example().await?;
    other
        .stalled::<HasuraInstance>("shop", "ApiResourceConflict")
        .await?;
    // Another indicator, but a role that the first one owns.
    let mut billing = other.instance();
    billing["metadata"]["name"] = json!("billing");
    billing["spec"]["apiResource"]["indicator"] = json!("https://billing.example.com/v1/graphql");
    billing["spec"]["deploymentRef"]["name"] = json!("billing");
    other.delete::<HasuraInstance>("shop").await?;
    other.gone::<HasuraInstance>("shop").await?;
    other
        .apply::<k8s_openapi::api::apps::v1::Deployment>(other.deployment_named("billing"))
        .await?;
    other.apply::<HasuraInstance>(billing).await?;
    other.ready::<HasuraInstance>("billing").await?;
    let of_billing = |name: &str, role: &str, adopt: bool| {
        let mut binding = other.binding(name, role, "pay");
        binding["spec"]["instanceRef"]["name"] = json!("billing");
        if adopt {
            binding["spec"]["adoptionPolicy"] = json!("Adopt");
        }
        binding
    };
    let everything = json!({"spec": {"adoption": [{
        "namespaces": {"names": [other.namespace]}, "indicators": [INDICATOR], "roles": ["*"],
    }]}});
    other.edit::<LogtoTenant>("main", everything).await?;
    other
        .apply::<HasuraRoleBinding>(of_billing("thief", "user:reader", true))
        .await?;
    let message = other
        .stalled::<HasuraRoleBinding>("thief", "RoleConflict")
        .await?;
    ensure!(message.contains("another installation"), "{message}");
    other.delete::<HasuraRoleBinding>("thief").await?;
    other.gone::<HasuraRoleBinding>("thief").await?;
    other
        .apply::<HasuraRoleBinding>(of_billing("accountant", "accountant", false))
        .await?;
    other.ready::<HasuraRoleBinding>("accountant").await?;

    // Both have their claims in the one script.
    let alice = world.person("alice", &["user:reader", "accountant"])?;
    let shop = alice.claims().await?.context("claims of the shop")?;
    ensure!(
        shop["x-hasura-allowed-roles"] == json!(["user:reader"]),
        "{shop}"
    );
    world.quiet().await?;
    let writes = world.logto.writes();
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    other.ask_for_reconcile::<LogtoTenant>("main").await?;
    world.quiet().await?;
    other.quiet().await?;
    ensure!(world.logto.writes() == writes, "they fight");

    // The second one goes; the first one keeps what it has.
    other.delete::<HasuraRoleBinding>("accountant").await?;
    other.gone::<HasuraRoleBinding>("accountant").await?;
    other.delete::<LogtoTenant>("main").await?;
    other.gone::<LogtoTenant>("main").await?;
    let shop = alice.claims().await?.context("claims of the shop")?;
    ensure!(
        shop["x-hasura-allowed-roles"] == json!(["user:reader"]),
        "{shop}"
    );
    other.end().await;
    Ok(())
}

async fn the_same_owner_in_another_cluster_finds_all_again_and_writes_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.stop_operator().await?;
    // The objects as a backup brings them back: the same names, other uids, no status.
    let none = json!({"metadata": {"finalizers": null}});
    for name in ["user-reader", "user-maintainer"] {
        world.edit::<HasuraRoleBinding>(name, none.clone()).await?;
        world.delete::<HasuraRoleBinding>(name).await?;
        world.gone::<HasuraRoleBinding>(name).await?;
    }
    world.edit::<HasuraInstance>("shop", none.clone()).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.edit::<LogtoTenant>("main", none).await?;
    world.delete::<LogtoTenant>("main").await?;
    world.gone::<LogtoTenant>("main").await?;

    world.logto.reset_requests();
    // All of it before the operator: a binding that comes seconds after its instance is not known to come at all.
    world.apply_example().await?;
    world.start_operator(&[])?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    let instance = world.get::<HasuraInstance>("shop").await?;
    let resource = instance.status.and_then(|status| status.api_resource);
    let origin = resource.map(|resource| resource.origin);
    ensure!(origin == Some(Origin::Adopted), "{origin:?}");
    let binding = world.get::<HasuraRoleBinding>("user-reader").await?;
    let role = binding.status.and_then(|status| status.role);
    let origin = role.and_then(|role| role.origin);
    ensure!(origin == Some(Origin::Created), "{origin:?}");
    Ok(())
}

async fn a_role_that_somebody_holds_goes_with_policy_delete_and_stays_with_the_default(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.person("alice", &["user:reader", "user:maintainer"])?;
    world
        .edit::<HasuraRoleBinding>("user-reader", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await?;
    for name in ["user-reader", "user-maintainer"] {
        world.delete::<HasuraRoleBinding>(name).await?;
        world.gone::<HasuraRoleBinding>(name).await?;
    }
    let tenant = world.logto.tenant();
    ensure!(tenant.role_by_name("user:reader").is_none(), "it was to go");
    let kept = tenant
        .role_by_name("user:maintainer")
        .context("it was to stay")?;
    ensure!(
        tenant.scopes_of_role(&kept.id).is_empty(),
        "it grants nothing"
    );
    Ok(())
}

async fn what_is_retained_stays_as_it_is_and_is_found_again(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let alice = world.person("alice", &["user:reader"])?;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    world
        .edit::<HasuraRoleBinding>("user-reader", retain)
        .await?;
    let tenant = world.logto.tenant();
    let before = tenant.role_by_name("user:reader");
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(
        tenant.role_by_name("user:reader") == before,
        "it was changed"
    );
    // The grant ends all the same.
    world
        .until("a token without the role", || async {
            Ok(alice.claims().await?.is_none().then_some(()))
        })
        .await?;
    world.event("user-reader", "Retained").await?;

    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    ensure!(
        tenant.role_by_name("user:reader") == before,
        "not the same role"
    );
    Ok(())
}

async fn a_resource_goes_with_its_instance_only_if_it_was_made_and_is_empty(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let tenant = world.logto.tenant();
    let ours = || {
        let mut resources = tenant.resources().into_iter();
        resources.find(|resource| resource.indicator == INDICATOR)
    };
    let delete = json!({"spec": {"deletionPolicy": "Delete"}});
    let scope = tenant.create_scope(&ours().context("the resource")?.id, "by-hand", None)?;
    world.edit::<HasuraInstance>("shop", delete.clone()).await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let note = world.event("shop", "LeftBehind").await?;
    ensure!(note.contains("by-hand"), "{note}");
    ensure!(ours().is_some(), "somebody else's scope went with it");

    // Without it, and made by this very instance, it goes.
    tenant.delete_scope(&scope.id)?;
    tenant.delete_resource(&ours().context("the resource")?.id)?;
    let mut instance = world.instance();
    instance["spec"]["deletionPolicy"] = json!("Delete");
    instance["spec"]["auth"] = json!({"jwt": {"everyoneRoles": ["user"]}});
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .until_logto("claims for everybody", |logto| {
            logto.tenant().custom_jwt(TokenKind::AccessToken).is_some()
        })
        .await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    ensure!(ours().is_none(), "it was made and is empty");
    ensure!(
        tenant.custom_jwt(TokenKind::AccessToken).is_none(),
        "the claims go with the instance"
    );
    Ok(())
}

async fn a_forged_status_makes_nothing_ones_own(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let tenant = world.logto.tenant();
    let resource = tenant
        .resources()
        .into_iter()
        .find(|resource| resource.indicator == INDICATOR)
        .context("the resource")?;
    let scope = tenant.create_scope(&resource.id, "read:user", Some("by hand"))?;
    let role = tenant.create_role("user:reader", "By hand", RoleType::User, &[&scope.id])?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("user-reader", "ScopeConflict")
        .await?;
    let status = json!({"status": {
        "scope": {"id": scope.id, "resourceId": resource.id, "origin": "Created"},
        "role": {"id": role.id, "name": "user:reader", "origin": "Created"},
    }});
    world
        .forge_status::<HasuraRoleBinding>("user-reader", status)
        .await?;
    world
        .edit::<HasuraRoleBinding>("user-reader", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("user-reader", "ScopeConflict")
        .await?;
    world.logto.reset_requests();
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    Ok(())
}

async fn a_lost_status_of_what_was_adopted_is_rebuilt_and_never_deleted(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let tenant = world.logto.tenant();
    let role = tenant.create_role("user:reader", "By hand", RoleType::User, &[])?;
    let adoption = json!({"spec": {"adoption": [{
        "namespaces": {"names": [world.namespace]}, "roles": ["user:reader"],
    }]}});
    world.edit::<LogtoTenant>("main", adoption).await?;
    let mut binding = world.binding("user-reader", "user:reader", "read:user");
    binding["spec"]["adoptionPolicy"] = json!("Adopt");
    binding["spec"]["deletionPolicy"] = json!("Delete");
    binding["spec"]["logtoRole"] = json!({"type": "User"});
    world.apply::<HasuraRoleBinding>(binding).await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;

    // The status says that it was made, or nothing at all; the mark knows better.
    world.stop_operator().await?;
    world
        .forge_status::<HasuraRoleBinding>("user-reader", json!({"status": null}))
        .await?;
    world.logto.reset_requests();
    world.start_operator(&[])?;
    let binding = world.ready::<HasuraRoleBinding>("user-reader").await?;
    let origin = binding
        .status
        .and_then(|status| status.role)
        .and_then(|role| role.origin);
    ensure!(origin == Some(Origin::Adopted), "{origin:?}");
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());

    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    let left = tenant.role_by_name("user:reader").context("the role")?;
    ensure!(left == role, "{left:?} is not {role:?}");
    ensure!(
        tenant.scopes_of_role(&role.id).is_empty(),
        "the scope was made, so it goes"
    );
    Ok(())
}
