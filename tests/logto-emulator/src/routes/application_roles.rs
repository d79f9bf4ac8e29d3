//! `/api/applications/:id/roles`: only for machines.

use serde_json::json;

use super::{ROLE_COLUMNS, application, is_hidden, listed, role, role_applications, role_columns};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    pagination::Page,
    search::Search,
    store::{ApplicationType, Role, RoleType},
};

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::of(call)?;
    machine(logto, call)?;
    let search = Search::of(call, &ROLE_COLUMNS)?;
    let mut roles: Vec<&Role> = logto
        .store
        .roles()
        .filter(|role| {
            let base = !is_hidden(role) && logto.store.application_holds(call.id(), &role.id);
            search.finds_or_leaks(base, &role_columns(role))
        })
        .collect();
    logto.switches.mix(&mut roles);
    Ok(listed(call, Some(&page), roles))
}

/// Assigns what the application does not hold yet; what it holds is no error.
pub(super) fn assign(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let role_ids = form.ids("roleIds", false);
    form.done()?;
    machine(logto, call)?;
    let new: Vec<&String> = role_ids
        .iter()
        .filter(|id| !logto.store.application_holds(call.id(), id))
        .collect();
    let is_user_role = |id: &&&String| {
        let role = logto.store.role(id);
        role.is_some_and(|role| role.kind == RoleType::User)
    };
    if new.iter().find(is_user_role).is_some() {
        return Err(errors::coded(
            422,
            "application.invalid_role_type",
            "Can not assign user type role to machine to machine application.",
        ));
    }
    for id in &new {
        role(logto, id)?;
    }
    let pairs: Vec<(&str, &str)> = new.iter().map(|id| (call.id(), id.as_str())).collect();
    role_applications::insert_links(logto, &pairs)?;
    Ok(Answer::json(
        201,
        &json!({"roleIds": role_ids, "addedRoleIds": new}),
    ))
}

pub(super) fn unassign(logto: &mut Logto, call: &Call) -> Reply {
    machine(logto, call)?;
    logto
        .store
        .unassign_from_application(call.id(), call.second_id())
        .map_err(errors::violated)?;
    Ok(Answer::empty(204))
}

fn machine(logto: &Logto, call: &Call) -> Result<(), Answer> {
    if application(logto, call.id())?.kind != ApplicationType::MachineToMachine {
        return Err(errors::coded(
            422,
            "application.invalid_type",
            "Only machine to machine applications can have associated roles.",
        ));
    }
    Ok(())
}
