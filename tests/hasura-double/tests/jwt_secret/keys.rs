//! The key, or the URL of the keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hasura_double::{Key, KeySource};
use serde_json::json;

use crate::{says, start, with};

#[test]
fn there_is_one_key_or_one_url() {
    assert_eq!(
        says(start("{}")),
        "Error in $: key and jwk_url both cannot be empty"
    );
    let both = start(r#"{"jwk_url":"http://a/b","key":"k","type":"HS256"}"#);
    assert_eq!(
        says(both),
        "Error in $: key, jwk_url both cannot be present"
    );
    assert_eq!(
        says(start(r#"{"key":"k"}"#)),
        "Error in $: key \"type\" not found"
    );
    // A type beside the url is not even looked at.
    with(json!({"type": "nonsense"})).unwrap();
    with(json!({"key": null})).unwrap();
}

#[test]
fn a_jwk_url_is_an_absolute_uri_that_can_be_fetched() {
    for bad in ["/oidc/jwks", "logto.example.com", "https://a/b c", ""] {
        assert_eq!(
            says(with(json!({"jwk_url": bad}))),
            "Error in $['jwk_url']: not a URI",
            "{bad}"
        );
    }
    let number = says(with(json!({"jwk_url": 1})));
    assert_eq!(
        number,
        "Error in $['jwk_url']: parsing URI failed, expected String, but encountered Number"
    );
    let other_scheme = with(json!({"jwk_url": "file:///etc/keys"})).unwrap_err();
    assert_eq!(
        other_scheme.to_string(),
        "Error fetching JWK: \"Invalid scheme\""
    );
}

#[test]
fn a_shared_secret_is_as_long_as_its_type_wants() {
    let secret = |kind: &str, key: &str| start(&json!({"type": kind, "key": key}).to_string());
    for (kind, bytes) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        let config = secret(kind, &"x".repeat(bytes)).unwrap();
        assert_eq!(
            config.keys,
            KeySource::Inline(Key::Secret(vec![b'x'; bytes]))
        );
        assert!(!format!("{config:?}").contains("xxx"), "{config:?}");
        let short = says(secret(kind, &"x".repeat(bytes - 1)));
        let expected = format!(
            "Error in $: Invalid JWK: Key size too small; should be atleast {bytes} characters"
        );
        assert_eq!(short, expected);
    }
    secret("HS256", &"ü".repeat(16)).unwrap();
    for kind in ["PS256", "ES256K", "EdDSA", "rs256", ""] {
        let expected = format!("Error in $: Invalid JWK: Key type: {kind} is not supported");
        assert_eq!(says(secret(kind, "x")), expected);
    }
}

#[test]
fn a_public_key_is_a_pem_block_of_a_kind_that_hasura_knows() {
    let key = |pem: &str| start(&json!({"type": "RS256", "key": pem}).to_string());
    let taken = [
        include_str!("pem/rsa.pem"),
        include_str!("pem/rsa-pkcs1.pem"),
        include_str!("pem/rsa-certificate.pem"),
        include_str!("pem/ec-p384.pem"),
        include_str!("pem/ed25519.pem"),
    ];
    for pem in taken {
        key(pem).unwrap();
        key(&format!("some text before\n{pem}")).unwrap();
    }
    let refused = [
        ("not a key", "No pem found No pem found"),
        (
            include_str!("pem/x25519.pem"),
            "This key type is not supported",
        ),
        (
            include_str!("pem/ec-p224.pem"),
            "Error getting EC parameters from the public key",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\n%%%\n-----END PUBLIC KEY-----",
            "the block is not base64",
        ),
    ];
    for (pem, reason) in refused {
        assert_eq!(
            says(key(pem)),
            format!("Error in $: Invalid JWK: Could not decode PEM: {reason}")
        );
    }
}

#[test]
fn the_key_of_a_pem_block_is_the_same_in_every_wrapping() {
    let key = |pem: &str| {
        let config = start(&json!({"type": "RS256", "key": pem}).to_string()).unwrap();
        match config.keys {
            KeySource::Inline(key) => key,
            KeySource::Url(url) => panic!("{url}"),
        }
    };
    let bare = key(include_str!("pem/rsa-pkcs1.pem"));
    assert!(matches!(&bare, Key::Rsa { n, e } if n.len() == 256 && e == &[1, 0, 1]));
    assert_eq!(key(include_str!("pem/rsa.pem")), bare);
    let certified = key(include_str!("pem/rsa-certificate.pem"));
    assert!(matches!(certified, Key::Rsa { n, e } if n.len() == 256 && e == [1, 0, 1]));
    let point = key(include_str!("pem/ec-p384.pem"));
    assert!(matches!(point, Key::P384(point) if point.len() == 97 && point[0] == 4));
    let ed25519 = key(include_str!("pem/ed25519.pem"));
    assert!(matches!(ed25519, Key::Ed25519(key) if key.len() == 32));
}

#[test]
fn a_private_key_or_a_cut_one_is_refused() {
    let pem = |der: &[u8]| {
        let pem = format!(
            "-----BEGIN KEY-----\n{}\n-----END KEY-----",
            STANDARD.encode(der)
        );
        start(&json!({"type": "Ed25519", "key": pem}).to_string())
    };
    // PKCS #8: version, algorithm id-Ed25519, the key.
    let private = [
        0x30, 0x0e, 0x02, 1, 0, 0x30, 5, 0x06, 3, 0x2b, 0x65, 0x70, 0x04, 2, 0, 0,
    ];
    assert!(says(pem(&private)).contains("Could not decode PEM: "));
    for length in 0..private.len() {
        assert!(says(pem(&private[..length])).contains("Could not decode PEM: "));
    }
}
