//! The end of a tenant: its claims leave the scripts.

use kube::{ResourceExt, runtime::events::EventType};

use super::{
    deploy::{Deployment, MOST_ROUNDS, in_words},
    policy_for,
};
use crate::{
    api::{LogtoTenant, conditions::types, tenant::ClaimsPolicy},
    controller::{
        context::{Context, deleting_for, key},
        status::{Verdict, is_true},
        visit,
    },
    domain::claims::{
        plan::{Wish, Write, plan},
        program::Kind,
    },
    logto,
};

/// Takes the operator's claims out of the scripts of a tenant that is being deleted; what was there before comes back.
///
/// # Errors
/// [`visit::Error::Held`] while Logto can not be reached; when nothing is known of the way to it, only for a while.
pub async fn withdraw(ctx: &Context, tenant: &LogtoTenant) -> Result<(), visit::Error> {
    let entry = ctx.registry.get(&key(tenant));
    let entry = entry.filter(|entry| Some(&entry.uid) == tenant.uid().as_ref());
    if entry
        .as_ref()
        .is_some_and(|entry| !entry.rivalry.is_ready())
    {
        // The scripts are for another LogtoTenant to write, which stands for the tenant.
        return Ok(());
    }
    let Some(connection) = entry.and_then(|entry| entry.connection) else {
        return without_connection(ctx, tenant).await;
    };
    let deployment = Deployment {
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
            Err(NotWithdrawn::Refused(why)) => why,
            // Credentials that were taken away first do not come back; a Logto that is merely down does.
            Err(NotWithdrawn::Credentials(why))
                if deleting_for(tenant) >= ctx.clocks.release_after =>
            {
                why
            }
            Err(NotWithdrawn::Credentials(why) | NotWithdrawn::NotNow(why)) => {
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

impl Deployment<'_> {
    /// Takes the operator's entries out of one kind of script.
    async fn withdraw(&self, kind: Kind) -> Result<(), NotWithdrawn> {
        let client = self.connection.session.client();
        let ledger = &self.connection.claims;
        for _ in 0..MOST_ROUNDS {
            let scripts = client.custom_jwts().await?;
            let stored = scripts.of(kind);
            let kept = self
                .kept(kind, stored, true)
                .await
                .map_err(NotWithdrawn::from)?;
            let wish = Wish {
                kind,
                owner: &self.ctx.owner,
                entries: &[],
                existing: self.tenant.spec.custom_claims.existing_script,
                kept: kept.as_deref(),
            };
            match plan(&wish, stored).write {
                None => {
                    // What is cleaned up after the tenant asks whether it is still granted.
                    ledger.put_stored(scripts, &self.ctx.owner);
                    // Nobody looks once the tenant is gone, so it stays for as long as the other one's write may take.
                    if ledger.is_shared()
                        && ledger.time_to_look().is_some_and(|wait| !wait.is_zero())
                    {
                        let why =
                            "another operator writes the same script, so it is read once more";
                        return Err(NotWithdrawn::NotNow(why.to_owned()));
                    }
                    return Ok(());
                }
                Some(Write::Put(script)) => client.put_custom_jwt(kind, &script).await?,
                Some(Write::Delete) => client.delete_custom_jwt(kind).await?,
            }
            ledger.look_again();
        }
        let why = format!("somebody else keeps writing the {} script", in_words(kind));
        Err(NotWithdrawn::Refused(why))
    }
}

/// Why the operator's claims are still in a script.
enum NotWithdrawn {
    /// A retry would not help.
    Refused(String),
    /// The credentials do not work any more.
    Credentials(String),
    /// A retry may help.
    NotNow(String),
}

impl From<logto::Error> for NotWithdrawn {
    fn from(error: logto::Error) -> Self {
        let why = error.to_string();
        match error {
            logto::Error::Stop { .. } => Self::Refused(why),
            logto::Error::Credentials { .. } => Self::Credentials(why),
            _ => Self::NotNow(why),
        }
    }
}

impl From<Verdict> for NotWithdrawn {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Waiting(_, why) => Self::NotNow(why),
            Verdict::Stalled(_, why) | Verdict::Ready(why) | Verdict::Observed(why) => {
                Self::Refused(why)
            }
            Verdict::Starting | Verdict::Suspended => Self::NotNow(String::new()),
        }
    }
}
