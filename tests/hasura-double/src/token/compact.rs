//! A signed token in its compact form, judged as jose judges it (Crypto.JOSE.JWS).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::keys::Key;

/// A token that is decoded but not verified.
pub(crate) struct Token<'a> {
    algorithm: String,
    /// The bytes that are signed.
    message: &'a str,
    signature: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes the token apart; the error is jose's, as Haskell shows it.
    pub(crate) fn decode(token: &'a str) -> Result<Self, String> {
        let parts: Vec<_> = token.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            return Err(format!(
                "(CompactDecodeError Invalid number of parts: Expected 3 parts; got {})",
                parts.len()
            ));
        };
        let undecoded = |reason: &str| format!("(JSONDecodeError {reason:?})");
        let octets = |part: &str| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|_| undecoded("Not valid base64url"))
        };
        let (payload, signature) = (octets(payload)?, octets(signature)?);
        let header: Value = serde_json::from_slice(&octets(header)?)
            .map_err(|_| undecoded("protected header contains invalid JSON"))?;
        let header = header
            .as_object()
            .ok_or_else(|| undecoded("protected header is not an object"))?;
        let algorithm = algorithm(header).map_err(undecoded)?;
        let message = &token[..token.rfind('.').unwrap_or(token.len())];
        Ok(Self {
            algorithm,
            message,
            signature,
            payload,
        })
    }

    /// Tries every key: neither `kid` nor a key's own `alg` or `use` chooses one.
    pub(crate) fn verify(&self, keys: &[Key]) -> Result<(), &'static str> {
        // What jose does not accept by default is no signature to it at all.
        if ["none", "ES256K"].contains(&self.algorithm.as_str()) {
            return Err("JWSNoSignatures");
        }
        if keys.is_empty() {
            return Err("NoUsableKeys");
        }
        let message = self.message.as_bytes();
        if keys
            .iter()
            .any(|key| key.verifies(&self.algorithm, message, &self.signature))
        {
            Ok(())
        } else {
            Err("JWSInvalidSignature")
        }
    }
}

/// The payload of what looks like a token, for the issuer in it.
pub(crate) fn unverified_payload(token: &str) -> Option<Vec<u8>> {
    let mut parts = token.split('.').skip(1);
    let (payload, _signature) = (parts.next()?, parts.next()?);
    URL_SAFE_NO_PAD.decode(payload).ok()
}

/// The algorithm that the header names. `kid`, `typ` and unknown parameters do not matter; one that is named as
/// critical does (RFC 7515 section 4.1.11).
fn algorithm(header: &Map<String, Value>) -> Result<String, &'static str> {
    let algorithm = header
        .get("alg")
        .ok_or("key \"alg\" not found")?
        .as_str()
        .filter(|algorithm| ALGORITHMS.contains(algorithm))
        .ok_or("unrecognised alg value")?;
    if header.contains_key("crit") {
        return Err("crit: unsupported extension");
    }
    Ok(algorithm.to_owned())
}

const ALGORITHMS: &[&str] = &[
    "none", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "ES256K", "EdDSA",
];
