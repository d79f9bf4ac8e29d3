//! `/api/roles/:id/users`.

use super::{USER_COLUMNS, listed, role, user, user_columns, user_roles};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    pagination::Page,
    search::Search,
};

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::of(call)?;
    role(logto, call.id())?;
    let search = Search::of(call, &USER_COLUMNS)?;
    let mut users = logto.store.users();
    users.retain(|user| {
        let holds = logto.store.user_holds(&user.id, call.id());
        search.finds(holds, &user_columns(user))
    });
    Ok(listed(call, Some(&page), users))
}

pub(super) fn assign(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let user_ids = form.ids("userIds", true);
    form.done()?;
    role(logto, call.id())?;
    if let Some(held) = user_ids
        .iter()
        .find(|id| logto.store.user_holds(id, call.id()))
    {
        return Err(errors::coded(
            422,
            "role.user_exists",
            &format!("The user id {held} is already been added to this role"),
        ));
    }
    for id in &user_ids {
        user(logto, id)?;
    }
    let pairs: Vec<(&str, &str)> = user_ids.iter().map(|id| (id.as_str(), call.id())).collect();
    user_roles::insert_links(logto, &pairs)?;
    Ok(Answer::text(201, "Created"))
}

pub(super) fn unassign(logto: &mut Logto, call: &Call) -> Reply {
    logto
        .store
        .unassign_from_user(call.second_id(), call.id())
        .map_err(errors::violated)?;
    Ok(Answer::empty(204))
}
