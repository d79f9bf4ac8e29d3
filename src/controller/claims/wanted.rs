//! The claims that a tenant's instances and bindings ask for, as far as they were visited.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kube::ResourceExt;

use super::{ledger::Standing, title::Titles};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding,
        conditions::{reasons, types},
        instance::{DeletionPolicy, Jwt, SessionVariable, ValueForm},
    },
    controller::{
        context::{Context, deleting, key},
        policy::{self, Hands},
        registry::Connection,
        rivals,
        status::Verdict,
        stores::{remembered_tenant, tenant_key},
        webhook,
    },
    domain::{
        claims::{self, entry::Entry, program::Kind},
        consent::Consent,
        precedence::Key,
    },
};

/// Entries by their key among the script's variables, and what keeps an instance's from being among them.
#[derive(Default)]
pub struct Wanted {
    /// What should be deployed.
    pub entries: BTreeMap<String, Entry>,
    /// By indicator.
    pub troubles: BTreeMap<String, Verdict>,
}

/// One computation's view.
pub struct View<'a> {
    /// What all visits share.
    pub ctx: &'a Context,
    /// The LogtoTenant.
    pub tenant: &'a Key,
    /// Its connection.
    pub connection: &'a Connection,
    /// Whose tokens.
    pub kind: Kind,
    /// Whether somebody else's script is called by the operator's, so that an instance without roles needs an entry
    /// too: it keeps that script from giving claims for it.
    pub wrapped: bool,
    /// Whether what is only observed counts as if it were managed, to say what would be written.
    pub foreseen: bool,
}

impl View<'_> {
    /// What should be deployed, given what is: of a binding that was not visited yet, what is deployed stays.
    pub fn wanted(&self, deployed: &BTreeMap<String, Entry>) -> Wanted {
        let stores = &self.ctx.stores;
        let mut wanted = Wanted::default();
        let mut named = Vec::new();
        for instance in &stores.instances_naming(self.tenant) {
            let at = claims::entry::key(&self.ctx.owner, &instance.spec.api_resource.indicator);
            let before = deployed.get(&at);
            match stores.consent_to_instance(instance) {
                Consent::Given if self.goes_with_its_claims(instance) => {
                    named.push(at);
                    continue;
                }
                Consent::Given if rivals::instance_lost(stores, instance).is_some() => continue,
                Consent::Given => {}
                Consent::Withheld if self.was_its_own(instance) => {
                    named.push(at);
                    continue;
                }
                // It never had an entry, or its consent can not be told: what is there stays.
                Consent::Withheld | Consent::Unknown => continue,
            }
            named.push(at.clone());
            let entry = self.entry(instance, before, &mut wanted.troubles);
            wanted.entries.extend(entry.map(|entry| (at, entry)));
        }
        // An instance that was deleted leaves its claims, but no binding that is being deleted leaves its grant.
        let leaving = self.leaving();
        for (at, entry) in deployed.iter().filter(|(at, _)| !named.contains(at)) {
            let entry = self.titles().without_leaving(entry, &leaving);
            if grants_something(&entry) {
                wanted.entries.insert(at.clone(), entry);
            }
        }
        wanted
    }

    /// What is deployed without what lost its consent, for a tenant that nothing else is to be written to.
    pub fn still_allowed(&self, deployed: &BTreeMap<String, Entry>) -> BTreeMap<String, Entry> {
        let stores = &self.ctx.stores;
        let mut entries = deployed.clone();
        for instance in &stores.instances_naming(self.tenant) {
            let at = claims::entry::key(&self.ctx.owner, &instance.spec.api_resource.indicator);
            let consent = stores.consent_to_instance(instance);
            if consent == Consent::Withheld && self.was_its_own(instance) {
                entries.remove(&at);
            } else if let Some(before) = entries.remove(&at) {
                let left = self.still_consented(&before, instance);
                entries.extend(left.map(|left| (at, left)));
            }
        }
        entries
    }

    /// Whether an instance is being deleted together with its claims; one that is held leaves them.
    fn goes_with_its_claims(&self, instance: &HasuraInstance) -> bool {
        deleting(instance)
            && instance.spec.deletion_policy == DeletionPolicy::Delete
            && (self.foreseen || policy::of_instance(&self.ctx.stores, instance) == Hands::Manage)
    }

    /// Whether an instance that may not use the tenant any more is the one that the API resource of its indicator belonged
    /// to, so that others' claims do not go with it.
    pub fn was_its_own(&self, instance: &HasuraInstance) -> bool {
        let indicator = &instance.spec.api_resource.indicator;
        let status = instance.status.as_ref();
        let made = status.and_then(|status| status.api_resource.as_ref()?.id.clone());
        let is_its_own = match &made {
            Some(made) => Some(made) == self.connection.resource_id(indicator).as_ref(),
            // A restored backup has no status; what its bindings made bears their marks all the same.
            None => self.titles().has_scope_of(instance),
        };
        let is_named_by_another = || {
            let others = self.ctx.stores.instances_of(self.tenant);
            others
                .iter()
                .any(|other| &other.spec.api_resource.indicator == indicator)
        };
        is_its_own && !is_named_by_another()
    }

    /// What an instance's entry should be; what is too large keeps its last good value.
    fn entry(
        &self,
        instance: &HasuraInstance,
        before: Option<&Entry>,
        troubles: &mut BTreeMap<String, Verdict>,
    ) -> Option<Entry> {
        let entry = self.entry_of_any_size(instance, before)?;
        let Err(too_large) = entry.check() else {
            return Some(entry);
        };
        let verdict = Verdict::Stalled(
            reasons::CLAIMS_TOO_LARGE,
            format!(
                "the claims of HasuraInstance {:?} are too large: {too_large}. What was deployed before stays; spread the bindings over several instances",
                instance.name_any()
            ),
        );
        troubles.insert(instance.spec.api_resource.indicator.clone(), verdict);
        before.and_then(|before| self.remains(before, still_granted(before, &entry)))
    }

    fn entry_of_any_size(
        &self,
        instance: &HasuraInstance,
        before: Option<&Entry>,
    ) -> Option<Entry> {
        let indicator = &instance.spec.api_resource.indicator;
        if !self.foreseen && policy::of_instance(&self.ctx.stores, instance) != Hands::Manage {
            return before.and_then(|before| self.still_consented(before, instance));
        }
        if webhook::is_asked_for(instance) {
            // The pods of before the switch still look at the claims.
            let is_over = webhook::is_switched(instance) && is_rolled_out(instance);
            return before
                .filter(|_| !is_over)
                .and_then(|before| self.still_bound(before, instance));
        }
        let vouched = self.connection.vouches_for(indicator, &key(instance));
        if !vouched && !self.foreseen {
            return before.and_then(|before| self.still_bound(before, instance));
        }
        let mut entry = base(self.kind, instance, &self.connection.client_id);
        entry.roles = self.roles(instance, before);
        self.is_needed(&entry).then_some(entry)
    }

    /// What was deployed for an instance, without what no binding of its own stands for any more.
    fn still_bound(&self, before: &Entry, instance: &HasuraInstance) -> Option<Entry> {
        let roles = self.roles(instance, Some(before));
        let mut entry = before.clone();
        entry.roles.retain(|role| roles.contains(role));
        self.remains(before, entry)
    }

    /// What was deployed for an instance, without what lost its consent.
    fn still_consented(&self, before: &Entry, instance: &HasuraInstance) -> Option<Entry> {
        self.remains(before, self.titles().without_withheld(before, instance))
    }

    /// What is left of a deployed entry, if it still gives anybody a role: one that is empty would have to be cleared away
    /// later, perhaps when nothing may be written any more. What did not change stays.
    fn remains(&self, before: &Entry, left: Entry) -> Option<Entry> {
        (left == *before || self.is_needed(&left)).then_some(left)
    }

    /// The roles and scopes that the live bindings of an instance stand for.
    fn roles(
        &self,
        instance: &HasuraInstance,
        before: Option<&Entry>,
    ) -> BTreeSet<(String, String)> {
        let stores = &self.ctx.stores;
        let all = stores.bindings_naming(&key(instance));
        let live = all.iter().filter(|binding| {
            !deleting(&***binding)
                && stores.consent_to_grant(instance, binding) != Consent::Withheld
        });
        live.flat_map(|binding| self.roles_of(binding, before, &all))
            .collect()
    }

    /// The role and the scope that a binding stands for in the claims; of one that is held or was not visited yet all
    /// that is deployed for its role, whatever scope its spec names by now.
    fn roles_of(
        &self,
        binding: &HasuraRoleBinding,
        before: Option<&Entry>,
        all: &[Arc<HasuraRoleBinding>],
    ) -> Vec<(String, String)> {
        if token_kind(binding) != self.kind {
            return Vec::new();
        }
        let is_held = is_held(self.ctx, binding);
        match self.connection.claims.standing(&key(binding)) {
            Some(Standing::Granted(grant)) if !is_held => vec![(grant.hasura_role, grant.scope)],
            Some(Standing::Foreseen(grant)) if self.foreseen => {
                vec![(grant.hasura_role, grant.scope)]
            }
            Some(Standing::Refused) if !is_held => Vec::new(),
            _ => {
                let role = &binding.spec.hasura_role;
                let titles = self.titles();
                let deployed = before.into_iter().flat_map(|before| {
                    let roles = before.roles.iter().map(|pair| (before.aud.as_str(), pair));
                    roles.filter(|(_, (named, _))| named == role)
                });
                deployed
                    .filter(|(audience, (_, scope))| {
                        titles.stands_for(binding, (audience, scope), all)
                    })
                    .map(|(_, pair)| pair.clone())
                    .collect()
            }
        }
    }

    fn titles(&self) -> Titles<'_> {
        Titles {
            ctx: self.ctx,
            connection: self.connection,
            kind: self.kind,
        }
    }

    fn is_needed(&self, entry: &Entry) -> bool {
        self.wrapped || grants_something(entry)
    }

    /// The bindings that are being deleted and had to do with the tenant, as far as can be told: a status may be lost.
    /// Below an instance that is held, or was when it went, nothing is taken away.
    fn leaving(&self) -> Vec<Arc<HasuraRoleBinding>> {
        let stores = &self.ctx.stores;
        stores.bindings.state_filter(|binding: &HasuraRoleBinding| {
            let names_it = || {
                let instance = stores.instance_of(binding);
                instance.is_some_and(|instance| &tenant_key(&instance) == self.tenant)
            };
            deleting(binding)
                && (remembered_tenant(binding).as_ref() == Some(self.tenant) || names_it())
                && policy::above_leaving_binding(stores, binding, true) == Hands::Manage
        })
    }
}

/// Whether nothing is to be written for a binding.
pub fn is_held(ctx: &Context, binding: &HasuraRoleBinding) -> bool {
    policy::of_binding(&ctx.stores, binding) != Hands::Manage
}

/// Whose tokens a binding is about.
pub fn token_kind(binding: &HasuraRoleBinding) -> Kind {
    match binding.spec.logto_role.type_ {
        crate::api::binding::RoleType::User => Kind::Users,
        crate::api::binding::RoleType::MachineToMachine => Kind::Machines,
    }
}

/// The entry of an instance without any binding.
pub fn base(kind: Kind, instance: &HasuraInstance, client: &str) -> Entry {
    let jwt = instance.spec.auth.jwt.clone().unwrap_or_default();
    let Jwt {
        claims_namespace,
        everyone_roles,
        default_role,
        role_source,
        session_variables,
        ..
    } = jwt;
    let mut entry = Entry::new(
        &instance.spec.api_resource.indicator,
        claims_namespace,
        client,
    );
    entry.default = default_role;
    entry.source = role_source;
    for SessionVariable {
        name, from, as_, ..
    } in session_variables
    {
        let of_its_form = match as_ {
            ValueForm::Text => &mut entry.vars,
            ValueForm::List => &mut entry.lists,
        };
        of_its_form.insert((name, from));
    }
    if kind == Kind::Users {
        entry.everyone = everyone_roles.into_iter().collect();
    }
    entry
}

/// Whether an entry gives anybody a role.
pub fn grants_something(entry: &Entry) -> bool {
    !entry.roles.is_empty() || !entry.everyone.is_empty()
}

/// What was deployed, without what is not wanted any more.
fn still_granted(before: &Entry, wanted: &Entry) -> Entry {
    let mut entry = before.clone();
    entry.roles.retain(|role| wanted.roles.contains(role));
    entry.everyone.retain(|role| wanted.everyone.contains(role));
    entry
}

/// Whether all of an instance's pods run with the settings of its spec.
pub fn is_rolled_out(instance: &HasuraInstance) -> bool {
    let status = instance.status.as_ref();
    let conditions = status.into_iter().flat_map(|status| &status.conditions);
    let generation = instance.metadata.generation;
    conditions.into_iter().any(|condition| {
        condition.type_ == types::ROLLED_OUT
            && condition.status == "True"
            && condition.observed_generation == generation
    })
}
