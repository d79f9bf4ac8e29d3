//! `/api/resources/:id/scopes`.

use super::{SCOPE_COLUMNS, listed, resource, resources::refuse_management_api, scope_columns};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    pagination::Page,
    search::Search,
    store::{Scope, Violation},
};

const NAME_MAX: usize = 256;

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::of(call)?;
    let search = Search::of(call, &SCOPE_COLUMNS)?;
    let mut scopes: Vec<&Scope> = logto
        .store
        .scopes()
        .filter(|scope| {
            search.finds_or_leaks(scope.resource_id == call.id(), &scope_columns(scope))
        })
        .collect();
    logto.switches.mix(&mut scopes);
    Ok(listed(call, Some(&page), scopes))
}

pub(super) fn create(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let name = form.text("name", 1, NAME_MAX);
    let description = form.nullable_text("description").flatten();
    form.done()?;
    refuse_space(&name)?;
    refuse_management_api(resource(logto, call.id())?)?;
    if !logto.switches.is_racing() {
        refuse_taken(logto, call.id(), &name, None)?;
    }
    let scope = logto
        .store
        .insert_scope(call.id(), &name, description.as_deref())
        .map_err(errors::violated)?;
    Ok(Answer::json(201, &scope))
}

/// The scope is not checked against the resource of the path: Logto changes the scope of another resource as well.
pub(super) fn patch(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let name = form.optional_text("name", 1, NAME_MAX);
    let description = form.nullable_text("description");
    form.done()?;
    refuse_management_api(resource(logto, call.id())?)?;
    if let Some(name) = &name {
        refuse_space(name)?;
        refuse_taken(logto, call.id(), name, Some(call.second_id()))?;
    }
    if name.is_none() && description.is_none() {
        return Err(errors::invalid_entity_input());
    }
    let updated = logto.store.update_scope(call.second_id(), |row| {
        row.name = name.unwrap_or_else(|| row.name.clone());
        row.description = description.unwrap_or_else(|| row.description.clone());
    });
    let updated = updated.map_err(|violation| match violation {
        Violation::Missing => errors::not_exists("scope"),
        other => errors::violated(other),
    })?;
    Ok(Answer::json(200, &updated))
}

pub(super) fn delete(logto: &mut Logto, call: &Call) -> Reply {
    refuse_management_api(resource(logto, call.id())?)?;
    logto
        .store
        .delete_scope(call.second_id())
        .map_err(errors::violated)?;
    Ok(Answer::empty(204))
}

fn refuse_space(name: &str) -> Result<(), Answer> {
    if name.contains(char::is_whitespace) {
        return Err(errors::coded(
            400,
            "scope.name_with_space",
            "The name of the scope cannot contain any spaces.",
        ));
    }
    Ok(())
}

fn refuse_taken(
    logto: &Logto,
    resource_id: &str,
    name: &str,
    own_id: Option<&str>,
) -> Result<(), Answer> {
    let holder = logto.store.scope_by_name(resource_id, name);
    if holder.is_some_and(|scope| own_id != Some(&scope.id)) {
        return Err(errors::coded(
            422,
            "scope.name_exists",
            &format!("The scope name {name} is already in use"),
        ));
    }
    Ok(())
}
