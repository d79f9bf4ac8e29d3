//! The rules without which mode Webhook is not safe.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::{apps::v1::Deployment, events::v1::Event};
use kube::api::ListParams;
use logto_emulator::RoleType;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use super::{HOOK, allowing, asking, base, revision, webhook_is_ready};
use crate::{
    deployments::{JWT_SECRET, generation},
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        a_tenant_that_forbids_the_webhook_is_said_and_consent_is_enough,
        a_role_admin_in_any_case_holds_back_the_switch,
        a_role_admin_that_comes_later_is_said_each_time_and_the_hook_stays,
        a_tenant_with_another_instance_holds_back_the_switch,
        an_instance_that_comes_beside_a_webhook_makes_nothing,
        bindings_of_a_webhook_are_for_users_and_named_as_in_hasura,
    ]
}

/// Makes the operator list the tenant anew.
async fn list_anew(world: &World) -> anyhow::Result<()> {
    world.ask_for_reconcile::<LogtoTenant>("main").await
}

/// The other instance, in mode JWT, with a Deployment of its own.
fn other_instance() -> Value {
    json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraInstance", "metadata": {"name": "other"},
        "spec": {
            "tenantRef": {"name": "main"},
            "apiResource": {"indicator": "https://other.example.com", "name": "Other"},
            "logtoRoleNamePrefix": "other-",
            "deploymentRef": {"name": "other"},
        }
    })
}

async fn a_tenant_that_forbids_the_webhook_is_said_and_consent_is_enough(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.apply::<HasuraInstance>(asking(&world)).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "WebhookForbidden")
        .await?;
    ensure!(message.contains("webhookMode"), "{message}");
    ensure!(generation(&world).await? == 1);
    world.apply::<LogtoTenant>(allowing(&world)).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world
        .stalled::<HasuraInstance>("shop", "WebhookForbidden")
        .await?;
    ensure!(
        world.env("hasura", HOOK).await?.is_some(),
        "nobody could sign in without it"
    );
    Ok(())
}

async fn a_role_admin_in_any_case_holds_back_the_switch(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world).await?;
    let logto = world.logto.tenant();
    // After the operator's listing: only a fresh read can tell.
    let role = logto.create_role("admin", "by hand", RoleType::User, &[])?;
    world.apply::<HasuraInstance>(asking(&world)).await?;
    for name in ["admin", "Admin", "ADMIN"] {
        logto.edit_role(&role.id, |role| role.name = name.to_owned())?;
        world.ask_for_reconcile::<HasuraInstance>("shop").await?;
        world
            .until(&format!("{name} to be said"), || async {
                let message = world
                    .stalled::<HasuraInstance>("shop", "AdminRoleInTenant")
                    .await?;
                Ok(message.contains(&format!("{name:?}")).then_some(()))
            })
            .await?;
    }
    ensure!(generation(&world).await? == 1);
    // A machine's role is not looked at by Logto, and every tenant has a hidden `#internal:admin`.
    logto.delete_role(&role.id)?;
    logto.create_role("admin", "by hand", RoleType::MachineToMachine, &[])?;
    list_anew(&world).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn a_role_admin_that_comes_later_is_said_each_time_and_the_hook_stays(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    webhook_is_ready(&world).await?;
    let logto = world.logto.tenant();
    for _ in 0..2 {
        let role = logto.create_role("admin", "by hand", RoleType::User, &[])?;
        list_anew(&world).await?;
        let message = world
            .stalled::<HasuraInstance>("shop", "AdminRoleInTenant")
            .await?;
        ensure!(message.contains("now"), "what to do: {message}");
        world
            .condition::<HasuraInstance>("shop", "RolledOut", "True", "")
            .await?;
        logto.delete_role(&role.id)?;
        list_anew(&world).await?;
        world.ready::<HasuraInstance>("shop").await?;
    }
    let events = world.api::<Event>().list(&ListParams::default()).await?;
    let warned = |event: &Event| {
        event.reason.as_deref() == Some("AdminRoleInTenant")
            && event.type_.as_deref() == Some("Warning")
    };
    ensure!(events.iter().any(warned), "an alert can be made of it");
    ensure!((generation(&world).await?, revision(&world).await?) == (2, 2));
    Ok(())
}

async fn a_tenant_with_another_instance_holds_back_the_switch(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .apply::<Deployment>(world.deployment_named("other"))
        .await?;
    world.apply::<HasuraInstance>(other_instance()).await?;
    world.ready::<HasuraInstance>("other").await?;
    let mode = json!({"spec": {"auth": {"mode": "Webhook"}}});
    world.edit::<HasuraInstance>("shop", mode).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "TenantShared")
        .await?;
    ensure!(message.contains("other"), "{message}");
    ensure!(
        world.env("hasura", JWT_SECRET).await?.is_some(),
        "it goes on in mode JWT"
    );
    world.ready::<HasuraInstance>("other").await?;
    world.delete::<HasuraInstance>("other").await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(world.env("hasura", HOOK).await?.is_some());
    Ok(())
}

async fn an_instance_that_comes_beside_a_webhook_makes_nothing(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    webhook_is_ready(&world).await?;
    world
        .apply::<Deployment>(world.deployment_named("other"))
        .await?;
    world.apply::<HasuraInstance>(other_instance()).await?;
    let mut binding = world.binding("editor", "editor", "edit");
    binding["spec"]["instanceRef"]["name"] = json!("other");
    world.apply::<HasuraRoleBinding>(binding).await?;
    let message = world
        .stalled::<HasuraInstance>("other", "TenantShared")
        .await?;
    ensure!(message.contains("shop"), "{message}");
    world
        .waiting::<HasuraRoleBinding>("editor", "InstanceNotReady")
        .await?;
    world.quiet().await?;
    ensure!(world.logto.tenant().role_by_name("other-editor").is_none());
    world.ready::<HasuraInstance>("shop").await?;
    // Once the first is in mode JWT again, there is room for both.
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"auth": {"mode": "JWT"}}}))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraInstance>("other").await?;
    world.ready::<HasuraRoleBinding>("editor").await?;
    Ok(())
}

async fn bindings_of_a_webhook_are_for_users_and_named_as_in_hasura(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    webhook_is_ready(&world).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("good", "user:reader", "read:user"))
        .await?;
    world.ready::<HasuraRoleBinding>("good").await?;
    let mut renamed = world.binding("renamed", "user:editor", "edit:user");
    renamed["spec"]["logtoRole"]["name"] = json!("editors");
    world.apply::<HasuraRoleBinding>(renamed).await?;
    let message = world
        .stalled::<HasuraRoleBinding>("renamed", "RoleNameDiffers")
        .await?;
    ensure!(
        message.contains("editors") && message.contains("user:editor"),
        "{message}"
    );
    let mut machine = world.binding("machine", "sync", "sync");
    machine["spec"]["logtoRole"]["type"] = json!("MachineToMachine");
    world.apply::<HasuraRoleBinding>(machine).await?;
    world
        .stalled::<HasuraRoleBinding>("machine", "MachineRoleInWebhookMode")
        .await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("guest", "anonymous", "guest"))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("guest", "UnauthorizedRoleBound")
        .await?;
    let logto = world.logto.tenant();
    for name in ["editors", "sync", "anonymous"] {
        ensure!(logto.role_by_name(name).is_none(), "{name}");
    }
    Ok(())
}
