//! What would be done to the Custom JWT scripts, in plain words, where nothing is to be written.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    deploy::{Deployed, Deployment, finished},
    policy_for,
};
use crate::{
    api::{
        LogtoTenant,
        policy::{PlannedAction, PlannedStep},
        tenant::ClaimsPolicy,
    },
    controller::{context::Context, registry::Connection, status::Verdict},
    domain::{
        claims::{
            entry::Entry,
            plan::{Stored, Write},
            program::Kind,
            script,
        },
        ownership::Owner,
    },
};

/// So many roles are named in a step.
const NAMED: usize = 10;

/// A write that is not made.
pub(super) struct Foreseen {
    /// What is stored.
    pub(super) before: Option<Stored>,
    /// What would be.
    pub(super) after: Option<Stored>,
    /// Whether somebody else's script would go into a ConfigMap.
    pub(super) replaces: bool,
}

impl Deployment<'_> {
    /// Whether something is deployed that lost its consent.
    pub fn has_withdrawn(&self, kind: Kind) -> bool {
        let stored = self.connection.claims.stored().unwrap_or_default();
        let Some(stored) = stored.of(kind) else {
            return false;
        };
        self.wanted(kind, Some(stored), false).entries != stored.entries(&self.ctx.owner)
    }

    /// What would be written if all that is only observed were managed; and what stands in the way.
    async fn foresee(&self, kind: Kind) -> (Option<Foreseen>, Option<Verdict>) {
        let stored = self.connection.claims.stored().unwrap_or_default();
        let stored = stored.of(kind);
        let planned = match self.plan(kind, stored, true).await {
            Ok((planned, _)) => planned,
            Err(verdict) => return (None, Some(verdict)),
        };
        let refusal = match finished(kind, &planned, BTreeMap::new()) {
            Deployed::No(verdict, _) => Some(verdict),
            Deployed::Yes(_) | Deployed::Waits => None,
        };
        let foreseen = planned.write.map(|write| Foreseen {
            before: stored.cloned(),
            after: match write {
                Write::Put(script) => Some(script),
                Write::Delete => None,
            },
            replaces: planned.replaces.is_some(),
        });
        (foreseen, refusal)
    }
}

/// The steps, and what stands in the way of them.
pub async fn observe(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
) -> (Vec<PlannedStep>, Option<Verdict>) {
    let deployment = Deployment {
        ctx,
        tenant,
        connection,
    };
    let (mut steps, mut trouble) = (Vec::new(), None);
    for kind in Kind::ALL {
        if policy_for(tenant, kind) == ClaimsPolicy::Ignore {
            continue;
        }
        let (foreseen, why) = deployment.foresee(kind).await;
        if let Some(foreseen) = foreseen {
            steps.extend(words(kind, &foreseen, &ctx.owner));
        }
        if let Some(Verdict::Stalled(_, message)) = &why {
            steps.push(PlannedStep {
                action: PlannedAction::Foreign,
                what: message.clone(),
            });
        }
        trouble = trouble.or(why);
    }
    (steps, trouble)
}

pub(super) fn script_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Users => "the Custom JWT script for user tokens",
        Kind::Machines => "the Custom JWT script for machine tokens",
    }
}

/// What becomes of the script's text.
pub(super) fn text_step(kind: Kind, foreseen: &Foreseen) -> Option<PlannedStep> {
    let script = script_name(kind);
    let step = |action, what: String| PlannedStep { action, what };
    let is_foreign =
        |stored: &Stored| script::read(kind, Some(&stored.script)) == script::Deployed::Foreign;
    match (&foreseen.before, &foreseen.after) {
        (None, Some(_)) => Some(step(PlannedAction::Create, script.to_owned())),
        (Some(_), None) => Some(step(PlannedAction::Delete, script.to_owned())),
        (Some(_), Some(_)) if foreseen.replaces => Some(step(
            PlannedAction::Adopt,
            format!("{script}: somebody else's text is kept in a ConfigMap and replaced"),
        )),
        (Some(before), Some(after)) if before.script != after.script => Some(step(
            PlannedAction::Change,
            if is_foreign(before) {
                format!("{script}: somebody else's text is wrapped into the operator's")
            } else {
                format!("{script}: its program")
            },
        )),
        _ => None,
    }
}

fn words(kind: Kind, foreseen: &Foreseen, owner: &Owner) -> Vec<PlannedStep> {
    let script = script_name(kind);
    let step = |action, what: String| PlannedStep { action, what };
    let text = text_step(kind, foreseen);
    let entries = |stored: &Option<Stored>| {
        let stored = stored.as_ref();
        stored
            .map(|stored| stored.entries(owner))
            .unwrap_or_default()
    };
    let (before, after) = (entries(&foreseen.before), entries(&foreseen.after));
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changes = all.into_iter().filter_map(|at| {
        let (action, what) = entry_words(before.get(at), after.get(at))?;
        Some(step(action, format!("{script}: {what}")))
    });
    text.into_iter().chain(changes).collect()
}

pub(super) fn entry_words(
    before: Option<&Entry>,
    after: Option<&Entry>,
) -> Option<(PlannedAction, String)> {
    match (before, after) {
        (None, Some(after)) => Some((
            PlannedAction::Create,
            format!("claims for {:?} with {}", after.aud, roles(after)),
        )),
        (Some(before), None) => Some((
            PlannedAction::Delete,
            format!("claims for {:?} with {}", before.aud, roles(before)),
        )),
        (Some(before), Some(after)) if before != after => Some((
            PlannedAction::Change,
            format!(
                "claims for {:?}: {} -> {}",
                after.aud,
                roles(before),
                roles(after)
            ),
        )),
        _ => None,
    }
}

fn roles(entry: &Entry) -> String {
    let bound = entry.roles.iter().map(|(role, _)| role);
    let mut names: Vec<&str> = bound.chain(&entry.everyone).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    match (names.is_empty(), more) {
        (true, _) => "no roles".to_owned(),
        (false, 0) => format!("the roles {}", names.join(", ")),
        (false, more) => format!("the roles {} and {more} more", names.join(", ")),
    }
}
