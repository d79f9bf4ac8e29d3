//! The end of a tenant: its claims leave the scripts.

use kube::{ResourceExt, runtime::events::EventType};

use super::{deploy, policy_for};
use crate::{
    api::{LogtoTenant, conditions::types, tenant::ClaimsPolicy},
    controller::{
        context::{Context, deleting_for, key},
        status::is_true,
        visit,
    },
    domain::claims::program::Kind,
};

/// Takes the operator's claims out of the scripts of a tenant that is being deleted; what was there before comes back.
///
/// # Errors
/// [`visit::Error::Held`] while Logto can not be reached; when nothing is known of the way to it, only for a while.
pub async fn withdraw(ctx: &Context, tenant: &LogtoTenant) -> Result<(), visit::Error> {
    let entry = ctx.registry.get(&key(tenant));
    let entry = entry.filter(|entry| Some(&entry.uid) == tenant.uid().as_ref());
    let Some(connection) = entry
        .filter(|entry| entry.rivalry.is_ready())
        .and_then(|entry| entry.connection)
    else {
        return without_connection(ctx, tenant).await;
    };
    let deployment = deploy::Deployment {
        ctx,
        tenant,
        connection: &connection,
    };
    for kind in Kind::ALL {
        if policy_for(tenant, kind) == ClaimsPolicy::Ignore {
            continue;
        }
        let why = match deployment.withdraw(kind).await {
            Ok(()) => continue,
            Err(deploy::NotWithdrawn::Refused(why)) => why,
            // Credentials that were taken away first do not come back; a Logto that is merely down does.
            Err(deploy::NotWithdrawn::Credentials(why))
                if deleting_for(tenant) >= ctx.clocks.release_after =>
            {
                why
            }
            Err(deploy::NotWithdrawn::Credentials(why) | deploy::NotWithdrawn::NotNow(why)) => {
                tracing::warn!(tenant = %key(tenant), why, "the claims could not be taken back; it is tried again");
                let wait = ctx.backoff.next(&tenant.uid().unwrap_or_default());
                return Err(visit::Error::Held(wait));
            }
        };
        let note = format!("the claims stay in Logto: {why}");
        ctx.event(tenant, EventType::Warning, "LeftBehind", &note)
            .await;
    }
    Ok(())
}

/// The credentials went first: the claims are left, and said, after a while.
async fn without_connection(ctx: &Context, tenant: &LogtoTenant) -> Result<(), visit::Error> {
    if !is_true(tenant, types::CLAIMS_DEPLOYED) {
        return Ok(());
    }
    let waited = deleting_for(tenant);
    if waited < ctx.clocks.release_after {
        let wait = (ctx.clocks.release_after - waited).min(ctx.clocks.credentials_retry);
        return Err(visit::Error::Held(wait));
    }
    let note = "the credentials are gone, so the operator's claims are left in the Custom JWT scripts of Logto";
    ctx.event(tenant, EventType::Warning, "LeftBehind", note)
        .await;
    Ok(())
}
