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
        words::{in_bounds, names, quoted},
    },
};

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
        let (planned, troubles) = match self.plan(kind, stored, true).await {
            Ok(planned) => planned,
            Err(verdict) => return (None, Some(verdict)),
        };
        let refusal = match finished(kind, &planned, BTreeMap::new()) {
            Deployed::No(verdict, _) => Some(verdict),
            // What keeps one instance's claims back is no less in the way.
            Deployed::Yes(_) | Deployed::Waits => troubles.into_values().next(),
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
            steps.push(in_bounds(PlannedAction::Foreign, message));
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
    let step = |action, what: String| in_bounds(action, &what);
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
    let step = |action, what: String| in_bounds(action, &what);
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
            format!("claims for {} with {}", quoted(&after.aud), roles(after)),
        )),
        (Some(before), None) => Some((
            PlannedAction::Delete,
            format!("claims for {} with {}", quoted(&before.aud), roles(before)),
        )),
        (Some(before), Some(after)) if before != after => Some((
            PlannedAction::Change,
            format!(
                "claims for {}: {}",
                quoted(&after.aud),
                differences(before, after).join("; ")
            ),
        )),
        _ => None,
    }
}

/// What an entry's change is about.
fn differences(before: &Entry, after: &Entry) -> Vec<String> {
    let mut all = Vec::new();
    let (old, new) = (role_names(before), role_names(after));
    if old != new {
        all.push(format!("{} -> {}", roles(before), roles(after)));
    } else if before.roles != after.roles {
        all.push(format!("the scopes of {}", roles(after)));
    } else if before.everyone != after.everyone {
        all.push("the roles that everybody has".to_owned());
    }
    if before.default != after.default {
        let named = |entry: &Entry| entry.default.as_deref().map_or("none".to_owned(), quoted);
        all.push(format!(
            "default role {} -> {}",
            named(before),
            named(after)
        ));
    }
    if before.source != after.source {
        let (old, new) = (before.source, after.source);
        all.push(format!("roleSource {old:?} -> {new:?}"));
    }
    if before.ns != after.ns {
        let (old, new) = (quoted(&before.ns), quoted(&after.ns));
        all.push(format!("claimsNamespace {old} -> {new}"));
    }
    if before.vars != after.vars || before.lists != after.lists {
        let (old, new) = (variables(before), variables(after));
        all.push(format!("session variables {old} -> {new}"));
    }
    if before.client != after.client {
        all.push("the operator's own client id".to_owned());
    }
    all
}

fn roles(entry: &Entry) -> String {
    match role_names(entry) {
        none if none.is_empty() => "no roles".to_owned(),
        some => format!("the roles {}", names(&some)),
    }
}

/// The names of the session variables, and which of them are lists.
fn variables(entry: &Entry) -> String {
    let texts = entry.vars.iter().map(|(name, _)| name.clone());
    let lists = entry
        .lists
        .iter()
        .map(|(name, _)| format!("{name} (a list)"));
    match texts.chain(lists).collect::<Vec<_>>() {
        none if none.is_empty() => "none".to_owned(),
        some => names(&some),
    }
}

fn role_names(entry: &Entry) -> Vec<&str> {
    let bound = entry.roles.iter().map(|(role, _)| role);
    let mut names: Vec<&str> = bound.chain(&entry.everyone).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(roles: &[(&str, &str)]) -> Entry {
        let mut entry = Entry::new(
            "https://shop.example.com",
            "https://hasura.io/jwt/claims",
            "c",
        );
        let pair = |(role, scope): &(&str, &str)| ((*role).to_owned(), (*scope).to_owned());
        entry.roles = roles.iter().map(pair).collect();
        entry
    }

    #[test]
    fn a_change_of_claims_says_what_changes_though_the_roles_stay() {
        let before = entry(&[("reader", "read")]);
        let of = |change: fn(&mut Entry)| {
            let mut after = before.clone();
            change(&mut after);
            entry_words(Some(&before), Some(&after)).map(|(_, what)| what)
        };
        let said = |what: &str| Some(format!("claims for \"https://shop.example.com\": {what}"));
        assert_eq!(
            of(|after| after.default = Some("reader".into())),
            said("default role none -> \"reader\"")
        );
        assert_eq!(
            of(|after| after.roles = [("reader".into(), "see".into())].into()),
            said("the scopes of the roles reader")
        );
        let org = |after: &mut Entry| {
            after.vars = [("x-hasura-org".into(), "organization.id".into())].into();
        };
        assert_eq!(of(org), said("session variables none -> x-hasura-org"));
        let orgs = |after: &mut Entry| {
            after.lists = [("x-hasura-orgs".into(), "user.customData.orgs".into())].into();
        };
        let listed = "session variables none -> x-hasura-orgs (a list)";
        assert_eq!(of(orgs), said(listed));
        assert_eq!(of(|_| ()), None);
    }

    #[test]
    fn role_names_that_somebody_wrote_into_the_script_fit_into_a_status_and_are_escaped() {
        let long: Vec<String> = (0..20)
            .map(|n| format!("{n:03}\u{202e}{}", "x".repeat(500)))
            .collect();
        let pairs: Vec<(&str, &str)> = long.iter().map(|name| (name.as_str(), "s")).collect();
        let (before, after) = (entry(&pairs), entry(&pairs[1..]));
        let (action, what) = entry_words(Some(&before), Some(&after)).unwrap();
        let step = in_bounds(action, &what);
        assert!(step.what.chars().count() <= 1024 && !step.what.contains('\u{202e}'));
        assert!(step.what.contains(" -> "), "{}", step.what);
    }
}
