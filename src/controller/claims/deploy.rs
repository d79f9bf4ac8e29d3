//! One kind of script, from what is wanted to what Logto has stored: planned, proved, written, read back.

use std::collections::BTreeMap;

use kube::runtime::events::EventType;
use serde_json::Value;

use super::{
    kept,
    wanted::{View, Wanted},
};
use crate::{
    api::{LogtoTenant, conditions::reasons},
    controller::{
        context::{Context, key},
        policy::{self, Hands},
        registry::Connection,
        status::Verdict,
    },
    domain::claims::{
        entry::Entry,
        plan::{Plan, Refused, Stored, Wish, Write, plan},
        program::Kind,
        proof, script,
    },
    logto::{self, DryRunResult, PlanLimit},
};

/// Plans that one visit makes after the first: each follows something that changed under its feet.
pub(super) const MOST_ROUNDS: usize = 3;

/// One tenant's view.
pub struct Deployment<'a> {
    /// What all visits share.
    pub ctx: &'a Context,
    /// The LogtoTenant.
    pub tenant: &'a LogtoTenant,
    /// Its connection.
    pub connection: &'a Connection,
}

/// What came of one kind of script.
pub enum Deployed {
    /// It is as it should be, but for these instances.
    Yes(BTreeMap<String, Verdict>),
    /// It is not; why, and what is wrong with single instances.
    No(Verdict, BTreeMap<String, Verdict>),
    /// It is to be written, but not yet.
    Waits,
}

impl Deployment<'_> {
    /// Brings one kind of script to what is wanted, unless a write has to wait.
    ///
    /// # Errors
    /// Those that speak of the way to Logto; a refusal is a verdict.
    pub async fn deploy(&self, kind: Kind, may_write: bool) -> Result<Deployed, logto::Error> {
        match self.converge(kind, may_write).await {
            Err(
                error @ (logto::Error::Plan {
                    limit: PlanLimit::Plan(_) | PlanLimit::System(_),
                    ..
                }
                | logto::Error::Stop { .. }
                | logto::Error::NotFound { .. }
                | logto::Error::Reread { .. }),
            ) => {
                let message = format!("the {} script: {error}", in_words(kind));
                let reason = match error {
                    logto::Error::Plan { .. } => reasons::PLAN_LIMIT,
                    _ => reasons::LOGTO_REFUSED,
                };
                Ok(Deployed::No(
                    Verdict::Stalled(reason, message),
                    BTreeMap::new(),
                ))
            }
            result => result,
        }
    }

    async fn converge(&self, kind: Kind, may_write: bool) -> Result<Deployed, logto::Error> {
        let ledger = &self.connection.claims;
        let client = self.connection.session.client();
        for _ in 0..=MOST_ROUNDS {
            let stored = ledger.stored().unwrap_or_default();
            let (planned, troubles) = match self.plan(kind, stored.of(kind), false).await {
                Ok(planned) => planned,
                Err(verdict) => return Ok(Deployed::No(verdict, BTreeMap::new())),
            };
            let Some(write) = &planned.write else {
                return Ok(finished(kind, &planned, troubles));
            };
            if !may_write {
                return Ok(Deployed::Waits);
            }
            if let Write::Put(script) = write
                && let Err(verdict) = self.prove(kind, stored.of(kind), script).await?
            {
                return Ok(Deployed::No(verdict, troubles));
            }
            // Nothing is written on the word of what was read before: another operator writes the same script, and may have
            // done so while this one was proved. What it took out would come back.
            let now = client.custom_jwts().await?;
            let stands = now.of(kind) == stored.of(kind);
            ledger.put_stored(now, &self.ctx.owner);
            if !stands {
                continue;
            }
            ledger.put_written();
            if let Err(verdict) = self.keep(kind, &planned).await {
                return Ok(Deployed::No(verdict, troubles));
            }
            let expected = match write {
                Write::Put(script) => {
                    client.put_custom_jwt(kind, script).await?;
                    Some(script)
                }
                Write::Delete => {
                    client.delete_custom_jwt(kind).await?;
                    None
                }
            };
            let name = key(self.tenant).to_string();
            self.ctx.metrics.wrote_script(&name);
            let now = client.custom_jwts().await?;
            let is_kept = now.of(kind) == expected;
            ledger.put_stored(now, &self.ctx.owner);
            ledger.look_again();
            if is_kept {
                return Ok(finished(kind, &planned, troubles));
            }
        }
        let message = format!(
            "the {} script was written {MOST_ROUNDS} times, but each time Logto gave another one back: find out who else writes it",
            in_words(kind)
        );
        Ok(Deployed::No(
            Verdict::Waiting(reasons::SCRIPT_NOT_KEPT, message),
            BTreeMap::new(),
        ))
    }

    /// The entries that should be deployed.
    pub(super) fn wanted(&self, kind: Kind, stored: Option<&Stored>, foreseen: bool) -> Wanted {
        let tenant = key(self.tenant);
        let view = View {
            ctx: self.ctx,
            tenant: &tenant,
            connection: self.connection,
            kind,
            wrapped: stored.is_some_and(|stored| is_wrapping(kind, stored)),
            foreseen,
        };
        let deployed = stored.map(|stored| stored.entries(&self.ctx.owner));
        let deployed = deployed.unwrap_or_default();
        if foreseen || policy::of_tenant(self.tenant) == Hands::Manage {
            return view.wanted(&deployed);
        }
        Wanted {
            entries: view.still_allowed(&deployed),
            troubles: BTreeMap::new(),
        }
    }

    pub(super) async fn plan(
        &self,
        kind: Kind,
        stored: Option<&Stored>,
        foreseen: bool,
    ) -> Result<(Plan, BTreeMap<String, Verdict>), Verdict> {
        let Wanted {
            entries,
            mut troubles,
        } = self.wanted(kind, stored, foreseen);
        let entries: Vec<Entry> = entries.into_values().collect();
        let kept = self.kept(kind, stored, entries.is_empty()).await?;
        let planned = plan(
            &Wish {
                kind,
                owner: &self.ctx.owner,
                entries: &entries,
                existing: self.tenant.spec.custom_claims.existing_script,
                kept: kept.as_deref(),
            },
            stored,
        );
        for indicator in &planned.taken {
            troubles.insert(indicator.clone(), taken(indicator));
        }
        Ok((planned, troubles))
    }

    /// The text that comes back when the operator's script goes.
    pub(super) async fn kept(
        &self,
        kind: Kind,
        stored: Option<&Stored>,
        goes: bool,
    ) -> Result<Option<String>, Verdict> {
        let replaced = stored.is_some_and(|stored| {
            matches!(
                script::read(kind, Some(&stored.script)),
                script::Deployed::Ours {
                    replaced: Some(_),
                    ..
                } | script::Deployed::Older {
                    replaced: Some(_),
                    ..
                }
            )
        });
        if goes && replaced {
            return kept::read(self.ctx, self.tenant, kind).await;
        }
        Ok(None)
    }

    /// Keeps the text that a write replaces.
    async fn keep(&self, kind: Kind, planned: &Plan) -> Result<(), Verdict> {
        let Some(text) = &planned.replaces else {
            return Ok(());
        };
        kept::keep(self.ctx, self.tenant, kind, text).await?;
        let note = format!(
            "the {} script that somebody else wrote was replaced; its text is in a ConfigMap beside this object",
            in_words(kind)
        );
        self.ctx
            .event(self.tenant, EventType::Normal, "ScriptReplaced", &note)
            .await;
        Ok(())
    }

    /// Lets Logto run the script for made-up tokens of each instance whose claims change; of all, when the program does.
    async fn prove(
        &self,
        kind: Kind,
        stored: Option<&Stored>,
        script: &Stored,
    ) -> Result<Result<(), Verdict>, logto::Error> {
        let client = self.connection.session.client();
        let same_program = stored.is_some_and(|stored| stored.script == script.script);
        let before = stored.map(|stored| stored.entries(&self.ctx.owner));
        let before = before.unwrap_or_default();
        let theirs = wrapped(kind, script);
        let mut unchecked = theirs.as_deref().filter(|_| !same_program);
        for (at, entry) in script.entries(&self.ctx.owner) {
            if same_program && before.get(&at) == Some(&entry) {
                continue;
            }
            for example in proof::examples(kind, &self.ctx.owner, &entry, script) {
                if let Some(text) = unchecked.take() {
                    let check = with_script(&example.request, &script::parse_check(text));
                    if client.dry_run(&check).await? == DryRunResult::Failed {
                        return Ok(Err(refused(
                            kind,
                            "the script that somebody else wrote does not parse by itself, so it can not be wrapped; mend it, or set customClaims.existingScript to Replace",
                        )));
                    }
                }
                let result = client.dry_run(&example.request).await?;
                let agrees = match (&result, &theirs) {
                    (DryRunResult::Claims(claims), _) => example.agrees(claims),
                    (_, None) => false,
                    // Somebody's script may refuse whom it does not know; it has to do so by itself too.
                    (_, Some(text)) => {
                        client.dry_run(&with_script(&example.request, text)).await? == result
                    }
                };
                if !agrees {
                    let what = format!(
                        "Logto's dry run for {:?} and {} did not give the claims that it should",
                        entry.aud, example.whose
                    );
                    return Ok(Err(refused(kind, &what)));
                }
            }
        }
        Ok(Ok(()))
    }
}

fn refused(kind: Kind, what: &str) -> Verdict {
    let message = format!("the {} script is not deployed: {what}", in_words(kind));
    Verdict::Stalled(reasons::SCRIPT_REFUSED, message)
}

fn with_script(request: &Value, script: &str) -> Value {
    let mut request = request.clone();
    request["script"] = Value::from(script);
    request
}

/// What there is to say of an audience that somebody else's entry names too.
pub(super) fn taken(indicator: &str) -> Verdict {
    let message = format!(
        "another installation of the operator publishes claims for {indicator:?} in this tenant: let only one of them have it"
    );
    Verdict::Stalled(reasons::AUDIENCE_TAKEN, message)
}

pub(super) fn finished(
    kind: Kind,
    planned: &Plan,
    troubles: BTreeMap<String, Verdict>,
) -> Deployed {
    let Some(refused) = &planned.refused else {
        return Deployed::Yes(troubles);
    };
    let reason = match refused {
        Refused::ForeignScript | Refused::MarkInScript => reasons::FOREIGN_SCRIPT,
        Refused::Damaged => reasons::SCRIPT_DAMAGED,
        Refused::BodyTooLarge { .. } => reasons::CLAIMS_TOO_LARGE,
    };
    let message = format!("the {} script: {refused}", in_words(kind));
    Deployed::No(Verdict::Stalled(reason, message), troubles)
}

pub(super) fn is_wrapping(kind: Kind, stored: &Stored) -> bool {
    wrapped(kind, stored).is_some()
}

/// Somebody else's script inside the operator's.
fn wrapped(kind: Kind, stored: &Stored) -> Option<String> {
    match script::read(kind, Some(&stored.script)) {
        script::Deployed::Ours { wrapped, .. } | script::Deployed::Older { wrapped, .. } => wrapped,
        _ => None,
    }
}

pub(super) fn in_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Users => "user token",
        Kind::Machines => "machine token",
    }
}
