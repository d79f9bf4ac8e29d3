//! What is said of a binding's end: in events, and in the status while it waits.

use std::{sync::Arc, time::Duration};

use kube::runtime::events::EventType;

use crate::{
    api::{HasuraRoleBinding, conditions::reasons},
    controller::{
        context::{Context, key},
        status::{self, Verdict},
        visit::Error,
    },
    domain::release::{Holders, Release},
    logto::Session,
};

/// Says what became of the role and why.
pub async fn tell(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    release: &Release,
    role: &str,
    (keeps, holders): (bool, Holders),
) {
    if release.successor.is_some() {
        let note = format!(
            "the role {role:?} and its scope go to the HasuraRoleBinding that asks for the same"
        );
        ctx.event(&**binding, EventType::Normal, "HandedOver", &note)
            .await;
    } else if keeps {
        let why = match holders {
            Holders::Somebody => "somebody still holds it",
            Holders::Nobody => "it was there before",
        };
        let note = format!(
            "the role {role:?} stays in Logto, because {why}; it grants nothing now{}",
            if release.grants_by_name {
                ", since it was renamed too: in mode Webhook its name is what grants"
            } else {
                ""
            }
        );
        ctx.event(&**binding, EventType::Warning, "RoleKept", &note)
            .await;
    }
}

/// Says that a role which is there stays, because nothing proves it to be the binding's: its mark is gone, and so is the
/// scope that would prove it, or no longer its own.
pub async fn tell_unproved(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    release: &Release,
    session: &Session,
) {
    let status = binding.status.as_ref();
    let Some(role) = status.and_then(|status| status.role.as_ref()) else {
        return;
    };
    let lost = session.observe(|observed| {
        let mut roles = observed.roles.values();
        let bears_none = roles.any(|found| found.id == role.id && found.mark().is_none());
        let has_resource = observed.resources.contains_key(&release.indicator);
        bears_none.then_some(if has_resource {
            "it holds no scope that was made for this binding"
        } else {
            "its API resource is gone"
        })
    });
    if let Some(lost) = lost {
        let note = format!(
            "the role {:?} ({}) stays in Logto: {lost}, and without the mark in its description it can not be told whose it is",
            role.name, role.id
        );
        ctx.event(&**binding, EventType::Warning, "LeftBehind", &note)
            .await;
    }
}

/// Says why a deletion waits, and when it is looked at again.
pub async fn held(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    message: String,
    wait: Duration,
) -> Error {
    let mut status = binding.status.clone().unwrap_or_default();
    let generation = binding.metadata.generation.unwrap_or_default();
    let verdict = Verdict::Waiting(reasons::DELETING, message);
    status.conditions = status::conditions(&status.conditions, generation, &verdict, vec![]);
    status.observed_generation = Some(generation);
    if let Err(error) = status::write(&ctx.client, &**binding, status).await {
        tracing::debug!(%error, binding = %key(&**binding), "the status of a deletion could not be written");
    }
    Error::Held(wait)
}
