//! JSON web tokens of requests: where they are, whether they hold, and what they grant.

mod claims_set;
mod compact;
mod grant;
mod location;

use axum::http::HeaderMap;
use jiff::Timestamp;

use crate::jwt::config::JwtConfig;
use crate::keys::KeyStore;
use crate::refusal::Refusal;
use crate::session::{self, Session};

/// The session of a request in JWT mode that brings no admin secret.
///
/// The unauthorized role is for a request without any token; a bad token is an error, never a fallback.
pub(crate) fn authenticate(
    config: &JwtConfig,
    keys: &KeyStore,
    unauthorized_role: Option<&str>,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Session, Refusal> {
    let sent = session::from_headers(headers);
    let tokens = location::find(&config.header, headers)?;
    if tokens.is_empty() {
        let role = unauthorized_role.ok_or_else(|| {
            Refusal::bad_request(
                "invalid-headers",
                "Missing 'Authorization' or 'Cookie' header in JWT authentication mode",
            )
        })?;
        return Ok(Session::new(role.to_owned(), sent));
    }
    // A token of another issuer does not count, but where no other is left that is what is wrong with it.
    let candidates: Vec<_> = tokens
        .iter()
        .filter(|token| is_of_issuer(config, token))
        .collect();
    let token = match candidates.as_slice() {
        [token] => token,
        [] => return Err(not_verified("JWTNotInIssuer")),
        _ => {
            return Err(Refusal::bad_request(
                "invalid-headers",
                "Could not verify JWT: Multiple JWTs found",
            ));
        }
    };
    let claims = verify(config, keys, token, now).map_err(not_verified)?;
    grant::session(&config.claims, &claims, session::requested_role(&sent))
}

/// Looks at the issuer before anything is verified; a token that can not be read or names none passes here.
fn is_of_issuer(config: &JwtConfig, token: &str) -> bool {
    let claims = compact::unverified_payload(token)
        .and_then(|payload| claims_set::ClaimsSet::parse(&payload).ok());
    match (&config.issuer, claims.and_then(|claims| claims.issuer)) {
        (Some(expected), Some(found)) => *expected == found,
        _ => true,
    }
}

/// The claims of a token that holds; the error is what follows `Could not verify JWT: `.
fn verify(
    config: &JwtConfig,
    keys: &KeyStore,
    token: &str,
    now: Timestamp,
) -> Result<claims_set::ClaimsSet, String> {
    let token = compact::Token::decode(token).map_err(|reason| format!("JWSError {reason}"))?;
    let claims = claims_set::ClaimsSet::parse(&token.payload)
        .map_err(|reason| format!("JWTClaimsSetDecodeError {reason:?}"))?;
    token
        .verify(&keys.keys())
        .map_err(|reason| format!("JWSError {reason}"))?;
    claims.check(config, now)?;
    Ok(claims)
}

fn not_verified(reason: impl std::fmt::Display) -> Refusal {
    Refusal::bad_request("invalid-jwt", format!("Could not verify JWT: {reason}"))
}
