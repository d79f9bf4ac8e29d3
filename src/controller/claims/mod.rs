//! The claims of a tenant's tokens: gathered from its instances and bindings, proved, and deployed by one writer.
//!
//! Bindings note in the [`Ledger`] what they grant; the tenant's visit, of which there is one at a time, makes the
//! entries of all instances (`wanted`) and deploys them (`deploy`): the first change at once, then at most one write in
//! ten seconds, however many bindings arrive. A binding is told with [`grant`] whether what it grants is deployed.

mod deploy;
mod foresee;
mod kept;
mod ledger;
mod observe;
mod publication;
mod title;
mod wanted;
mod withdraw;

use std::{collections::BTreeMap, time::Duration};

pub use foresee::{of_binding, of_instance};
pub use ledger::Ledger;
pub use observe::observe;
pub use publication::{
    Publication, foresee, grant, ignored, is_still_granted, is_still_named, names_binding,
    outlives_consent, refuse, refuse_if_connected,
};
pub use withdraw::withdraw;

use super::{
    context::{Context, key},
    policy::{self, Hands},
    registry::Connection,
    status::{Detail, Verdict},
    stores::tenant_key,
};
use crate::{
    api::{
        HasuraInstance, LogtoTenant,
        conditions::{reasons, types},
        tenant::ClaimsPolicy,
    },
    domain::{
        claims::{plan::Stored, program::Kind},
        consent::Consent,
        precedence::Key,
    },
    logto,
};

/// Whether the operator is to deploy the script for these tokens.
pub fn policy_for(tenant: &LogtoTenant, kind: Kind) -> ClaimsPolicy {
    let policies = &tenant.spec.custom_claims;
    match kind {
        Kind::Users => policies.users,
        Kind::Machines => policies.machines,
    }
}

/// Reads the scripts when they were not read yet or `reread` asks for it, and deploys what is wanted. Gives when to come
/// again for what waits.
///
/// # Errors
/// Those of the requests.
pub async fn publish(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    reread: bool,
) -> Result<Option<Duration>, logto::Error> {
    let managed: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| policy_for(tenant, *kind) == ClaimsPolicy::Manage)
        .collect();
    let ledger = &connection.claims;
    if managed.is_empty() {
        ledger.settle(Verdict::Ready(String::new()), BTreeMap::new());
        return Ok(None);
    }
    let is_first = ledger.stored().is_none();
    let is_time_to_look = ledger.time_to_look().is_some_and(|wait| wait.is_zero());
    if is_time_to_look || reread || is_first {
        let stored = connection.session.client().custom_jwts().await?;
        ledger.looked();
        // A process that ended right after a write could not look any more.
        if is_first
            && Kind::ALL
                .into_iter()
                .any(|kind| is_shared(ctx, stored.of(kind)))
        {
            ledger.look_again();
        }
        ledger.put_stored(stored, &ctx.owner);
    }
    let deployment = deploy::Deployment {
        ctx,
        tenant,
        connection,
    };
    // Where nothing is to be written, consent that was withdrawn takes effect all the same.
    let is_held = policy::of_tenant(tenant) != Hands::Manage;
    if is_held && !managed.iter().any(|kind| deployment.has_withdrawn(*kind)) {
        ledger.begin();
        let settled = ledger.settle(Verdict::Ready(String::new()), BTreeMap::new());
        wake(ctx, &key(tenant), &settled);
        return Ok(None);
    }
    let wait = ledger.wait(ctx.clocks.claims_pause);
    if ledger.is_changed() && !wait.is_zero() {
        return Ok(Some(wait));
    }
    // What changes from here on is seen by the next visit.
    ledger.begin();
    let Some((verdict, troubles)) = deploy_all(&deployment, &managed, wait.is_zero())
        .await
        .inspect_err(|_| ledger.touch())?
    else {
        return Ok(Some(wait));
    };
    let is_passing = matches!(verdict, Verdict::Waiting(..));
    let settled = ledger.settle(verdict, troubles);
    wake(ctx, &key(tenant), &settled);
    let pause = ctx.clocks.claims_pause;
    let again = if ledger.is_changed() {
        Some(ledger.wait(pause))
    } else {
        is_passing.then_some(pause.max(Duration::from_secs(1)))
    };
    Ok(again.into_iter().chain(ledger.time_to_look()).min())
}

/// Whether something is deployed that lost its consent, in a tenant that nothing else is to be written to.
pub fn has_withdrawn(ctx: &Context, tenant: &LogtoTenant, connection: &Connection) -> bool {
    let deployment = deploy::Deployment {
        ctx,
        tenant,
        connection,
    };
    let mut kinds = Kind::ALL.into_iter();
    kinds.any(|kind| {
        policy_for(tenant, kind) == ClaimsPolicy::Manage && deployment.has_withdrawn(kind)
    })
}

fn is_shared(ctx: &Context, stored: Option<&Stored>) -> bool {
    stored.is_some_and(|stored| stored.is_shared(&ctx.owner))
}

/// What came of all scripts; none when one is to be written, but not yet.
async fn deploy_all(
    deployment: &deploy::Deployment<'_>,
    managed: &[Kind],
    may_write: bool,
) -> Result<Option<(Verdict, BTreeMap<String, Verdict>)>, logto::Error> {
    let mut verdict = Verdict::Ready(String::new());
    let mut troubles = BTreeMap::new();
    for kind in managed {
        match deployment.deploy(*kind, may_write).await? {
            deploy::Deployed::Waits => return Ok(None),
            deploy::Deployed::Yes(of_kind) => troubles.extend(of_kind),
            deploy::Deployed::No(why, of_kind) => {
                verdict = why;
                troubles.extend(of_kind);
            }
        }
    }
    Ok(Some((verdict, troubles)))
}

/// Wakes what waited for the claims, and what has a new trouble.
fn wake(ctx: &Context, tenant: &Key, settled: &ledger::Settled) {
    for instance in ctx.stores.instances_naming(tenant) {
        let indicator = &instance.spec.api_resource.indicator;
        let troubled = settled.troubles.contains(indicator);
        // One whose consent was withdrawn says until when tokens work, once the claims are without it.
        let withheld = ctx.stores.consent_to_instance(&instance) == Consent::Withheld;
        if troubled || withheld {
            ctx.triggers.instance(&instance);
        }
        for binding in ctx.stores.bindings_naming(&key(&*instance)) {
            let hands = policy::of_binding(&ctx.stores, &binding);
            if troubled || settled.verdict || !policy::is_settled(&*binding, hands) {
                ctx.triggers.binding(&binding);
            }
        }
    }
    for binding in ctx.stores.leaving_bindings(tenant) {
        ctx.triggers.binding(&binding);
    }
}

/// The tenant's condition ClaimsDeployed; none when the operator manages no script.
pub fn detail(tenant: &LogtoTenant, connection: Option<&Connection>) -> Option<Detail> {
    let managed = Kind::ALL
        .into_iter()
        .any(|kind| policy_for(tenant, kind) == ClaimsPolicy::Manage);
    if !managed {
        return None;
    }
    if policy::of_tenant(tenant) != Hands::Manage {
        return Some(Detail {
            type_: types::CLAIMS_DEPLOYED,
            status: None,
            reason: reasons::OBSERVED,
            message: "nothing is deployed with managementPolicy Observe; the condition InSync says whether something would be"
                .to_owned(),
        });
    }
    let Some(ledger) = connection.map(|connection| &connection.claims) else {
        return Some(Detail {
            type_: types::CLAIMS_DEPLOYED,
            status: None,
            reason: reasons::PROGRESSING,
            message: "comes after the connection".to_owned(),
        });
    };
    let verdict = ledger.verdict();
    let first_trouble = ledger.troubles().into_values().next();
    Some(match (verdict, first_trouble) {
        (Verdict::Ready(_), None) => Detail::well(
            types::CLAIMS_DEPLOYED,
            "the Custom JWT scripts give the claims of all instances",
        ),
        (Verdict::Ready(_), Some(trouble)) => Detail::ill(types::CLAIMS_DEPLOYED, &trouble),
        (Verdict::Starting, _) => Detail {
            type_: types::CLAIMS_DEPLOYED,
            status: None,
            reason: reasons::PROGRESSING,
            message: "not looked at yet".to_owned(),
        },
        (verdict, _) => Detail::ill(types::CLAIMS_DEPLOYED, &verdict),
    })
}

/// Notes that an instance has its API resource, and with which settings.
pub fn note_instance(ctx: &Context, connection: &Connection, instance: &HasuraInstance) {
    let generation = instance.metadata.generation.unwrap_or_default();
    let rolled_out = wanted::is_rolled_out(instance);
    if connection
        .claims
        .note_instance(key(instance), generation, rolled_out)
    {
        ctx.triggers.tenant(&tenant_key(instance));
    }
}
