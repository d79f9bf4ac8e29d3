//! Who made what, across restarts and changes of the secret; and what is said of a mark that is gone.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Secret;
use logto_hasura::api::{
    HasuraInstance, HasuraRoleBinding, LogtoTenant, Origin, instance::ApiResourceStatus,
};
use serde_json::{Value, json};

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        what_was_made_goes_with_its_instance_after_its_bindings_and_a_restart_and_is_made_anew,
        a_forged_copied_or_stale_proof_deletes_nothing,
        a_proof_is_written_anew_when_the_secret_changes_and_outlives_a_restart,
        an_instance_applied_again_after_retain_finds_its_own,
        a_role_whose_mark_is_gone_is_not_called_somebody_elses_and_keeps_its_id,
    ]
}

fn deletes() -> Value {
    json!({"spec": {"deletionPolicy": "Delete"}})
}

fn resource(world: &World) -> Option<logto_emulator::Resource> {
    let mut resources = world.logto.tenant().resources().into_iter();
    resources.find(|resource| resource.indicator == INDICATOR)
}

async fn said(world: &World) -> anyhow::Result<ApiResourceStatus> {
    let instance = world.get::<HasuraInstance>("shop").await?;
    let status = instance.status.and_then(|status| status.api_resource);
    status.context("the API resource in the status")
}

/// Stops the operator and starts another one, which is connected then.
async fn restart(world: &World) -> anyhow::Result<()> {
    world.stop_operator().await?;
    world.logto.reset_requests();
    world.start_operator(&[])?;
    world
        .until_logto("the first listing", |logto| {
            logto.requests().contains_key("GET /api/roles")
        })
        .await
}

async fn instance_goes(world: &World) -> anyhow::Result<()> {
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await
}

async fn what_was_made_goes_with_its_instance_after_its_bindings_and_a_restart_and_is_made_anew(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await?;
    world.edit::<HasuraInstance>("shop", deletes()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let before = said(&world).await?;
    ensure!(
        before.origin == Origin::Created && before.proof.is_some(),
        "{before:?}"
    );
    for name in ["user-reader", "user-maintainer"] {
        world.delete::<HasuraRoleBinding>(name).await?;
        world.gone::<HasuraRoleBinding>(name).await?;
    }
    restart(&world).await?;
    instance_goes(&world).await?;
    ensure!(resource(&world).is_none(), "it was made by the operator");
    ensure!(!world.has_event("shop", "LeftBehind").await?);

    let mut again = world.instance();
    again["spec"]["deletionPolicy"] = json!("Delete");
    world.apply::<HasuraInstance>(again).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let made = said(&world).await?;
    ensure!(
        made.origin == Origin::Created && made.id != before.id,
        "{made:?}"
    );
    Ok(())
}

async fn a_forged_copied_or_stale_proof_deletes_nothing(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let made = said(&world).await?;
    let id = made.id.clone().context("an id")?;
    let copied = made.proof.clone().context("a proof")?;

    // Another object of the same name, with the proof of the first one, and with one that somebody made up.
    for proof in [copied.clone(), "A".repeat(copied.len())] {
        world.stop_operator().await?;
        let none = json!({"metadata": {"finalizers": null}});
        world.edit::<HasuraInstance>("shop", none).await?;
        instance_goes(&world).await?;
        let mut again = world.instance();
        again["spec"]["deletionPolicy"] = json!("Delete");
        world.apply::<HasuraInstance>(again).await?;
        // A status that was visited before is not begun anew.
        let forged = json!({"status": {
            "observedGeneration": 1,
            "apiResource": {"id": id, "origin": "Created", "proof": proof},
        }});
        world.forge_status::<HasuraInstance>("shop", forged).await?;
        world.start_operator(&[])?;
        world.ready::<HasuraInstance>("shop").await?;
        let shown = said(&world).await?;
        ensure!(shown.proof.is_none(), "{shown:?}");
        instance_goes(&world).await?;
        ensure!(
            resource(&world).is_some(),
            "nothing proves it to be its own"
        );
        world.event("shop", "LeftBehind").await?;
        // For the next round there is an object to be taken away.
        world.apply::<HasuraInstance>(world.instance()).await?;
    }
    instance_goes(&world).await?;
    world.logto.tenant().delete_resource(&id)?;

    // Its own proof, and the secret changed while nobody looked.
    let mut again = world.instance();
    again["spec"]["deletionPolicy"] = json!("Delete");
    world.apply::<HasuraInstance>(again).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.stop_operator().await?;
    change_secret(&world).await?;
    world.start_operator(&[])?;
    instance_goes(&world).await?;
    ensure!(resource(&world).is_some(), "its proof is of another secret");
    Ok(())
}

async fn change_secret(world: &World) -> anyhow::Result<()> {
    world.logto.tenant().replace_client_secret("another-secret");
    let secret = world.secret_with("another-secret");
    world.apply::<Secret>(secret).await?;
    Ok(())
}

async fn a_proof_is_written_anew_when_the_secret_changes_and_outlives_a_restart(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.edit::<HasuraInstance>("shop", deletes()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    // It knows of it by the proof alone.
    restart(&world).await?;
    let before = said(&world).await?;
    change_secret(&world).await?;
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world
        .until("another proof", || async {
            let now = said(&world).await?;
            ensure!(now.id == before.id && now.origin == Origin::Created);
            Ok((now.proof.is_some() && now.proof != before.proof).then_some(()))
        })
        .await?;
    restart(&world).await?;
    instance_goes(&world).await?;
    ensure!(resource(&world).is_none(), "it was made by the operator");
    Ok(())
}

async fn an_instance_applied_again_after_retain_finds_its_own(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let made = said(&world).await?;
    instance_goes(&world).await?;
    let retained = || async {
        let tenant = world.get::<LogtoTenant>("main").await?;
        anyhow::Ok(tenant.status.context("a status")?.retained)
    };
    let [entry] = &retained().await?[..] else {
        anyhow::bail!("one stays");
    };
    ensure!(Some(&entry.id) == made.id.as_ref(), "{entry:?}");
    // The secret changes while nothing but the tenant's status knows of it.
    restart(&world).await?;
    change_secret(&world).await?;
    world.ask_for_reconcile::<LogtoTenant>("main").await?;
    world
        .until("the proof of the new secret", || async {
            let all = retained().await?;
            let is_new = all
                .iter()
                .all(|now| now.id == entry.id && now.proof != entry.proof);
            Ok((all.len() == 1 && is_new).then_some(()))
        })
        .await?;
    restart(&world).await?;

    // Of another name it is somebody else's, and so it is for one who wrote the list himself.
    let mut other = world.instance();
    other["metadata"]["name"] = json!("other");
    world.apply::<HasuraInstance>(other).await?;
    world
        .stalled::<HasuraInstance>("other", "ApiResourceConflict")
        .await?;
    let mut forged = serde_json::to_value(retained().await?)?;
    forged[0]["name"] = json!("other");
    world
        .forge_status::<LogtoTenant>("main", json!({"status": {"retained": forged}}))
        .await?;
    world.ask_for_reconcile::<HasuraInstance>("other").await?;
    world
        .until("the forged entry to go", || async {
            world.ask_for_reconcile::<LogtoTenant>("main").await?;
            Ok(retained().await?.is_empty().then_some(()))
        })
        .await?;
    world
        .stalled::<HasuraInstance>("other", "ApiResourceConflict")
        .await?;
    world.delete::<HasuraInstance>("other").await?;
    world.gone::<HasuraInstance>("other").await?;
    world.logto.tenant().delete_resource(&entry.id)?;

    // The whole way, within one run and across a restart.
    world.apply::<HasuraInstance>(world.instance()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let made = said(&world).await?;
    for restarts in [false, true] {
        instance_goes(&world).await?;
        if restarts {
            restart(&world).await?;
        }
        world.apply::<HasuraInstance>(world.instance()).await?;
        world.ready::<HasuraInstance>("shop").await?;
        let found = said(&world).await?;
        ensure!(
            found.origin == Origin::Created && found.id == made.id && found.proof.is_some(),
            "{found:?}"
        );
    }
    world.edit::<HasuraInstance>("shop", deletes()).await?;
    instance_goes(&world).await?;
    ensure!(resource(&world).is_none(), "it was made by the operator");
    Ok(())
}

async fn a_role_whose_mark_is_gone_is_not_called_somebody_elses_and_keeps_its_id(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.example_is_ready().await?;
    let logto = world.logto.tenant();
    let role = logto.role_by_name("user:reader").context("the role")?;
    let scope = logto.scopes_of_role(&role.id).pop().context("its scope")?;
    // Two edits of one person; no visit comes between them.
    world.stop_operator().await?;
    let edited = logto.edit_role(&role.id, |role| role.description = "Edited".to_owned())?;
    logto.detach_scope(&role.id, &scope.id)?;
    world.start_operator(&["--resync-period", "1s"])?;

    let message = world
        .stalled::<HasuraRoleBinding>("user-reader", "RoleConflict")
        .await?;
    let mark = role.description.split_once('[').context("a mark")?.1;
    ensure!(
        message.contains("is gone from the role \"user:reader\"")
            && message.contains(mark)
            && message.contains("adoptionPolicy")
            && !message.contains("somebody else"),
        "{message}"
    );
    let binding = world.get::<HasuraRoleBinding>("user-reader").await?;
    let named = binding.status.and_then(|status| status.role);
    ensure!(named.map(|named| named.id) == Some(role.id.clone()));

    let observe = |policy| json!({"spec": {"managementPolicy": policy}});
    world
        .edit::<HasuraRoleBinding>("user-reader", observe("Observe"))
        .await?;
    world
        .until("the plan to say it", || async {
            let binding = world.get::<HasuraRoleBinding>("user-reader").await?;
            let plan = binding.status.and_then(|status| status.plan);
            let steps = plan.map(|plan| plan.steps).unwrap_or_default();
            Ok(steps.iter().any(|step| step.what == message).then_some(()))
        })
        .await?;
    world
        .edit::<HasuraRoleBinding>("user-reader", observe("Manage"))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("user-reader", "RoleConflict")
        .await?;
    ensure!(
        logto.role_by_name("user:reader") == Some(edited),
        "it was written to"
    );

    // The mark put back, as told, is all that it takes.
    logto.edit_role(&role.id, |role| {
        role.description = format!("Edited [{mark}")
    })?;
    let binding = world.ready::<HasuraRoleBinding>("user-reader").await?;
    let named = binding.status.and_then(|status| status.role);
    ensure!(
        named.is_some_and(|named| named.id == role.id && named.origin == Some(Origin::Created))
    );
    ensure!(
        logto.scopes_of_role(&role.id) == [scope],
        "it has its scope again"
    );
    Ok(())
}
