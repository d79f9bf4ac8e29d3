//! When a tenant's connection is looked at again, and what comes of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kube::ResourceExt;

use super::{
    connect::{self, Attempt},
    context::{Context, key},
    keys,
    registry::{Connection, Entry},
    resync, sign_in,
    status::Verdict,
};
use crate::api::{LogtoTenant, conditions::reasons};

/// The connection as it should be: the one before, or a new one when the Secret, the spec, or what Logto announces changed.
pub async fn connected(
    ctx: &Context,
    tenant: &LogtoTenant,
    before: Option<Entry>,
    now: bool,
) -> Entry {
    let is_due = now
        || before
            .as_ref()
            .is_none_or(|entry| is_due(ctx, tenant, entry));
    let before = match before {
        Some(entry) if !is_due && !is_to_be_listed(&entry) => return entry,
        before => before,
    };
    let previous = before.as_ref().and_then(|entry| entry.connection.clone());
    let (connection, credentials) = match connect::connect(ctx, tenant, previous.as_ref()).await {
        Attempt::Connected(connection) => (Some(connection), Verdict::Ready(String::new())),
        Attempt::Failed(verdict) => (previous.clone(), verdict),
    };
    let is_new = match (&connection, &previous) {
        (Some(connection), Some(previous)) => !Arc::ptr_eq(connection, previous),
        _ => true,
    };
    let (keys, sign_in) = match (&connection, &before) {
        // The listing that comes reads them too.
        (Some(_), Some(before)) if !is_due && !is_new => {
            (before.keys.clone(), before.sign_in.clone())
        }
        (Some(connection), _) => {
            if is_new {
                resync::schedule_listing(ctx, tenant, connection);
            }
            check_keys(ctx, tenant, connection).await
        }
        (None, _) => (Verdict::Starting, Verdict::Starting),
    };
    Entry {
        uid: tenant.uid().unwrap_or_default(),
        generation: tenant.metadata.generation.unwrap_or_default(),
        connection,
        credentials,
        rivalry: Verdict::Ready(String::new()),
        reached: Verdict::Ready(String::new()),
        keys,
        sign_in,
        secret_read: Instant::now(),
    }
}

/// Whether Hasura would get the tenant's keys, and whether people sign in where they are.
pub async fn check_keys(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
) -> (Verdict, Verdict) {
    let keys = keys::check(ctx, &key(tenant), connection).await;
    (keys, sign_in::check(ctx, tenant, connection).await)
}

fn is_due(ctx: &Context, tenant: &LogtoTenant, entry: &Entry) -> bool {
    let asked = entry
        .connection
        .as_ref()
        .is_some_and(|connection| connection.take_asked() || connection.is_outdated());
    asked
        || entry.generation != tenant.metadata.generation.unwrap_or_default()
        || is_passing(&entry.credentials)
        || entry.secret_read.elapsed() >= recheck_after(ctx, entry)
}

/// Whether the tenant is compared as a whole in this visit; before that it is looked whether Logto announces what it did.
fn is_to_be_listed(entry: &Entry) -> bool {
    let connection = entry.connection.as_ref();
    entry.verdict().is_ready() && connection.is_some_and(|connection| resync::is_due(connection))
}

/// Whether a failure to connect may pass without anybody changing something.
pub fn is_passing(credentials: &Verdict) -> bool {
    let for_somebody = [reasons::SECRET_NOT_FOUND, reasons::SECRET_FORBIDDEN];
    matches!(credentials, Verdict::Waiting(reason, _) if !for_somebody.contains(reason))
}

/// Whether it is tried again by the backoff: what may pass, and a plan that is used up, which costs a request each time.
pub fn is_backed_off(verdict: &Verdict) -> bool {
    is_passing(verdict) || matches!(verdict, Verdict::Stalled(reasons::PLAN_LIMIT, _))
}

/// Credentials that are missing or refused are looked at more often.
pub fn recheck_after(ctx: &Context, entry: &Entry) -> Duration {
    let parts = [entry.verdict(), &entry.keys, &entry.sign_in];
    if parts.into_iter().all(Verdict::is_ready) {
        ctx.clocks.credentials_recheck
    } else {
        ctx.clocks.credentials_retry
    }
}
