//! `/api/roles`.

use serde::Serialize;
use serde_json::{Value, json};

use super::{ROLE_COLUMNS, is_hidden, role, role_columns, role_scopes};
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::{self, Form},
    logto::Logto,
    pagination::Page,
    search::Search,
    store::{Role, RoleType},
};

const TYPES: [&str; 2] = ["User", "MachineToMachine"];
const TEXT_MAX: usize = 128;
/// So many holders come with a role in a list.
const FEATURED: usize = 3;

pub(super) fn list(logto: &mut Logto, call: &Call) -> Reply {
    let page = Page::of(call)?;
    let kind = guard::query_choice(call, "type", &TYPES)?.map(type_of);
    let search = Search::of(call, &ROLE_COLUMNS)?;
    let mut roles: Vec<&Role> = logto
        .store
        .roles()
        .filter(|role| {
            let base = !is_hidden(role)
                && kind.is_none_or(|kind| role.kind == kind)
                && !is_excluded(logto, call, role);
            search.finds_or_leaks(base, &role_columns(role))
        })
        .collect();
    logto.switches.mix(&mut roles);
    let headers = page.headers(call, roles.len());
    let rows: Vec<WithHolders<'_>> = page
        .rows(roles)
        .into_iter()
        .filter(|role| !logto.switches.misses(&role.name))
        .map(|role| WithHolders::new(logto, role))
        .collect();
    Ok(Answer::json(200, &rows).with_headers(headers))
}

fn is_excluded(logto: &Logto, call: &Call, role: &Role) -> bool {
    let by_user = call
        .query_value("excludeUserId")
        .is_some_and(|user| logto.store.user_holds(user, &role.id));
    let by_application = call
        .query_value("excludeApplicationId")
        .is_some_and(|application| logto.store.application_holds(application, &role.id));
    by_user || by_application
}

/// A role of a list, with how many hold it and the first few of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithHolders<'a> {
    #[serde(flatten)]
    role: &'a Role,
    users_count: usize,
    featured_users: Vec<Value>,
    applications_count: usize,
    featured_applications: Vec<Value>,
}

impl<'a> WithHolders<'a> {
    fn new(logto: &Logto, role: &'a Role) -> Self {
        let users = || logto.store.users_of_role(&role.id);
        let applications = || logto.store.applications_of_role(&role.id);
        Self {
            role,
            users_count: users().count(),
            featured_users: users()
                .take(FEATURED)
                .map(|user| json!({"id": user.id, "avatar": user.avatar, "name": user.name}))
                .collect(),
            applications_count: applications().count(),
            featured_applications: applications()
                .take(FEATURED)
                .map(|row| json!({"id": row.id, "name": row.name, "type": row.kind}))
                .collect(),
        }
    }
}

/// Makes the role, then looks at its scopes: a refusal because of these leaves the role behind, without scopes.
pub(super) fn create(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let name = form.text("name", 1, TEXT_MAX);
    let description = form.text("description", 1, TEXT_MAX);
    let kind = form.optional_choice("type", &TYPES);
    let is_default = form.optional_flag("isDefault").unwrap_or_default();
    let scope_ids = form.optional_ids("scopeIds");
    form.done()?;
    if !logto.switches.is_racing() {
        refuse_taken(logto, &name, None)?;
    }
    let kind = kind.as_deref().map_or(RoleType::User, type_of);
    let role = logto
        .store
        .insert_role(&name, &description, kind, is_default)
        .map_err(errors::violated)?;
    if let Some(scope_ids) = scope_ids {
        if scope_ids.is_empty() {
            return Err(errors::invalid_entity_input());
        }
        role_scopes::check_scopes(logto, &role, &scope_ids)?;
        role_scopes::insert_links(logto, &role.id, &scope_ids)?;
    }
    Ok(Answer::json(200, &role))
}

pub(super) fn get(logto: &mut Logto, call: &Call) -> Reply {
    Ok(Answer::json(200, role(logto, call.id())?))
}

pub(super) fn patch(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let name = form.optional_text("name", 1, TEXT_MAX);
    let description = form.optional_text("description", 1, TEXT_MAX);
    let is_default = form.optional_flag("isDefault");
    form.done()?;
    role(logto, call.id())?;
    if let Some(name) = &name {
        refuse_taken(logto, name, Some(call.id()))?;
    }
    if name.is_none() && description.is_none() && is_default.is_none() {
        return Err(errors::invalid_entity_input());
    }
    let updated = logto.store.update_role(call.id(), |row| {
        row.name = name.unwrap_or_else(|| row.name.clone());
        row.description = description.unwrap_or_else(|| row.description.clone());
        row.is_default = is_default.unwrap_or(row.is_default);
    });
    Ok(Answer::json(200, &updated.map_err(errors::violated)?))
}

pub(super) fn delete(logto: &mut Logto, call: &Call) -> Reply {
    role(logto, call.id())?;
    logto
        .store
        .delete_role(call.id())
        .map_err(errors::violated)?;
    Ok(Answer::empty(204))
}

fn refuse_taken(logto: &Logto, name: &str, own_id: Option<&str>) -> Result<(), Answer> {
    let holder = logto.store.role_by_name(name);
    if holder.is_some_and(|role| own_id != Some(&role.id)) {
        return Err(errors::coded(
            422,
            "role.name_in_use",
            &format!("This role name {name} is already in use"),
        ));
    }
    Ok(())
}

fn type_of(text: &str) -> RoleType {
    match text {
        "MachineToMachine" => RoleType::MachineToMachine,
        _ => RoleType::User,
    }
}
