//! The end of a binding: what it made goes, what others hold stays.

use std::{sync::Arc, time::Duration};

use kube::{
    ResourceExt,
    runtime::{controller::Action, events::EventType},
};

use super::{
    claims,
    context::{Context, deleting_for, key},
    registry::Connection,
    rivals,
    status::{self, Verdict},
    visit::{Error, Next, Outcome},
    webhook,
};
use crate::{
    api::{HasuraInstance, HasuraRoleBinding, conditions::reasons},
    domain::{
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
    let Some(tenant) = tenant_of(binding, instance.as_deref()) else {
        // It was never taken by an instance, so nothing was made for it.
        ctx.forget(&**binding);
        return Ok(Action::await_change());
    };
    let grace = ctx.clocks.release_after;
    let Some(connection) = ctx.registry.for_cleanup(&tenant, grace) else {
        return without_connection(binding, ctx, &tenant).await;
    };
    match take_away(binding, ctx, instance.as_deref(), &connection).await {
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
                ctx.triggers.tenant(&tenant.namespace, &tenant.name);
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

/// The tenant that holds what the binding made: its instance's, or the one that its status remembers.
fn tenant_of(binding: &HasuraRoleBinding, instance: Option<&HasuraInstance>) -> Option<Key> {
    let remembered = binding
        .status
        .as_ref()
        .and_then(|status| status.tenant_ref.as_ref());
    let name = instance
        .map(|instance| &instance.spec.tenant_ref)
        .or(remembered)?
        .name
        .clone();
    Some(Key {
        namespace: binding.namespace().unwrap_or_default(),
        name,
    })
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
        let steps = session.observe(|observed| release.plan(holders, observed));
        match carry_out(session, &steps).await {
            Err(logto::Error::Reread { .. } | logto::Error::NotFound { .. })
                if round < MOST_ROUNDS => {}
            Err(error) => return Err(error),
            Ok(()) => {
                tell(binding, ctx, &release, role.as_deref(), holders).await;
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
    if let (Holders::Somebody, Some(role)) = (holders, id) {
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
    let mark = |binding: &HasuraRoleBinding| {
        ctx.owner.mark(
            &binding.namespace().unwrap_or_default(),
            &binding.name_any(),
        )
    };
    Some(Release {
        mark: mark(binding),
        indicator,
        scope_name: binding.spec.scope.name.clone(),
        role_name,
        successor: successor.map(|successor| mark(&successor)),
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
    role: Option<&str>,
    holders: Holders,
) {
    let Some(role) = role else { return };
    if release.successor.is_some() {
        let note = format!(
            "the role {role:?} and its scope go to the HasuraRoleBinding that asks for the same"
        );
        ctx.event(&**binding, EventType::Normal, "HandedOver", &note)
            .await;
    } else if holders == Holders::Somebody {
        let note = format!(
            "the role {role:?} stays in Logto without its scope, because somebody still holds it; it grants nothing now{}",
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
