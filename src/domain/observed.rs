//! What a Logto tenant was seen to hold, as far as the operator cares.

use std::collections::{BTreeMap, BTreeSet};

use super::ownership::{self, Mark, Marks};
use crate::api::{Origin, binding::RoleType};

/// A tenant's API resources, scopes and roles, by their natural keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// By indicator, which is unique in a tenant.
    pub resources: BTreeMap<String, Resource>,
    /// By name, which is unique in a tenant across both types.
    pub roles: BTreeMap<String, Role>,
}

/// An API resource and its scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Logto's id.
    pub id: String,
    /// The name that the console shows.
    pub name: String,
    /// Life of an access token, in seconds.
    pub access_token_ttl: i64,
    /// By name, which is unique in a resource.
    pub scopes: BTreeMap<String, Scope>,
}

/// A scope of an API resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Logto's id.
    pub id: String,
    /// Text and mark; Logto stores an empty one as none.
    pub description: String,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Logto's id.
    pub id: String,
    /// Text and mark.
    pub description: String,
    /// Who can hold it.
    pub type_: RoleType,
    /// Whether every new user gets it.
    pub is_default: bool,
    /// Ids of the scopes that it holds, of all resources; none while they were not read.
    pub scopes: Option<BTreeSet<String>>,
}

impl Scope {
    /// Where it comes from, when one of these marks stands on it.
    pub fn origin(&self, marks: &Marks) -> Option<Origin> {
        marks.origin_of(&self.description)
    }

    /// The mark on it.
    pub fn mark(&self) -> Option<Mark> {
        ownership::split(&self.description).1
    }
}

impl Role {
    /// Where it comes from, when one of these marks stands on it.
    pub fn origin(&self, marks: &Marks) -> Option<Origin> {
        marks.origin_of(&self.description)
    }

    /// The mark on it.
    pub fn mark(&self) -> Option<Mark> {
        ownership::split(&self.description).1
    }

    /// Whether it is known to hold the scope.
    pub fn holds(&self, scope_id: &str) -> bool {
        self.scopes
            .as_ref()
            .is_some_and(|scopes| scopes.contains(scope_id))
    }

    /// Ids of the scopes that it holds beside this one; none while they were not read.
    pub fn extra_scopes(&self, scope_id: Option<&str>) -> Option<Vec<&str>> {
        let scopes = self.scopes.as_ref()?.iter().map(String::as_str);
        Some(scopes.filter(|id| Some(*id) != scope_id).collect())
    }
}

/// The object that belongs to a mark: the one of that name if it is ours, else one of ours under another name.
pub(super) struct Found<'a, T> {
    pub name: &'a str,
    pub object: &'a T,
}

impl Resource {
    /// Our scope: the one of that name when it bears the mark or when our marked role holds it, else a marked one of
    /// another name, which was renamed.
    pub(super) fn our_scope<'a>(
        &'a self,
        name: &str,
        marks: &Marks,
        role: Option<&Role>,
    ) -> Option<Found<'a, Scope>> {
        let held_by_ours = |scope: &Scope| {
            role.is_some_and(|role| role.origin(marks).is_some() && role.holds(&scope.id))
        };
        let by_name = self.scopes.get_key_value(name);
        by_name
            .filter(|(_, scope)| {
                scope.origin(marks).is_some() || (scope.mark().is_none() && held_by_ours(scope))
            })
            .or_else(|| {
                self.scopes
                    .iter()
                    .find(|(_, scope)| scope.origin(marks).is_some())
            })
            .map(|(name, object)| Found { name, object })
    }

    /// Whether any scope bears a mark for which the predicate holds.
    pub fn has_scope_marked(&self, ours: impl Fn(&Mark) -> bool) -> bool {
        self.scopes
            .values()
            .filter_map(Scope::mark)
            .any(|mark| ours(&mark))
    }
}

impl Observed {
    /// Our role: the one of that name when it bears the mark or when it holds a scope that bears it, else a marked one
    /// of another name, which was renamed.
    pub(super) fn our_role<'a>(
        &'a self,
        name: &str,
        marks: &Marks,
        resource: Option<&Resource>,
    ) -> Option<Found<'a, Role>> {
        let holds_ours = |role: &Role| {
            resource.is_some_and(|resource| {
                resource
                    .scopes
                    .values()
                    .any(|scope| scope.origin(marks).is_some() && role.holds(&scope.id))
            })
        };
        let by_name = self.roles.get_key_value(name);
        by_name
            .filter(|(_, role)| {
                role.origin(marks).is_some() || (role.mark().is_none() && holds_ours(role))
            })
            .or_else(|| {
                self.roles
                    .iter()
                    .find(|(_, role)| role.origin(marks).is_some())
            })
            .map(|(name, object)| Found { name, object })
    }

    /// The resource with this id, and its indicator.
    pub fn resource_by_id(&self, id: &str) -> Option<(&str, &Resource)> {
        let found = self
            .resources
            .iter()
            .find(|(_, resource)| resource.id == id);
        found.map(|(indicator, resource)| (indicator.as_str(), resource))
    }

    /// Carries out a change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::PutResource(indicator, mut resource) => {
                if let Some(known) = self
                    .resources
                    .get_mut(&indicator)
                    .filter(|known| known.id == resource.id)
                {
                    resource.scopes = std::mem::take(&mut known.scopes);
                }
                self.resources.insert(indicator, resource);
            }
            Change::RemoveResource(indicator) => {
                self.resources.remove(&indicator);
            }
            Change::PutScope(indicator, name, scope) => {
                if let Some(resource) = self.resources.get_mut(&indicator) {
                    resource.scopes.retain(|_, other| other.id != scope.id);
                    resource.scopes.insert(name, scope);
                }
            }
            Change::SetScopes(indicator, scopes) => {
                if let Some(resource) = self.resources.get_mut(&indicator) {
                    resource.scopes = scopes;
                }
            }
            Change::RemoveScope(id) => self.remove_scope(&id),
            Change::PutRole(name, mut role) => {
                let known = self.roles.values().find(|known| known.id == role.id);
                role.scopes = role.scopes.or(known.and_then(|known| known.scopes.clone()));
                self.roles.retain(|_, other| other.id != role.id);
                self.roles.insert(name, role);
            }
            Change::SetRoleScopes(id, scopes) => {
                if let Some(role) = self.roles.values_mut().find(|role| role.id == id) {
                    role.scopes = Some(scopes);
                }
            }
            Change::AddRoleScope(id, scope) => {
                let role = self.roles.values_mut().find(|role| role.id == id);
                if let Some(scopes) = role.and_then(|role| role.scopes.as_mut()) {
                    scopes.insert(scope);
                }
            }
            Change::TakeRoleScope(id, scope) => {
                let role = self.roles.values_mut().find(|role| role.id == id);
                if let Some(scopes) = role.and_then(|role| role.scopes.as_mut()) {
                    scopes.remove(&scope);
                }
            }
            Change::RemoveRole(id) => self.roles.retain(|_, role| role.id != id),
        }
    }

    fn remove_scope(&mut self, id: &str) {
        for resource in self.resources.values_mut() {
            resource.scopes.retain(|_, scope| scope.id != id);
        }
        for scopes in self
            .roles
            .values_mut()
            .filter_map(|role| role.scopes.as_mut())
        {
            scopes.remove(id);
        }
    }
}

/// Something that was done to a tenant, or seen in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A resource, by its indicator, is so; of one that was known, the scopes stay.
    PutResource(String, Resource),
    /// There is no resource of that indicator.
    RemoveResource(String),
    /// A scope of the resource of that indicator, by its name, is so, in place of what had its id or its name.
    PutScope(String, String, Scope),
    /// These are all scopes of the resource of that indicator.
    SetScopes(String, BTreeMap<String, Scope>),
    /// The scope of that id is gone, from all roles too, as Logto cascades.
    RemoveScope(String),
    /// A role, by its name, is so, in place of what had its id or its name; without scopes, those that were known stay.
    PutRole(String, Role),
    /// These are all scopes that the role of that id holds.
    SetRoleScopes(String, BTreeSet<String>),
    /// The role of the first id holds the scope of the second.
    AddRoleScope(String, String),
    /// The role of the first id no longer holds the scope of the second.
    TakeRoleScope(String, String),
    /// The role of that id is gone.
    RemoveRole(String),
}
