//! Somebody deletes a role in Logto's console, and the operator brings it back.

use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use logto_emulator::Role;

use crate::{
    manifests, play::NAMESPACE, play::RESYNC_SECONDS, readiness, screen::Screen, stage::Stage,
};

const ROLE: &str = "user:reader";
const BINDING: &str = "user-reader";

/// Deletes the role, and waits until it is there again, holds its scope, and its binding says so.
///
/// # Errors
/// When it does not come back.
pub async fn show(screen: &Screen, stage: &Stage) -> Result<()> {
    let tenant = stage.logto.tenant();
    let before = tenant.role_by_name(ROLE).context("the role is not there")?;
    tenant
        .delete_role(&before.id)
        .map_err(|violation| anyhow!("deleting the role: {violation:?}"))?;
    let deleted = Instant::now();
    screen.line(&format!("The role {ROLE} (id {}) is gone.", before.id))?;
    screen.line(&format!(
        "Nobody tells the operator. It lists the tenant every {RESYNC_SECONDS} s here, more or less a tenth."
    ))?;
    let after = stage
        .until("the deleted role to come back", async || {
            Ok(tenant
                .role_by_name(ROLE)
                .filter(|role| !tenant.scopes_of_role(&role.id).is_empty()))
        })
        .await?;
    let took = deleted.elapsed().as_secs_f64();
    screen.line(&format!(
        "It is back (id {}) with its scope, after {took:.1} s.",
        after.id
    ))?;
    binding_names(stage, &after).await?;
    screen.line(&format!(
        "HasuraRoleBinding {BINDING} is Ready with the new id."
    ))?;
    screen.line(&how_found(stage, &before)?)?;
    let note = event(stage).await?;
    screen.line(&format!("Event AssignmentsLost: {note}"))?;
    let people = &stage.people;
    people.give(&stage.logto, &people.alice, ROLE)?;
    screen.line("alice was given the role again, as the event says.")?;
    Ok(screen.aside(
        "A resync is every 10 minutes by default, and visits only what differs. The annotation\n\
         logto-hasura.dev/reconcile-requested-at, with any new value, has one object looked at right away.",
    )?)
}

/// The request by which the operator found that the role was gone.
fn how_found(stage: &Stage, role: &Role) -> Result<String> {
    let request = stage
        .logto
        .last_requests(200)
        .into_iter()
        .find(|request| request.contains(&role.id) && request.ends_with(" 404"))
        .context("the operator made the role again without having looked for it")?;
    let way = if request.contains("/scopes") {
        "it reads what each role holds, once in a resync period"
    } else {
        "a resync's list was without the role, so it was looked for by its id"
    };
    Ok(format!(
        "Mended by the resync, not by a visit that was asked for: {way} ({request})."
    ))
}

/// Waits until the binding's status speaks of the new role.
async fn binding_names(stage: &Stage, role: &Role) -> Result<()> {
    let manifest = stage
        .applied
        .iter()
        .find(|manifest| manifest.kind() == "HasuraRoleBinding" && manifest.name() == BINDING)
        .with_context(|| format!("the examples hold no HasuraRoleBinding {BINDING}"))?;
    let api = manifests::api(&stage.client, manifest);
    stage
        .until("the binding to be Ready with the new role", async || {
            let binding = api.get(BINDING).await?;
            let names_it = binding.data["status"]["role"]["id"] == role.id.as_str();
            Ok((names_it && readiness::is_ready(&binding)).then_some(()))
        })
        .await
}

/// What the operator told of it.
async fn event(stage: &Stage) -> Result<String> {
    let events: Api<Event> = Api::namespaced(stage.client.clone(), NAMESPACE);
    stage
        .until("the event AssignmentsLost", async || {
            let all = events.list(&ListParams::default()).await?;
            let found = all
                .into_iter()
                .find(|event| event.reason.as_deref() == Some("AssignmentsLost"));
            Ok(found.map(|event| event.note.unwrap_or_default()))
        })
        .await
}
