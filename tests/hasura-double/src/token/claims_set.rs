//! The registered claims of a token (RFC 7519), read and checked as jose does (Crypto.JWT).

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::aeson::{self, Error};
use crate::jwt::config::JwtConfig;
use crate::uri;

/// The claims of a token.
pub(crate) struct ClaimsSet {
    pub(crate) issuer: Option<String>,
    audience: Option<Vec<String>>,
    /// Seconds since 1970, as are the two below.
    expires: Option<f64>,
    not_before: Option<f64>,
    issued: Option<f64>,
    /// All claims, registered or not.
    pub(crate) all: Value,
}

const REGISTERED: &[&str] = &["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

impl ClaimsSet {
    /// Reads the payload of a token.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, String> {
        let all = aeson::decode(payload).map_err(|error| error.to_string())?;
        Self::read(all).map_err(|error| error.to_string())
    }

    fn read(all: Value) -> Result<Self, Error> {
        let claims = aeson::object("JWT Claims Set", &all)?;
        let time =
            |name: &str| aeson::optional(claims, name, |value| aeson::number("NumericDate", value));
        let issuer = aeson::optional(claims, "iss", string_or_uri)?;
        aeson::optional(claims, "sub", string_or_uri)?;
        let audience = aeson::optional(claims, "aud", |value| match value {
            Value::Array(_) => aeson::list(value, string_or_uri),
            _ => Ok(vec![string_or_uri(value)?]),
        })?;
        let (expires, not_before, issued) = (time("exp")?, time("nbf")?, time("iat")?);
        aeson::optional(claims, "jti", aeson::plain_text)?;
        Ok(Self {
            issuer,
            audience,
            expires,
            not_before,
            issued,
            all,
        })
    }

    /// Whether the claims hold at this time; the error is jose's. What is missing holds, unless it is required.
    ///
    /// An issuer that is there has been compared already, before the signature.
    pub(crate) fn check(&self, config: &JwtConfig, now: Timestamp) -> Result<(), &'static str> {
        let now = now.as_duration().as_secs_f64();
        let skew = config.allowed_skew.unwrap_or(0.0).abs();
        let requires = |claim: &str| config.extra_required_claims.iter().any(|one| one == claim);
        if self.expires.is_some_and(|expires| now >= expires + skew) {
            return Err("JWTExpired");
        }
        if self.issued.is_some_and(|issued| issued > now + skew) {
            return Err("JWTIssuedAtFuture");
        }
        if self.not_before.is_some_and(|time| now < time - skew) {
            return Err("JWTNotYetValid");
        }
        // Upstream's words for a required claim that is missing are not known; that it is refused is.
        if self.issuer.is_none() && requires("issuer") {
            return Err("JWTNotInIssuer");
        }
        let is_for_us = match (&self.audience, &config.audience) {
            (None, _) => !requires("audience"),
            (Some(found), None) => !found.is_empty(),
            (Some(found), Some(wanted)) => found.iter().any(|one| wanted.contains(one)),
        };
        if is_for_us {
            Ok(())
        } else {
            Err("JWTNotInAudience")
        }
    }

    /// The claims that are not registered: a namespace is looked for among these only.
    pub(crate) fn unregistered(&self) -> Value {
        let claims = self.all.as_object().into_iter().flatten();
        let claims: Map<_, _> = claims
            .filter(|(name, _)| !REGISTERED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Value::Object(claims)
    }
}

fn string_or_uri(value: &Value) -> Result<String, Error> {
    let text = aeson::text("StringOrURI", value)?;
    if uri::is_string_or_uri(&text) {
        Ok(text)
    } else {
        Err(Error::new("failed to parse StringOrURI"))
    }
}
