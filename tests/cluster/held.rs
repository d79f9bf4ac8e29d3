//! What is deleted while `suspend` or policy Observe hold at some level: nothing is written, whatever goes first.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use logto_emulator::TokenKind;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    suite::Test,
    tests,
    world::{OurKind, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        what_a_suspended_tenant_holds_goes_in_any_order_and_nothing_is_written,
        what_an_observed_tenant_holds_goes_in_any_order_and_nothing_is_written,
        what_a_suspended_instance_holds_goes_in_any_order_and_nothing_is_written,
        what_an_observed_instance_holds_goes_in_any_order_and_nothing_is_written,
        a_binding_held_by_itself_ends_its_grant_and_leaves_scope_role_and_holders,
        a_binding_that_lost_its_consent_below_a_suspended_instance_leaves_its_role,
        claims_that_nobody_stands_for_any_more_go_at_once_and_not_when_their_instance_is_held,
    ]
}

fn suspended() -> Value {
    json!({"suspend": true, "managementPolicy": "Manage"})
}

fn observed() -> Value {
    json!({"suspend": false, "managementPolicy": "Observe"})
}

const BINDINGS: [&str; 2] = ["user-reader", "user-maintainer"];

/// The example with everything to be deleted with what it made, held as `tenant` and `instance` say.
async fn held(world: &World, tenant: &Value, instance: &Value) -> anyhow::Result<()> {
    world.example_is_ready().await?;
    for name in BINDINGS {
        let all = json!({"spec": {"deletionPolicy": "Delete"}});
        world.edit::<HasuraRoleBinding>(name, all).await?;
    }
    let mut all = json!({"spec": instance});
    all["spec"]["deletionPolicy"] = json!("Delete");
    world.edit::<HasuraInstance>("shop", all).await?;
    let all = json!({"spec": tenant});
    world.edit::<LogtoTenant>("main", all).await?;
    is_held::<HasuraInstance>(world, "shop").await?;
    for name in BINDINGS {
        is_held::<HasuraRoleBinding>(world, name).await?;
    }
    Ok(())
}

async fn is_held<K: OurKind>(world: &World, name: &str) -> anyhow::Result<()> {
    world
        .until(&format!("{name} to be held"), || async {
            let object = world.get::<K>(name).await?;
            let held = object.conditions().iter().any(|condition| {
                condition.type_ == "Ready"
                    && ["Suspended", "Observed"].contains(&condition.reason.as_str())
                    && condition.observed_generation == object.meta().generation
            });
            Ok(held.then_some(()))
        })
        .await
}

async fn delete(world: &World, kind: char) -> anyhow::Result<()> {
    match kind {
        't' => world.delete::<LogtoTenant>("main").await,
        'i' => world.delete::<HasuraInstance>("shop").await,
        _ => {
            for name in BINDINGS {
                world.delete::<HasuraRoleBinding>(name).await?;
            }
            Ok(())
        }
    }
}

async fn gone(world: &World, kind: char) -> anyhow::Result<()> {
    match kind {
        't' => world.gone::<LogtoTenant>("main").await,
        'i' => world.gone::<HasuraInstance>("shop").await,
        _ => {
            for name in BINDINGS {
                world.gone::<HasuraRoleBinding>(name).await?;
            }
            Ok(())
        }
    }
}

/// Deletes in this order, each after the one before is gone and then all at once; nothing is written either time.
async fn nothing_is_written(
    orders: &[&'static str],
    world: &World,
    (tenant, instance): (Value, Value),
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    for order in orders {
        for at_once in [false, true] {
            held(world, &tenant, &instance).await?;
            world.quiet().await?;
            let script = || world.logto.tenant().custom_jwt(TokenKind::AccessToken);
            let deployment = || async {
                let deployment = world.get::<Deployment>("hasura").await?;
                anyhow::Ok((
                    deployment.metadata.generation,
                    deployment.managed_fields().len(),
                ))
            };
            let before = (world.logto.tenant().roles(), script(), deployment().await?);
            world.logto.reset_requests();
            for kind in order.chars() {
                delete(world, kind).await?;
                if !at_once {
                    gone(world, kind).await.context(*order)?;
                }
            }
            for kind in order.chars() {
                gone(world, kind).await.context(*order)?;
            }
            world.quiet().await?;
            let which = format!("{order}, at once: {at_once}");
            let requests = world.logto.requests();
            ensure!(world.logto.writes() == 0, "{which}: {requests:?}");
            let after = (world.logto.tenant().roles(), script(), deployment().await?);
            ensure!(after == before, "{which}: {after:?} instead of {before:?}");
        }
    }
    Ok(())
}

async fn what_a_suspended_tenant_holds_goes_in_any_order_and_nothing_is_written(
    world: Arc<World>,
) -> anyhow::Result<()> {
    nothing_is_written(&["tib", "itb", "bit"], &world, (suspended(), json!({}))).await
}

async fn what_an_observed_tenant_holds_goes_in_any_order_and_nothing_is_written(
    world: Arc<World>,
) -> anyhow::Result<()> {
    nothing_is_written(&["tib", "itb"], &world, (observed(), json!({}))).await
}

async fn what_a_suspended_instance_holds_goes_in_any_order_and_nothing_is_written(
    world: Arc<World>,
) -> anyhow::Result<()> {
    nothing_is_written(&["ib", "bi"], &world, (json!({}), suspended())).await
}

async fn what_an_observed_instance_holds_goes_in_any_order_and_nothing_is_written(
    world: Arc<World>,
) -> anyhow::Result<()> {
    nothing_is_written(&["ib"], &world, (json!({}), observed())).await
}

async fn a_binding_held_by_itself_ends_its_grant_and_leaves_scope_role_and_holders(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let alice = world.person("alice", &["user:reader", "user:maintainer"])?;
    for (name, role, hold) in [
        ("user-reader", "user:reader", suspended()),
        ("user-maintainer", "user:maintainer", observed()),
    ] {
        let tenant = world.logto.tenant();
        let found = tenant.role_by_name(role).context("the role")?;
        world
            .edit::<HasuraRoleBinding>(name, json!({"spec": hold}))
            .await?;
        is_held::<HasuraRoleBinding>(&world, name).await?;
        ensure!(alice.roles().await?.contains(&role.to_owned()), "{role}");
        world.quiet().await?;
        world.logto.reset_requests();
        world.delete::<HasuraRoleBinding>(name).await?;
        world.gone::<HasuraRoleBinding>(name).await?;
        world
            .until("the grant to end", || async {
                Ok((!alice.roles().await?.contains(&role.to_owned())).then_some(()))
            })
            .await?;
        world.quiet().await?;
        let requests = world.logto.requests();
        let writes = (world.script_writes(), world.logto.writes());
        // The last grant takes the whole script with it.
        ensure!(writes.1 == 1 || writes == (1, 1), "{requests:?}");
        ensure!(tenant.role_by_name(role) == Some(found.clone()), "{role}");
        ensure!(tenant.scopes_of_role(&found.id).len() == 1, "{role}");
        ensure!(tenant.users_of_role(&found.id).len() == 1, "{role}");
        let note = world.event(name, "Released").await?;
        ensure!(note.contains("name it no longer"), "{note}");
    }
    Ok(())
}

/// It is not allowed any more, but what is said above it still holds for what it has there.
async fn a_binding_that_lost_its_consent_below_a_suspended_instance_leaves_its_role(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = world.beside("team", json!({})).await?;
    world.start_operator_with_both(&team)?;
    world.apply_base().await?;
    let rules = json!([{"namespaces": {"names": [team.namespace]}, "hasuraRoles": ["team-a:*"]}]);
    let allowed = json!({"spec": {"allowedBindings": rules}});
    world.edit::<HasuraInstance>("shop", allowed).await?;
    let mut binding = team.binding("reader", "team-a:reader", "team-a:scope");
    binding["spec"]["instanceRef"] = json!({"name": "shop", "namespace": world.namespace});
    binding["spec"]["deletionPolicy"] = json!("Delete");
    team.apply::<HasuraRoleBinding>(binding).await?;
    team.ready::<HasuraRoleBinding>("reader").await?;
    let withdrawn = json!({"spec": {"allowedBindings": null, "suspend": true}});
    world.edit::<HasuraInstance>("shop", withdrawn).await?;
    is_held::<HasuraInstance>(&world, "shop").await?;
    team.condition::<HasuraRoleBinding>("reader", "GrantWithdrawn", "True", "ConsentWithdrawn")
        .await?;
    world.quiet().await?;
    world.logto.reset_requests();
    team.delete::<HasuraRoleBinding>("reader").await?;
    team.gone::<HasuraRoleBinding>("reader").await?;
    world.quiet().await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    let role = world.logto.tenant().role_by_name("team-a:reader");
    ensure!(role.is_some(), "the role went");
    team.end().await;
    Ok(())
}

/// The claims that a held instance left are over once it is made anew without its bindings, be it refused its API resource.
async fn claims_that_nobody_stands_for_any_more_go_at_once_and_not_when_their_instance_is_held(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    held(&world, &json!({}), &observed()).await?;
    for kind in "ib".chars() {
        delete(&world, kind).await?;
        gone(&world, kind).await?;
    }
    let tenant = world.logto.tenant();
    let script = || tenant.custom_jwt(TokenKind::AccessToken);
    world.quiet().await?;
    ensure!(script().is_some(), "what is held leaves its claims");
    world.stop_operator().await?;
    // Nothing tells any more that the API resource is the operator's.
    for resource in tenant.resources() {
        for scope in tenant.scopes(&resource.id) {
            tenant.edit_scope(&scope.id, |scope| scope.description = None)?;
        }
    }
    world.start_operator(&[])?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    world
        .stalled::<HasuraInstance>("shop", "ApiResourceConflict")
        .await?;
    world
        .until_logto("the script to be gone", |_| script().is_none())
        .await?;
    let held = json!({"spec": observed()});
    world.edit::<HasuraInstance>("shop", held).await?;
    is_held::<HasuraInstance>(&world, "shop").await?;
    world.quiet().await?;
    world.logto.reset_requests();
    delete(&world, 'i').await?;
    gone(&world, 'i').await?;
    world.quiet().await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    Ok(())
}
