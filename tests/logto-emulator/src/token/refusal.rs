//! The refusals of the token endpoint.

use serde_json::json;

use crate::{answer::Answer, call::Call, logto::Logto};

pub(super) fn wrong_secret(logto: &Logto, call: &Call) -> Answer {
    let description = "client authentication failed";
    let refusal = refused(401, "invalid_client", description);
    if call.authorization.is_none() {
        return refusal;
    }
    refusal.with_header(
        "www-authenticate",
        format!(
            "Basic realm=\"{}\", error=\"invalid_client\", error_description=\"{description}\"",
            logto.issuer_for(call)
        ),
    )
}

pub(super) fn invalid_request(description: &str) -> Answer {
    refused(400, "invalid_request", description)
}

pub(super) fn refused(status: u16, error: &str, description: &str) -> Answer {
    let code = format!("oidc.{error}");
    let message = match error {
        "access_denied" => "Access denied.".to_owned(),
        "invalid_grant" => "Grant request is invalid.".to_owned(),
        "invalid_request" => "Request is invalid.".to_owned(),
        "invalid_target" => "Invalid resource indicator.".to_owned(),
        "unsupported_grant_type" => "Unsupported `grant_type` requested.".to_owned(),
        _ => format!("An OIDC error occurred: {code}."),
    };
    Answer::json(
        status,
        &json!({"code": code, "message": message, "error": error, "error_description": description}),
    )
}
