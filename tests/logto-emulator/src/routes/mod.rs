//! The routes of the Management API that the operator uses.

mod application_roles;
mod applications;
mod jwt_customizer;
mod resources;
mod role_applications;
mod role_scopes;
mod role_users;
mod roles;
mod scopes;
mod subject_tokens;
mod user_roles;
mod users;

use serde::Serialize;

use crate::{
    answer::{Answer, Reply},
    authn,
    call::Call,
    errors,
    logto::Logto,
    oidc,
    pagination::Page,
    script::Step,
    search::Column,
    store::{Application, Resource, Role, Scope, User},
    token,
};

/// What answers a request of a route.
pub(crate) enum Handler {
    /// At once.
    Plain(fn(&mut Logto, &Call) -> Reply),
    /// After a script has run, where there is one.
    Scripted(fn(&mut Logto, &Call) -> Result<Step, Answer>),
}

/// A route.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// The path, with `:id` and the like for what varies.
    pub(crate) template: &'static str,
    /// Whether it answers without a token.
    pub(crate) open: bool,
    pub(crate) handler: Handler,
}

/// What a method and a path lead to.
pub(crate) enum Found {
    /// A route and what stands in the path for its `:id`s.
    Route(&'static Route, Vec<String>),
    WrongMethod,
    Nothing,
}

/// Finds the route for a request.
pub(crate) fn find(method: &str, path: &str) -> Found {
    let mut found = Found::Nothing;
    for route in ROUTES {
        if let Some(params) = params_of(route.template, path) {
            if route.method == method {
                return Found::Route(route, params);
            }
            found = Found::WrongMethod;
        }
    }
    found
}

fn params_of(template: &str, path: &str) -> Option<Vec<String>> {
    let mut params = Vec::new();
    let mut parts = path.split('/');
    for expected in template.split('/') {
        let part = parts.next()?;
        if expected.starts_with(':') && !part.is_empty() {
            params.push(part.to_owned());
        } else if expected != part {
            return None;
        }
    }
    parts.next().is_none().then_some(params)
}

const fn open(
    method: &'static str,
    template: &'static str,
    handler: fn(&mut Logto, &Call) -> Reply,
) -> Route {
    Route {
        method,
        template,
        open: true,
        handler: Handler::Plain(handler),
    }
}

const fn guarded(
    method: &'static str,
    template: &'static str,
    handler: fn(&mut Logto, &Call) -> Reply,
) -> Route {
    Route {
        method,
        template,
        open: false,
        handler: Handler::Plain(handler),
    }
}

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    Route { method: "POST", template: "/oidc/token", open: true, handler: Handler::Scripted(token::issue) },
    open("GET", "/oidc/jwks", oidc::jwks),
    open("GET", "/oidc/.well-known/openid-configuration", oidc::discovery),
    open("GET", "/oidc/.well-known/oauth-authorization-server", oidc::discovery),
    open("GET", "/api/status", oidc::status),
    open("GET", "/api/authn/hasura", authn::hasura),
    guarded("GET", "/api/resources", resources::list),
    guarded("POST", "/api/resources", resources::create),
    guarded("GET", "/api/resources/:id", resources::get),
    guarded("PATCH", "/api/resources/:id", resources::patch),
    guarded("DELETE", "/api/resources/:id", resources::delete),
    guarded("PATCH", "/api/resources/:id/is-default", resources::set_default),
    guarded("GET", "/api/resources/:id/scopes", scopes::list),
    guarded("POST", "/api/resources/:id/scopes", scopes::create),
    guarded("PATCH", "/api/resources/:id/scopes/:scopeId", scopes::patch),
    guarded("DELETE", "/api/resources/:id/scopes/:scopeId", scopes::delete),
    guarded("GET", "/api/roles", roles::list),
    guarded("POST", "/api/roles", roles::create),
    guarded("GET", "/api/roles/:id", roles::get),
    guarded("PATCH", "/api/roles/:id", roles::patch),
    guarded("DELETE", "/api/roles/:id", roles::delete),
    guarded("GET", "/api/roles/:id/scopes", role_scopes::list),
    guarded("POST", "/api/roles/:id/scopes", role_scopes::attach),
    guarded("DELETE", "/api/roles/:id/scopes/:scopeId", role_scopes::detach),
    guarded("GET", "/api/roles/:id/users", role_users::list),
    guarded("POST", "/api/roles/:id/users", role_users::assign),
    guarded("DELETE", "/api/roles/:id/users/:userId", role_users::unassign),
    guarded("GET", "/api/roles/:id/applications", role_applications::list),
    guarded("POST", "/api/roles/:id/applications", role_applications::assign),
    guarded("DELETE", "/api/roles/:id/applications/:applicationId", role_applications::unassign),
    guarded("GET", "/api/users", users::list),
    guarded("POST", "/api/users", users::create),
    guarded("GET", "/api/users/:id", users::get),
    guarded("GET", "/api/users/:id/roles", user_roles::list),
    guarded("POST", "/api/users/:id/roles", user_roles::assign),
    guarded("PUT", "/api/users/:id/roles", user_roles::replace),
    guarded("DELETE", "/api/users/:id/roles/:roleId", user_roles::unassign),
    guarded("GET", "/api/applications", applications::list),
    guarded("POST", "/api/applications", applications::create),
    guarded("GET", "/api/applications/:id", applications::get),
    guarded("GET", "/api/applications/:id/secrets", applications::secrets),
    guarded("GET", "/api/applications/:id/roles", application_roles::list),
    guarded("POST", "/api/applications/:id/roles", application_roles::assign),
    guarded("DELETE", "/api/applications/:id/roles/:roleId", application_roles::unassign),
    guarded("POST", "/api/subject-tokens", subject_tokens::create),
    guarded("GET", "/api/configs/jwt-customizer", jwt_customizer::list),
    Route {
        method: "POST", template: "/api/configs/jwt-customizer/test", open: false,
        handler: Handler::Scripted(jwt_customizer::dry_run),
    },
    guarded("GET", "/api/configs/jwt-customizer/:tokenTypePath", jwt_customizer::get),
    guarded("PUT", "/api/configs/jwt-customizer/:tokenTypePath", jwt_customizer::put),
    guarded("PATCH", "/api/configs/jwt-customizer/:tokenTypePath", jwt_customizer::patch),
    guarded("DELETE", "/api/configs/jwt-customizer/:tokenTypePath", jwt_customizer::delete),
];

/// A list: the page that was asked for with its headers, or the whole of it.
fn listed<T: Serialize>(call: &Call, page: Option<&Page>, rows: Vec<T>) -> Answer {
    let Some(page) = page else {
        return Answer::json(200, &rows);
    };
    let headers = page.headers(call, rows.len());
    Answer::json(200, &page.rows(rows)).with_headers(headers)
}

fn resource<'a>(logto: &'a Logto, id: &str) -> Result<&'a Resource, Answer> {
    logto
        .store
        .resource(id)
        .ok_or_else(|| errors::not_exists_with_id("resources", id))
}

fn scope<'a>(logto: &'a Logto, id: &str) -> Result<&'a Scope, Answer> {
    logto
        .store
        .scope(id)
        .ok_or_else(|| errors::not_exists_with_id("scopes", id))
}

fn role<'a>(logto: &'a Logto, id: &str) -> Result<&'a Role, Answer> {
    logto
        .store
        .role(id)
        .ok_or_else(|| errors::not_exists_with_id("roles", id))
}

fn user<'a>(logto: &'a Logto, id: &str) -> Result<&'a User, Answer> {
    logto.store.user(id).ok_or_else(errors::not_found)
}

fn application<'a>(logto: &'a Logto, id: &str) -> Result<&'a Application, Answer> {
    logto
        .store
        .application(id)
        .ok_or_else(|| errors::not_exists_with_id("applications", id))
}

const SCOPE_COLUMNS: [&str; 3] = ["id", "name", "description"];
const ROLE_COLUMNS: [&str; 3] = ["id", "name", "description"];
const USER_COLUMNS: [&str; 5] = ["id", "primary_email", "primary_phone", "username", "name"];

fn scope_columns(scope: &Scope) -> [Column<'_>; 3] {
    [
        ("id", Some(&scope.id)),
        ("name", Some(&scope.name)),
        ("description", scope.description.as_deref()),
    ]
}

fn role_columns(role: &Role) -> [Column<'_>; 3] {
    [
        ("id", Some(&role.id)),
        ("name", Some(&role.name)),
        ("description", Some(&role.description)),
    ]
}

fn user_columns(user: &User) -> [Column<'_>; 5] {
    [
        ("id", Some(&user.id)),
        ("primary_email", user.primary_email.as_deref()),
        ("primary_phone", user.primary_phone.as_deref()),
        ("username", user.username.as_deref()),
        ("name", user.name.as_deref()),
    ]
}

/// A role that has no place in lists.
fn is_hidden(role: &Role) -> bool {
    role.name.starts_with("#internal:")
}

#[cfg(test)]
mod tests {
    use super::{Found, find};

    fn template(method: &str, path: &str) -> &'static str {
        match find(method, path) {
            Found::Route(route, _) => route.template,
            Found::WrongMethod => "wrong method",
            Found::Nothing => "nothing",
        }
    }

    #[test]
    fn a_path_leads_to_its_template() {
        assert_eq!(
            template("DELETE", "/api/roles/r1/scopes/s1"),
            "/api/roles/:id/scopes/:scopeId"
        );
        assert_eq!(template("PUT", "/api/roles"), "wrong method");
        assert_eq!(template("GET", "/api/roles/r1/scopes/s1/x"), "nothing");
        assert_eq!(template("GET", "/api/roles/"), "nothing");
    }

    #[test]
    fn ids_are_taken_from_the_path() {
        let Found::Route(_, params) = find("DELETE", "/api/roles/r1/scopes/s1") else {
            panic!("the route is there");
        };
        assert_eq!(params, ["r1", "s1"]);
    }
}
