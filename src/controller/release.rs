//! The end of a binding: what it made goes, what others hold stays.

mod said;

use std::sync::Arc;

use kube::{
    ResourceExt,
    runtime::{controller::Action, events::EventType},
};

use self::said::{held, tell, tell_unproved};
use super::{
    claims,
    context::{Context, deleting, deleting_for, key},
    policy::{self, Hands},
    registry::Connection,
    rivals,
    stores::{remembered_tenant, tenant_key},
    visit::{Error, Next, Outcome},
    webhook,
};
use crate::{
    api::{HasuraInstance, HasuraRoleBinding, binding::DeletionPolicy},
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
    let consent = |instance: &HasuraInstance| ctx.stores.consent_to_binding(instance, binding);
    let is_taken = instance.as_deref().map(consent) == Some(Consent::Given);
    let was_taken = is_taken || was_taken(binding, ctx, instance.as_deref());
    // One that does not take the binding and never did is as if it were not there.
    let instance = instance.filter(|_| was_taken);
    let Some(tenant) = tenant_of(binding, instance.as_deref()) else {
        // It was never taken by an instance, so nothing was made for it.
        ctx.forget(&**binding);
        return Ok(Action::await_change());
    };
    let above = policy::above_leaving_binding(&ctx.stores, binding, was_taken);
    let hands = policy::own_of_binding(binding).max(above);
    let to_grant = |instance: &HasuraInstance| ctx.stores.consent_to_grant(instance, binding);
    let is_withdrawn =
        instance.as_deref().map(to_grant) == Some(Consent::Withheld) && is_live(ctx, &tenant);
    if hands != Hands::Manage && !is_withdrawn {
        return untouched(binding, ctx, instance.as_deref(), &tenant, above).await;
    }
    let grace = ctx.clocks.release_after;
    let Some(connection) = ctx.registry.for_cleanup(&tenant, grace) else {
        return without_connection(binding, ctx, instance.as_deref(), &tenant).await;
    };
    let taken_away = match hands {
        Hands::Manage => take_away(binding, ctx, instance.as_deref(), &connection).await,
        // Only the grant ends, since its consent was withdrawn.
        Hands::Observe | Hands::Off => Ok(()),
    };
    settle(binding, ctx, (&tenant, &connection), taken_away).await
}

/// Releases a binding after its clean-up, or says what it waits for.
async fn settle(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    (tenant, connection): (&Key, &Connection),
    taken_away: Result<(), logto::Error>,
) -> Result<Action, Error> {
    let has_waited = deleting_for(&**binding) >= ctx.clocks.release_after;
    match taken_away {
        // Credentials that were taken away first do not come back; a Logto that is merely down does.
        Err(logto::Error::Credentials { .. }) if has_waited => {
            left_behind(binding, ctx, tenant).await
        }
        Ok(()) if claims::is_still_granted(ctx, tenant, connection, binding) => {
            if has_waited && ctx.registry.lacks_credentials(tenant) {
                let note = "the credentials of the LogtoTenant are gone or do not work any more, so its claims name the role still";
                ctx.event(&**binding, EventType::Warning, "LeftBehind", note)
                    .await;
                ctx.forget(&**binding);
                return Ok(Action::await_change());
            }
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
                ctx.triggers.tenant(tenant);
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

/// Whether an instance that does not take the binding did once: the binding's mark is in the tenant. Where that can not
/// be seen the status tells.
fn was_taken(
    binding: &HasuraRoleBinding,
    ctx: &Context,
    instance: Option<&HasuraInstance>,
) -> bool {
    let tenant = instance.map(tenant_key);
    let grace = ctx.clocks.release_after;
    let Some(connection) = tenant.and_then(|tenant| ctx.registry.for_cleanup(&tenant, grace))
    else {
        return policy::binding_was_taken(binding);
    };
    let Key { namespace, name } = key(binding);
    let marks = ctx.owner.marks(&namespace, &name, &binding.spec);
    connection
        .session
        .observe(|observed| observed.bears(&marks))
}

fn is_live(ctx: &Context, tenant: &Key) -> bool {
    let tenant = ctx.stores.tenant(tenant);
    tenant.is_some_and(|tenant| !deleting(&*tenant))
}

/// Hands off: what is in Logto stays as it is. Where the binding alone is held its grant ends all the same, for the
/// claims are its instance's.
async fn untouched(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    instance: Option<&HasuraInstance>,
    tenant: &Key,
    above: Hands,
) -> Result<Action, Error> {
    let entry = ctx.registry.get(tenant);
    let connection = entry.and_then(|entry| entry.connection);
    if let Some(connection) = &connection {
        let ends =
            above == Hands::Manage && claims::is_still_granted(ctx, tenant, connection, binding);
        // Without an instance only a binding that is still there tells which grant is to go.
        if ends && instance.is_none() && deleting_for(&**binding) < ctx.clocks.release_after {
            let message = "waits for the claims that name its role to be deployed without it";
            return Err(held(binding, ctx, message.to_owned(), ctx.clocks.claims_pause).await);
        }
        connection.claims.forget(&key(&**binding));
    }
    let status = binding.status.as_ref();
    if let Some(role) = status.and_then(|status| status.role.as_ref()) {
        let claims = match (above, instance.is_some_and(grants_by_name)) {
            (Hands::Manage, true) => {
                ". In mode Webhook it still works by its name: take it away from its holders, or rename it"
            }
            (Hands::Manage, false) => ". The claims, which are its instance's, name it no longer",
            (Hands::Observe | Hands::Off, _) => ", and so do the claims",
        };
        let note = format!(
            "the role {:?} stays in Logto as it is, because spec.suspend is true or spec.managementPolicy is Observe, here or above{claims}",
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
    instance: Option<&HasuraInstance>,
    tenant: &Key,
) -> Result<Action, Error> {
    let waited = deleting_for(&**binding);
    let made = binding
        .status
        .as_ref()
        .filter(|status| status.role.is_some() || status.scope.is_some());
    // What was made may stand in no status, if the operator ended right then: only the tenant itself can tell, also when
    // its credentials are refused for a while.
    let may_tell = instance.is_some_and(|instance| {
        ctx.stores.consent_to_instance(instance) != Consent::Withheld
            && ctx.stores.tenant(tenant).is_some()
    });
    if waited < ctx.clocks.release_after && (made.is_some() || may_tell) {
        let message = format!(
            "waits for LogtoTenant {:?} to clean up in Logto, until {} s after the deletion",
            tenant.name,
            ctx.clocks.release_after.as_secs()
        );
        return Err(held(binding, ctx, message, ctx.clocks.release_after - waited).await);
    }
    left_behind(binding, ctx, tenant).await
}

/// Says what is left in Logto for want of a way there.
async fn left_behind(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    tenant: &Key,
) -> Result<Action, Error> {
    let status = binding.status.as_ref();
    let made = status.filter(|status| status.role.is_some() || status.scope.is_some());
    if let Some(status) = made {
        let role = status.role.as_ref().map_or("-", |role| role.id.as_str());
        let scope = status.scope.as_ref().map_or("-", |scope| scope.id.as_str());
        let note = format!(
            "LogtoTenant {:?} or its credentials are gone, or do not work any more, so these are left in Logto: role {role}, scope {scope}",
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
                match &role {
                    Some(role) => tell(binding, ctx, &release, role, (keeps, holders)).await,
                    None => tell_unproved(binding, ctx, &release, session).await,
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
    let Some(id) = id else {
        return Ok(Holders::Nobody);
    };
    let (holders, held) = session.holders_beside(kind, (&id, role), &own).await?;
    let stays = session.observe(|observed| release.keeps_role(holders, observed));
    if stays {
        for subject in held {
            session.unassign(kind, &id, &subject).await?;
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
    let marks = |binding: &HasuraRoleBinding| {
        let Key { namespace, name } = key(binding);
        ctx.owner.marks(&namespace, &name, &binding.spec)
    };
    let own = marks(binding);
    let status = binding.status.as_ref();
    let remembered = || {
        let id = &status?.scope.as_ref()?.resource_id;
        session.observe(|observed| Some(observed.resource_by_id(id)?.0.to_owned()))
    };
    // With an API resource its scopes go, and of one that is gone nobody knows the indicator: the role is left.
    let indicator = instance
        .map(|instance| instance.spec.api_resource.indicator.clone())
        .or_else(remembered)
        .unwrap_or_default();
    let named = || Some(status?.role.as_ref()?.name.clone());
    let given = binding.spec.logto_role.name.clone();
    let marked = || session.observe(|observed| Some(observed.marked_role(&own)?.to_owned()));
    let role_name = instance
        .map(|instance| role_name(binding, &instance.spec))
        .or(given)
        .or_else(named)
        .or_else(marked)?;
    let successor = instance.and_then(|instance| rivals::successor(&ctx.stores, binding, instance));
    Some(Release {
        marks: own,
        policy: binding.spec.deletion_policy,
        indicator,
        scope_name: binding.spec.scope.name.clone(),
        role_name,
        successor: successor.map(|successor| marks(&successor)),
        grants_by_name: instance.is_some_and(grants_by_name),
    })
}

/// Whether an instance's roles work by their names, which Hasura asks Logto for.
fn grants_by_name(instance: &HasuraInstance) -> bool {
    webhook::is_asked_for(instance) || webhook::is_switched(instance)
}

async fn carry_out(session: &Session, steps: &[Step]) -> Result<(), logto::Error> {
    for step in steps {
        session.execute(step).await?;
    }
    Ok(())
}
