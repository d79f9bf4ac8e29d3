//! Where a request carries its token.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};

use crate::jwt::config::TokenLocation;
use crate::refusal::Refusal;
use crate::session::text;

/// All tokens at the configured place.
///
/// # Errors
/// An Authorization header that is not the word `Bearer`, in this case, and one token.
pub(crate) fn find(location: &TokenLocation, headers: &HeaderMap) -> Result<Vec<String>, Refusal> {
    match location {
        TokenLocation::Authorization => headers
            .get_all(AUTHORIZATION)
            .iter()
            .map(|value| bearer(&text(value)))
            .collect(),
        TokenLocation::Cookie(name) => Ok(headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|value| cookies(&text(value), name))
            .collect()),
        // The name in the settings can be one that no header has.
        TokenLocation::CustomHeader(name) => Ok(headers
            .iter()
            .filter(|(found, _)| found.as_str().eq_ignore_ascii_case(name))
            .map(|(_, value)| text(value))
            .collect()),
    }
}

fn bearer(value: &str) -> Result<String, Refusal> {
    let words: Vec<_> = value.split_ascii_whitespace().collect();
    match words.as_slice() {
        ["Bearer", token] => Ok((*token).to_owned()),
        _ => Err(Refusal::bad_request(
            "invalid-headers",
            "Malformed Authorization header",
        )),
    }
}

/// The values of the cookies of that name, which is case-sensitive.
fn cookies(header: &str, name: &str) -> Vec<String> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
        .collect()
}
