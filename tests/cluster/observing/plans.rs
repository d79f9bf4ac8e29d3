//! What a plan has in it: claims, subjects, renamed and lost roles, delivered objects.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Secret;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{instance_steps, manage, managed, observe, seen, steps, until_steps, words, writes};
use crate::{
    subjects::{applied, users},
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_binding_made_again_after_retain_shows_the_grant_that_manage_writes,
        everyones_roles_are_in_the_plan_of_their_instance_and_each_setting_that_changes,
        a_role_renamed_in_the_console_is_named_back_and_nobody_is_given_it_anew,
        a_lost_role_is_shown_with_those_who_are_given_it_again,
        a_switch_of_the_delivery_is_shown_with_what_goes,
    ]
}

async fn a_binding_made_again_after_retain_shows_the_grant_that_manage_writes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    world
        .edit::<HasuraRoleBinding>("user-reader", retain)
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    world.logto.reset_requests();

    let mut binding = world.binding("user-reader", "user:reader", "read:user");
    binding["spec"]["managementPolicy"] = json!("Observe");
    world.apply::<HasuraRoleBinding>(binding).await?;
    let said = steps(&world, "False").await?;
    let grant = format!(
        "Create the Custom JWT script for user tokens: the Hasura role \"user:reader\" in the claims for {INDICATOR:?}, for who \
         holds the scope \"read:user\""
    );
    ensure!(said == [grant], "{said:?}");
    ensure!(writes(&world).is_empty(), "{:?}", writes(&world));
    world
        .edit::<HasuraRoleBinding>("user-reader", manage())
        .await?;
    managed(&world).await?;
    ensure!(
        writes(&world) == ["PUT access-token"],
        "{:?}",
        writes(&world)
    );
    world
        .edit::<HasuraRoleBinding>("user-reader", observe())
        .await?;
    ensure!(steps(&world, "True").await?.is_empty());
    Ok(())
}

async fn everyones_roles_are_in_the_plan_of_their_instance_and_each_setting_that_changes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.edit::<HasuraInstance>("shop", observe()).await?;
    seen::<HasuraInstance>(&world, "shop", "True").await?;
    let everyone =
        json!({"spec": {"auth": {"jwt": {"everyoneRoles": ["user"], "defaultRole": "user"}}}});
    world.edit::<HasuraInstance>("shop", everyone).await?;
    let instance = seen::<HasuraInstance>(&world, "shop", "False").await?;
    let said = words(instance.status.and_then(|status| status.plan));
    let change = format!(
        "Change the Custom JWT script for user tokens: claims for {INDICATOR:?}: the roles of everyone {{}} -> {{\"user\"}}, the \
         default role None -> Some(\"user\")"
    );
    ensure!(said == [change], "{said:?}");
    world.logto.reset_requests();
    world.edit::<HasuraInstance>("shop", manage()).await?;
    world
        .until_logto("the script to be written", |_| !writes(&world).is_empty())
        .await?;
    world.quiet().await?;
    ensure!(
        writes(&world) == ["PUT access-token"],
        "{:?}",
        writes(&world)
    );
    Ok(())
}

/// The binding is observed, with alice as its only subject, who holds the role.
async fn alice_holds_it(world: &World) -> anyhow::Result<String> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    let [_, alice] = users(&world.logto, ["bob", "alice"])?;
    applied(world, json!([{"kind": "User", "username": "alice"}])).await?;
    managed(world).await?;
    world
        .edit::<HasuraRoleBinding>("user-reader", observe())
        .await?;
    ensure!(steps(world, "True").await?.is_empty());
    Ok(alice)
}

async fn a_role_renamed_in_the_console_is_named_back_and_nobody_is_given_it_anew(
    world: Arc<World>,
) -> anyhow::Result<()> {
    alice_holds_it(&world).await?;
    let tenant = world.logto.tenant();
    let role = tenant.role_by_name("user:reader").context("the role")?;
    tenant.edit_role(&role.id, |role| role.name = "other".into())?;
    let said = until_steps(&world, "the new name", |said| !said.is_empty()).await?;
    ensure!(
        said == ["Change the role \"other\": name \"other\" -> \"user:reader\""],
        "{said:?}"
    );
    Ok(())
}

async fn a_lost_role_is_shown_with_those_who_are_given_it_again(
    world: Arc<World>,
) -> anyhow::Result<()> {
    alice_holds_it(&world).await?;
    let tenant = world.logto.tenant();
    let role = tenant.role_by_name("user:reader").context("the role")?;
    tenant.delete_role(&role.id)?;
    let said = until_steps(&world, "the lost role", |said| !said.is_empty()).await?;
    ensure!(
        said == [
            "Create the role \"user:reader\" of type User with the scope \"read:user\"",
            "Change the role \"user:reader\": given to username=alice",
        ],
        "{said:?}"
    );
    world.logto.reset_requests();
    world
        .edit::<HasuraRoleBinding>("user-reader", manage())
        .await?;
    managed(&world).await?;
    let done = writes(&world);
    ensure!(done == ["POST roles", "POST roles/users"], "{done:?}");
    Ok(())
}

async fn a_switch_of_the_delivery_is_shown_with_what_goes(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let mut instance = world.instance();
    instance["spec"]
        .as_object_mut()
        .context("a spec")?
        .remove("deploymentRef");
    instance["spec"]["delivery"] = json!({"mode": "Secret"});
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let switch =
        json!({"spec": {"managementPolicy": "Observe", "delivery": {"mode": "ConfigMap"}}});
    world.edit::<HasuraInstance>("shop", switch).await?;
    seen::<HasuraInstance>(&world, "shop", "False").await?;
    let said = instance_steps(&world).await?;
    ensure!(
        said == [
            "Create ConfigMap \"shop-auth\" with the keys HASURA_GRAPHQL_JWT_SECRET",
            "Delete Secret \"shop-auth\", once no pod needs it",
        ],
        "{said:?}"
    );

    // One that stayed when its instance went is taken back, which is a write though its keys say all already.
    let back = json!({"spec": {"managementPolicy": "Manage", "delivery": {"mode": "Secret"}}});
    world.edit::<HasuraInstance>("shop", back).await?;
    world
        .condition::<HasuraInstance>("shop", "Ready", "True", "Succeeded")
        .await?;
    let secret: Secret = world.get("shop-auth").await?;
    let annotations = json!({
        "logto-hasura.dev/retained-from": "shop", "logto-hasura.dev/retained-hash": hash(&secret),
    });
    let retained = json!({"metadata": {"ownerReferences": null, "annotations": annotations}});
    world.edit::<HasuraInstance>("shop", observe()).await?;
    seen::<HasuraInstance>(&world, "shop", "True").await?;
    world.edit::<Secret>("shop-auth", retained).await?;
    world.ask_for_reconcile::<HasuraInstance>("shop").await?;
    seen::<HasuraInstance>(&world, "shop", "False").await?;
    let said = instance_steps(&world).await?;
    ensure!(
        said == ["Adopt Secret \"shop-auth\" with the keys HASURA_GRAPHQL_JWT_SECRET"],
        "{said:?}"
    );
    Ok(())
}

/// Of what a Secret says, as the operator notes it on one that stays.
fn hash(secret: &Secret) -> String {
    let mut hash = Sha256::new();
    for (key, value) in secret.data.iter().flatten() {
        hash.update(key);
        hash.update([0]);
        hash.update(&value.0);
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
