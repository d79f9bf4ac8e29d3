//! The claims that a tenant's instances and bindings ask for, as far as they were visited.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;

use super::ledger::{Grant, Ledger, Standing, names};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding,
        conditions::{reasons, types},
        instance::Jwt,
    },
    controller::{
        context::{Context, deleting, key},
        registry::Connection,
        rivals,
        status::Verdict,
        triggers::Stores,
        webhook,
    },
    domain::{
        claims::{self, entry::Entry, program::Kind},
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
}

impl View<'_> {
    /// What should be deployed, given what is: of a binding that was not visited yet, what is deployed stays.
    pub fn wanted(&self, deployed: &BTreeMap<String, Entry>) -> Wanted {
        let stores = &self.ctx.stores;
        let mut wanted = Wanted::default();
        let instances = stores.instances_of(&self.tenant.namespace, &self.tenant.name);
        let mut named = Vec::new();
        for instance in &instances {
            if rivals::instance_lost(stores, instance).is_some() {
                continue;
            }
            let indicator = &instance.spec.api_resource.indicator;
            let at = claims::entry::key(&self.ctx.owner, indicator);
            named.push(at.clone());
            let before = deployed.get(&at);
            let Some(entry) = self.entry(instance, before) else {
                continue;
            };
            let entry = match entry.check() {
                Ok(()) => Some(entry),
                Err(too_large) => {
                    let verdict = Verdict::Stalled(
                        reasons::CLAIMS_TOO_LARGE,
                        format!(
                            "the claims of HasuraInstance {:?} are too large: {too_large}. What was deployed before stays; spread the bindings over several instances",
                            instance.name_any()
                        ),
                    );
                    wanted.troubles.insert(indicator.clone(), verdict);
                    before.map(|before| still_granted(before, &entry))
                }
            };
            wanted.entries.extend(entry.map(|entry| (at, entry)));
        }
        // An instance that was deleted leaves its claims, but no binding that is being deleted leaves its grant.
        for (at, entry) in deployed.iter().filter(|(at, _)| !named.contains(at)) {
            let entry = self.without_leaving(entry);
            if grants_something(&entry) {
                wanted.entries.insert(at.clone(), entry);
            }
        }
        wanted
    }

    fn entry(&self, instance: &HasuraInstance, before: Option<&Entry>) -> Option<Entry> {
        let indicator = &instance.spec.api_resource.indicator;
        if webhook::is_asked_for(instance) {
            // The pods of before the switch still look at the claims.
            let is_over = webhook::is_switched(instance) && is_rolled_out(instance);
            return before
                .filter(|_| !is_over)
                .map(|before| self.still_bound(before, instance));
        }
        if !self.connection.vouches_for(indicator, &key(instance)) {
            return before.map(|before| self.still_bound(before, instance));
        }
        let mut entry = base(self.kind, instance, &self.connection.client_id);
        entry.roles = self.roles(instance, before);
        self.is_needed(&entry).then_some(entry)
    }

    /// What was deployed for an instance, without what no binding of its own stands for any more.
    fn still_bound(&self, before: &Entry, instance: &HasuraInstance) -> Entry {
        let roles = self.roles(instance, Some(before));
        let mut entry = before.clone();
        entry.roles.retain(|role| roles.contains(role));
        entry
    }

    /// The roles and scopes that the live bindings of an instance stand for.
    fn roles(
        &self,
        instance: &HasuraInstance,
        before: Option<&Entry>,
    ) -> BTreeSet<(String, String)> {
        let namespace = instance.namespace().unwrap_or_default();
        let bindings = self
            .ctx
            .stores
            .bindings_of(&namespace, &instance.name_any());
        let live = bindings.iter().filter(|binding| !deleting(&***binding));
        live.filter_map(|binding| self.role(binding, before))
            .collect()
    }

    /// The role and the scope that a binding stands for in the claims.
    fn role(
        &self,
        binding: &HasuraRoleBinding,
        before: Option<&Entry>,
    ) -> Option<(String, String)> {
        if token_kind(binding) != self.kind {
            return None;
        }
        match self.connection.claims.standing(&key(binding)) {
            Some(Standing::Granted(grant)) => Some((grant.hasura_role, grant.scope)),
            Some(Standing::Refused) => None,
            None => {
                let (role, scope) = (&binding.spec.hasura_role, &binding.spec.scope.name);
                before
                    .is_some_and(|before| names(before, role, scope))
                    .then(|| (role.clone(), scope.clone()))
            }
        }
    }

    fn is_needed(&self, entry: &Entry) -> bool {
        self.wrapped || grants_something(entry)
    }

    fn without_leaving(&self, entry: &Entry) -> Entry {
        let leaving = self.ctx.stores.leaving_bindings(self.tenant);
        let resource = self.connection.resource_id(&entry.aud);
        let left = |role: &str, scope: &str| {
            leaving.iter().any(|binding| {
                let made = binding
                    .status
                    .as_ref()
                    .and_then(|status| status.scope.as_ref());
                let same_resource = match (made, &resource) {
                    (Some(made), Some(resource)) => &made.resource_id == resource,
                    _ => true,
                };
                same_resource
                    && binding.spec.hasura_role == role
                    && binding.spec.scope.name == scope
            })
        };
        let mut entry = entry.clone();
        entry.roles.retain(|(role, scope)| !left(role, scope));
        entry
    }
}

/// The Hasura role that a binding that is being deleted granted, and to holders of which scope.
pub fn leaves(ledger: &Ledger, binding: &HasuraRoleBinding) -> (String, String) {
    match ledger.standing(&key(binding)) {
        Some(Standing::Granted(Grant {
            hasura_role, scope, ..
        })) => (hasura_role, scope),
        _ => (
            binding.spec.hasura_role.clone(),
            binding.spec.scope.name.clone(),
        ),
    }
}

/// Whether another binding of the same instance asks for the same grant, so that it stays.
pub fn has_heir(
    ledger: &Ledger,
    stores: &Stores,
    binding: &HasuraRoleBinding,
    role: &str,
    scope: &str,
) -> bool {
    let namespace = binding.namespace().unwrap_or_default();
    let heirs = stores.bindings_of(&namespace, &binding.spec.instance_ref.name);
    heirs.iter().any(|heir| {
        !deleting(&**heir)
            && heir.spec.hasura_role == role
            && heir.spec.scope.name == scope
            && ledger.standing(&key(&**heir)) != Some(Standing::Refused)
    })
}

/// Whose tokens a binding is about.
pub fn token_kind(binding: &HasuraRoleBinding) -> Kind {
    match binding.spec.logto_role.type_ {
        crate::api::binding::RoleType::User => Kind::Users,
        crate::api::binding::RoleType::MachineToMachine => Kind::Machines,
    }
}

/// The entry of an instance without any binding.
fn base(kind: Kind, instance: &HasuraInstance, client: &str) -> Entry {
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
    entry.vars = session_variables
        .into_iter()
        .map(|variable| (variable.name, variable.from))
        .collect();
    if kind == Kind::Users {
        entry.everyone = everyone_roles.into_iter().collect();
    }
    entry
}

fn grants_something(entry: &Entry) -> bool {
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
