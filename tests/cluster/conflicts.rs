//! What is somebody else's is named and never touched, in Logto and among our own objects.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Secret;
use logto_emulator::RoleType;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;

use crate::{
    bindings::{bindings_are_ready, held_by, resource_id, scope_names},
    namespaces::two,
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_role_made_by_somebody_else_is_named_and_not_touched,
        a_scope_made_by_somebody_else_is_named_and_not_touched,
        a_resource_made_by_somebody_else_is_named_and_not_touched,
        a_status_that_names_foreign_objects_leads_to_no_write,
        what_a_spec_asks_for_in_vain_is_said_with_the_mend,
        two_bindings_for_one_role_the_older_holds_it_and_the_younger_takes_over,
        who_comes_later_in_the_instances_namespace_and_who_was_there_say_how_it_goes_on,
    ]
}

async fn a_role_made_by_somebody_else_is_named_and_not_touched(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let logto = world.logto.tenant();
    let foreign = logto
        .create_role("user:reader", "By hand", RoleType::User, &[])
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    world.start_operator(&[])?;
    world.apply_example().await?;
    let message = world
        .stalled::<HasuraRoleBinding>("user-reader", "RoleConflict")
        .await?;
    ensure!(
        message.contains("user:reader") && message.contains(&foreign.id),
        "{message}"
    );
    ensure!(
        message.contains("delete that role"),
        "it says what to do: {message}"
    );
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    ensure!(logto.role_by_name("user:reader") == Some(foreign.clone()));
    ensure!(logto.scopes_of_role(&foreign.id).is_empty());

    logto
        .delete_role(&foreign.id)
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    world
        .ask_for_reconcile::<HasuraRoleBinding>("user-reader")
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    Ok(())
}

async fn a_scope_made_by_somebody_else_is_named_and_not_touched(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world
        .until_logto("the resource", |logto| resource_id(logto).is_some())
        .await?;
    let resource = resource_id(&world.logto).context("the resource")?;
    let logto = world.logto.tenant();
    let foreign = logto
        .create_scope(&resource, "read:user", Some("By hand"))
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;

    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    let message = world
        .stalled::<HasuraRoleBinding>("user-reader", "ScopeConflict")
        .await?;
    ensure!(
        message.contains("read:user") && message.contains(&foreign.id),
        "{message}"
    );
    ensure!(logto.scopes(&resource) == [foreign]);
    ensure!(
        logto.role_by_name("user:reader").is_none(),
        "no role without its scope"
    );
    Ok(())
}

async fn a_resource_made_by_somebody_else_is_named_and_not_touched(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let logto = world.logto.tenant();
    let foreign = logto
        .create_resource("Billing", INDICATOR)
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    world.start_operator(&[])?;
    world.apply_example().await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "ApiResourceConflict")
        .await?;
    ensure!(
        message.contains(INDICATOR) && message.contains(&foreign.id),
        "{message}"
    );
    world
        .waiting::<HasuraRoleBinding>("user-reader", "InstanceNotReady")
        .await?;
    world.quiet().await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    Ok(())
}

async fn a_status_that_names_foreign_objects_leads_to_no_write(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let logto = world.logto.tenant();
    let resource = logto
        .create_resource("Billing", "https://billing.example.com/")
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    let scope = logto
        .create_scope(&resource.id, "read:user", Some("By hand"))
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    let role = logto
        .create_role("billing", "By hand", RoleType::User, &[&scope.id])
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;

    let forged = json!({"status": {
        "role": {"id": role.id, "name": "billing"},
        "scope": {"id": scope.id, "resourceId": resource.id},
    }});
    world
        .forge_status::<HasuraRoleBinding>("user-reader", forged)
        .await?;
    let forged = json!({"status": {"apiResource": {"id": resource.id, "origin": "Created"}}});
    world.forge_status::<HasuraInstance>("shop", forged).await?;
    world
        .edit::<HasuraRoleBinding>(
            "user-reader",
            json!({"spec": {"logtoRole": {"description": "Edited"}}}),
        )
        .await?;
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"apiResource": {"name": "Edited"}}}))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world
        .until_logto("the edited name", |logto| {
            logto
                .tenant()
                .resources()
                .iter()
                .any(|resource| resource.indicator == INDICATOR && resource.name == "Edited")
        })
        .await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;

    ensure!(logto.role_by_name("billing") == Some(role.clone()));
    ensure!(logto.scopes(&resource.id) == std::slice::from_ref(&scope));
    ensure!(logto.scopes_of_role(&role.id) == [scope]);
    ensure!(logto.resources().contains(&resource));
    Ok(())
}

async fn what_a_spec_asks_for_in_vain_is_said_with_the_mend(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let mut instance = world.instance();
    instance["spec"]["logtoRoleNamePrefix"] = json!("shop-");
    instance["spec"]["auth"] = json!({"unauthorizedRole": "anonymous"});
    world.apply::<HasuraInstance>(instance).await?;

    let mut binding = world.binding("no-prefix", "editor", "edit");
    binding["spec"]["logtoRole"] = json!({"name": "billing-editor"});
    world.apply::<HasuraRoleBinding>(binding).await?;
    let message = world
        .stalled::<HasuraRoleBinding>("no-prefix", "RoleNameInvalid")
        .await?;
    ensure!(
        message.contains("shop-") && message.contains("logtoRoleNamePrefix"),
        "{message}"
    );

    world
        .apply::<HasuraRoleBinding>(world.binding("everybody", "anonymous", "look"))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("everybody", "UnauthorizedRoleBound")
        .await?;

    let mut binding = world.binding("locks", "locks", "lock");
    binding["spec"]["logtoRole"] = json!({"description": "🔒".repeat(40)});
    world.apply::<HasuraRoleBinding>(binding).await?;
    world
        .stalled::<HasuraRoleBinding>("locks", "DescriptionTooLong")
        .await?;

    let mut binding = world.binding("orphan", "orphan", "orphan");
    binding["spec"]["instanceRef"] = json!({"name": "nowhere"});
    world.apply::<HasuraRoleBinding>(binding).await?;
    let message = world
        .waiting::<HasuraRoleBinding>("orphan", "InstanceNotFound")
        .await?;
    ensure!(message.contains("nowhere"), "{message}");
    Ok(())
}

async fn two_bindings_for_one_role_the_older_holds_it_and_the_younger_takes_over(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    bindings_are_ready(&world).await?;
    let role = world
        .logto
        .tenant()
        .role_by_name("user:reader")
        .context("the role")?;

    world
        .apply::<HasuraRoleBinding>(world.binding("a-younger", "user:reader", "read:other"))
        .await?;
    let message = world
        .stalled::<HasuraRoleBinding>("a-younger", "HasuraRoleTaken")
        .await?;
    ensure!(
        message.contains("user-reader"),
        "the holder is named: {message}"
    );
    ensure!(
        scope_names(&world.logto) == ["maintain:user", "read:user"],
        "who loses one claim gets none"
    );

    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("a-younger").await?;
    ensure!(
        world
            .logto
            .tenant()
            .role_by_name("user:reader")
            .context("the role")?
            .id
            == role.id
    );
    ensure!(held_by(&world.logto, "user:reader") == ["read:other"]);
    Ok(())
}

/// A binding of the instance's namespace goes before one of another, which it has to wait for, and both say so.
async fn who_comes_later_in_the_instances_namespace_and_who_was_there_say_how_it_goes_on(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    world.apply_base().await?;
    let rules = json!({"spec": {"allowedBindings": [
        {"namespaces": {"names": [team.namespace]}, "hasuraRoles": ["*"]}
    ]}});
    world.edit::<HasuraInstance>("shop", rules).await?;
    let mut first = team.binding("first", "editor", "edit");
    first["spec"]["instanceRef"] = json!({"name": "shop", "namespace": world.namespace});
    team.apply::<HasuraRoleBinding>(first).await?;
    team.ready::<HasuraRoleBinding>("first").await?;

    world
        .apply::<HasuraRoleBinding>(world.binding("editor", "editor", "edit"))
        .await?;
    let message = team
        .stalled::<HasuraRoleBinding>("first", "HasuraRoleTaken")
        .await?;
    ensure!(
        message.contains("is in the other's way until this one is deleted"),
        "{message}"
    );
    let message = world
        .stalled::<HasuraRoleBinding>("editor", "ScopeConflict")
        .await?;
    ensure!(
        message.contains("perhaps in another namespace, delete it first"),
        "{message}"
    );
    team.delete::<HasuraRoleBinding>("first").await?;
    team.gone::<HasuraRoleBinding>("first").await?;
    world.ready::<HasuraRoleBinding>("editor").await?;
    team.end().await;
    Ok(())
}
