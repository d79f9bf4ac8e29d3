//! The key in the settings, as its `type` wants it.
//!
//! The type picks the parser only: an RSA key under `ES256` passes here and fails each token.

use super::pem;
use crate::keys::Key;

/// Reads the key; the error is what follows `Invalid JWK: `.
pub(crate) fn parse(key_type: &str, key: &str) -> Result<Key, String> {
    match key_type {
        "HS256" => secret(key, 256),
        "HS384" => secret(key, 384),
        "HS512" => secret(key, 512),
        "RS256" | "RS384" | "RS512" | "Ed25519" | "ES256" | "ES384" | "ES512" => {
            pem::public_key(key).map_err(|reason| format!("Could not decode PEM: {reason}"))
        }
        _ => Err(format!("Key type: {key_type} is not supported")),
    }
}

/// "Characters" in the message are bytes of UTF-8.
fn secret(secret: &str, bits: usize) -> Result<Key, String> {
    if secret.len() < bits / 8 {
        return Err(format!(
            "Key size too small; should be atleast {} characters",
            bits / 8
        ));
    }
    Ok(Key::Secret(secret.as_bytes().to_vec()))
}
