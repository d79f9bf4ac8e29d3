//! From what Logto answers to what the planner looks at.

use std::collections::BTreeMap;

use super::super::{Resource, ResourceWithScopes, Role, RoleType, Scope};
use crate::{
    api,
    domain::observed::{self, Change},
};

pub(super) fn put_resource(found: Resource) -> Change {
    let (indicator, resource) = resource(ResourceWithScopes {
        resource: found,
        scopes: Vec::new(),
    });
    Change::PutResource(indicator, resource)
}

pub(super) fn put_scope(indicator: &str, found: Scope) -> Change {
    let (name, scope) = scope(found);
    Change::PutScope(indicator.to_owned(), name, scope)
}

pub(super) fn resource(found: ResourceWithScopes) -> (String, observed::Resource) {
    let resource = observed::Resource {
        id: found.resource.id,
        name: found.resource.name,
        access_token_ttl: found.resource.access_token_ttl,
        scopes: scopes(found.scopes),
    };
    (found.resource.indicator, resource)
}

pub(super) fn scopes(found: Vec<Scope>) -> BTreeMap<String, observed::Scope> {
    found.into_iter().map(scope).collect()
}

pub(super) fn scope(found: Scope) -> (String, observed::Scope) {
    (
        found.name,
        observed::Scope {
            id: found.id,
            description: found.description.unwrap_or_default(),
        },
    )
}

/// None for a role of a type that this version does not know; creating one of its name is then refused by Logto.
pub(super) fn role(found: Role) -> Option<(String, observed::Role)> {
    let type_ = match found.role_type {
        RoleType::User => api::binding::RoleType::User,
        RoleType::MachineToMachine => api::binding::RoleType::MachineToMachine,
        RoleType::Unknown => return None,
    };
    let role = observed::Role {
        id: found.id,
        description: found.description,
        type_,
        is_default: found.is_default,
        scopes: None,
    };
    Some((found.name, role))
}
