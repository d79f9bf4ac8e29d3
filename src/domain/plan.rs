//! The steps from what is observed to what is desired.

mod adopt;
mod conflict;

pub use conflict::{Conflict, Marked, Mend, Whose};

use super::{
    adoption::{Adoption, Permission},
    desired,
    observed::{Found, Observed, Resource, Role, Scope},
    ownership::{self, Added, Mark, Owner},
    standing::Standing,
};
use crate::api::{Origin, binding::RoleType};
use adopt::{role_to_have, scope_to_have};

/// Longest description of a role in Logto, in UTF-16 units (zod counts those) and in characters (PostgreSQL does).
///
/// Source: logto-io/logto `packages/schemas/tables/roles.sql`.
const MAX_ROLE_DESCRIPTION: usize = 128;

/// Life of an access token of a resource that is made for a spec that does not say it, in seconds.
const DEFAULT_TOKEN_LIFE: i64 = 3600;

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
    /// Take a scope of the resource with that indicator from a role.
    DetachScope {
        role: String,
        indicator: String,
        scope: String,
    },
    /// Delete a role, and with it every assignment.
    DeleteRole { id: String },
    /// Delete a scope, and with it every role's hold of it.
    DeleteScope { indicator: String, id: String },
    /// Delete an API resource with all its scopes.
    DeleteResource { indicator: String, id: String },
}

/// Whether carrying out what is desired would take a resource over that nothing shows to be ours.
///
/// A status is believed as far as nothing has to be changed for it: else no restart before the first binding would find
/// the resource again, and no creation whose answer was lost.
pub fn takes_over(
    desired: &desired::Resource,
    found: &Resource,
    standing: Standing,
    owner: &Owner,
) -> bool {
    if found.has_scope_marked(|mark| mark.is_of(owner)) {
        return false;
    }
    let is_as_desired = update_resource(desired, found).is_none();
    let is_believed = match standing {
        Standing::Unknown => false,
        Standing::Creating => is_as_desired && found.scopes.is_empty(),
        Standing::Remembered => is_as_desired,
        Standing::Known => true,
    };
    !is_believed || found.has_scope_marked(|mark| !mark.is_of(owner))
}

/// The steps for an API resource.
///
/// # Errors
/// When a resource of that indicator is there that would be taken over, and may not be; see [`takes_over`].
pub fn plan_resource(
    desired: &desired::Resource,
    found: Option<&Resource>,
    standing: Standing,
    owner: &Owner,
    adoption: Permission,
) -> Result<Vec<Step>, Conflict> {
    let Some(found) = found else {
        return Ok(vec![Step::CreateResource {
            indicator: desired.indicator.clone(),
            name: desired.name.clone(),
            access_token_ttl: desired.access_token_ttl.unwrap_or(DEFAULT_TOKEN_LIFE),
        }]);
    };
    let is_others = found.has_scope_marked(|mark| !mark.is_of(owner));
    if takes_over(desired, found, standing, owner) && (adoption != Permission::Given || is_others) {
        return Err(Conflict::Resource {
            indicator: desired.indicator.clone(),
            id: found.id.clone(),
            whose: match standing {
                _ if is_others => Whose::OtherOwner,
                Standing::Remembered => Whose::Unproved,
                _ => Whose::Foreign,
            },
            mend: if is_others {
                Mend::Nothing
            } else {
                Mend::Permission(adoption)
            },
        });
    }
    Ok(update_resource(desired, found).into_iter().collect())
}

fn update_resource(desired: &desired::Resource, found: &Resource) -> Option<Step> {
    let name = (found.name != desired.name).then(|| desired.name.clone());
    let access_token_ttl = desired
        .access_token_ttl
        .filter(|wanted| *wanted != found.access_token_ttl);
    (name.is_some() || access_token_ttl.is_some()).then(|| Step::UpdateResource {
        id: found.id.clone(),
        name,
        access_token_ttl,
    })
}

/// The steps for a binding's scope and role. A role whose scopes were not read yet is taken to hold the scope.
///
/// # Errors
/// When a scope or role of that name is there that is not this binding's and may not be taken over.
pub fn plan_binding(
    desired: &desired::Binding,
    owner: &Owner,
    observed: &Observed,
    adoption: Adoption,
) -> Result<Vec<Step>, Conflict> {
    let resource = observed.resources.get(&desired.indicator);
    let our_role = observed.our_role(&desired.role_name, &desired.marks, resource);
    let our_scope = resource.and_then(|resource| {
        resource.our_scope(
            &desired.scope_name,
            &desired.marks,
            our_role.as_ref().map(|role| role.object),
        )
    });
    let scope = scope_to_have(desired, owner, resource, our_scope, adoption.scope)?;
    let role = role_to_have(
        desired,
        owner,
        observed,
        our_role,
        scope.as_ref(),
        adoption.role,
    )?;

    let mut steps = Vec::new();
    match &scope {
        None => steps.push(create_scope(desired)),
        Some(scope) => steps.extend(update_scope(desired, scope)),
    }
    match &role {
        None => steps.push(create_role(desired)),
        Some(role) => {
            let scope = scope.as_ref().map(|scope| scope.object);
            let attach = attach_scope(desired, role.object, scope);
            steps.extend(update_role(desired, role, scope, attach.is_some())?);
            steps.extend(attach);
            steps.extend(detach_former(desired, observed, role.object, scope));
        }
    }
    Ok(steps)
}

/// The role that a binding has, under whatever name, or that it would take over; none when it is to be made.
pub fn role_of<'a>(desired: &desired::Binding, observed: &'a Observed) -> Option<&'a Role> {
    let resource = observed.resources.get(&desired.indicator);
    let ours = observed.our_role(&desired.role_name, &desired.marks, resource);
    ours.map(|found| found.object)
        .or_else(|| observed.roles.get(&desired.role_name))
}

/// The scope that a binding has, under whatever name, or that it would take over; none when it is to be made.
pub fn scope_of<'a>(desired: &desired::Binding, observed: &'a Observed) -> Option<&'a Scope> {
    let resource = observed.resources.get(&desired.indicator)?;
    let role = observed.our_role(&desired.role_name, &desired.marks, Some(resource));
    let role = role.map(|found| found.object);
    let ours = resource.our_scope(&desired.scope_name, &desired.marks, role);
    ours.map(|found| found.object)
        .or_else(|| resource.scopes.get(&desired.scope_name))
}

fn create_scope(desired: &desired::Binding) -> Step {
    Step::CreateScope {
        indicator: desired.indicator.clone(),
        name: desired.scope_name.clone(),
        description: desired.marks.created.put(&text(
            desired.scope_text.as_deref(),
            None,
            &desired.hasura_role,
        )),
    }
}

fn update_scope(desired: &desired::Binding, found: &Found<'_, Scope>) -> Option<Step> {
    let current = found.object;
    let text = text(
        desired.scope_text.as_deref(),
        Some(&current.description),
        &desired.hasura_role,
    );
    let wanted = desired.marks.of(current.origin(&desired.marks)).put(&text);
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
        description: fit(
            &desired.marks.created,
            &text(desired.role_text.as_deref(), None, &desired.hasura_role),
        ),
        indicator: desired.indicator.clone(),
        scope: desired.scope_name.clone(),
    }
}

fn update_role(
    desired: &desired::Binding,
    found: &Found<'_, Role>,
    scope: Option<&Scope>,
    attaches: bool,
) -> Result<Option<Step>, Conflict> {
    let role = found.object;
    if role.type_ != desired.role_type {
        return Err(Conflict::RoleType {
            name: found.name.to_owned(),
            id: role.id.clone(),
            found: role.type_,
        });
    }
    let text = text(
        desired.role_text.as_deref(),
        Some(&role.description),
        &desired.hasura_role,
    );
    let is_default = default_to_set(desired, role, scope);
    let before = role.added(&desired.marks);
    let added = Added {
        scope: before.scope || attaches,
        default: is_default.unwrap_or(before.default),
    };
    let mark = desired.marks.of_role(role.origin(&desired.marks), added);
    let wanted = fit(&mark, &text);
    let name = (found.name != desired.role_name).then(|| desired.role_name.clone());
    let description = (role.description != wanted).then_some(wanted);
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

/// Takes off a role what was made for the binding in another resource: its instance was made again with another indicator.
fn detach_former(
    desired: &desired::Binding,
    observed: &Observed,
    role: &Role,
    scope: Option<&Scope>,
) -> Vec<Step> {
    let extra = role.extra_scopes(scope.map(|scope| scope.id.as_str()));
    let former = |id: &str| {
        let mut others = observed
            .resources
            .iter()
            .filter(|(indicator, _)| **indicator != desired.indicator);
        others.find_map(|(indicator, resource)| {
            let (name, _) = resource.scopes.iter().find(|(_, scope)| {
                scope.id == id && scope.origin(&desired.marks) == Some(Origin::Created)
            })?;
            Some(Step::DetachScope {
                role: role.id.clone(),
                indicator: indicator.clone(),
                scope: name.clone(),
            })
        })
    };
    extra.into_iter().flatten().filter_map(former).collect()
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
