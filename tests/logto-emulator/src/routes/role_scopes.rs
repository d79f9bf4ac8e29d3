//! `/api/roles/:id/scopes`.

use serde::Serialize;

use super::{
    SCOPE_COLUMNS, listed, resource, resources::is_management_api, role, scope, scope_columns,
};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    pagination::Page,
    search::Search,
    store::{Resource, Role, RoleType, Scope, Store},
};

#[derive(Serialize)]
struct WithResource<'a> {
    #[serde(flatten)]
    scope: &'a Scope,
    resource: &'a Resource,
}

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::if_asked(call)?;
    role(logto, call.id())?;
    let search = Search::of(call, &SCOPE_COLUMNS)?;
    let mut rows = Vec::new();
    for scope in logto.store.scopes_of_role(call.id()) {
        if search.finds(true, &scope_columns(scope)) {
            let resource = resource(logto, &scope.resource_id)?;
            rows.push(WithResource { scope, resource });
        }
    }
    logto.switches.mix(&mut rows);
    Ok(listed(call, page.as_ref(), rows))
}

pub(super) fn attach(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let scope_ids = form.ids("scopeIds", true);
    form.done()?;
    let role = role(logto, call.id())?.clone();
    if !logto.switches.is_racing()
        && let Some(held) = scope_ids
            .iter()
            .find(|id| logto.store.role_holds(&role.id, id))
    {
        return Err(errors::coded(
            422,
            "role.scope_exists",
            &format!("The scope id {held} has already been added to this role"),
        ));
    }
    check_scopes(logto, &role, &scope_ids)?;
    insert_links(logto, &role.id, &scope_ids)?;
    let mut held: Vec<&Scope> = logto.store.scopes_of_role(&role.id).collect();
    logto.switches.mix(&mut held);
    Ok(Answer::json(201, &held))
}

pub(super) fn detach(logto: &mut Logto, call: &Call) -> Reply {
    logto
        .store
        .detach_scope(call.id(), call.second_id())
        .map_err(errors::violated)?;
    Ok(Answer::empty(204))
}

/// Each scope has to be there, and a User role can not have one of the Management API.
pub(super) fn check_scopes(logto: &Logto, role: &Role, scope_ids: &[String]) -> Result<(), Answer> {
    for id in scope_ids {
        let scope = scope(logto, id)?;
        let of_management_api = is_management_api(resource(logto, &scope.resource_id)?);
        if of_management_api && role.kind == RoleType::User {
            return Err(errors::coded(
                400,
                "role.management_api_scopes_not_assignable_to_user_role",
                "Cannot assign Management API scopes to a user role.",
            ));
        }
    }
    Ok(())
}

/// Links all scopes or none: an id given twice, or held already, breaks the unique key.
pub(super) fn insert_links(
    logto: &mut Logto,
    role_id: &str,
    scope_ids: &[String],
) -> Result<(), Answer> {
    let pairs: Vec<(&str, &str)> = scope_ids.iter().map(|id| (role_id, id.as_str())).collect();
    logto
        .store
        .insert_links(&pairs, Store::attach_scope, Store::detach_scope)
        .map_err(errors::violated)
}
