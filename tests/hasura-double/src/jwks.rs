//! The one fetch of jwk_url that Hasura makes before it listens.
//!
//! Never made lenient upstream: hasura/graphql-engine#3636, #4748, #6453, #8810, #9659.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::Fatal;

/// The error for a jwk_url that gave no answer; `reason` is the connection's.
pub fn jwks_unreachable(reason: &str) -> Fatal {
    Fatal::new(format!("Error fetching JWK: ConnectionFailure {reason}"))
}

/// The error for a jwk_url that did not answer in time.
pub fn jwks_timed_out() -> Fatal {
    Fatal::new("Error fetching JWK: ResponseTimeout")
}

/// Judges the answer of jwk_url.
///
/// The set is read whole or not at all: one odd key refuses it (hasura/graphql-engine#9922), but for keys with an
/// unknown `use`, which are skipped since 2.48.4. A certificate in `x5c` and whether an EC point is on its curve are not
/// looked at here.
///
/// # Errors
/// [`Fatal`], as Hasura words it, for a status other than 2xx and for a body that is no key set.
pub fn check_jwks(url: &str, status: u16, body: &[u8]) -> Result<(), Fatal> {
    if !(200..300).contains(&status) {
        return Err(Fatal::new(format!(
            "Non-2xx response on fetching JWK from: {url}"
        )));
    }
    let readable = serde_json::from_slice::<Value>(body).is_ok_and(|set| is_key_set(&set));
    if readable {
        Ok(())
    } else {
        Err(Fatal::new(format!("Error parsing JWK from url: {url}")))
    }
}

fn is_key_set(set: &Value) -> bool {
    let Some(keys) = set.get("keys").and_then(Value::as_array) else {
        return false;
    };
    keys.iter()
        .filter(|key| !has_unknown_use(key))
        .all(|key| key.as_object().is_some_and(is_key))
}

fn has_unknown_use(key: &Value) -> bool {
    key.get("use")
        .and_then(Value::as_str)
        .is_some_and(|usage| !["sig", "enc"].contains(&usage))
}

fn is_key(key: &Map<String, Value>) -> bool {
    let material = match text(key, "kty") {
        Some("EC") => is_ec_key(key),
        Some("RSA") => is_unsigned(key, "n") && is_unsigned(key, "e"),
        Some("oct") => octets(key, "k").is_some(),
        Some("OKP") => is_okp_key(key),
        _ => false,
    };
    material
        && is_text_or_missing(key, "use")
        && is_text_or_missing(key, "kid")
        && is_known_or_missing(key, "alg", ALGORITHMS)
        && are_operations_or_missing(key)
}

fn is_ec_key(key: &Map<String, Value>) -> bool {
    let size = match text(key, "crv") {
        Some("P-256" | "secp256k1") => 32,
        Some("P-384") => 48,
        Some("P-521") => 66,
        _ => return false,
    };
    // A coordinate of another size fails the whole set, even when it only lacks its leading zeros.
    ["x", "y"]
        .iter()
        .all(|name| octets(key, name).is_some_and(|octets| octets.len() == size))
}

fn is_okp_key(key: &Map<String, Value>) -> bool {
    let size = match text(key, "crv") {
        Some("Ed25519" | "X25519") => 32,
        Some("Ed448") => 57,
        Some("X448") => 56,
        _ => return false,
    };
    octets(key, "x").is_some_and(|octets| octets.len() == size)
}

/// A big integer without the leading zero byte that some servers put before it (hasura/graphql-engine#10733).
fn is_unsigned(key: &Map<String, Value>, name: &str) -> bool {
    octets(key, name)
        .is_some_and(|octets| octets == [0] || octets.first().is_some_and(|first| *first != 0))
}

fn octets(key: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(key, name)?).ok()
}

fn text<'a>(key: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    key.get(name).and_then(Value::as_str)
}

fn is_text_or_missing(key: &Map<String, Value>, name: &str) -> bool {
    matches!(key.get(name), None | Some(Value::Null | Value::String(_)))
}

fn is_known_or_missing(key: &Map<String, Value>, name: &str, known: &[&str]) -> bool {
    match key.get(name) {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str().is_some_and(|value| known.contains(&value)),
    }
}

fn are_operations_or_missing(key: &Map<String, Value>) -> bool {
    match key.get("key_ops") {
        None | Some(Value::Null) => true,
        Some(value) => value.as_array().is_some_and(|operations| {
            operations
                .iter()
                .all(|one| one.as_str().is_some_and(|one| OPERATIONS.contains(&one)))
        }),
    }
}

const OPERATIONS: &[&str] = &[
    "sign",
    "verify",
    "encrypt",
    "decrypt",
    "wrapKey",
    "unwrapKey",
    "deriveKey",
    "deriveBits",
];

const ALGORITHMS: &[&str] = &[
    "none",
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
    "RSA1_5",
    "RSA-OAEP",
    "RSA-OAEP-256",
    "A128KW",
    "A192KW",
    "A256KW",
    "dir",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "ECDH-ES+A192KW",
    "ECDH-ES+A256KW",
    "A128GCMKW",
    "A192GCMKW",
    "A256GCMKW",
    "PBES2-HS256+A128KW",
    "PBES2-HS384+A192KW",
    "PBES2-HS512+A256KW",
];
