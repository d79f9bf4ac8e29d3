//! What a binding has already, and what of somebody else's it may take over.

use super::{Conflict, MAX_ROLE_DESCRIPTION, Mend, conflict::whose, text};
use crate::domain::{
    adoption::Permission,
    desired,
    observed::{Found, Observed, Resource, Role, Scope},
    ownership::Owner,
    words,
};

/// Our scope, or the one of its name that is to be taken over; none when it is to be made.
pub(super) fn scope_to_have<'a>(
    desired: &desired::Binding,
    owner: &Owner,
    resource: Option<&'a Resource>,
    ours: Option<Found<'a, Scope>>,
    adoption: Permission,
) -> Result<Option<Found<'a, Scope>>, Conflict> {
    let named = resource.and_then(|resource| resource.scopes.get_key_value(&desired.scope_name));
    let Some((name, named)) =
        named.filter(|(_, named)| ours.as_ref().is_none_or(|ours| ours.object.id != named.id))
    else {
        return Ok(ours);
    };
    // One that was renamed is ours already, so the name is in use.
    if ours.is_none() && named.mark().is_none() && adoption == Permission::Given {
        return Ok(Some(Found {
            name,
            object: named,
        }));
    }
    Err(Conflict::Scope {
        name: desired.scope_name.clone(),
        id: named.id.clone(),
        whose: whose(named.mark(), owner),
        mend: if ours.is_none() && named.mark().is_none() {
            Mend::Permission(adoption)
        } else {
            Mend::Nothing
        },
    })
}

/// Our role, or the one of its name that is to be taken over; none when it is to be made.
pub(super) fn role_to_have<'a>(
    desired: &desired::Binding,
    owner: &Owner,
    observed: &'a Observed,
    ours: Option<Found<'a, Role>>,
    scope: Option<&Found<'_, Scope>>,
    adoption: Permission,
) -> Result<Option<Found<'a, Role>>, Conflict> {
    let named = observed.roles.get_key_value(&desired.role_name);
    let Some((name, named)) =
        named.filter(|(_, named)| ours.as_ref().is_none_or(|ours| ours.object.id != named.id))
    else {
        return Ok(ours);
    };
    let mend = if ours.is_some() || named.mark().is_some() {
        Some(Mend::Nothing)
    } else if adoption != Permission::Given {
        Some(Mend::Permission(adoption))
    } else if named.type_ != desired.role_type {
        return Err(Conflict::RoleType {
            name: name.clone(),
            id: named.id.clone(),
            found: named.type_,
        });
    } else {
        not_adoptable(desired, observed, named, scope)
    };
    match mend {
        None => Ok(Some(Found {
            name,
            object: named,
        })),
        Some(mend) => Err(Conflict::Role {
            name: desired.role_name.clone(),
            id: named.id.clone(),
            whose: whose(named.mark(), owner),
            mend,
        }),
    }
}

/// Why a role is not taken over although it may be: who holds it would come to hold more than the binding says, or its
/// description has no room for the mark, and it would be cut.
fn not_adoptable(
    desired: &desired::Binding,
    observed: &Observed,
    role: &Role,
    scope: Option<&Found<'_, Scope>>,
) -> Option<Mend> {
    let own = scope.map(|scope| scope.object.id.as_str());
    let Some(extra) = role.extra_scopes(own) else {
        return Some(Mend::ReadItsScopes);
    };
    if !extra.is_empty() {
        let named = extra.into_iter().map(|id| words::scope_named(observed, id));
        return Some(Mend::TakeOff(named.collect()));
    }
    let text = text(
        desired.role_text.as_deref(),
        Some(&role.description),
        &desired.hasura_role,
    );
    let units = desired.marks.adopted.put(&text).encode_utf16().count();
    (units > MAX_ROLE_DESCRIPTION).then(|| Mend::Shorten(units - MAX_ROLE_DESCRIPTION))
}
