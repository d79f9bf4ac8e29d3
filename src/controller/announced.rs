//! What a Logto announces otherwise than before: its issuers, its addresses, all of its keys.

use std::collections::BTreeSet;

use super::registry::Connection;
use crate::api::LogtoTenantStatus;

/// What changed, for the event; none when nothing did. The statuses tell also what changed while no operator ran.
pub fn changes(
    before: Option<&Connection>,
    now: &Connection,
    said: &LogtoTenantStatus,
    says: &LogtoTenantStatus,
) -> Option<String> {
    let mut changes: Vec<String> = issuers(said, says).into_iter().collect();
    if let Some(before) = before.filter(|before| !std::ptr::eq(*before, now)) {
        let was = before.session.client().discovery();
        let is = now.session.client().discovery();
        for (what, was, is) in [
            (
                "its token endpoint",
                &was.token_endpoint,
                &is.token_endpoint,
            ),
            ("the address of its keys", &was.jwks_uri, &is.jwks_uri),
        ] {
            if was != is {
                changes.push(format!("{what} changed from {was} to {is}"));
            }
        }
        if before.is_outdated() {
            changes.push("none of its signing keys of before is left".to_owned());
        }
    }
    (!changes.is_empty()).then(|| changes.join("; "))
}

fn issuers(said: &LogtoTenantStatus, says: &LogtoTenantStatus) -> Option<String> {
    let (was, is) = (taken(said), taken(says));
    if was.is_empty() || is.is_empty() || was == is {
        return None;
    }
    let list = |issuers: BTreeSet<&str>| issuers.into_iter().collect::<Vec<_>>().join(", ");
    Some(format!(
        "the issuer of its tokens changed from {} to {}: each Hasura in mode JWT rolls once, and refuses tokens of an \
         issuer that it is not told any more (JWTNotInIssuer), so people have to sign in anew",
        list(was),
        list(is)
    ))
}

/// The issuers that Hasuras are told, by a status.
fn taken(status: &LogtoTenantStatus) -> BTreeSet<&str> {
    let rows = &status.sign_in_endpoints;
    if rows.is_empty() {
        return status.issuer.as_deref().into_iter().collect();
    }
    rows.iter()
        .filter_map(|row| row.issuer.as_deref())
        .collect()
}

/// The issuer before the last change, for the status.
pub fn previous_issuer(said: &LogtoTenantStatus, issuer: Option<&str>) -> Option<String> {
    match (&said.issuer, issuer) {
        (Some(was), Some(is)) if was != is => Some(was.clone()),
        _ => said.previous_issuer.clone(),
    }
}

/// What the condition Connected adds, as long as the issuer is the same.
pub fn since(previous: Option<&str>, issuer: Option<&str>) -> String {
    match (previous, issuer) {
        (Some(was), Some(is)) => {
            format!("; its issuer changed from {was} to {is}")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::tenant::SignInEndpoint;

    fn status(issuer: &str, sign_in: &[(&str, Option<&str>)]) -> LogtoTenantStatus {
        LogtoTenantStatus {
            issuer: Some(issuer.to_owned()),
            sign_in_endpoints: sign_in
                .iter()
                .map(|(endpoint, issuer)| SignInEndpoint {
                    endpoint: (*endpoint).to_owned(),
                    issuer: issuer.map(str::to_owned),
                })
                .collect(),
            ..LogtoTenantStatus::default()
        }
    }

    #[test]
    fn an_event_says_from_which_issuers_to_which() {
        let (a, b) = (status("a", &[]), status("b", &[]));
        assert_eq!(issuers(&a, &a), None);
        assert_eq!(
            issuers(&LogtoTenantStatus::default(), &a),
            None,
            "the first"
        );
        let said = issuers(&a, &b).unwrap();
        assert!(said.contains("from a to b"), "{said}");
        let elsewhere = status("a", &[("https://a", Some("a")), ("https://c", Some("c"))]);
        let said = issuers(&a, &elsewhere).unwrap();
        assert!(said.contains("from a to a, c"), "{said}");
        // Where people sign in the issuer is the same, whatever the Management API's is.
        let (one, two) = (
            status("a", &[("https://c", Some("c"))]),
            status("b", &[("https://c", Some("c"))]),
        );
        assert_eq!(issuers(&one, &two), None);
        let unknown = status("a", &[("https://c", None)]);
        assert_eq!(issuers(&one, &unknown), None, "nothing is told a Hasura");
    }

    #[test]
    fn the_issuer_before_stays_said_until_the_next_change() {
        let mut said = status("a", &[]);
        assert_eq!(previous_issuer(&said, Some("a")), None);
        assert_eq!(previous_issuer(&said, Some("b")).as_deref(), Some("a"));
        said.previous_issuer = Some("x".to_owned());
        assert_eq!(previous_issuer(&said, Some("a")).as_deref(), Some("x"));
        assert_eq!(previous_issuer(&said, None).as_deref(), Some("x"));
        assert_eq!(since(None, Some("a")), "");
        let text = since(Some("a"), Some("b"));
        assert!(text.contains("from a to b"), "{text}");
    }
}
