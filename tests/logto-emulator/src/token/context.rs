//! What a Custom JWT script is told besides the token (packages/core/src/libraries/jwt-customizer.ts of Logto).

use serde_json::{Map, Value, json};

use super::{
    client::TOKEN_EXCHANGE,
    draft::{Draft, Subject},
};
use crate::{
    logto::Logto,
    store::{Scope, Store, User},
};

/// The context for a token: of machines only their application, of users nearly everything that is known.
pub(super) fn of(logto: &Logto, draft: &Draft) -> Value {
    let store = &logto.store;
    let mut context = Map::new();
    if let Some(application) = store.application(&draft.client_id) {
        context.insert("application".to_owned(), json!(application));
    }
    let Subject::User {
        user_id,
        subject_token,
    } = &draft.subject
    else {
        return Value::Object(context);
    };
    if let Some(user) = store.user(user_id) {
        context.insert("user".to_owned(), user_of(store, user));
    }
    if let Some(token) = store.subject_token(subject_token) {
        let grant = json!({"type": TOKEN_EXCHANGE, "subjectTokenContext": token.context});
        context.insert("grant".to_owned(), grant);
    }
    let organization = draft.organization_id.as_deref();
    if let Some(organization) = organization.and_then(|id| store.organization(id)) {
        context.insert("organization".to_owned(), json!(organization));
    }
    Value::Object(context)
}

fn user_of(store: &Store, user: &User) -> Value {
    let organizations: Vec<Value> = store
        .organizations_of(&user.id)
        .into_iter()
        .map(|row| json!({"id": row.id, "name": row.name, "description": row.description}))
        .collect();
    let organization_roles: Vec<Value> = store
        .organization_roles_of(&user.id, None)
        .map(|role| {
            json!({
                "organizationId": role.organization_id, "roleId": role.role_id, "roleName": role.role_name,
            })
        })
        .collect();
    let mut context = json!(user);
    context["ssoIdentities"] = json!([]);
    context["mfaVerificationFactors"] = json!([]);
    context["roles"] = roles_of(store, user);
    context["organizations"] = json!(organizations);
    context["organizationRoles"] = json!(organization_roles);
    context
}

/// All roles of the user, the hidden `#internal:` ones among them, with all that they hold.
fn roles_of(store: &Store, user: &User) -> Value {
    let roles = store.role_ids_of_user(&user.id).iter();
    let roles = roles.filter_map(|id| store.role(id)).map(|role| {
        let scopes = store.scopes_of_role(&role.id);
        let scopes: Vec<Value> = scopes.map(|scope| scope_of(store, scope)).collect();
        json!({
            "id": role.id, "name": role.name, "description": role.description, "scopes": scopes,
        })
    });
    roles.collect()
}

fn scope_of(store: &Store, scope: &Scope) -> Value {
    json!({
        "id": scope.id, "name": scope.name, "description": scope.description,
        "resourceId": scope.resource_id, "resource": store.resource(&scope.resource_id),
    })
}
