//! One key, and whether it made a signature.

use std::fmt;

use p521::ecdsa::signature::Verifier as _;
use ring::{hmac, signature};

/// The material of a public key or a shared secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A shared secret.
    Secret(Vec<u8>),
    /// An RSA key: modulus and exponent, big-endian, without leading zeros.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
    /// A point on P-256, uncompressed (SEC 1: the byte 4, x, y).
    P256(Vec<u8>),
    /// A point on P-384, uncompressed.
    P384(Vec<u8>),
    /// A point on P-521, uncompressed.
    P521(Vec<u8>),
    /// An Ed25519 key of 32 bytes.
    Ed25519(Vec<u8>),
    /// A kind that Hasura reads but that fits no algorithm it accepts, such as secp256k1 or X25519.
    Unfit,
}

/// Only the kind: a shared secret has no place in a log.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(…)",
            Self::Rsa { .. } => "Rsa(…)",
            Self::P256(_) => "P256(…)",
            Self::P384(_) => "P384(…)",
            Self::P521(_) => "P521(…)",
            Self::Ed25519(_) => "Ed25519(…)",
            Self::Unfit => "Unfit",
        })
    }
}

impl Key {
    /// Whether `signature` over `message` is this key's by the algorithm that the *token* names. An algorithm that does
    /// not fit the kind of key is no: else a token signed by HMAC with an RSA key's public bytes would pass.
    pub(crate) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(secret) => verifies_hmac(secret, algorithm, message, signature),
            Self::Rsa { n, e } => rsa(algorithm).is_some_and(|parameters| {
                let key = signature::RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, signature).is_ok()
            }),
            Self::P256(point) if algorithm == "ES256" => verifies_with(
                &signature::ECDSA_P256_SHA256_FIXED,
                point,
                message,
                signature,
            ),
            Self::P384(point) if algorithm == "ES384" => verifies_with(
                &signature::ECDSA_P384_SHA384_FIXED,
                point,
                message,
                signature,
            ),
            Self::P521(point) if algorithm == "ES512" => verifies_p521(point, message, signature),
            Self::Ed25519(key) if algorithm == "EdDSA" => {
                verifies_with(&signature::ED25519, key, message, signature)
            }
            Self::P256(_) | Self::P384(_) | Self::P521(_) | Self::Ed25519(_) | Self::Unfit => false,
        }
    }
}

fn verifies_with(
    algorithm: &'static dyn signature::VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    signature::UnparsedPublicKey::new(algorithm, key)
        .verify(message, signature)
        .is_ok()
}

fn rsa(algorithm: &str) -> Option<&'static signature::RsaParameters> {
    Some(match algorithm {
        "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
        "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
        "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// jose wants a secret of at least the digest's length (RFC 7518 section 3.2).
fn verifies_hmac(secret: &[u8], algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
    let (algorithm, least) = match algorithm {
        "HS256" => (hmac::HMAC_SHA256, 32),
        "HS384" => (hmac::HMAC_SHA384, 48),
        "HS512" => (hmac::HMAC_SHA512, 64),
        _ => return false,
    };
    let key = hmac::Key::new(algorithm, secret);
    secret.len() >= least && hmac::verify(&key, message, signature).is_ok()
}

/// ring has no P-521.
fn verifies_p521(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(point);
    let signature = p521::ecdsa::Signature::from_slice(signature);
    match (key, signature) {
        (Ok(key), Ok(signature)) => key.verify(message, &signature).is_ok(),
        _ => false,
    }
}
