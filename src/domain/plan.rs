//! The steps from what is observed to what is desired.

use super::{
    desired,
    observed::{Found, Observed, Resource, Role, Scope},
    ownership::{self, Mark, Owner},
};
use crate::api::binding::RoleType;

/// Longest description of a role in Logto, in UTF-16 units (zod counts those) and in characters (PostgreSQL does).
///
/// Source: logto-io/logto `packages/schemas/tables/roles.sql`.
const MAX_ROLE_DESCRIPTION: usize = 128;

/// One write to Logto. What does not exist yet is named by its natural key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the request's")]
pub enum Step {
    /// Make an API resource.
    CreateResource {
        indicator: String,
        name: String,
        access_token_ttl: i64,
    },
    /// Change an API resource's fields.
    UpdateResource {
        id: String,
        name: Option<String>,
        access_token_ttl: Option<i64>,
    },
    /// Make a scope of the resource with that indicator.
    CreateScope {
        indicator: String,
        name: String,
        description: String,
    },
    /// Change a scope's fields; links to roles stay.
    UpdateScope {
        indicator: String,
        id: String,
        name: Option<String>,
        description: Option<String>,
    },
    /// Make a role that holds the scope from the start.
    CreateRole {
        name: String,
        type_: RoleType,
        description: String,
        indicator: String,
        scope: String,
    },
    /// Change a role's fields; its holders stay.
    UpdateRole {
        id: String,
        name: Option<String>,
        description: Option<String>,
        is_default: Option<bool>,
    },
    /// Give a role a scope.
    AttachScope {
        role: String,
        indicator: String,
        scope: String,
    },
    /// Delete a role, and with it every assignment.
    DeleteRole { id: String },
    /// Delete a scope, and with it every role's hold of it.
    DeleteScope { indicator: String, id: String },
}

/// Something in Logto stands in the way, and is not ours to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The indicator is in use.
    #[error(
        "an API resource with the indicator {indicator:?} exists in Logto (id {id}) and was not made by this operator: choose another indicator, or delete that resource in Logto if nothing uses it"
    )]
    Resource {
        /// The natural key.
        indicator: String,
        /// Logto's id of what is in the way.
        id: String,
    },
    /// The scope's name is in use.
    #[error(
        "a scope {name:?} exists in the API resource (id {id}), {whose}: choose another spec.scope.name, or delete that scope in Logto if nothing uses it"
    )]
    Scope {
        /// The natural key.
        name: String,
        /// Logto's id of what is in the way.
        id: String,
        /// Whose it is, in words.
        whose: Whose,
    },
    /// The role's name is in use.
    #[error(
        "a role {name:?} exists in Logto (id {id}), {whose}: make a HasuraRoleBinding with another spec.logtoRole.name, or delete that role in Logto if nobody needs it"
    )]
    Role {
        /// The natural key.
        name: String,
        /// Logto's id of what is in the way.
        id: String,
        /// Whose it is, in words.
        whose: Whose,
    },
    /// The role is ours but of the other type, which Logto can not change.
    #[error(
        "the role {name:?} in Logto (id {id}) is of type {found:?}, and Logto can not change a type: delete that role in Logto, or make a HasuraRoleBinding with another spec.logtoRole.name"
    )]
    RoleType {
        /// The natural key.
        name: String,
        /// Logto's id of the role.
        id: String,
        /// Its type.
        found: RoleType,
    },
}

/// Whose an object in the way is, as far as its mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// It bears no mark.
    Foreign,
    /// It bears the mark of this operator for another binding.
    OtherBinding,
    /// It bears the mark of another operator.
    OtherOwner,
}

impl std::fmt::Display for Whose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Foreign => "made by somebody else",
            Self::OtherBinding => "made for another HasuraRoleBinding",
            Self::OtherOwner => "made by another installation of this operator",
        })
    }
}

/// What the operator knows of an API resource beside what Logto shows, since a resource has no place for a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Unknown,
    /// It was absent and a request to make it may have been sent.
    Creating,
    /// It was made or taken over under this id.
    Known,
}

/// The steps for an API resource.
///
/// # Errors
/// When a resource of that indicator is there that is neither known nor holds a scope with a mark of `owner`.
pub fn plan_resource(
    desired: &desired::Resource,
    found: Option<&Resource>,
    standing: Standing,
    owner: &Owner,
) -> Result<Vec<Step>, Conflict> {
    let Some(found) = found else {
        return Ok(vec![Step::CreateResource {
            indicator: desired.indicator.clone(),
            name: desired.name.clone(),
            access_token_ttl: desired.access_token_ttl,
        }]);
    };
    if standing == Standing::Unknown && !found.has_scope_marked(|mark| mark.is_of(owner)) {
        return Err(Conflict::Resource {
            indicator: desired.indicator.clone(),
            id: found.id.clone(),
        });
    }
    let name = (found.name != desired.name).then(|| desired.name.clone());
    let access_token_ttl =
        (found.access_token_ttl != desired.access_token_ttl).then_some(desired.access_token_ttl);
    Ok((name.is_some() || access_token_ttl.is_some())
        .then(|| Step::UpdateResource {
            id: found.id.clone(),
            name,
            access_token_ttl,
        })
        .into_iter()
        .collect())
}

/// The steps for a binding's scope and role. A role whose scopes were not read yet is taken to hold the scope.
///
/// # Errors
/// When a scope or role of that name is there that is not this binding's.
pub fn plan_binding(
    desired: &desired::Binding,
    owner: &Owner,
    observed: &Observed,
) -> Result<Vec<Step>, Conflict> {
    let resource = observed.resources.get(&desired.indicator);
    let role = observed.our_role(&desired.role_name, &desired.mark, resource);
    let scope = resource.and_then(|resource| {
        resource.our_scope(
            &desired.scope_name,
            &desired.mark,
            role.as_ref().map(|role| role.object),
        )
    });
    check_scope_name(desired, owner, resource, scope.as_ref())?;
    check_role_name(desired, owner, observed, role.as_ref())?;

    let mut steps = Vec::new();
    match &scope {
        None => steps.push(create_scope(desired)),
        Some(scope) => steps.extend(update_scope(desired, scope)),
    }
    match &role {
        None => steps.push(create_role(desired)),
        Some(role) => {
            let scope = scope.as_ref().map(|scope| scope.object);
            steps.extend(update_role(desired, role, scope)?);
            steps.extend(attach_scope(desired, role.object, scope));
        }
    }
    Ok(steps)
}

fn check_scope_name(
    desired: &desired::Binding,
    owner: &Owner,
    resource: Option<&Resource>,
    ours: Option<&Found<'_, Scope>>,
) -> Result<(), Conflict> {
    let named = resource.and_then(|resource| resource.scopes.get(&desired.scope_name));
    match named {
        Some(named) if ours.is_none_or(|ours| ours.object.id != named.id) => Err(Conflict::Scope {
            name: desired.scope_name.clone(),
            id: named.id.clone(),
            whose: whose(named.mark(), owner),
        }),
        _ => Ok(()),
    }
}

fn check_role_name(
    desired: &desired::Binding,
    owner: &Owner,
    observed: &Observed,
    ours: Option<&Found<'_, Role>>,
) -> Result<(), Conflict> {
    match observed.roles.get(&desired.role_name) {
        Some(named) if ours.is_none_or(|ours| ours.object.id != named.id) => Err(Conflict::Role {
            name: desired.role_name.clone(),
            id: named.id.clone(),
            whose: whose(named.mark(), owner),
        }),
        _ => Ok(()),
    }
}

fn whose(mark: Option<Mark>, owner: &Owner) -> Whose {
    match mark {
        None => Whose::Foreign,
        Some(mark) if mark.is_of(owner) => Whose::OtherBinding,
        Some(_) => Whose::OtherOwner,
    }
}

fn create_scope(desired: &desired::Binding) -> Step {
    Step::CreateScope {
        indicator: desired.indicator.clone(),
        name: desired.scope_name.clone(),
        description: scope_description(desired, None),
    }
}

fn update_scope(desired: &desired::Binding, found: &Found<'_, Scope>) -> Option<Step> {
    let wanted = scope_description(desired, Some(&found.object.description));
    let name = (found.name != desired.scope_name).then(|| desired.scope_name.clone());
    let description = (found.object.description != wanted).then_some(wanted);
    (name.is_some() || description.is_some()).then(|| Step::UpdateScope {
        indicator: desired.indicator.clone(),
        id: found.object.id.clone(),
        name,
        description,
    })
}

fn create_role(desired: &desired::Binding) -> Step {
    Step::CreateRole {
        name: desired.role_name.clone(),
        type_: desired.role_type,
        description: role_description(desired, None),
        indicator: desired.indicator.clone(),
        scope: desired.scope_name.clone(),
    }
}

fn update_role(
    desired: &desired::Binding,
    found: &Found<'_, Role>,
    scope: Option<&Scope>,
) -> Result<Option<Step>, Conflict> {
    let role = found.object;
    if role.type_ != desired.role_type {
        return Err(Conflict::RoleType {
            name: found.name.to_owned(),
            id: role.id.clone(),
            found: role.type_,
        });
    }
    let wanted = role_description(desired, Some(&role.description));
    let name = (found.name != desired.role_name).then(|| desired.role_name.clone());
    let description = (role.description != wanted).then_some(wanted);
    let is_default = default_to_set(desired, role, scope);
    let changes = name.is_some() || description.is_some() || is_default.is_some();
    Ok(changes.then(|| Step::UpdateRole {
        id: role.id.clone(),
        name,
        description,
        is_default,
    }))
}

/// A role is not handed to everybody before it is known to hold the binding's own scope and nothing else.
fn default_to_set(desired: &desired::Binding, role: &Role, scope: Option<&Scope>) -> Option<bool> {
    let wanted = desired
        .is_default
        .filter(|wanted| *wanted != role.is_default)?;
    let extra = role.extra_scopes(scope.map(|scope| scope.id.as_str()));
    (!wanted || extra.is_some_and(|extra| extra.is_empty())).then_some(wanted)
}

fn attach_scope(desired: &desired::Binding, role: &Role, scope: Option<&Scope>) -> Option<Step> {
    let attached = match scope {
        Some(scope) => role.scopes.is_none() || role.holds(&scope.id),
        // The scope is made in this very plan, so nothing can hold it yet.
        None => false,
    };
    (!attached).then(|| Step::AttachScope {
        role: role.id.clone(),
        indicator: desired.indicator.clone(),
        scope: desired.scope_name.clone(),
    })
}

fn scope_description(desired: &desired::Binding, current: Option<&str>) -> String {
    desired.mark.put(&text(
        desired.scope_text.as_deref(),
        current,
        &desired.hasura_role,
    ))
}

fn role_description(desired: &desired::Binding, current: Option<&str>) -> String {
    let text = text(desired.role_text.as_deref(), current, &desired.hasura_role);
    fit(&desired.mark, &text)
}

/// The text before the mark: the spec's, else what stands there, else a default for a new object.
fn text(wanted: Option<&str>, current: Option<&str>, hasura_role: &str) -> String {
    match (wanted, current) {
        (Some(wanted), _) => wanted.to_owned(),
        (None, Some(current)) => ownership::split(current).0.to_owned(),
        (None, None) => format!("Hasura role {hasura_role}"),
    }
}

/// Text and mark, the text cut so that both fit into a role's description.
pub(super) fn fit(mark: &Mark, text: &str) -> String {
    let room = MAX_ROLE_DESCRIPTION - mark.put(" ").len() + 1;
    let mut used = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            used += c.len_utf16();
            used <= room
        })
        .collect();
    mark.put(kept.trim_end())
}
