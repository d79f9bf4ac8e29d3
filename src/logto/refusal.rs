//! What an answer that is not a success means.

use serde::Deserialize;

use super::PlanLimit;
use super::error::{Code, CredentialsCause, Error, Failure, StopCause, Unexpected};
use super::operation::{Effect, Operation};
use super::transport::Answer;

/// Logto's error body; `message` follows Accept-Language, so only the codes are looked at.
#[derive(Deserialize)]
struct Body {
    code: Option<String>,
    error: Option<String>,
}

/// The error that an answer with any status but 2xx stands for.
pub(super) fn refusal(operation: Operation, answer: &Answer) -> Error {
    let status = answer.status;
    if let Some(limit) = plan_limit(answer) {
        return Error::Plan { operation, limit };
    }
    match status {
        429 => Error::Wait {
            operation,
            after: answer.retry_after,
        },
        // A creation that loses a race meets a unique index that Logto maps to 500
        // (packages/core/src/middleware/koa-slonik-error-handler.ts), so the object may well be there.
        500 if operation.effect() == Effect::Create => Error::Reread {
            operation,
            status,
            code: None,
        },
        408 | 500.. => Error::Retry {
            operation,
            cause: Failure::Status(status),
        },
        400.. => definite_refusal(operation, answer),
        300.. => unexpected(operation, status, Unexpected::Redirect),
        _ => unexpected(operation, status, Unexpected::Undecodable),
    }
}

/// What Logto Cloud says of a limit of the plan. A 429 without its code is one of the rate.
fn plan_limit(answer: &Answer) -> Option<PlanLimit> {
    if !answer.json || !matches!(answer.status, 403 | 429) {
        return None;
    }
    let body: Body = serde_json::from_slice(&answer.body).ok()?;
    PlanLimit::of(answer.status, body.code.as_deref()?, &answer.body)
}

/// A 404 or 403 of a proxy must not pass for Logto's word that an object is gone or a role is missing, so it counts only
/// as JSON, and the codes decide.
fn definite_refusal(operation: Operation, answer: &Answer) -> Error {
    let status = answer.status;
    let Some(body) = answer
        .json
        .then(|| serde_json::from_slice::<Body>(&answer.body).ok())
        .flatten()
    else {
        return unexpected(operation, status, Unexpected::NotJson);
    };
    let code = |text: Option<String>| text.as_deref().and_then(Code::parse);
    if operation == Operation::FetchToken {
        let cause = token_refusal(status, code(body.error));
        return Error::Credentials { operation, cause };
    }
    let code = code(body.code);
    let is = |prefix: &str| {
        code.as_ref()
            .is_some_and(|c| c.as_str().starts_with(prefix))
    };
    let ends = |suffix: &str| code.as_ref().is_some_and(|c| c.as_str().ends_with(suffix));
    let credentials = |cause| Error::Credentials { operation, cause };
    match status {
        401 if is("auth.") => credentials(CredentialsCause::TokenRejected),
        403 if is("auth.forbidden") => credentials(CredentialsCause::MissingRole),
        404 if is("entity.") && operation.effect() != Effect::Create => {
            Error::NotFound { operation }
        }
        404 if is("entity.") => Error::Reread {
            operation,
            status,
            code,
        },
        422 if ends("_in_use") || ends("_exists") => Error::Reread {
            operation,
            status,
            code,
        },
        _ => Error::Stop {
            operation,
            cause: StopCause::Refused { status, code },
        },
    }
}

fn token_refusal(status: u16, error: Option<Code>) -> CredentialsCause {
    match error.as_ref().map(Code::as_str) {
        Some("invalid_client") => CredentialsCause::InvalidClient,
        Some("invalid_request") => CredentialsCause::Expired,
        Some("invalid_target") => CredentialsCause::WrongTenant,
        _ => CredentialsCause::Refused {
            status,
            code: error,
        },
    }
}

/// The error for an answer that Logto's API does not give.
pub(super) fn unexpected(operation: Operation, status: u16, what: Unexpected) -> Error {
    Error::Stop {
        operation,
        cause: StopCause::Unexpected { status, what },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Refresh;
    use super::*;

    fn answer(status: u16, json: bool, body: &str) -> Answer {
        Answer {
            status,
            json,
            total: None,
            retry_after: Duration::from_secs(7),
            refresh: Refresh::Never,
            body: body.as_bytes().to_vec(),
        }
    }

    fn refused(operation: Operation, status: u16, code: &str) -> Error {
        let body =
            format!(r#"{{"code":"{code}","message":"hunter2","data":{{"payload":"hunter2"}}}}"#);
        refusal(operation, &answer(status, true, &body))
    }

    #[test]
    fn a_taken_name_a_missing_parent_and_a_lost_race_are_to_be_read_again() {
        for (operation, status, code) in [
            (
                Operation::CreateResource,
                422,
                "resource.resource_identifier_in_use",
            ),
            (Operation::CreateRole, 422, "role.name_in_use"),
            (Operation::UpdateRole, 422, "role.name_in_use"),
            (Operation::CreateScope, 422, "scope.name_exists"),
            (Operation::AddRoleScope, 422, "role.scope_exists"),
            (Operation::CreateScope, 404, "entity.not_exists_with_id"),
            (Operation::AddRoleScope, 404, "entity.not_exists_with_id"),
            (
                Operation::AddRoleScope,
                404,
                "entity.relation_foreign_key_not_found",
            ),
        ] {
            let code = Code::parse(code);
            let error = refused(operation, status, code.as_ref().unwrap().as_str());
            assert_eq!(
                error,
                Error::Reread {
                    operation,
                    status,
                    code
                }
            );
            assert!(!error.may_have_happened(), "{error}");
        }
        let raced = refusal(
            Operation::CreateRole,
            &answer(500, true, r#"{"message":"Internal server error."}"#),
        );
        assert!(matches!(
            raced,
            Error::Reread {
                status: 500,
                code: None,
                ..
            }
        ));
        assert!(raced.may_have_happened());
    }

    #[test]
    fn a_role_that_was_made_before_it_was_refused_may_have_happened() {
        for (status, code) in [
            (404, "entity.not_exists_with_id"),
            (422, "entity.invalid_input"),
            (
                400,
                "role.management_api_scopes_not_assignable_to_user_role",
            ),
        ] {
            let error = refused(Operation::CreateRole, status, code);
            assert!(error.may_have_happened(), "{error}");
        }
        let error = refused(Operation::CreateRole, 400, "guard.invalid_input");
        assert!(!error.may_have_happened(), "{error}");
    }

    #[test]
    fn an_object_is_gone_only_when_logto_says_so() {
        for (operation, code) in [
            (Operation::GetRole, "entity.not_exists_with_id"),
            (Operation::UpdateScope, "entity.not_exists"),
            (Operation::RemoveRoleScope, "entity.not_found"),
        ] {
            assert_eq!(refused(operation, 404, code), Error::NotFound { operation });
        }
        for (json, body) in [
            (false, "Not Found"),
            (false, "<html>404</html>"),
            (false, r#"{"code":"entity.not_found"}"#),
            (true, r#"{"message":"no route"}"#),
            (true, "404"),
        ] {
            let error = refusal(Operation::DeleteRole, &answer(404, json, body));
            assert!(matches!(error, Error::Stop { .. }), "{body}: {error:?}");
        }
    }

    #[test]
    fn a_role_that_is_missing_is_told_from_other_refusals() {
        let cause = |status, code| match refused(Operation::ListRoles, status, code) {
            Error::Credentials { cause, .. } => Some(cause),
            _ => None,
        };
        assert_eq!(
            cause(403, "auth.forbidden"),
            Some(CredentialsCause::MissingRole)
        );
        assert_eq!(
            cause(401, "auth.unauthorized"),
            Some(CredentialsCause::TokenRejected)
        );
        assert_eq!(cause(400, "guard.invalid_input"), None);
        let words = CredentialsCause::MissingRole.to_string();
        assert!(
            words.contains(r#"lacks the role "Logto Management API access""#),
            "{words}"
        );
    }

    #[test]
    fn a_limit_of_the_plan_is_told_from_a_limit_of_the_rate_and_named_by_a_known_word() {
        let limit =
            |operation, status, body: &str| match refusal(operation, &answer(status, true, body)) {
                Error::Plan { limit, .. } => limit.to_string(),
                other => format!("{other:?}"),
            };
        let tokens = limit(
            Operation::FetchToken,
            429,
            r#"{"code":"auth.exceed_token_limit","message":"hunter2"}"#,
        );
        assert!(
            tokens.contains("tokens") && tokens.contains("billing period"),
            "{tokens}"
        );
        let refused = |code: &str, key: &str| {
            let body = format!(r#"{{"code":"{code}","message":"hunter2","data":{{"key":{key}}}}}"#);
            limit(Operation::CreateRole, 403, &body)
        };
        let plan = "subscription.limit_exceeded";
        let roles = refused(plan, r#""userRolesLimit""#);
        assert!(roles.contains("no more roles for users"), "{roles}");
        assert!(roles.contains("userRolesLimit"), "{roles}");
        for unknown in [r#""hunter2""#, "7", "null", "{}", r#""mauLimit""#] {
            let unnamed = refused(plan, unknown);
            assert!(unnamed.contains("no more of it"), "{unnamed}");
            assert!(!unnamed.contains("hunter2"), "{unnamed}");
        }
        let system = refused("system_limit.limit_exceeded", r#""resourcesLimit""#);
        assert!(system.contains("API resources on any plan"), "{system}");
        let error = refused(plan, r#""scopesPerRoleLimit""#);
        assert!(error.contains("scopes of one role"), "{error}");
        let throttled = refusal(
            Operation::FetchToken,
            &answer(429, true, r#"{"code":"request.too_many"}"#),
        );
        assert!(matches!(throttled, Error::Wait { .. }), "{throttled:?}");
        let proxy = refusal(
            Operation::FetchToken,
            &answer(429, false, r#"{"code":"auth.exceed_token_limit"}"#),
        );
        assert!(matches!(proxy, Error::Wait { .. }), "{proxy:?}");
    }

    #[test]
    fn a_role_refused_for_a_limit_of_its_scopes_may_be_there() {
        let refused = |key: &str| {
            let body =
                format!(r#"{{"code":"subscription.limit_exceeded","data":{{"key":"{key}"}}}}"#);
            refusal(Operation::CreateRole, &answer(403, true, &body)).may_have_happened()
        };
        assert!(!refused("userRolesLimit") && !refused("machineToMachineRolesLimit"));
        assert!(refused("scopesPerRoleLimit") && refused("somethingNew"));
    }

    #[test]
    fn what_the_token_endpoint_refuses_is_a_matter_of_credentials() {
        for (status, error, cause) in [
            (401, "invalid_client", CredentialsCause::InvalidClient),
            (400, "invalid_client", CredentialsCause::InvalidClient),
            (400, "invalid_request", CredentialsCause::Expired),
            (400, "invalid_target", CredentialsCause::WrongTenant),
        ] {
            let body = format!(
                r#"{{"code":"oidc.{error}","error":"{error}","error_description":"hunter2"}}"#
            );
            let operation = Operation::FetchToken;
            let refused = refusal(operation, &answer(status, true, &body));
            assert_eq!(refused, Error::Credentials { operation, cause });
        }
    }

    #[test]
    fn server_errors_are_tried_again_and_a_write_may_have_happened() {
        for (operation, status, happened) in [
            (Operation::ListRoles, 500, false),
            (Operation::UpdateRole, 500, true),
            (Operation::DeleteRole, 503, true),
            (Operation::CreateRole, 502, true),
            (Operation::CreateRole, 408, true),
        ] {
            let error = refusal(operation, &answer(status, false, "<html>"));
            let cause = Failure::Status(status);
            assert_eq!(error, Error::Retry { operation, cause });
            assert_eq!(error.may_have_happened(), happened, "{error}");
        }
        let error = refusal(Operation::CreateRole, &answer(429, false, ""));
        assert!(matches!(error, Error::Wait { after, .. } if after.as_secs() == 7));
        assert!(!error.may_have_happened());
    }

    #[test]
    fn messages_hold_status_and_known_code_and_never_the_remote_text() {
        let error = refused(Operation::UpdateRole, 400, "guard.invalid_input");
        assert_eq!(
            error.to_string(),
            "could not change the role: Logto refused it (HTTP 400, guard.invalid_input)"
        );
        for code in [
            "hunter2 <b>",
            "HUNTER2",
            "",
            &"a".repeat(65),
            "hunter2\u{202e}",
        ] {
            let error = refused(Operation::UpdateRole, 400, code);
            assert_eq!(
                error.to_string(),
                "could not change the role: Logto refused it (HTTP 400)"
            );
            assert!(!format!("{error:?}").contains("hunter2"));
        }
        let odd = refusal(Operation::UpdateRole, &answer(404, false, "hunter2"));
        assert!(!format!("{odd}{odd:?}").contains("hunter2"));
    }
}
