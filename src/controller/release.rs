//! The end of a binding: what it made goes, what others hold stays.

use std::{sync::Arc, time::Duration};

use kube::{
    ResourceExt,
    runtime::{controller::Action, events::EventType},
};

use super::{
    claims,
    context::{Context, deleting_for, key},
    policy::{self, Hands},
    registry::Connection,
    rivals,
    status::{self, Verdict},
    stores::{remembered_tenant, tenant_key},
    visit::{Error, Next, Outcome},
    webhook,
};
use crate::{
    api::{HasuraInstance, HasuraRoleBinding, binding::DeletionPolicy, conditions::reasons},
    domain::{
        consent::Consent,
        desired::role_name,
        plan::Step,
        precedence::Key,
        release::{Holders, Release},
        subjects::{given, kind_of},
    },
    logto::{self, Session},
};

/// Plans that one visit carries out.
const MOST_ROUNDS: usize = 4;

/// Cleans up after a binding that is being deleted. `Ok` releases its finalizer.
///
/// # Errors
/// [`Error`] keeps the finalizer: the binding is visited again.
pub async fn binding(binding: &Arc<HasuraRoleBinding>, ctx: &Context) -> Result<Action, Error> {
    let instance = ctx.stores.instance_of(binding);
    let is_withdrawn = instance.as_ref().is_some_and(|instance| {
        ctx.stores.consent_to_grant(instance, binding) == Consent::Withheld
    });
    let hands = policy::of_binding(&ctx.stores, binding);
    let tenant = tenant_of(binding, instance.as_deref());
    if hands != Hands::Manage && !is_withdrawn {
        let entry = tenant.and_then(|tenant| ctx.registry.get(&tenant));
        if let Some(connection) = entry.and_then(|entry| entry.connection) {
            connection.claims.forget(&key(&**binding));
        }
        return untouched(binding, ctx).await;
    }
    let Some(tenant) = tenant else {
        // It was never taken by an instance, so nothing was made for it.
        ctx.forget(&**binding);
        return Ok(Action::await_change());
    };
    let grace = ctx.clocks.release_after;
    let Some(connection) = ctx.registry.for_cleanup(&tenant, grace) else {
        return without_connection(binding, ctx, &tenant).await;
    };
    let taken_away = match hands {
        Hands::Manage => take_away(binding, ctx, instance.as_deref(), &connection).await,
        // Only the grant ends, since its consent was withdrawn.
        Hands::Observe | Hands::Off => Ok(()),
    };
    match taken_away {
        Ok(()) if claims::is_still_granted(ctx, &tenant, &connection, binding) => {
            let message = "waits for the claims that name its role to be deployed without it";
            Err(held(binding, ctx, message.to_owned(), ctx.clocks.claims_pause).await)
        }
        Ok(()) => {
            connection.claims.forget(&key(&**binding));
            ctx.forget(&**binding);
            Ok(Action::await_change())
        }
        Err(error) => {
            connection.session.note(&error);
            if connection.session.is_down() {
                ctx.triggers.tenant(&tenant);
            }
            let outcome = Outcome::of(&error);
            let wait = match outcome.next {
                Next::After(wait) => wait,
                _ => ctx.backoff.next(&binding.uid().unwrap_or_default()),
            };
            Err(held(
                binding,
                ctx,
                format!("the clean-up in Logto is tried again: {error}"),
                wait,
            )
            .await)
        }
    }
}

/// Hands off: what is in Logto stays as it is.
async fn untouched(binding: &Arc<HasuraRoleBinding>, ctx: &Context) -> Result<Action, Error> {
    let status = binding.status.as_ref();
    if let Some(role) = status.and_then(|status| status.role.as_ref()) {
        let note = format!(
            "the role {:?} stays in Logto as it is, because spec.suspend is true or spec.managementPolicy is Observe, here or above",
            role.name
        );
        ctx.event(&**binding, EventType::Normal, "Released", &note)
            .await;
    }
    ctx.forget(&**binding);
    Ok(Action::await_change())
}

/// The tenant that holds what the binding made: its instance's, or the one that its status remembers.
fn tenant_of(binding: &HasuraRoleBinding, instance: Option<&HasuraInstance>) -> Option<Key> {
    instance
        .map(tenant_key)
        .or_else(|| remembered_tenant(binding))
}

/// The tenant or its credentials went first: what was made is left, and said, after a while.
async fn without_connection(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    tenant: &Key,
) -> Result<Action, Error> {
    let waited = deleting_for(&**binding);
    let made = binding
        .status
        .as_ref()
        .filter(|status| status.role.is_some() || status.scope.is_some());
    if waited < ctx.clocks.release_after && made.is_some() {
        let message = format!(
            "waits for LogtoTenant {:?} to clean up in Logto, until {} s after the deletion",
            tenant.name,
            ctx.clocks.release_after.as_secs()
        );
        return Err(held(binding, ctx, message, ctx.clocks.release_after - waited).await);
    }
    if let Some(status) = made {
        let role = status.role.as_ref().map_or("-", |role| role.id.as_str());
        let scope = status.scope.as_ref().map_or("-", |scope| scope.id.as_str());
        let note = format!(
            "LogtoTenant {:?} or its credentials are gone, so these are left in Logto: role {role}, scope {scope}",
            tenant.name
        );
        tracing::warn!(namespace = %tenant.namespace, name = %binding.name_any(), note, "left behind");
        ctx.event(&**binding, EventType::Warning, "LeftBehind", &note)
            .await;
    }
    ctx.forget(&**binding);
    Ok(Action::await_change())
}

async fn take_away(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    instance: Option<&HasuraInstance>,
    connection: &Connection,
) -> Result<(), logto::Error> {
    let session = &connection.session;
    let Some(release) = release_of(binding, ctx, instance, session) else {
        return Ok(());
    };
    if release.policy == DeletionPolicy::Retain && release.successor.is_none() {
        let note = if release.grants_by_name {
            "the role and its scope stay in Logto as they are. In mode Webhook the role still works by its name: take it away from its holders, or rename it"
        } else {
            "the role and its scope stay in Logto as they are; the claims name them no longer"
        };
        ctx.event(&**binding, EventType::Normal, "Retained", note)
            .await;
        return Ok(());
    }
    for round in 1..=MOST_ROUNDS {
        // Nothing is deleted on the word of a snapshot.
        session
            .reread_binding(&release.indicator, &release.scope_name, &release.role_name)
            .await?;
        let mut holders = Holders::Nobody;
        let role =
            session.observe(|observed| release.role(observed).map(|(name, _)| name.to_owned()));
        if let Some(role) = &role {
            holders = take_back(binding, &release, role, session).await?;
        }
        let keeps = session.observe(|observed| release.keeps_role(holders, observed));
        let steps = session.observe(|observed| release.plan(holders, observed));
        match carry_out(session, &steps).await {
            Err(logto::Error::Reread { .. } | logto::Error::NotFound { .. })
                if round < MOST_ROUNDS => {}
            Err(error) => return Err(error),
            Ok(()) => {
                if let Some(role) = &role {
                    tell(binding, ctx, &release, role, (keeps, holders)).await;
                }
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Who holds the role beside those whom the binding gave it. From these it is taken back when the role stays: deleting
/// it ends their hold too, and a successor keeps it.
async fn take_back(
    binding: &HasuraRoleBinding,
    release: &Release,
    role: &str,
    session: &Session,
) -> Result<Holders, logto::Error> {
    let kind = kind_of(binding.spec.logto_role.type_);
    let id = session.observe(|observed| release.role(observed).map(|(_, role)| role.id.clone()));
    let status = binding.status.as_ref().filter(|status| {
        // Rows that speak of another role say nothing about this one.
        release.successor.is_none() && status.role.as_ref().map(|role| &role.id) == id.as_ref()
    });
    let own = status
        .map(|status| given(&status.subjects))
        .unwrap_or_default();
    let (holders, held) = session.holders_beside(kind, role, &own).await?;
    let stays = session.observe(|observed| release.keeps_role(holders, observed));
    if let (true, Some(role)) = (stays, id) {
        for subject in held {
            session.unassign(kind, &role, &subject).await?;
        }
    }
    Ok(holders)
}

fn release_of(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    instance: Option<&HasuraInstance>,
    session: &Session,
) -> Option<Release> {
    let status = binding.status.as_ref();
    let remembered = || {
        let id = &status?.scope.as_ref()?.resource_id;
        session.observe(|observed| Some(observed.resource_by_id(id)?.0.to_owned()))
    };
    let indicator = instance
        .map(|instance| instance.spec.api_resource.indicator.clone())
        .or_else(remembered)?;
    let named = || Some(status?.role.as_ref()?.name.clone());
    let given = binding.spec.logto_role.name.clone();
    let role_name = instance
        .map(|instance| role_name(binding, &instance.spec))
        .or(given)
        .or_else(named)?;
    let successor = instance.and_then(|instance| rivals::successor(&ctx.stores, binding, instance));
    let marks = |binding: &HasuraRoleBinding| {
        ctx.owner.marks(
            &binding.namespace().unwrap_or_default(),
            &binding.name_any(),
        )
    };
    Some(Release {
        marks: marks(binding),
        policy: binding.spec.deletion_policy,
        indicator,
        scope_name: binding.spec.scope.name.clone(),
        role_name,
        successor: successor.map(|successor| marks(&successor)),
        grants_by_name: instance.is_some_and(|instance| {
            webhook::is_asked_for(instance) || webhook::is_switched(instance)
        }),
    })
}

async fn carry_out(session: &Session, steps: &[Step]) -> Result<(), logto::Error> {
    for step in steps {
        session.execute(step).await?;
    }
    Ok(())
}

async fn tell(
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

/// Says why a deletion waits, and when it is looked at again.
async fn held(
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
