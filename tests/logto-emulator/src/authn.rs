//! `GET /api/authn/hasura`, which Hasura calls in webhook mode (packages/core/src/routes/authn.ts of Logto).

use serde::Serialize;

use crate::{
    answer::{Answer, Reply},
    auth,
    call::Call,
    errors, guard,
    logto::Logto,
};

#[derive(Serialize)]
struct Session {
    #[serde(rename = "X-Hasura-User-Id", skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(rename = "X-Hasura-Role", skip_serializing_if = "Option::is_none")]
    role: Option<String>,
}

/// Says who the caller is and in which role.
///
/// Any User role of the tenant counts by its name, whatever it holds and whatever the token's scopes are. In the
/// unauthorized branch the user's id is taken from a token for any audience.
pub(crate) fn hasura(logto: &mut Logto, call: &Call) -> Reply {
    let resource = guard::query_text(call, "resource")?;
    let unauthorized = guard::optional_query_text(call, "unauthorizedRole")?;
    let unauthorized = unauthorized.filter(|role| !role.is_empty());
    let expected = call.expected_role.clone().filter(|role| !role.is_empty());
    let subject = auth::subject_of(logto, call, Some(resource));
    let holds = |role: &String| {
        let subject = subject.as_deref();
        subject.is_some_and(|user_id| holds_role_named(logto, user_id, role))
    };
    let is_held = expected.as_ref().is_some_and(holds);
    if let Some(role) = unauthorized.filter(|_| !is_held) {
        return Ok(session(
            subject.or_else(|| auth::subject_of(logto, call, None)),
            Some(role.to_owned()),
        ));
    }
    if expected.is_some() && !is_held {
        return Err(errors::coded(
            401,
            "auth.expected_role_not_found",
            "Expected role not found. Please check your user roles and permissions.",
        ));
    }
    Ok(session(subject, expected))
}

fn session(user_id: Option<String>, role: Option<String>) -> Answer {
    Answer::json(200, &Session { user_id, role })
}

fn holds_role_named(logto: &Logto, user_id: &str, name: &str) -> bool {
    let role = logto.store.role_by_name(name);
    role.is_some_and(|role| logto.store.user_holds(user_id, &role.id))
}
