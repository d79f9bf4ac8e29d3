//! Which LogtoTenant stands for a tenant, when several announce the same issuer.
//!
//! Whose own the issuer is, is asked for only then, since it takes requests, and remembered with the connection.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use futures::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{
    context::{Context, created, deleting, key},
    registry::{Connection, lock},
    resync, rivals,
    status::Verdict,
};
use crate::{
    api::{LogtoTenant, LogtoTenantStatus, conditions::reasons},
    domain::precedence::{Claim, Claimant, losers},
    logto::Doubt,
};

/// Whether a connection's Logto is the one whose issuer it announces, as far as that was asked.
#[derive(Default)]
pub struct Proof {
    /// One attempt at a time.
    turn: tokio::sync::Mutex<()>,
    last: Mutex<Option<Found>>,
}

#[derive(Clone)]
struct Found {
    result: Result<(), Doubt>,
    at: Instant,
    /// When it may be asked again.
    due: Instant,
}

/// When a proof is asked for although there may be one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Never: a rival's server may take its time, and looks after its own proof.
    Unknown,
    /// When it is due.
    Due,
    /// At once.
    Now,
}

/// Two LogtoTenants for one tenant would have two budgets and two snapshots of it, so one of them yields: first one that
/// is not proved to be what it announces.
pub async fn rivalry(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    now: bool,
) -> Verdict {
    let rivals = rivals_of(ctx, tenant, connection);
    if rivals.is_empty() {
        return Verdict::Ready(String::new());
    }
    let when = if now { When::Now } else { When::Due };
    let theirs = rivals
        .iter()
        .map(|(rival, connection)| proof(ctx, rival, connection, When::Unknown));
    let (own, theirs) = tokio::join!(proof(ctx, tenant, connection, when), join_all(theirs));
    let issuer = &connection.session.client().discovery().issuer;
    let mut claimants = vec![claimant(tenant, issuer, own.is_ok())];
    for ((rival, _), proof) in rivals.iter().zip(theirs) {
        claimants.push(claimant(rival, issuer, proof.is_ok()));
    }
    let Some(lost) = losers(claimants).remove(&key(tenant)) else {
        return Verdict::Ready(String::new());
    };
    let verdict = rivals::verdict(&lost, &tenant.namespace().unwrap_or_default());
    match (verdict, own) {
        (Verdict::Stalled(reason, message), Err(doubt)) => {
            let message = format!(
                "{message}. It is not proved that this one is the Logto whose issuer it announces, and who is goes before: \
                 {doubt}"
            );
            Verdict::Stalled(reason, message)
        }
        (verdict, _) => verdict,
    }
}

/// The other LogtoTenants for the same tenant. Only who has working credentials is believed to stand for one.
fn rivals_of(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
) -> Vec<(Arc<LogtoTenant>, Arc<Connection>)> {
    let own = key(tenant);
    let issuer = &connection.session.client().discovery().issuer;
    let mut found = Vec::new();
    for (other, entry) in ctx.registry.all() {
        let connected = entry.connection.filter(|_| entry.credentials.is_ready());
        let (Some(rival), Some(connected)) = (ctx.stores.tenant(&other), connected) else {
            continue;
        };
        let is_same = &connected.session.client().discovery().issuer == issuer
            && rival.uid().as_ref() == Some(&entry.uid)
            && rival.spec.tenant_id == tenant.spec.tenant_id;
        if is_same && other != own {
            found.push((rival, connected));
        }
    }
    found
}

fn claimant(tenant: &LogtoTenant, issuer: &str, proved: bool) -> Claimant {
    // One that lost was connected too, but holds nothing.
    let holds = |status: &LogtoTenantStatus| {
        let lost = |condition: &Condition| condition.reason == reasons::TENANT_TAKEN;
        status.issuer.is_some() && !status.conditions.iter().any(lost)
    };
    Claimant {
        key: key(tenant),
        native: true,
        marked: false,
        proved,
        created: created(tenant),
        established: tenant.status.as_ref().is_some_and(holds),
        deleting: deleting(tenant),
        claims: vec![Claim::Tenant(
            issuer.to_owned(),
            tenant.spec.tenant_id.clone(),
        )],
    }
}

/// What is known of a connection's issuer, or what is found out now.
async fn proof(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    when: When,
) -> Result<(), Doubt> {
    let proof = &connection.issuer;
    let asked = Instant::now();
    let before = lock(&proof.last).clone();
    if let Some(found) = before.filter(|found| match when {
        When::Unknown => true,
        When::Due => asked < found.due,
        When::Now => false,
    }) {
        return found.result;
    }
    let _turn = proof.turn.lock().await;
    // Who waited for another's attempt takes what that one found.
    let before = lock(&proof.last).clone();
    if let Some(found) = before.as_ref().filter(|found| found.at >= asked) {
        return found.result.clone();
    }
    // Whoever waits for this, a rival's slow server keeps nobody longer than one request.
    let client = connection.session.client();
    let attempt = client.prove_issuer(tenant.spec.allow_plain_http, &ctx.allowed_hosts);
    let attempt = tokio::time::timeout(ctx.clocks.request_timeout, attempt).await;
    let attempt = attempt.unwrap_or(Err(Doubt::Slow));
    let found = found(ctx, tenant, before, attempt);
    *lock(&proof.last) = Some(found.clone());
    found.result
}

/// What an attempt comes to. An answer that does not come just now does not make an earlier proof worse.
fn found(
    ctx: &Context,
    tenant: &LogtoTenant,
    before: Option<Found>,
    attempt: Result<(), Doubt>,
) -> Found {
    let is_passing = attempt.as_ref().is_err_and(Doubt::is_passing);
    let pause = if is_passing {
        ctx.clocks.credentials_retry
    } else {
        resync::period(ctx, tenant)
    };
    let result = match before {
        Some(before) if is_passing && before.result.is_ok() => Ok(()),
        _ => attempt,
    };
    let at = Instant::now();
    Found {
        result,
        at,
        due: at + pause,
    }
}
