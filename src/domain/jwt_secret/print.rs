use std::collections::BTreeMap;

use serde::Serialize;

use super::claims::{ALLOWED_ROLES, Claim, Claims, ClaimsFormat, ClaimsMap, DEFAULT_ROLE};
use super::key::KeySource;
use super::text::{NonEmptyText, StringOrUri};
use super::{JwtSecret, RequiredClaim, TokenLocation};

impl JwtSecret {
    /// The value for `HASURA_GRAPHQL_JWT_SECRET`: JSON with sorted keys, without whitespace and without a newline at the end.
    ///
    /// The same secret gives the same bytes in every release, for another byte rolls every Hasura. The claims namespace is
    /// always stated; other defaults are left out. Kubernetes expands `$(NAME)` and shortens `$$` in values of environment
    /// variables, so a dollar before one of these is written as `\u0024`.
    pub fn to_canonical_json(&self) -> String {
        serde_json::to_string(&Canonical::of(self))
            .expect("texts, numbers and maps with text keys always serialise")
            .replace("$$", r"\u0024\u0024")
            .replace("$(", r"\u0024(")
    }
}

/// The JSON object. Serde writes fields in the order they are declared in, so this order is the alphabet's.
#[derive(Serialize)]
struct Canonical<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    allowed_skew: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<Audience<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims_format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims_map: Option<BTreeMap<&'a str, MapEntry<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims_namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims_namespace_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_required_claims: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a StringOrUri>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    key_type: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a StringOrUri),
    Many(Vec<&'a StringOrUri>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum MapEntry<'a> {
    AllowedRoles(&'a Claim<Vec<NonEmptyText>>),
    DefaultRole(&'a Claim<NonEmptyText>),
    Other(&'a Claim<String>),
}

#[derive(Serialize)]
struct Header<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    header_type: &'static str,
}

impl<'a> Canonical<'a> {
    fn of(secret: &'a JwtSecret) -> Self {
        let (jwk_url, key) = match &secret.keys {
            KeySource::JwkUrl(url) => (Some(url.as_str()), None),
            KeySource::Key(key) => (None, Some(key)),
        };
        let (namespace, path, format, map) = match &secret.claims {
            Claims::Namespace { name, format } => (Some(name.as_str()), None, *format, None),
            Claims::NamespacePath { path, format } => (None, Some(path.as_str()), *format, None),
            Claims::Map(map) => (None, None, ClaimsFormat::Json, Some(claims_map(map))),
        };
        Self {
            allowed_skew: secret.allowed_skew,
            audience: audience(secret),
            claims_format: (format == ClaimsFormat::StringifiedJson).then_some("stringified_json"),
            claims_map: map,
            claims_namespace: namespace,
            claims_namespace_path: path,
            extra_required_claims: secret
                .extra_required_claims
                .iter()
                .map(|claim| claim.name())
                .collect(),
            header: header(&secret.header),
            issuer: secret.issuer.as_ref(),
            jwk_url,
            key: key.map(|key| key.expose()),
            key_type: key.map(|key| key.key_type().name()),
        }
    }
}

impl RequiredClaim {
    /// The name that stands in the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audience => "audience",
            Self::Issuer => "issuer",
        }
    }
}

fn audience(secret: &JwtSecret) -> Option<Audience<'_>> {
    let mut all: Vec<_> = secret.audience.iter().collect();
    match all.len() {
        0 => None,
        1 => all.pop().map(Audience::One),
        _ => Some(Audience::Many(all)),
    }
}

fn claims_map(map: &ClaimsMap) -> BTreeMap<&str, MapEntry<'_>> {
    let obligatory = [
        (ALLOWED_ROLES, MapEntry::AllowedRoles(&map.allowed_roles)),
        (DEFAULT_ROLE, MapEntry::DefaultRole(&map.default_role)),
    ];
    let others = map
        .others
        .iter()
        .map(|(name, claim)| (name.as_str(), MapEntry::Other(claim)));
    obligatory.into_iter().chain(others).collect()
}

fn header(location: &TokenLocation) -> Option<Header<'_>> {
    let (header_type, name) = match location {
        TokenLocation::Authorization => return None,
        TokenLocation::Cookie(name) => ("Cookie", name),
        TokenLocation::CustomHeader(name) => ("CustomHeader", name),
    };
    Some(Header {
        name: name.as_str(),
        header_type,
    })
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
