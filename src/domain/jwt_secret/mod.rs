//! The value of `HASURA_GRAPHQL_JWT_SECRET` as a type that holds nothing Hasura would refuse at start.
//!
//! The rules are those of Hasura v2 (`server/src-lib/Hasura/Server/Auth/JWT.hs` in hasura/graphql-engine). Where Hasura takes
//! something that can never work (an empty name, an empty audience list, a fraction of a second), this type does not.

mod claims;
mod error;
mod json_path;
mod key;
mod mistake;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod text;
mod uri;

use std::collections::BTreeSet;

use url::Url;

pub use claims::{ALLOWED_ROLES, Claim, ClaimName, Claims, ClaimsFormat, ClaimsMap, DEFAULT_ROLE};
pub use error::Invalid;
pub use json_path::JsonPath;
pub use key::{JwkUrl, Key, KeySource, KeyType};
pub use mistake::Mistake;
pub use parse::Review;
pub use text::{NonEmptyText, NotUri, StringOrUri};

/// The claim that Hasura looks into when no namespace is configured.
pub const DEFAULT_CLAIMS_NAMESPACE: &str = "https://hasura.io/jwt/claims";

/// A JWT secret that Hasura accepts at start. Every part is valid by its own type, and every combination of parts is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtSecret {
    /// Where the verification keys come from.
    pub keys: KeySource,
    /// Where in the token the session variables stand.
    pub claims: Claims,
    /// The audiences of which a token must name one; none means that Hasura does not look.
    pub audience: BTreeSet<StringOrUri>,
    /// The issuer that a token must name.
    pub issuer: Option<StringOrUri>,
    /// Tolerated difference of clocks in seconds, for `exp`, `iat` and `nbf`.
    pub allowed_skew: u32,
    /// Where in the request the token stands.
    pub header: TokenLocation,
    /// Claims whose absence is an error (Hasura 2.49.4 and later; older servers ignore the field).
    pub extra_required_claims: BTreeSet<RequiredClaim>,
}

/// Where in a request Hasura looks for the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenLocation {
    /// `Authorization: Bearer <token>`.
    #[default]
    Authorization,
    /// The cookie of this (case-sensitive) name.
    Cookie(NonEmptyText),
    /// The header of this name, which holds the token without a `Bearer`.
    CustomHeader(NonEmptyText),
}

/// A claim that `extra_required_claims` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequiredClaim {
    /// `aud` must be there.
    Audience,
    /// `iss` must be there.
    Issuer,
}

impl JwtSecret {
    /// A secret with Hasura's defaults for everything but the keys: it checks neither audience nor issuer.
    pub fn new(keys: KeySource) -> Self {
        Self {
            keys,
            claims: Claims::default(),
            audience: BTreeSet::new(),
            issuer: None,
            allowed_skew: 0,
            header: TokenLocation::default(),
            extra_required_claims: BTreeSet::new(),
        }
    }

    /// The secret for access tokens that Logto issues for one API resource.
    ///
    /// `issuer` is that of all tokens, none where they have several; `indicator` is the API resource's, `allowed_skew` in
    /// seconds. The audience is always checked, as is an issuer that is given, and both are required where Hasura can: a token
    /// without `aud` passes otherwise.
    ///
    /// # Errors
    /// [`Invalid`] when a part is not what Hasura accepts, or the namespace could be a standard claim (it has no `://`).
    pub fn for_logto(
        jwk_url: Url,
        issuer: Option<&str>,
        indicator: &str,
        claims_namespace: &str,
        allowed_skew: u32,
    ) -> Result<Self, Invalid> {
        // Users can write into claims such as `roles` or `organization_id` by other ways, so only a URL is safe from them.
        if !claims_namespace.contains("://") {
            return Err(Invalid::NamespaceNotUrl(claims_namespace.to_owned()));
        }
        let name = NonEmptyText::new(claims_namespace).ok_or(Invalid::Empty("claims_namespace"))?;
        for (field, text) in [("issuer", issuer), ("audience", Some(indicator))] {
            if text.is_some_and(str::is_empty) {
                return Err(Invalid::Empty(field));
            }
        }
        let issuer = issuer.map(StringOrUri::new).transpose();
        let issuer = issuer.map_err(Invalid::Issuer)?;
        let required = issuer.iter().map(|_| RequiredClaim::Issuer);
        Ok(Self {
            claims: Claims::Namespace {
                name,
                format: ClaimsFormat::Json,
            },
            audience: BTreeSet::from([StringOrUri::new(indicator).map_err(Invalid::Audience)?]),
            extra_required_claims: required.chain([RequiredClaim::Audience]).collect(),
            issuer,
            allowed_skew,
            ..Self::new(KeySource::JwkUrl(JwkUrl::new(jwk_url)?))
        })
    }
}
