//! What stands in the way of Manage is in the plan, and nothing that would not come to pass.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use kube::api::{Patch, PatchParams};
use logto_emulator::{RoleType, TokenKind};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use super::{
    adoptable, adopting, hand_made, instance_steps, manage, managed, observe, seen, steps,
    until_steps, writes,
};
use crate::{
    subjects::{applied, users},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_script_of_somebody_else_is_in_the_plan_with_what_would_become_of_it,
        what_is_taken_by_force_is_in_the_plan_with_the_manager_that_has_it,
        nobody_is_said_to_be_given_a_role_that_holds_another_scope,
        a_scope_that_an_adoptable_role_came_to_hold_turns_the_plan_foreign,
        where_the_api_resource_is_somebody_elses_nothing_else_is_planned,
        keys_that_do_not_answer_and_a_role_admin_hold_back_the_plan,
    ]
}

async fn a_script_of_somebody_else_is_in_the_plan_with_what_would_become_of_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let human = json!({"script": "const getCustomJwtClaims = async () => ({ theirs: 1 });"});
    let human = human.as_object().context("a script")?.clone();
    world
        .logto
        .tenant()
        .set_custom_jwt(TokenKind::AccessToken, human.clone());
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let mut binding = world.binding("user-reader", "user:reader", "read:user");
    binding["spec"]["managementPolicy"] = json!("Observe");
    world.apply::<HasuraRoleBinding>(binding).await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "InSync", "False", "ForeignScript")
        .await?;
    let said = steps(&world, "False").await?;
    ensure!(
        said.len() == 3 && said[2].starts_with("Foreign ") && said[2].contains("existingScript"),
        "{said:?}"
    );
    for (policy, step) in [
        (
            "Wrap",
            "Change the Custom JWT script for user tokens: somebody else's text is wrapped",
        ),
        (
            "Replace",
            "Adopt the Custom JWT script for user tokens: somebody else's text is kept",
        ),
    ] {
        let spec = json!({"spec": {"customClaims": {"existingScript": policy}}});
        world.edit::<LogtoTenant>("main", spec).await?;
        world
            .ask_for_reconcile::<HasuraRoleBinding>("user-reader")
            .await?;
        let said = until_steps(&world, policy, |said| {
            said.get(2).is_some_and(|said| said.starts_with(step))
        })
        .await?;
        ensure!(
            said.len() == 4 && said[3].starts_with("Create "),
            "{said:?}"
        );
    }
    let now = world.logto.tenant().custom_jwt(TokenKind::AccessToken);
    ensure!(now == Some(human), "the script was touched");
    Ok(())
}

async fn what_is_taken_by_force_is_in_the_plan_with_the_manager_that_has_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.edit::<HasuraInstance>("shop", observe()).await?;
    let entry = json!({"name": "HASURA_GRAPHQL_JWT_SECRET", "value": "{}"});
    let theirs = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hasura"},
        "spec": {"template": {"spec": {"containers": [{"name": "graphql-engine", "env": [entry]}]}}},
    });
    let params = PatchParams::apply("stubborn").force();
    let deployments = world.api::<Deployment>();
    deployments
        .patch("hasura", &params, &Patch::Apply(theirs))
        .await?;
    world
        .condition::<HasuraInstance>("shop", "InSync", "False", "EnvConflict")
        .await?;
    let force = json!({"spec": {"delivery": {"conflictPolicy": "Force"}}});
    world.edit::<HasuraInstance>("shop", force).await?;
    world
        .condition::<HasuraInstance>("shop", "InSync", "False", "ChangesPlanned")
        .await?;
    let said = instance_steps(&world).await?;
    ensure!(
        said.last()
            .is_some_and(|said| said
                .ends_with("HASURA_GRAPHQL_JWT_SECRET is set; taken by force from stubborn")),
        "{said:?}"
    );
    Ok(())
}

async fn nobody_is_said_to_be_given_a_role_that_holds_another_scope(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    users(&world.logto, ["alice", "bob"])?;
    applied(&world, json!([{"kind": "User", "username": "alice"}])).await?;
    managed(&world).await?;
    world
        .edit::<HasuraRoleBinding>("user-reader", observe())
        .await?;
    give_extra_scope(&world)?;
    let mut binding = world.binding("user-reader", "user:reader", "read:user");
    binding["spec"]["subjects"] =
        json!([{"kind": "User", "username": "alice"}, {"kind": "User", "username": "bob"}]);
    binding["spec"]["managementPolicy"] = json!("Observe");
    world.apply::<HasuraRoleBinding>(binding).await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "InSync", "False", "ExtraScopesHeld")
        .await?;
    // The other resource is known by its name once the tenant was listed again.
    let said = until_steps(&world, "the scope by its name", |said| {
        said.iter().any(|step| step.contains("\"pay\""))
    })
    .await?;
    ensure!(
        said.len() == 1 && said[0].starts_with("Foreign "),
        "{said:?}"
    );
    Ok(())
}

/// Gives the role a scope of another API resource by hand; gives its id.
fn give_extra_scope(world: &World) -> anyhow::Result<String> {
    let tenant = world.logto.tenant();
    let role = tenant.role_by_name("user:reader").context("the role")?;
    let other = tenant.create_resource("Billing", "https://billing.example.com")?;
    let pay = tenant.create_scope(&other.id, "pay", None)?;
    tenant.attach_scope(&role.id, &pay.id)?;
    Ok(pay.id)
}

async fn a_scope_that_an_adoptable_role_came_to_hold_turns_the_plan_foreign(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    hand_made(&world)?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(adoptable(&world)).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    let mut instance = adopting(world.instance());
    instance["spec"]["managementPolicy"] = json!("Manage");
    world.apply::<HasuraInstance>(instance).await?;
    let reader = adopting(world.binding("user-reader", "user:reader", "read:user"));
    world.apply::<HasuraRoleBinding>(reader).await?;
    let said = steps(&world, "False").await?;
    ensure!(
        said[1].starts_with("Adopt the role") && said[1].contains("\"Readers of old\" -> "),
        "{said:?}"
    );

    let pay = give_extra_scope(&world)?;
    // By its name as soon as a listing has told that.
    let names_it = |text: &str| text.contains(&pay) || text.contains("\"pay\" of ");
    let said = until_steps(&world, "the scope to be said", |said| said.len() == 1).await?;
    ensure!(
        said[0].starts_with("Foreign ") && names_it(&said[0]),
        "{said:?}"
    );
    world
        .edit::<HasuraRoleBinding>("user-reader", manage())
        .await?;
    let message = world
        .stalled::<HasuraRoleBinding>("user-reader", "RoleConflict")
        .await?;
    ensure!(names_it(&message), "{message}");
    Ok(())
}

async fn where_the_api_resource_is_somebody_elses_nothing_else_is_planned(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let tenant = world.logto.tenant();
    tenant.create_resource("Clicked", crate::world::INDICATOR)?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    let mut instance = world.instance();
    instance["spec"]["managementPolicy"] = json!("Observe");
    world.apply::<HasuraInstance>(instance).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world
        .condition::<HasuraInstance>("shop", "InSync", "False", "ApiResourceConflict")
        .await?;
    let said = instance_steps(&world).await?;
    ensure!(
        said.len() == 1 && said[0].starts_with("Foreign "),
        "{said:?}"
    );
    world
        .condition::<HasuraRoleBinding>("user-reader", "InSync", "False", "ApiResourceConflict")
        .await?;
    let said = steps(&world, "False").await?;
    ensure!(
        said.len() == 1 && said[0].starts_with("Foreign "),
        "{said:?}"
    );
    Ok(())
}

async fn keys_that_do_not_answer_and_a_role_admin_hold_back_the_plan(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    let mut tenant = world.tenant();
    tenant["spec"]["webhookMode"] = json!("Allow");
    world.apply::<LogtoTenant>(tenant).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<LogtoTenant>("main").await?;
    world.logto.switches().jwks_down(true);
    let mut instance = world.instance();
    instance["spec"]["managementPolicy"] = json!("Observe");
    world.apply::<HasuraInstance>(instance).await?;
    let in_sync = async |reason: &str| -> anyhow::Result<Vec<String>> {
        world
            .condition::<HasuraInstance>("shop", "InSync", "False", reason)
            .await?;
        instance_steps(&world).await
    };
    let said = in_sync("JwksUnreachable").await?;
    ensure!(
        said.len() == 1 && said[0].starts_with("Create "),
        "{said:?}"
    );
    world.logto.switches().jwks_down(false);

    // After the operator's listing: only a fresh read can tell.
    let logto = world.logto.tenant();
    logto.create_role("admin", "by hand", RoleType::User, &[])?;
    let webhook: Value =
        json!({"spec": {"auth": {"mode": "Webhook", "unauthorizedRole": "anonymous"}}});
    world.edit::<HasuraInstance>("shop", webhook).await?;
    let said = in_sync("AdminRoleInTenant").await?;
    ensure!(
        said.len() == 1 && said[0].starts_with("Create "),
        "{said:?}"
    );
    ensure!(writes(&world).is_empty(), "{:?}", writes(&world));
    seen::<HasuraInstance>(&world, "shop", "False").await?;
    Ok(())
}
