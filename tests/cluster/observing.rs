//! Look first: what policy Observe shows, that it writes nothing, and that Manage then does just that.

mod hands_off;
mod in_the_way;
mod look;
mod plans;

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_emulator::{Fault, FaultRule, RoleType, TokenKind};
use logto_hasura::api::{
    HasuraInstance, HasuraRoleBinding, LogtoTenant,
    policy::{PlanStatus, PlannedAction},
};
use serde_json::{Value, json};

use look::{instance_steps, managed, seen, steps, until_steps, words, writes};

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    let mut all = tests![
        a_hand_made_tenant_is_handed_over_from_observe_to_manage_and_nobody_loses_a_role,
        observe_writes_nothing_and_manage_does_exactly_the_plan,
        what_is_not_to_be_adopted_is_shown_as_foreign_with_the_line_that_would_allow_it,
        a_tenants_observe_holds_for_all_below_it,
        drift_is_shown_and_left_alone,
    ];
    all.extend(hands_off::tests());
    all.extend(in_the_way::tests());
    all.extend(plans::tests());
    all
}

fn observe() -> Value {
    json!({"spec": {"managementPolicy": "Observe"}})
}

fn manage() -> Value {
    json!({"spec": {"managementPolicy": "Manage"}})
}

fn adopting(mut object: Value) -> Value {
    object["spec"]["adoptionPolicy"] = json!("Adopt");
    object["spec"]["managementPolicy"] = json!("Observe");
    object
}

/// The tenant allows its own namespace to take over the shop's resource and roles `user:*`.
fn adoptable(world: &World) -> Value {
    let mut tenant = world.tenant();
    tenant["spec"]["adoption"] = json!([{
        "namespaces": {"names": [world.namespace]},
        "indicators": [INDICATOR],
        "roles": ["user:*"],
    }]);
    tenant
}

pub fn actions(plan: Option<&PlanStatus>) -> Vec<PlannedAction> {
    let steps = plan.into_iter().flat_map(|plan| &plan.steps);
    steps.map(|step| step.action).collect()
}

/// A resource, a scope and a role with its two holders, as somebody clicked them together.
pub fn hand_made(world: &World) -> anyhow::Result<(String, String)> {
    let tenant = world.logto.tenant();
    let resource = tenant.create_resource("Clicked", INDICATOR)?;
    let scope = tenant.create_scope(&resource.id, "read:user", Some("May read users"))?;
    let role = tenant.create_role(
        "user:reader",
        "Readers of old",
        RoleType::User,
        &[&scope.id],
    )?;
    for name in ["alice", "bob"] {
        let user = tenant.create_user(name)?;
        tenant.assign_role(&user, &role.id)?;
    }
    Ok((resource.id, role.id))
}

async fn a_hand_made_tenant_is_handed_over_from_observe_to_manage_and_nobody_loses_a_role(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let (resource, role) = hand_made(&world)?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(adoptable(&world)).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world
        .apply::<HasuraInstance>(adopting(world.instance()))
        .await?;
    let mut reader = adopting(world.binding("user-reader", "user:reader", "read:user"));
    reader["spec"]["scope"] = json!({"name": "read:user"});
    reader["spec"]["logtoRole"] = json!({"type": "User"});
    world.apply::<HasuraRoleBinding>(reader).await?;

    // First look: nothing is written, and it says what would be.
    let (instance, _) = world
        .condition::<HasuraInstance>("shop", "InSync", "False", "ChangesPlanned")
        .await?;
    let plan = instance.status.context("a status")?.plan;
    let said = words(plan);
    ensure!(
        said.len() == 3
            && said[0].starts_with("Adopt the API resource")
            && said[1].contains("name \"Clicked\" -> \"Shop GraphQL\"")
            && said[2].starts_with("Change Deployment \"hasura\""),
        "{said:?}"
    );
    let binding = seen::<HasuraRoleBinding>(&world, "user-reader", "False").await?;
    let plan = binding.status.context("a status")?.plan;
    ensure!(
        actions(plan.as_ref())
            == [
                PlannedAction::Adopt,
                PlannedAction::Adopt,
                PlannedAction::Create
            ],
        "{plan:?}"
    );
    ensure!(writes(&world).is_empty(), "{:?}", world.logto.requests());

    // Hand over.
    world.edit::<HasuraInstance>("shop", manage()).await?;
    world
        .edit::<HasuraRoleBinding>("user-reader", manage())
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    let binding = world.ready::<HasuraRoleBinding>("user-reader").await?;
    let status = binding.status.context("a status")?;
    let origins = json!([
        status.scope.and_then(|s| s.origin),
        status.role.and_then(|r| r.origin)
    ]);
    ensure!(origins == json!(["Adopted", "Adopted"]), "{origins}");
    ensure!(status.plan.is_none(), "a plan belongs to Observe");
    // Step by step: the resource's name, the marks of scope and role, the claims; and the Deployment.
    let done = writes(&world);
    ensure!(
        done == [
            "PATCH resources",
            "PATCH resources/scopes",
            "PATCH roles",
            "PUT access-token"
        ],
        "{done:?}"
    );
    let generation = world.get::<Deployment>("hasura").await?.metadata.generation;
    ensure!(generation == Some(2), "not one write of the Deployment");
    let scope = world.logto.tenant().scopes(&resource).remove(0);
    let text = scope.description.unwrap_or_default();
    ensure!(text.starts_with("May read users [logto-hasura:"), "{text}");
    let tenant = world.logto.tenant();
    let found = tenant.role_by_name("user:reader").context("the role")?;
    ensure!(
        found.id == role
            && found
                .description
                .starts_with("Readers of old [logto-hasura:"),
        "{found:?}"
    );
    ensure!(
        tenant.users_of_role(&role).len() == 2,
        "an assignment was lost"
    );

    // And take it away again: what was there before is there.
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let found = tenant.role_by_name("user:reader").context("the role")?;
    ensure!(
        found.id == role && found.description == "Readers of old",
        "{found:?}"
    );
    ensure!(
        tenant.users_of_role(&role).len() == 2,
        "an assignment was lost"
    );
    let scopes = tenant.scopes(&resource);
    ensure!(
        scopes.len() == 1 && scopes[0].description.as_deref() == Some("May read users"),
        "{scopes:?}"
    );
    Ok(())
}

async fn observe_writes_nothing_and_manage_does_exactly_the_plan(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.logto.tenant().create_user("alice")?;
    let mut instance = world.instance();
    instance["spec"]["managementPolicy"] = json!("Observe");
    world.apply::<HasuraInstance>(instance).await?;
    let mut binding = world.binding("user-reader", "user:reader", "read:user");
    binding["spec"]["subjects"] = json!([{"kind": "User", "username": "alice"}]);
    world.apply::<HasuraRoleBinding>(binding).await?;

    // The first look may fall into a change of the Deployment, which is a trouble that passes.
    let (instance, _) = world
        .condition::<HasuraInstance>("shop", "InSync", "False", "ChangesPlanned")
        .await?;
    let binding = seen::<HasuraRoleBinding>(&world, "user-reader", "False").await?;
    let of_instance = actions(instance.status.context("a status")?.plan.as_ref());
    let of_binding = actions(binding.status.context("a status")?.plan.as_ref());
    ensure!(
        of_binding
            == [
                PlannedAction::Create,
                PlannedAction::Create,
                PlannedAction::Change,
                PlannedAction::Create
            ],
        "{of_binding:?}"
    );
    ensure!(
        of_instance[0] == PlannedAction::Create && of_instance.len() == 2,
        "{of_instance:?}"
    );
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    let generation = world.get::<Deployment>("hasura").await?.metadata.generation;
    ensure!(generation == Some(1), "the Deployment was written");

    world.edit::<HasuraInstance>("shop", manage()).await?;
    managed(&world).await?;
    // One for each step: resource, and the binding's scope, role, assignment and claims.
    let done = writes(&world);
    ensure!(
        done == [
            "POST resources",
            "POST resources/scopes",
            "POST roles",
            "POST roles/users",
            "PUT access-token"
        ],
        "{done:?}"
    );
    let generation = world.get::<Deployment>("hasura").await?.metadata.generation;
    ensure!(generation == Some(2), "not one write of the Deployment");
    Ok(())
}

async fn what_is_not_to_be_adopted_is_shown_as_foreign_with_the_line_that_would_allow_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    hand_made(&world)?;
    world.apply_base().await?;
    world.edit::<HasuraInstance>("shop", observe()).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    let instance = seen::<HasuraInstance>(&world, "shop", "False").await?;
    let plan = instance
        .status
        .context("a status")?
        .plan
        .context("a plan")?;
    let step = plan.steps.first().context("a step")?;
    ensure!(
        step.action == PlannedAction::Foreign && step.what.contains("adoptionPolicy"),
        "{step:?}"
    );
    world
        .condition::<HasuraInstance>("shop", "InSync", "False", "ApiResourceConflict")
        .await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "InSync", "False", "ScopeConflict")
        .await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());

    // With both consents it is taken over, but not a role with another scope.
    world.apply::<LogtoTenant>(adoptable(&world)).await?;
    let tenant = world.logto.tenant();
    let role = tenant.role_by_name("user:reader").context("the role")?;
    let other = tenant.create_resource("Billing", "https://billing.example.com")?;
    let pay = tenant.create_scope(&other.id, "pay", None)?;
    tenant.attach_scope(&role.id, &pay.id)?;
    let adopt = json!({"spec": {"adoptionPolicy": "Adopt", "managementPolicy": "Manage"}});
    world.edit::<HasuraInstance>("shop", adopt.clone()).await?;
    world
        .edit::<HasuraRoleBinding>("user-reader", adopt)
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    let message = world
        .stalled::<HasuraRoleBinding>("user-reader", "RoleConflict")
        .await?;
    let named = message.contains(&pay.id) || message.contains("\"pay\" of");
    ensure!(named, "{message}");
    tenant.detach_scope(&role.id, &pay.id)?;
    world
        .ask_for_reconcile::<HasuraRoleBinding>("user-reader")
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    Ok(())
}

async fn a_tenants_observe_holds_for_all_below_it(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    let mut tenant = world.tenant();
    tenant["spec"]["managementPolicy"] = json!("Observe");
    world.apply::<LogtoTenant>(tenant).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    seen::<HasuraInstance>(&world, "shop", "False").await?;
    seen::<HasuraRoleBinding>(&world, "user-reader", "False").await?;
    // The tenant's plan is its script, with the role that the binding would have in it.
    world
        .until("the script in the tenant's plan", || async {
            let tenant = world.get::<LogtoTenant>("main").await?;
            let plan = tenant.status.and_then(|status| status.plan);
            let steps = plan.unwrap_or_default().steps;
            let names = |step: &logto_hasura::api::policy::PlannedStep| {
                step.action == PlannedAction::Create && step.what.contains("user:reader")
            };
            Ok(steps.iter().any(names).then_some(()))
        })
        .await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    ensure!(
        world
            .logto
            .tenant()
            .custom_jwt(TokenKind::AccessToken)
            .is_none()
    );
    // The role can not be made yet: the binding must not say in the meantime that it is.
    let refuse = FaultRule::new("POST", "/api/roles", Fault::status(503)).times(3);
    world.logto.switches().fail(refuse);
    world.edit::<LogtoTenant>("main", manage()).await?;
    let (binding, _) = world
        .condition::<HasuraRoleBinding>("user-reader", "Ready", "False", "")
        .await?;
    ensure!(
        binding.status.context("a status")?.plan.is_none(),
        "the old plan stayed"
    );
    managed(&world).await?;
    let corrected = world.has_event("user-reader", "DriftCorrected").await?;
    ensure!(!corrected, "what is done for the first time is no drift");
    Ok(())
}

async fn drift_is_shown_and_left_alone(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.example_is_ready().await?;
    world
        .edit::<HasuraRoleBinding>("user-reader", observe())
        .await?;
    seen::<HasuraRoleBinding>(&world, "user-reader", "True").await?;
    let tenant = world.logto.tenant();
    let role = tenant.role_by_name("user:reader").context("the role")?;
    tenant.edit_role(&role.id, |role| role.description = "edited".into())?;
    let binding = seen::<HasuraRoleBinding>(&world, "user-reader", "False").await?;
    let plan = binding.status.context("a status")?.plan;
    // A mark that is gone is put back as that of something taken over.
    let said = words(plan);
    ensure!(
        said == [
            "Adopt the role \"user:reader\": description \"edited\" -> \"Role user:reader\", the ownership mark is put \
                  behind its description"
        ],
        "{said:?}"
    );
    let found = tenant.role_by_name("user:reader").context("the role")?;
    ensure!(found.description == "edited", "{found:?}");
    tenant.edit_role(&role.id, |edited| {
        edited.description = role.description.clone()
    })?;
    seen::<HasuraRoleBinding>(&world, "user-reader", "True").await?;
    Ok(())
}
