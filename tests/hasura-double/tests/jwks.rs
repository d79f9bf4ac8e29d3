//! Which answers of a jwk_url let Hasura start.
#![allow(clippy::unwrap_used)]

use hasura_double::{check_jwks, jwks_unreachable};
use serde_json::{Value, json};

const URL: &str = "http://logto:3001/oidc/jwks";

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

fn starts(keys: Value) -> bool {
    check_jwks(URL, 200, json!({ "keys": keys }).to_string().as_bytes()).is_ok()
}

#[test]
fn a_key_set_of_every_kind_lets_it_start() {
    assert!(starts(json!([])));
    assert!(starts(json!([ec()])));
    assert!(starts(json!([
        ec(),
        {"kty": "RSA", "n": "wE8Q", "e": "AQAB"},
        {"kty": "oct", "k": "c2VjcmV0", "key_ops": ["verify"]},
        {"kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43)}
    ])));
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
        assert!(!starts(json!([ec(), key])), "{key}");
    }
}

#[test]
fn a_key_with_an_unknown_use_is_skipped() {
    assert!(starts(json!([ec(), {"use": "tls", "kty": "anything"}])));
}

#[test]
fn a_bad_answer_is_fatal_and_names_the_url() {
    for body in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#] {
        let fatal = check_jwks(URL, 200, body.as_bytes()).unwrap_err();
        assert_eq!(
            fatal.to_string(),
            format!("Error parsing JWK from url: {URL}"),
            "{body}"
        );
    }
    for status in [199, 301, 404, 503] {
        let fatal = check_jwks(URL, status, br#"{"keys":[]}"#).unwrap_err();
        assert_eq!(
            fatal.to_string(),
            format!("Non-2xx response on fetching JWK from: {URL}")
        );
    }
    assert!(check_jwks(URL, 204, br#"{"keys":[]}"#).is_ok());
    let refused = jwks_unreachable("Connection refused").to_string();
    assert_eq!(
        refused,
        "Error fetching JWK: ConnectionFailure Connection refused"
    );
}
