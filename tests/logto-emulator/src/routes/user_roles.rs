//! `/api/users/:id/roles`.

use serde_json::json;

use super::{ROLE_COLUMNS, is_hidden, listed, role, role_columns, user};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    pagination::Page,
    search::Search,
    store::{Role, RoleType, Store},
};

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::of(call)?;
    user(logto, call.id())?;
    let search = Search::of(call, &ROLE_COLUMNS)?;
    let mut roles: Vec<&Role> = logto
        .store
        .roles()
        .filter(|role| {
            let base = !is_hidden(role) && logto.store.user_holds(call.id(), &role.id);
            search.finds_or_leaks(base, &role_columns(role))
        })
        .collect();
    logto.switches.mix(&mut roles);
    Ok(listed(call, Some(&page), roles))
}

/// Assigns what the user does not hold yet; what it holds is no error.
pub(super) fn assign(logto: &mut Logto, call: &Call) -> Reply {
    let role_ids = role_ids_of(call)?;
    user(logto, call.id())?;
    let new: Vec<&String> = role_ids
        .iter()
        .filter(|id| !logto.store.user_holds(call.id(), id))
        .collect();
    let is_machine_role = |id: &&&String| {
        let role = logto.store.role(id);
        role.is_some_and(|role| role.kind != RoleType::User)
    };
    if new.iter().find(is_machine_role).is_some() {
        return Err(errors::coded(
            422,
            "user.invalid_role_type",
            "Invalid role type, can not assign machine-to-machine role to user.",
        ));
    }
    for id in &new {
        role(logto, id)?;
    }
    let pairs: Vec<(&str, &str)> = new.iter().map(|id| (call.id(), id.as_str())).collect();
    insert_links(logto, &pairs)?;
    Ok(Answer::json(
        201,
        &json!({"roleIds": role_ids, "addedRoleIds": new}),
    ))
}

/// Takes away what is not in the list, then assigns the rest. There is no transaction: a machine role in the list
/// is refused only after the user has lost the others.
pub(super) fn replace(logto: &mut Logto, call: &Call) -> Reply {
    let role_ids = role_ids_of(call)?;
    user(logto, call.id())?;
    let held = logto.store.role_ids_of_user(call.id()).to_vec();
    let new: Vec<&String> = role_ids.iter().filter(|id| !held.contains(id)).collect();
    for id in &new {
        role(logto, id)?;
    }
    for id in held.iter().filter(|id| !role_ids.contains(id)) {
        logto
            .store
            .unassign_from_user(call.id(), id)
            .map_err(errors::violated)?;
    }
    let pairs: Vec<(&str, &str)> = new.iter().map(|id| (call.id(), id.as_str())).collect();
    insert_links(logto, &pairs)?;
    Ok(Answer::json(200, &json!({"roleIds": role_ids})))
}

pub(super) fn unassign(logto: &mut Logto, call: &Call) -> Reply {
    logto
        .store
        .unassign_from_user(call.id(), call.second_id())
        .map_err(errors::violated)?;
    Ok(Answer::empty(204))
}

/// Links all pairs or none.
pub(super) fn insert_links(logto: &mut Logto, pairs: &[(&str, &str)]) -> Result<(), Answer> {
    logto
        .store
        .insert_links(pairs, Store::assign_to_user, Store::unassign_from_user)
        .map_err(errors::violated)
}

fn role_ids_of(call: &Call) -> Result<Vec<String>, Answer> {
    let mut form = Form::of(call)?;
    let role_ids = form.ids("roleIds", false);
    form.done()?;
    Ok(role_ids)
}
