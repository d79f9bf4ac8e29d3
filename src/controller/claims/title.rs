//! Whose the deployed claims are: which binding stands for a role and a scope that they name.
//!
//! Anybody may write a binding that names a role. What was deployed is its own only where its mark is on the scope or on
//! the role; else a twin in another namespace would keep what the first one granted.

use std::sync::Arc;

use kube::ResourceExt;

use super::{
    ledger::Standing,
    wanted::{is_held, token_kind},
};
use crate::{
    api::{HasuraInstance, HasuraRoleBinding},
    controller::{
        context::{Context, deleting, key},
        registry::Connection,
        stores::instance_key,
    },
    domain::{
        claims::{entry::Entry, program::Kind},
        consent::Consent,
        desired::role_name,
        ownership::Marks,
    },
};

/// A look at one tenant's deployed claims.
pub struct Titles<'a> {
    /// What all visits share.
    pub ctx: &'a Context,
    /// The tenant's connection.
    pub connection: &'a Connection,
    /// Whose tokens.
    pub kind: Kind,
}

impl Titles<'_> {
    /// Whether a binding that was not found to grant anything in this process stands for what is deployed for holders of
    /// a scope. `all` are the bindings of its instance.
    pub fn stands_for(
        &self,
        binding: &HasuraRoleBinding,
        (audience, scope): (&str, &str),
        all: &[Arc<HasuraRoleBinding>],
    ) -> bool {
        let role = self.role_name(binding);
        // The claims of one that is renamed pass on to its successor without a gap.
        let is_predecessor = |other: &HasuraRoleBinding| {
            deleting(other)
                && other.namespace() == binding.namespace()
                && other.spec.hasura_role == binding.spec.hasura_role
                && other.spec.logto_role.type_ == binding.spec.logto_role.type_
                && self.role_name(other) == role
        };
        self.bears_mark(binding, audience, scope)
            || all.iter().any(|other| {
                is_predecessor(other) && self.bears_mark(other, audience, scope)
            })
            // Somebody took the marks off; its visit, which is due, puts them back or refuses it.
            || (!is_held(self.ctx, binding) && self.is_unmarked(binding, audience, scope))
    }

    /// Whether another live binding of the same instance stands for the same, so that it stays.
    pub fn has_heir(&self, binding: &HasuraRoleBinding, (audience, scope): (&str, &str)) -> bool {
        let stores = &self.ctx.stores;
        let instance = stores.instance_of(binding);
        let all = stores.bindings_naming(&instance_key(binding));
        let is_allowed = |heir: &HasuraRoleBinding| {
            let instance = instance.as_ref();
            instance
                .is_none_or(|instance| stores.consent_to_grant(instance, heir) != Consent::Withheld)
        };
        all.iter().any(|heir| {
            key(&**heir) != key(binding)
                && !deleting(&**heir)
                && self.asks_for(heir, &binding.spec.hasura_role)
                && is_allowed(heir)
                && match self.connection.claims.standing(&key(&**heir)) {
                    Some(Standing::Granted(grant)) if !is_held(self.ctx, heir) => {
                        grant.scope == scope
                    }
                    Some(Standing::Refused) if !is_held(self.ctx, heir) => false,
                    _ => self.stands_for(heir, (audience, scope), &all),
                }
        })
    }

    /// What was deployed for an instance, without what only bindings stand for whose consent was withdrawn.
    pub fn without_withheld(&self, before: &Entry, instance: &HasuraInstance) -> Entry {
        let stores = &self.ctx.stores;
        let all = stores.bindings_naming(&key(instance));
        let (withheld, others): (Vec<_>, Vec<_>) = all
            .iter()
            .partition(|binding| stores.consent_to_grant(instance, binding) == Consent::Withheld);
        let keeps = |(role, scope): &(String, String)| {
            let is_asked_for = |binding: &&&Arc<HasuraRoleBinding>| self.asks_for(binding, role);
            let mut withheld = withheld.iter().filter(is_asked_for).peekable();
            if withheld.peek().is_none() {
                return true;
            }
            let mut others = others.iter().filter(is_asked_for).peekable();
            // One that was never granted anything ends nobody else's grant.
            let nobodys = others.peek().is_some()
                && !withheld.any(|binding| self.bears_mark(binding, &before.aud, scope));
            nobodys || others.any(|binding| self.stands_for(binding, (&before.aud, scope), &all))
        };
        let mut entry = before.clone();
        entry.roles.retain(keeps);
        entry
    }

    /// What was deployed for an instance that is gone or has no say, without what a binding granted that is being deleted.
    pub fn without_leaving(&self, entry: &Entry, leaving: &[Arc<HasuraRoleBinding>]) -> Entry {
        let resource = self.connection.resource_id(&entry.aud);
        let is_of_it = |binding: &HasuraRoleBinding, scope: &str| {
            let status = binding.status.as_ref();
            let made = status.and_then(|status| status.scope.as_ref());
            let remembers = made.is_some_and(|made| Some(&made.resource_id) == resource.as_ref());
            let instance = self.ctx.stores.instance_of(binding);
            remembers
                || instance
                    .is_some_and(|instance| instance.spec.api_resource.indicator == entry.aud)
                || self.bears_mark(binding, &entry.aud, scope)
        };
        let mut left = entry.clone();
        left.roles.retain(|(role, scope)| {
            !leaving.iter().any(|binding| {
                self.asks_for(binding, role)
                    && is_of_it(binding, scope)
                    && !self.has_heir(binding, (&entry.aud, scope))
            })
        });
        left
    }

    /// Whether a mark of one of the bindings that name an instance is on a scope of its API resource.
    pub fn has_scope_of(&self, instance: &HasuraInstance) -> bool {
        let bindings = self.ctx.stores.bindings_naming(&key(instance));
        let marks: Vec<Marks> = bindings.iter().map(|binding| self.marks(binding)).collect();
        let indicator = &instance.spec.api_resource.indicator;
        self.connection.session.observe(|observed| {
            let resource = observed.resources.get(indicator);
            let mut scopes = resource
                .into_iter()
                .flat_map(|resource| resource.scopes.values());
            scopes.any(|scope| marks.iter().any(|marks| scope.origin(marks).is_some()))
        })
    }

    /// Whether a binding's own mark is on a scope, or on the role that it asks for.
    fn bears_mark(&self, binding: &HasuraRoleBinding, audience: &str, scope: &str) -> bool {
        let (marks, role) = (self.marks(binding), self.role_name(binding));
        self.connection.session.observe(|observed| {
            let resource = observed.resources.get(audience);
            let scope = resource.and_then(|resource| resource.scopes.get(scope));
            let role = role.and_then(|role| observed.roles.get(&role));
            scope.is_some_and(|scope| scope.origin(&marks).is_some())
                || role.is_some_and(|role| role.origin(&marks).is_some())
        })
    }

    fn is_unmarked(&self, binding: &HasuraRoleBinding, audience: &str, scope: &str) -> bool {
        let role = self.role_name(binding);
        self.connection.session.observe(|observed| {
            let resource = observed.resources.get(audience);
            let scope = resource.and_then(|resource| resource.scopes.get(scope));
            let role = role.and_then(|role| observed.roles.get(&role));
            scope.is_none_or(|scope| scope.mark().is_none())
                && role.is_none_or(|role| role.mark().is_none())
        })
    }

    fn asks_for(&self, binding: &HasuraRoleBinding, hasura_role: &str) -> bool {
        binding.spec.hasura_role == hasura_role && token_kind(binding) == self.kind
    }

    fn marks(&self, binding: &HasuraRoleBinding) -> Marks {
        let key = key(binding);
        self.ctx
            .owner
            .marks(&key.namespace, &key.name, &binding.spec)
    }

    /// The name of a binding's role in Logto; none while its instance, whose prefix is in it, is gone.
    fn role_name(&self, binding: &HasuraRoleBinding) -> Option<String> {
        let instance = self.ctx.stores.instance_of(binding);
        let given = || {
            let status = binding.status.as_ref()?;
            Some(status.role.as_ref()?.name.clone())
        };
        instance
            .map(|instance| role_name(binding, &instance.spec))
            .or_else(given)
    }
}
