//! `/api/users`.

use super::{USER_COLUMNS, listed, user, user_columns};
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
    let search = Search::of(call, &USER_COLUMNS)?;
    let excluded = call.query_value("excludeRoleId");
    let mut users = logto.store.users();
    users.retain(|user| {
        let base = excluded.is_none_or(|role| !logto.store.user_holds(&user.id, role));
        search.finds(base, &user_columns(user))
    });
    Ok(listed(call, Some(&page), users))
}

/// Makes a user. The patterns that Logto has for usernames and addresses are not checked here.
pub(super) fn create(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let email = form.optional_text("primaryEmail", 1, usize::MAX);
    let username = form.optional_text("username", 1, usize::MAX);
    let name = form.optional_text("name", 0, usize::MAX);
    let custom_data = form.optional_object("customData").unwrap_or_default();
    form.done()?;
    let users = logto.store.users();
    if username.is_some() && users.iter().any(|user| user.username == username) {
        return Err(errors::coded(
            422,
            "user.username_already_in_use",
            "This username is already in use.",
        ));
    }
    if email.is_some() && users.iter().any(|user| user.primary_email == email) {
        return Err(errors::coded(
            422,
            "user.email_already_in_use",
            "This email is associated with an existing account.",
        ));
    }
    let name = name.filter(|name| !name.is_empty());
    let user = logto
        .store
        .insert_user(username, email, name, custom_data)
        .map_err(errors::violated)?;
    Ok(Answer::json(200, &user))
}

pub(super) fn get(logto: &mut Logto, call: &Call) -> Reply {
    Ok(Answer::json(200, user(logto, call.id())?))
}
