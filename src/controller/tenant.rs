//! LogtoTenant: the connection, and the comparison of the whole tenant with what it should hold.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kube::{
    Api, ResourceExt,
    runtime::{
        controller::Action,
        events::EventType,
        finalizer::{Event, finalizer},
    },
};

use super::{
    announced, api_resource, claims, connect,
    context::{Context, Reread, deleting, deleting_for, key},
    issuer, keys,
    observe::Seen,
    policy::{self, Hands},
    recheck::{self, connected},
    registry::{Entry, lock},
    resync, sign_in,
    status::{self, Detail, Verdict},
    visit::{self, Error, Next, Outcome},
    webhook, withdrawal,
};
use crate::{
    api::{FINALIZER, LogtoTenant, LogtoTenantStatus, conditions::types},
    domain::precedence::Key,
};

/// So that clocks that are due at the same moment make one visit.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// Visits a tenant.
///
/// # Errors
/// When the API server fails; Logto's failures end in the status.
pub async fn reconcile(tenant: Arc<LogtoTenant>, ctx: Arc<Context>) -> Result<Action, Error> {
    let api = Api::namespaced(ctx.client.clone(), &tenant.namespace().unwrap_or_default());
    let visit = |event| async {
        match event {
            Event::Apply(tenant) => apply(&tenant, &ctx).await,
            Event::Cleanup(tenant) => cleanup(&tenant, &ctx).await,
        }
    };
    Ok(finalizer(&api, FINALIZER, tenant, visit).await?)
}

async fn apply(tenant: &LogtoTenant, ctx: &Context) -> Result<Action, Error> {
    let first_status = |conditions, generation| LogtoTenantStatus {
        conditions,
        observed_generation: Some(generation),
        ..LogtoTenantStatus::default()
    };
    let tenant = visit::begin(ctx, tenant, first_status).await?;
    let hands = policy::of_tenant(&tenant);
    if hands == Hands::Off && !withdrawal::is_due(ctx, &tenant) {
        return suspended(&tenant, ctx).await;
    }
    let reread = ctx.reread_asked(&tenant);
    let before = ctx
        .registry
        .get(&key(&tenant))
        .filter(|entry| Some(&entry.uid) == tenant.uid().as_ref());
    let mut entry = connected(ctx, &tenant, before.clone(), reread == Reread::Now).await;
    if let Some(connection) = &entry.connection {
        let now = reread == Reread::Now
            || before
                .as_ref()
                .is_some_and(|before| before.generation != entry.generation);
        entry.rivalry = issuer::rivalry(ctx, &tenant, connection, now).await;
    }
    let claims_due = compare(ctx, &tenant, &mut entry, reread == Reread::Now).await;
    let news = before.as_ref().is_none_or(|before| is_news(before, &entry));
    ctx.registry.put(key(&tenant), entry.clone());
    if news {
        resync::wake_all(ctx, &tenant);
        for (rival, _) in ctx
            .registry
            .all()
            .iter()
            .filter(|(other, _)| other != &key(&tenant))
        {
            ctx.triggers.tenant(rival);
        }
    }
    let mut outcome = outcome(ctx, &entry, reread, claims_due);
    if hands == Hands::Off {
        return suspended(&tenant, ctx).await;
    }
    if let Some(unreadable) = policy::unreadable(&ctx.stores, policy::selects_by_labels(&tenant))
        && outcome.verdict.is_ready()
    {
        outcome.verdict = unreadable.verdict;
    }
    let mut plan = None;
    let mut in_sync = None;
    if let Some(connection) = &entry.connection
        && hands == Hands::Observe
        && outcome.verdict.is_ready()
    {
        let (steps, trouble) = claims::observe(ctx, &tenant, connection).await;
        let seen = Seen::all(steps, trouble.as_ref());
        outcome.verdict = seen.outcome.verdict;
        in_sync = seen.details.into_iter().next();
        plan = seen.plan;
    }
    let mut status = status_of(ctx, &tenant, &entry, &outcome, reread, in_sync);
    status.plan = plan;
    let said = tenant.status.clone().unwrap_or_default();
    let previous = before
        .as_ref()
        .and_then(|entry| entry.connection.as_deref());
    let changes = entry
        .connection
        .as_deref()
        .and_then(|now| announced::changes(previous, now, &said, &status));
    let action = visit::end(ctx, &tenant, status, &outcome).await?;
    // Only once the status says so too: an event is not repeated then.
    if let Some(changes) = changes {
        ctx.event(&tenant, EventType::Warning, "LogtoChanged", &changes)
            .await;
    }
    Ok(action)
}

/// Nothing is looked at.
async fn suspended(tenant: &LogtoTenant, ctx: &Context) -> Result<Action, Error> {
    let before = tenant.status.clone().unwrap_or_default();
    let generation = tenant.metadata.generation.unwrap_or_default();
    let status = LogtoTenantStatus {
        observed_generation: Some(generation),
        conditions: status::suspended(&before.conditions, generation, None),
        plan: None,
        ..before
    };
    // While a withdrawal waits for its write, it is looked after; a change of consent makes a visit by itself.
    let next = if withdrawal::is_due(ctx, tenant) {
        Next::After(ctx.clocks.claims_pause.max(Duration::from_secs(1)))
    } else {
        Next::Change
    };
    let outcome = Outcome {
        verdict: Verdict::Suspended,
        next,
    };
    visit::end(ctx, tenant, status, &outcome).await
}

/// Compares the tenant with what it should hold, when it is time, wakes what is not as it should be, and deploys the
/// claims. Gives when to come again for claims that have to wait.
async fn compare(
    ctx: &Context,
    tenant: &LogtoTenant,
    entry: &mut Entry,
    now: bool,
) -> Option<Duration> {
    let connection = entry
        .connection
        .clone()
        .filter(|_| entry.credentials.is_ready() && entry.rivalry.is_ready())?;
    let was_down = connection.session.is_down() || !entry.reached.is_ready();
    let result = async {
        let listed = resync::list(ctx, tenant, &connection, now || was_down).await?;
        let read = resync::read_some_roles(ctx, tenant, &connection).await?;
        let claims_due = claims::publish(ctx, tenant, &connection, listed).await?;
        Ok((listed, read, claims_due))
    };
    match result.await {
        Ok((listed, read, claims_due)) => {
            entry.reached = Verdict::Ready(String::new());
            if was_down || listed {
                let checked = recheck::check_keys(ctx, tenant, &connection).await;
                (entry.keys, entry.sign_in) = checked;
                webhook::wake(ctx, tenant);
            }
            if was_down {
                resync::wake_all(ctx, tenant);
            } else if listed {
                resync::wake_drifted(ctx, tenant, &connection);
            } else {
                resync::wake_drifted_of_roles(ctx, tenant, &connection, &read);
            }
            claims_due
        }
        Err(error) => {
            connection.session.note(&error);
            entry.reached = connect::refused(&error);
            None
        }
    }
}

fn is_news(before: &Entry, after: &Entry) -> bool {
    let same_connection = match (&before.connection, &after.connection) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (before, after) => before.is_none() && after.is_none(),
    };
    let ready = |entry: &Entry| (entry.verdict().is_ready(), entry.keys.is_ready());
    !same_connection || ready(before) != ready(after)
}

fn outcome(ctx: &Context, entry: &Entry, reread: Reread, claims_due: Option<Duration>) -> Outcome {
    let verdict = match (entry.verdict(), &entry.connection) {
        (Verdict::Ready(_), Some(connection))
            if entry.keys.is_ready() && entry.sign_in.is_ready() =>
        {
            match connection.claims.verdict() {
                Verdict::Ready(_) | Verdict::Starting => Verdict::Ready(format!(
                    "connected to {}",
                    connection.session.client().discovery().issuer
                )),
                verdict => verdict,
            }
        }
        (Verdict::Ready(_), _) if !entry.keys.is_ready() => entry.keys.clone(),
        (Verdict::Ready(_), _) => entry.sign_in.clone(),
        (verdict, _) => verdict.clone(),
    };
    // While Logto does not answer, it is probed by the backoff, not by the clocks.
    if recheck::is_backed_off(entry.verdict()) {
        return Outcome {
            verdict,
            next: Next::Backoff,
        };
    }
    let mut wait = recheck::recheck_after(ctx, entry).saturating_sub(entry.secret_read.elapsed());
    if let Some(connection) = entry
        .connection
        .as_ref()
        .filter(|_| entry.verdict().is_ready())
    {
        let due = (*lock(&connection.next_listing)).min(*lock(&connection.next_reading));
        wait = wait.min(due.saturating_duration_since(Instant::now()));
    }
    if let Reread::After(pause) = reread {
        wait = wait.min(pause);
    }
    if let Some(due) = claims_due {
        wait = wait.min(due);
    }
    Outcome {
        verdict,
        next: Next::After(wait.max(SHORTEST_WAIT)),
    }
}

fn status_of(
    ctx: &Context,
    tenant: &LogtoTenant,
    entry: &Entry,
    outcome: &Outcome,
    reread: Reread,
    in_sync: Option<Detail>,
) -> LogtoTenantStatus {
    let before = tenant.status.clone().unwrap_or_default();
    let generation = tenant.metadata.generation.unwrap_or_default();
    let connection = entry.connection.as_ref();
    let issuer =
        connection.map(|connection| connection.session.client().discovery().issuer.clone());
    let previous_issuer = announced::previous_issuer(&before, issuer.as_deref());
    let since = announced::since(previous_issuer.as_deref(), issuer.as_deref());
    let mut details = vec![connected_detail(tenant, entry, &since)];
    details.extend(claims::detail(
        tenant,
        connection.map(|connection| &**connection),
    ));
    let key_set = connection.and_then(|connection| keys::key_set(connection));
    let key_set = key_set.or_else(|| before.key_set.clone());
    details.push(keys::detail(key_set.as_ref()));
    details.extend(connection.and_then(|connection| sign_in::detail(connection)));
    details.extend(in_sync);
    let sign_in_endpoints = match connection {
        Some(connection) => sign_in::rows(connection, &before),
        None => before.sign_in_endpoints.clone(),
    };
    LogtoTenantStatus {
        observed_generation: Some(generation),
        conditions: status::conditions(&before.conditions, generation, &outcome.verdict, details),
        issuer: issuer.or(before.issuer),
        previous_issuer,
        sign_in_endpoints,
        jwk_url: connection
            .map(|connection| connection.jwk_url.to_string())
            .or(before.jwk_url),
        key_set,
        retained: match connection {
            Some(connection) => api_resource::renewed(ctx, connection, before.retained),
            None => before.retained,
        },
        plan: None,
        last_handled_reconcile_at: visit::handled(tenant, reread),
    }
}

fn connected_detail(tenant: &LogtoTenant, entry: &Entry, since: &str) -> Detail {
    let (Verdict::Ready(_), Some(_)) = (entry.verdict(), &entry.connection) else {
        return Detail::ill(types::CONNECTED, entry.verdict());
    };
    let of_bundle = match &tenant.spec.ca_bundle_ref {
        None => "",
        Some(_) => {
            "; spec.caBundleRef is for the operator alone: where Hasura reaches Logto by a certificate of that CA, give its \
             pods the CA too, or they do not start"
        }
    };
    Detail::well(
        types::CONNECTED,
        format!("the credentials work, and the tenant was listed{since}{of_bundle}"),
    )
}

/// Waits for what is being deleted too, since it needs the credentials last seen, but not for ever.
async fn cleanup(tenant: &LogtoTenant, ctx: &Context) -> Result<Action, Error> {
    let tenant_key = key(tenant);
    let is_managed = policy::of_tenant(tenant) == Hands::Manage;
    let waited = deleting_for(tenant);
    // What is deleted with a tenant that is held is held too, and so goes at once.
    if waited < ctx.clocks.release_after && has_leaving_dependants(ctx, &tenant_key) {
        if is_managed
            && ctx
                .registry
                .get(&tenant_key)
                .is_none_or(|entry| entry.connection.is_none())
        {
            let entry = connected(ctx, tenant, None, true).await;
            let connected = entry.connection.is_some();
            ctx.registry.put(tenant_key, entry);
            if connected {
                resync::wake_all(ctx, tenant);
            }
        }
        return Err(Error::Held(
            (ctx.clocks.release_after - waited).min(ctx.clocks.credentials_retry),
        ));
    }
    // Before it is gone, so that nothing is visited in between that would not know what it said.
    ctx.stores.gone.tenants.note(tenant);
    if is_managed {
        claims::withdraw(ctx, tenant).await?;
        ctx.registry.retire(&tenant_key);
    } else {
        // Hands off: what is in Logto stays as it is, and whoever reads the events knows.
        let note = "nothing was taken out of Logto, because spec.suspend is true or spec.managementPolicy is Observe";
        ctx.event(tenant, EventType::Normal, "Released", note).await;
        ctx.registry.close(&tenant_key);
    }
    ctx.forget(tenant);
    Ok(Action::await_change())
}

fn has_leaving_dependants(ctx: &Context, tenant: &Key) -> bool {
    let instances = ctx.stores.instances_naming(tenant);
    instances.iter().any(|instance| deleting(&**instance))
        || !ctx.stores.leaving_bindings(tenant).is_empty()
}
