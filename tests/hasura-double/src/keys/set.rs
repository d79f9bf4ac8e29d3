//! A JSON web key set, read as jose reads it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::Key;

/// The keys of a set; nothing when it is none.
///
/// The set is read whole or not at all: one odd key refuses it (hasura/graphql-engine#9922), but for keys with an
/// unknown `use`, which are skipped since 2.48.4. A certificate in `x5c` is not looked at here, and an EC point off its
/// curve only fails its own tokens.
pub(crate) fn parse(body: &[u8]) -> Option<Vec<Key>> {
    let set: Value = serde_json::from_slice(body).ok()?;
    let keys = set.get("keys")?.as_array()?;
    keys.iter()
        .filter(|key| !has_unknown_use(key))
        .map(|key| key.as_object().and_then(read))
        .collect()
}

fn has_unknown_use(key: &Value) -> bool {
    key.get("use")
        .and_then(Value::as_str)
        .is_some_and(|usage| !["sig", "enc"].contains(&usage))
}

fn read(key: &Map<String, Value>) -> Option<Key> {
    let material = match text(key, "kty")? {
        "EC" => ec_key(key)?,
        "RSA" => Key::Rsa {
            n: unsigned(key, "n")?,
            e: unsigned(key, "e")?,
        },
        "oct" => Key::Secret(octets(key, "k")?),
        "OKP" => okp_key(key)?,
        _ => return None,
    };
    let is_sound = is_text_or_missing(key, "use")
        && is_text_or_missing(key, "kid")
        && is_known_or_missing(key, "alg", ALGORITHMS)
        && are_operations_or_missing(key);
    is_sound.then_some(material)
}

fn ec_key(key: &Map<String, Value>) -> Option<Key> {
    let curve = text(key, "crv")?;
    let size = match curve {
        "P-256" | "secp256k1" => 32,
        "P-384" => 48,
        "P-521" => 66,
        _ => return None,
    };
    let mut point = vec![4];
    for name in ["x", "y"] {
        // A coordinate of another size fails the whole set, even when it only lacks its leading zeros.
        point.extend(octets(key, name).filter(|octets| octets.len() == size)?);
    }
    Some(match curve {
        "P-256" => Key::P256(point),
        "P-384" => Key::P384(point),
        "P-521" => Key::P521(point),
        _ => Key::Unfit,
    })
}

fn okp_key(key: &Map<String, Value>) -> Option<Key> {
    let curve = text(key, "crv")?;
    let size = match curve {
        "Ed25519" | "X25519" => 32,
        "Ed448" => 57,
        "X448" => 56,
        _ => return None,
    };
    let public = octets(key, "x").filter(|octets| octets.len() == size)?;
    Some(if curve == "Ed25519" {
        Key::Ed25519(public)
    } else {
        Key::Unfit
    })
}

/// A big integer without the leading zero byte that some servers put before it (hasura/graphql-engine#10733).
fn unsigned(key: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    octets(key, name)
        .filter(|octets| octets == &[0] || octets.first().is_some_and(|first| *first != 0))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The key of a real Logto 1.42.
    fn ec() -> Value {
        json!({
            "kty": "EC",
            "use": "sig",
            "kid": "Cj4ihli70iV-3bAd4L8raJRwSzp34Hk_2MpESCarxR8",
            "alg": "ES384",
            "crv": "P-384",
            "x": "8Tsh4uDbg_JkJ7jXeyUa8fpbuNaL0YH4yaDL4LW-Ni4DbXXP6a9Hb6dCzvK5SGp2",
            "y": "LfNwiPOs48LpgI7xeNNzXjgBons7OsedMTuG5PdT114io0L0BxriQF9a_YjDGqeS"
        })
    }

    fn changed(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn parsed(keys: Value) -> Option<Vec<Key>> {
        parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn a_key_set_of_every_kind_is_read() {
        assert_eq!(parsed(json!([])), Some(Vec::new()));
        let keys = parsed(json!([
            ec(),
            {"kty": "RSA", "n": "wE8Q", "e": "AQAB"},
            {"kty": "oct", "k": "c2VjcmV0", "key_ops": ["verify"]},
            {"kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43)},
            {"kty": "OKP", "crv": "X25519", "x": "A".repeat(43)}
        ]));
        let keys = keys.unwrap();
        assert!(matches!(&keys[0], Key::P384(point) if point.len() == 97 && point[0] == 4));
        let rsa = Key::Rsa {
            n: vec![0xc0, 0x4f, 0x10],
            e: vec![1, 0, 1],
        };
        let others = [
            rsa,
            Key::Secret(b"secret".to_vec()),
            Key::Ed25519(vec![0; 32]),
            Key::Unfit,
        ];
        assert_eq!(keys[1..], others);
    }

    #[test]
    fn one_odd_key_refuses_the_whole_set() {
        let odd = [
            changed(ec(), "x", json!("a".repeat(62))),
            changed(ec(), "crv", json!("P-192")),
            changed(ec(), "alg", json!("ES385")),
            changed(ec(), "kid", json!(7)),
            changed(ec(), "key_ops", json!(["praise"])),
            changed(ec(), "use", json!(1)),
            json!({"kty": "RSA", "n": "AMBPEA", "e": "AQAB"}),
            json!({"kty": "RSA", "n": "wE8Q"}),
            json!({"kty": "dilithium"}),
            json!({}),
            json!("key"),
        ];
        for key in odd {
            assert_eq!(parsed(json!([ec(), key])), None, "{key}");
        }
    }

    #[test]
    fn a_key_with_an_unknown_use_is_skipped() {
        let keys = parsed(json!([ec(), {"use": "tls", "kty": "anything"}])).unwrap();
        assert_eq!(keys.len(), 1);
    }

    #[test]
    fn what_is_no_key_set_is_not_read() {
        for body in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#] {
            assert_eq!(parse(body.as_bytes()), None, "{body}");
        }
    }
}
