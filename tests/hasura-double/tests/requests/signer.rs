//! Keys that are made at run time, and the tokens that they sign.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p521::ecdsa::signature::Signer as _;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{self, KeyPair as _};
use serde_json::{Value, json};

/// A key: its algorithm, its public half as a JSON web key, and how it signs.
pub struct Signer {
    pub algorithm: &'static str,
    pub jwk: Value,
    sign: Box<Sign>,
}

/// From a message to its signature.
type Sign = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

impl Signer {
    /// A token with these claims, as Logto writes it: its type is `at+jwt`.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm, "typ": "at+jwt", "kid": "k"});
        self.token_with_header(&header, claims)
    }

    pub fn token_with_header(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        let signature = (self.sign)(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A part of a token.
pub fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

pub fn es256() -> Signer {
    ecdsa(
        "ES256",
        "P-256",
        &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    )
}

pub fn es384() -> Signer {
    ecdsa(
        "ES384",
        "P-384",
        &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
    )
}

fn ecdsa(
    algorithm: &'static str,
    curve: &str,
    parameters: &'static signature::EcdsaSigningAlgorithm,
) -> Signer {
    let random = SystemRandom::new();
    let document = signature::EcdsaKeyPair::generate_pkcs8(parameters, &random).unwrap();
    let pair = signature::EcdsaKeyPair::from_pkcs8(parameters, document.as_ref(), &random).unwrap();
    Signer {
        algorithm,
        jwk: ec_jwk(curve, pair.public_key().as_ref()),
        sign: Box::new(move |message| pair.sign(&random, message).unwrap().as_ref().to_vec()),
    }
}

/// The point is uncompressed: the byte 4, then x and y.
fn ec_jwk(curve: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at(point.len() / 2);
    json!({
        "kty": "EC", "crv": curve, "use": "sig",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)
    })
}

pub fn es512() -> Signer {
    // A scalar whose highest bits are zero is below the order of the curve.
    let mut scalar = [0; 66];
    SystemRandom::new().fill(&mut scalar[1..]).unwrap();
    let key = p521::ecdsa::SigningKey::from_slice(&scalar).unwrap();
    let point = key.verifying_key().to_sec1_point(false);
    Signer {
        algorithm: "ES512",
        jwk: ec_jwk("P-521", point.as_bytes()),
        sign: Box::new(move |message| {
            let signature: p521::ecdsa::Signature = key.sign(message);
            signature.to_bytes().to_vec()
        }),
    }
}

pub fn ed25519() -> Signer {
    let document = signature::Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = signature::Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    Signer {
        algorithm: "EdDSA",
        jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": public}),
        sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()),
    }
}

/// ring makes no RSA keys, so this one was made with openssl, for these tests alone.
pub fn rsa(algorithm: &'static str) -> Signer {
    let pem = include_str!("test-only-rsa-key.pem");
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let pair = signature::RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    let components: signature::RsaPublicKeyComponents<Vec<u8>> = pair.public_key().into();
    let padding: &dyn signature::RsaEncoding = match algorithm {
        "RS256" => &signature::RSA_PKCS1_SHA256,
        "RS512" => &signature::RSA_PKCS1_SHA512,
        "PS384" => &signature::RSA_PSS_SHA384,
        other => panic!("{other}"),
    };
    Signer {
        algorithm,
        jwk: json!({
            "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode(&components.n), "e": URL_SAFE_NO_PAD.encode(&components.e)
        }),
        sign: Box::new(move |message| {
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(padding, &SystemRandom::new(), message, &mut signature)
                .unwrap();
            signature
        }),
    }
}

/// The PEM of that key's public half.
pub fn rsa_pem() -> String {
    let der = rsa_public_der();
    let body = STANDARD.encode(der);
    format!("-----BEGIN RSA PUBLIC KEY-----\n{body}\n-----END RSA PUBLIC KEY-----\n")
}

fn rsa_public_der() -> Vec<u8> {
    let number = |name: &str| {
        let mut bytes = URL_SAFE_NO_PAD
            .decode(rsa("RS256").jwk[name].as_str().unwrap())
            .unwrap();
        if bytes[0] >= 0x80 {
            bytes.insert(0, 0);
        }
        der(0x02, bytes)
    };
    der(0x30, [number("n"), number("e")].concat())
}

/// A DER value of at most 65535 bytes.
fn der(tag: u8, content: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let mut value = match length {
        0..=0x7f => vec![tag, content.len() as u8],
        _ => [vec![tag, 0x82], length.to_be_bytes().to_vec()].concat(),
    };
    value.extend(content);
    value
}

pub fn hmac(algorithm: &'static str, secret: &[u8]) -> Signer {
    let digest = match algorithm {
        "HS256" => ring::hmac::HMAC_SHA256,
        "HS384" => ring::hmac::HMAC_SHA384,
        "HS512" => ring::hmac::HMAC_SHA512,
        other => panic!("{other}"),
    };
    let key = ring::hmac::Key::new(digest, secret);
    Signer {
        algorithm,
        jwk: json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret)}),
        sign: Box::new(move |message| ring::hmac::sign(&key, message).as_ref().to_vec()),
    }
}
