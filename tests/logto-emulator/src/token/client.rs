//! Which client asks, and whether it may ask in that way.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use url::form_urlencoded;

use super::{
    Params,
    refusal::{invalid_request, refused, wrong_secret},
};
use crate::{
    answer::Answer,
    call::Call,
    logto::Logto,
    store::{Application, ApplicationType, now_ms},
};

const CLIENT_CREDENTIALS: &str = "client_credentials";
/// The grant by which a subject token becomes an access token of its user.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Grants that Logto knows and the emulator does not.
const OTHER_GRANTS: [&str; 4] = [
    "implicit",
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
];

/// What a client asks with.
pub(super) enum Grant {
    ClientCredentials,
    TokenExchange,
}

/// The client that asks. A public one (native, single page) only says its name.
pub(super) fn authenticate<'a>(
    logto: &'a Logto,
    call: &Call,
    form: &Params,
) -> Result<&'a Application, Answer> {
    let (id, secret) = credentials(call, form)?;
    let Some(client) = logto.store.application(&id) else {
        let description = format!("invalid client {id}");
        return Err(refused(400, "invalid_client", &description));
    };
    if matches!(client.kind, ApplicationType::Native | ApplicationType::Spa) {
        return Ok(client);
    }
    let secret = secret.ok_or_else(|| wrong_secret(logto, call))?;
    match logto
        .store
        .secrets_of(&id)
        .find(|held| held.value == secret)
    {
        None => Err(wrong_secret(logto, call)),
        Some(held) if held.expires_at.is_some_and(|end| end < now_ms()) => {
            Err(invalid_request("client secret has expired"))
        }
        Some(_) => Ok(client),
    }
}

/// The client's id and secret, from HTTP Basic or from the form but not from both
/// (lib/shared/client_auth.js of oidc-provider).
fn credentials(call: &Call, form: &Params) -> Result<(String, Option<String>), Answer> {
    let form_id = form.get("client_id").map(ToOwned::to_owned);
    let form_secret = form.get("client_secret").map(ToOwned::to_owned);
    let Some(authorization) = call.authorization.as_deref() else {
        let id = form_id
            .ok_or_else(|| invalid_request("no client authentication mechanism provided"))?;
        return Ok((id, form_secret));
    };
    if form_secret.is_some() {
        return Err(invalid_request(
            "client authentication must only be provided using one mechanism",
        ));
    }
    let (id, secret) = basic(authorization)
        .ok_or_else(|| invalid_request("invalid authorization header value format"))?;
    if form_id.is_some_and(|form_id| form_id != id) {
        return Err(invalid_request("client_id mismatch"));
    }
    if secret.is_empty() {
        return Err(invalid_request(
            "client_secret must be provided in the Authorization header",
        ));
    }
    Ok((id, Some(secret)))
}

fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

// RFC 6749 wants both sides form-url-encoded before base64.
fn form_decoded(text: &str) -> String {
    let pair = format!("text={}", text.replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The grant that was asked for, where the client may use it (packages/core/src/oidc/utils.ts of Logto).
pub(super) fn grant_of(grant: Option<&str>, client: &Application) -> Result<Grant, Answer> {
    let is_machine = client.kind == ApplicationType::MachineToMachine;
    let exchanges = client.custom_client_metadata.get("allowTokenExchange") == Some(&json!(true));
    match grant {
        None => Err(invalid_request("missing required parameter 'grant_type'")),
        Some(CLIENT_CREDENTIALS) if is_machine => Ok(Grant::ClientCredentials),
        Some(TOKEN_EXCHANGE) if exchanges => Ok(Grant::TokenExchange),
        Some(CLIENT_CREDENTIALS | TOKEN_EXCHANGE) => Err(not_allowed()),
        Some(known) if OTHER_GRANTS.contains(&known) => Err(not_allowed()),
        Some(_) => Err(refused(
            400,
            "unsupported_grant_type",
            "unsupported grant_type requested",
        )),
    }
}

fn not_allowed() -> Answer {
    let description = "requested grant type is not allowed for this client";
    refused(400, "unauthorized_client", description)
}
