//! The object in HASURA_GRAPHQL_JWT_SECRET.

use serde_json::{Map, Value};

use super::claims::{self, Claims};
use super::key;
use crate::aeson::{self, Error};
use crate::keys::Key;
use crate::uri;

/// The JWT mode as configured. Unknown fields are ignored, so a typo passes.
#[derive(Debug, Clone, PartialEq)]
pub struct JwtConfig {
    /// Where the keys come from.
    pub keys: KeySource,
    /// Where in a token Hasura's claims are.
    pub claims: Claims,
    /// Who a token has to be for, any of these; without it every audience passes.
    pub audience: Option<Vec<String>>,
    /// Who has to have issued a token; without it every issuer passes.
    pub issuer: Option<String>,
    /// The tolerance for clocks that differ, in seconds; 0 when absent.
    pub allowed_skew: Option<f64>,
    /// Where a request carries its token.
    pub header: TokenLocation,
    /// Claims that a token has to have, `audience` and `issuer` (since 2.49.4).
    pub extra_required_claims: Vec<String>,
}

/// Where the keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A key set to fetch, at start and from then on.
    Url(String),
    /// One key in the settings.
    Inline(Key),
}

/// Where a request carries its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenLocation {
    /// `Authorization: Bearer <token>`.
    Authorization,
    /// The cookie of this name.
    Cookie(String),
    /// The header of this name; its value is the bare token.
    CustomHeader(String),
}

/// Reads and checks the object, its fields in the engine's order, so that of two mistakes the same one is told.
pub(crate) fn parse(value: &Value) -> Result<JwtConfig, Error> {
    let object = aeson::object("JWTConfig", value)?;
    let raw_key = aeson::optional(object, "key", aeson::plain_text)?;
    let namespace = aeson::optional(object, "claims_namespace", aeson::plain_text)?;
    let namespace_path = aeson::optional(object, "claims_namespace_path", aeson::plain_text)?;
    let audience = aeson::optional(object, "audience", audience)?;
    let issuer = aeson::optional(object, "issuer", string_or_uri)?;
    let jwk_url = aeson::optional(object, "jwk_url", absolute_uri)?;
    let format = aeson::optional(object, "claims_format", claims::format)?;
    let claims_map = aeson::optional(object, "claims_map", claims::map)?;
    let allowed_skew = aeson::optional(object, "allowed_skew", |value| {
        aeson::number("NominalDiffTime", value)
    })?;
    let header = aeson::optional(object, "header", header)?.unwrap_or(TokenLocation::Authorization);
    let extra_required_claims =
        aeson::optional(object, "extra_required_claims", extra_required_claims)?
            .unwrap_or_default();

    let namespace = claims::namespace(namespace, namespace_path)?;
    let keys = key_source(object, raw_key, jwk_url)?;
    let claims = match claims_map {
        Some(map) => Claims::Map(map),
        None => Claims::Namespace {
            namespace,
            format: format.unwrap_or_default(),
        },
    };
    Ok(JwtConfig {
        keys,
        claims,
        audience,
        issuer,
        allowed_skew,
        header,
        extra_required_claims,
    })
}

fn key_source(
    object: &Map<String, Value>,
    raw_key: Option<String>,
    jwk_url: Option<String>,
) -> Result<KeySource, Error> {
    match (raw_key, jwk_url) {
        (None, None) => Err(Error::new("key and jwk_url both cannot be empty")),
        (Some(_), Some(_)) => Err(Error::new("key, jwk_url both cannot be present")),
        (None, Some(url)) => Ok(KeySource::Url(url)),
        (Some(raw_key), None) => {
            let key_type = aeson::required(object, "type", aeson::plain_text)?;
            key::parse(&key_type, &raw_key)
                .map(KeySource::Inline)
                .map_err(|reason| Error::new(format!("Invalid JWK: {reason}")))
        }
    }
}

/// A list of audiences, or a single one; for a bad list the error is that it is no single one.
fn audience(value: &Value) -> Result<Vec<String>, Error> {
    aeson::list(value, string_or_uri).or_else(|_| Ok(vec![string_or_uri(value)?]))
}

fn string_or_uri(value: &Value) -> Result<String, Error> {
    let text = aeson::text("StringOrURI", value)?;
    if uri::is_string_or_uri(&text) {
        Ok(text)
    } else {
        Err(Error::new("failed to parse StringOrURI"))
    }
}

fn absolute_uri(value: &Value) -> Result<String, Error> {
    let text = aeson::text("URI", value)?;
    if uri::is_uri(&text) {
        Ok(text)
    } else {
        Err(Error::new("not a URI"))
    }
}

fn header(value: &Value) -> Result<TokenLocation, Error> {
    let object = aeson::object("JWTHeader", value)?;
    let location = aeson::required(object, "type", aeson::plain_text)?;
    let name = || aeson::required(object, "name", aeson::plain_text);
    match location.to_lowercase().as_str() {
        "authorization" => Ok(TokenLocation::Authorization),
        "cookie" => Ok(TokenLocation::Cookie(name()?)),
        "customheader" => Ok(TokenLocation::CustomHeader(name()?)),
        _ => Err(Error::new(
            "expected 'type' is 'Authorization' or 'Cookie' or 'CustomHeader'",
        )),
    }
}

/// The upstream text for an unknown claim is not known; that it is refused is.
fn extra_required_claims(value: &Value) -> Result<Vec<String>, Error> {
    aeson::list(value, |claim| {
        let claim = aeson::plain_text(claim)?;
        if ["audience", "issuer"].contains(&claim.as_str()) {
            Ok(claim)
        } else {
            Err(aeson::unknown_tag(
                "JWTClaimCheck",
                &["audience", "issuer"],
                &claim,
            ))
        }
    })
}
