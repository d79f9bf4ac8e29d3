//! For which resource a token is, and which scopes it carries.

use url::Url;

use super::{Params, refusal::refused};
use crate::{
    answer::Answer,
    logto::Logto,
    store::{Application, Resource, Scope},
};

/// The resource that the request names.
pub(super) fn resource_of<'a>(
    logto: &'a Logto,
    form: &Params,
) -> Result<Option<&'a Resource>, Answer> {
    let invalid = |description| refused(400, "invalid_target", description);
    let asked: Vec<&str> = form.all("resource").collect();
    let Some(indicator) = asked.first() else {
        return Ok(None);
    };
    if asked.len() > 1 {
        return Err(invalid(
            "only a single resource indicator value is supported for this grant type",
        ));
    }
    let uri =
        Url::parse(indicator).map_err(|_| invalid("resource indicator must be an absolute URI"))?;
    if uri.fragment().is_some() {
        return Err(invalid(
            "resource indicator must not contain a fragment component",
        ));
    }
    let resource = logto.store.resource_by_indicator(indicator);
    resource
        .map(Some)
        .ok_or_else(|| invalid("resource indicator is missing, or unknown"))
}

/// The resource that a machine's request names, or the default one.
pub(super) fn machine_resource_of<'a>(
    logto: &'a Logto,
    form: &Params,
) -> Result<&'a Resource, Answer> {
    let resource = resource_of(logto, form)?.or_else(|| logto.store.default_resource());
    let missing = "both `resource` and `organization_id` are not provided";
    resource.ok_or_else(|| refused(400, "invalid_target", missing))
}

/// What was asked for, as far as the machine's roles hold it for that resource.
pub(super) fn machine_scope(
    logto: &Logto,
    client: &Application,
    resource: &Resource,
    asked: Option<&str>,
) -> String {
    let roles = logto.store.role_ids_of_application(&client.id).iter();
    let held = roles.flat_map(|role| logto.store.scopes_of_role(role));
    granted(asked, resource, held)
}

/// What was asked for, as far as the user holds it for that resource: by roles of the tenant and by roles in
/// organizations, where one is named only in that one. A third-party application gets of that only what it may ask
/// its users for.
pub(super) fn user_scope(
    logto: &Logto,
    client: &Application,
    user_id: &str,
    organization_id: Option<&str>,
    resource: &Resource,
    asked: Option<&str>,
) -> String {
    let store = &logto.store;
    let roles = store.role_ids_of_user(user_id).iter();
    let of_roles = roles.flat_map(|role| store.scopes_of_role(role));
    let of_organizations = store
        .organization_roles_of(user_id, organization_id)
        .flat_map(|role| store.scopes_of_organization_role(role));
    let may_ask =
        |scope: &&Scope| !client.is_third_party || store.consents_to(&client.id, &scope.id);
    granted(
        asked,
        resource,
        of_roles.chain(of_organizations).filter(may_ask),
    )
}

fn granted<'a>(
    asked: Option<&str>,
    resource: &Resource,
    held: impl Iterator<Item = &'a Scope>,
) -> String {
    let held: Vec<&str> = held
        .filter(|scope| scope.resource_id == resource.id)
        .map(|scope| scope.name.as_str())
        .collect();
    let mut granted: Vec<&str> = Vec::new();
    for scope in asked.unwrap_or_default().split(' ') {
        if held.contains(&scope) && !granted.contains(&scope) {
            granted.push(scope);
        }
    }
    granted.join(" ")
}
