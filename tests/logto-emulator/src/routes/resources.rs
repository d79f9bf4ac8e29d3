//! `/api/resources`.

use serde::Serialize;

use super::{listed, resource};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    pagination::Page,
    store::{Resource, Scope, Violation},
};

#[derive(Serialize)]
struct WithScopes<'a> {
    #[serde(flatten)]
    resource: &'a Resource,
    scopes: Vec<&'a Scope>,
}

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::if_asked(call)?;
    let mut resources: Vec<&Resource> = logto.store.resources().collect();
    logto.switches.mix(&mut resources);
    if !call.query_flag("includeScopes") {
        return Ok(listed(call, page.as_ref(), resources));
    }
    let mut rows: Vec<WithScopes<'_>> = resources
        .into_iter()
        .map(|resource| WithScopes {
            resource,
            scopes: Vec::new(),
        })
        .collect();
    for row in &mut rows {
        let id = &row.resource.id;
        let scopes = logto.store.scopes();
        row.scopes = scopes.filter(|scope| scope.resource_id == *id).collect();
    }
    Ok(listed(call, page.as_ref(), rows))
}

pub(super) fn create(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let name = form.text("name", 1, usize::MAX);
    let indicator = form.text("indicator", 1, usize::MAX);
    let ttl = form.optional_number("accessTokenTtl");
    form.done()?;
    let ttl = ttl.map(whole_seconds).transpose()?;
    let taken = logto.store.resource_by_indicator(&indicator).is_some();
    if taken && !logto.switches.is_racing() {
        return Err(errors::coded(
            422,
            "resource.resource_identifier_in_use",
            &format!("The API identifier {indicator} is already in use"),
        ));
    }
    let resource = logto
        .store
        .insert_resource(&name, &indicator, ttl)
        .map_err(errors::violated)?;
    let created = WithScopes {
        resource: &resource,
        scopes: Vec::new(),
    };
    Ok(Answer::json(201, &created))
}

pub(super) fn get(logto: &mut Logto, call: &Call) -> Reply {
    Ok(Answer::json(200, resource(logto, call.id())?))
}

pub(super) fn patch(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let name = form.optional_text("name", 1, usize::MAX);
    let ttl = form.optional_number("accessTokenTtl");
    form.done()?;
    refuse_management_api(resource(logto, call.id())?)?;
    let ttl = ttl.map(whole_seconds).transpose()?;
    if name.is_none() && ttl.is_none() {
        return Err(errors::invalid_entity_input());
    }
    let updated = logto.store.update_resource(call.id(), |row| {
        row.name = name.unwrap_or_else(|| row.name.clone());
        row.access_token_ttl = ttl.unwrap_or(row.access_token_ttl);
    });
    Ok(Answer::json(200, &updated.map_err(errors::violated)?))
}

pub(super) fn set_default(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let is_default = form.flag("isDefault");
    form.done()?;
    let updated = logto.store.set_default_resource(call.id(), is_default);
    let updated = updated.map_err(|violation| match violation {
        Violation::Missing => errors::not_exists("resource"),
        other => errors::violated(other),
    })?;
    Ok(Answer::json(200, &updated))
}

pub(super) fn delete(logto: &mut Logto, call: &Call) -> Reply {
    if is_management_api(resource(logto, call.id())?) {
        return Err(errors::coded(
            400,
            "resource.cannot_delete_management_api",
            "Cannot delete Logto Management API.",
        ));
    }
    logto
        .store
        .delete_resource(call.id())
        .map_err(errors::violated)?;
    Ok(Answer::empty(204))
}

/// Refuses a change of the Management API or of its scopes.
pub(super) fn refuse_management_api(resource: &Resource) -> Result<(), Answer> {
    if is_management_api(resource) {
        return Err(errors::coded(
            400,
            "resource.cannot_modify_management_api",
            "Cannot modify Logto Management API.",
        ));
    }
    Ok(())
}

/// Logto goes by the indicator alone: `^https://[^.]+\.logto\.app/api$` (packages/schemas/src/utils/management-api.ts).
pub(super) fn is_management_api(resource: &Resource) -> bool {
    resource
        .indicator
        .strip_prefix("https://")
        .and_then(|rest| rest.strip_suffix(".logto.app/api"))
        .is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('.'))
}

// The column is a bigint, so only PostgreSQL minds a fraction.
fn whole_seconds(number: f64) -> Result<i64, Answer> {
    if number.fract() != 0.0 || number.abs() > 9e15 {
        return Err(errors::invalid_entity_input());
    }
    Ok(number as i64)
}
