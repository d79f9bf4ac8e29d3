use super::text::NotUri;

/// Why a value is not a JWT secret that Hasura would start with. No message holds key material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The text is not JSON.
    #[error(
        "the JWT secret is not JSON (line {line}, column {column}); write it with a JSON serializer"
    )]
    NotJson {
        /// Line of the first error, from 1.
        line: usize,
        /// Column of the first error, from 1.
        column: usize,
    },
    /// The JSON is not an object; a list belongs in `HASURA_GRAPHQL_JWT_SECRETS`.
    #[error("the JWT secret is {0}, not an object; give Hasura a single JSON object")]
    NotAnObject(&'static str),
    /// A field has another JSON type than Hasura expects.
    #[error("{field} is {found}; Hasura expects {expected}")]
    WrongType {
        /// Name of the field.
        field: &'static str,
        /// What Hasura expects.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A text that can not do anything when empty is empty.
    #[error("{0} is empty; leave it out or give it a value")]
    Empty(&'static str),
    /// Both a key and the address of keys.
    #[error("key and jwk_url are both set; keep one of them")]
    KeyAndUrl,
    /// Neither a key nor the address of keys.
    #[error("neither key nor jwk_url is set; set jwk_url to the jwks_uri of the identity provider")]
    NoKeyNorUrl,
    /// A key without `type`.
    #[error("key needs a type, such as RS256")]
    TypeMissing,
    /// A `type` that Hasura does not know.
    #[error(
        "the key type {0:?} is not supported; use HS, RS or ES with 256, 384 or 512, or Ed25519"
    )]
    TypeUnsupported(String),
    /// An HMAC key with fewer bytes than its digest.
    #[error("a key of type {key_type} needs at least {needed} bytes")]
    KeyTooShort {
        /// The key's type.
        key_type: &'static str,
        /// Bytes that are needed.
        needed: usize,
    },
    /// The key should be PEM and is not.
    #[error("the key can not be read: {0}; give a PEM public key or X.509 certificate")]
    KeyNotPem(&'static str),
    /// `jwk_url` is not an absolute URI.
    #[error("jwk_url is not an absolute URI; give the whole address of the JWKS")]
    JwkUrlNotUri,
    /// `jwk_url` holds a user name or password, and everybody who sees the Deployment sees the value.
    #[error("jwk_url holds a user name or password; a JWKS is public, so leave them out")]
    JwkUrlCredentials,
    /// `jwk_url` is neither http nor https.
    #[error("jwk_url has the scheme {0:?}; Hasura fetches keys over https or http only")]
    JwkUrlScheme(String),
    /// Both a namespace and a path to it.
    #[error("claims_namespace and claims_namespace_path are both set; keep one of them")]
    NamespaceAndPath,
    /// The namespace might be a standard claim.
    #[error(
        "claims namespace {0:?} does not contain \"://\"; use a URL such as https://hasura.io/jwt/claims"
    )]
    NamespaceNotUrl(String),
    /// A path that Hasura can not parse.
    #[error(
        "{0:?} is not a JSON path; put names with special characters in brackets and quotes: $[\"a.b\"]"
    )]
    Path(String),
    /// An unknown `claims_format`.
    #[error("claims_format {0:?} is unknown; use json or stringified_json")]
    ClaimsFormat(String),
    /// One of the two claims that a claims map must have is missing.
    #[error("claims_map has no {0}; it is obligatory, and written in lower case")]
    ClaimMissing(&'static str),
    /// A key of the claims map is no session variable.
    #[error(
        "claims_map key {0:?} is not a Hasura session variable; its name starts with x-hasura-"
    )]
    NotSessionVariable(String),
    /// Two keys of the claims map differ in case only.
    #[error("claims_map names {0:?} twice; session variables are not case-sensitive")]
    ClaimTwice(String),
    /// An audience with a colon that is not a URI.
    #[error("audience {0}")]
    Audience(NotUri),
    /// An issuer with a colon that is not a URI.
    #[error("issuer {0}")]
    Issuer(NotUri),
    /// A skew that is not a whole number of seconds.
    #[error("allowed_skew is not a whole number of seconds from 0 to 4294967295")]
    Skew,
    /// An unknown kind of `header`.
    #[error("header type {0:?} is unknown; use Authorization, Cookie or CustomHeader")]
    HeaderType(String),
    /// An unknown name in `extra_required_claims`.
    #[error("extra_required_claims names {0:?}; only audience and issuer are known")]
    RequiredClaim(String),
}
