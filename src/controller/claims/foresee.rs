//! What one observed instance or binding would change in the Custom JWT scripts, were it managed.

use std::collections::BTreeMap;

use super::{
    deploy::{Deployed, finished, is_wrapping, taken},
    ledger::names,
    observe::{Foreseen, entry_words, script_name, text_step},
    policy_for,
    publication::grant_of,
    wanted,
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding, LogtoTenant,
        conditions::reasons,
        policy::{PlannedAction, PlannedStep},
        tenant::ClaimsPolicy,
    },
    controller::{context::Context, registry::Connection, status::Verdict, webhook},
    domain::{
        claims::{
            self,
            entry::{Entry, TooLarge},
            plan::{Plan, Stored, Wish, Write, plan},
            program::Kind,
        },
        words::in_bounds,
    },
};

/// Steps, and what stands in the way of them.
pub type Steps = (Vec<PlannedStep>, Option<Verdict>);

/// The steps of a binding: its grant, and what becomes of a script that is in its way.
pub fn of_binding(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) -> Steps {
    let grant = grant_of(instance, binding);
    let (role, scope) = (&grant.hasura_role, &grant.scope);
    if webhook::is_asked_for(instance) || policy_for(tenant, grant.kind) == ClaimsPolicy::Ignore {
        return Steps::default();
    }
    let look = Look {
        ctx,
        tenant,
        connection,
        kind: grant.kind,
        indicator: &grant.indicator,
    };
    let before = look.entry();
    let mut after = before
        .clone()
        .unwrap_or_else(|| wanted::base(grant.kind, instance, &connection.client_id));
    // An instance has one binding for a role, so another scope is what this one had before.
    after.roles.retain(|(other, _)| other != role);
    after.roles.insert((role.clone(), scope.clone()));
    let granted = before
        .as_ref()
        .is_some_and(|entry| names(entry, role, scope));
    let old_scope = before
        .iter()
        .flat_map(|entry| &entry.roles)
        .find(|(other, _)| other == role);
    let what = format!(
        "{}: the Hasura role {role:?} in the claims for {:?}, for who holds",
        script_name(grant.kind),
        grant.indicator
    );
    let step = match old_scope {
        _ if granted => None,
        Some((_, old)) => Some(in_bounds(
            PlannedAction::Change,
            &format!("{what} the scope {old:?} -> {scope:?}"),
        )),
        None => Some(in_bounds(
            PlannedAction::Create,
            &format!("{what} the scope {scope:?}"),
        )),
    };
    look.steps(Some(after), step)
}

/// The steps of an instance: the settings that its claims are made with. The roles are its bindings' to tell.
pub fn of_instance(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    instance: &HasuraInstance,
) -> Steps {
    let (mut steps, mut trouble) = Steps::default();
    for kind in Kind::ALL {
        if policy_for(tenant, kind) == ClaimsPolicy::Ignore {
            continue;
        }
        let look = Look {
            ctx,
            tenant,
            connection,
            kind,
            indicator: &instance.spec.api_resource.indicator,
        };
        let (further, why) = look.at_instance(instance);
        steps.extend(further);
        trouble = trouble.or(why);
    }
    (steps, trouble)
}

/// One API resource in one kind of script.
struct Look<'a> {
    ctx: &'a Context,
    tenant: &'a LogtoTenant,
    connection: &'a Connection,
    kind: Kind,
    indicator: &'a str,
}

impl Look<'_> {
    fn at_instance(&self, instance: &HasuraInstance) -> Steps {
        let before = self.entry();
        let script = script_name(self.kind);
        if webhook::is_asked_for(instance) {
            let gone = before.map(|before| {
                let what = format!(
                    "{script}: claims for {:?}, once no pod looks at them",
                    before.aud
                );
                in_bounds(PlannedAction::Delete, &what)
            });
            return (gone.into_iter().collect(), None);
        }
        let mut after = wanted::base(self.kind, instance, &self.connection.client_id);
        after.roles = before
            .as_ref()
            .map(|before| before.roles.clone())
            .unwrap_or_default();
        let wrapped = self
            .stored()
            .is_some_and(|stored| is_wrapping(self.kind, &stored));
        let after = Some(after).filter(|after| wrapped || wanted::grants_something(after));
        let step = match (&before, &after) {
            (Some(before), Some(after)) => {
                let changes = settings(before, after);
                (!changes.is_empty()).then(|| {
                    let what = format!(
                        "{script}: claims for {:?}: {}",
                        after.aud,
                        changes.join(", ")
                    );
                    in_bounds(PlannedAction::Change, &what)
                })
            }
            (before, after) => entry_words(before.as_ref(), after.as_ref())
                .map(|(action, what)| in_bounds(action, &format!("{script}: {what}"))),
        };
        self.steps(after, step)
    }

    fn stored(&self) -> Option<Stored> {
        self.connection.claims.stored()?.of(self.kind).cloned()
    }

    fn entries(&self) -> BTreeMap<String, Entry> {
        let stored = self.stored();
        stored
            .map(|stored| stored.entries(&self.ctx.owner))
            .unwrap_or_default()
    }

    fn entry(&self) -> Option<Entry> {
        self.entries()
            .remove(&claims::entry::key(&self.ctx.owner, self.indicator))
    }

    /// The step, after those of the script's text, when this is the entry of the API resource; and what would be said of it.
    fn steps(&self, after: Option<Entry>, step: Option<PlannedStep>) -> Steps {
        let stored = self.stored();
        let mut entries = self.entries();
        let at = claims::entry::key(&self.ctx.owner, self.indicator);
        let is_nothing = after.is_none() && !entries.contains_key(&at);
        if is_nothing {
            return Steps::default();
        }
        entries.remove(&at);
        entries.extend(after.map(|after| (at, after)));
        let entries: Vec<Entry> = entries.into_values().collect();
        let planned = plan(
            &Wish {
                kind: self.kind,
                owner: &self.ctx.owner,
                entries: &entries,
                existing: self.tenant.spec.custom_claims.existing_script,
                kept: None,
            },
            stored.as_ref(),
        );
        if let Some(trouble) = self.trouble(&planned) {
            let foreign = in_bounds(PlannedAction::Foreign, trouble_text(&trouble));
            return (vec![foreign], Some(trouble));
        }
        let foreseen = Foreseen {
            after: match planned.write {
                Some(Write::Put(script)) => Some(script),
                Some(Write::Delete) => None,
                None => stored.clone(),
            },
            before: stored,
            replaces: planned.replaces.is_some(),
        };
        // That a script is made goes without saying where an entry is.
        let text = text_step(self.kind, &foreseen).filter(|_| foreseen.before.is_some());
        (text.into_iter().chain(step).collect(), None)
    }

    fn trouble(&self, planned: &Plan) -> Option<Verdict> {
        if let Deployed::No(verdict, _) = finished(self.kind, planned, BTreeMap::new()) {
            return Some(verdict);
        }
        if planned.taken.contains(self.indicator) {
            return Some(taken(self.indicator));
        }
        let mut too_large = planned.too_large.iter();
        let ours = too_large.find(|too_large| {
            let (TooLarge::Bytes { indicator, .. } | TooLarge::Roles { indicator, .. }) = too_large;
            indicator == self.indicator
        })?;
        Some(Verdict::Stalled(
            reasons::CLAIMS_TOO_LARGE,
            ours.to_string(),
        ))
    }
}

fn trouble_text(trouble: &Verdict) -> &str {
    match trouble {
        Verdict::Stalled(_, message) | Verdict::Waiting(_, message) => message,
        _ => "",
    }
}

/// How the settings of two entries differ, but for the roles of bindings.
fn settings(before: &Entry, after: &Entry) -> Vec<String> {
    let change = |what: &str, from: String, to: String| {
        (from != to).then(|| format!("{what} {from} -> {to}"))
    };
    [
        change(
            "the claims namespace",
            format!("{:?}", before.ns),
            format!("{:?}", after.ns),
        ),
        change(
            "the roles of everyone",
            format!("{:?}", before.everyone),
            format!("{:?}", after.everyone),
        ),
        change(
            "the default role",
            format!("{:?}", before.default),
            format!("{:?}", after.default),
        ),
        change(
            "the role source",
            format!("{:?}", before.source),
            format!("{:?}", after.source),
        ),
        change(
            "the session variables",
            format!("{:?}", before.vars),
            format!("{:?}", after.vars),
        ),
        change(
            "the session variables that are lists",
            format!("{:?}", before.lists),
            format!("{:?}", after.lists),
        ),
        (before.client != after.client).then(|| "the operator's client".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}
