use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::super::*;
use super::PUBLIC_KEY;

fn jwk_url() -> Url {
    Url::parse("https://auth.example.com/oidc/jwks").unwrap()
}

fn for_logto(namespace: &str, skew: u32) -> Result<JwtSecret, Invalid> {
    JwtSecret::for_logto(
        jwk_url(),
        Some("https://auth.example.com/oidc"),
        "https://shop.example.com/v1/graphql",
        namespace,
        skew,
    )
}

fn by_url() -> JwtSecret {
    JwtSecret::new(KeySource::JwkUrl(JwkUrl::new(jwk_url()).unwrap()))
}

fn name(text: &str) -> NonEmptyText {
    NonEmptyText::new(text).unwrap()
}

/// Another byte here rolls every Hasura at the next upgrade of the operator.
#[test]
fn the_value_for_logto_never_changes_by_a_byte() {
    assert_eq!(
        for_logto(DEFAULT_CLAIMS_NAMESPACE, 60)
            .unwrap()
            .to_canonical_json(),
        r#"{"allowed_skew":60,"audience":"https://shop.example.com/v1/graphql","claims_namespace":"https://hasura.io/jwt/claims","extra_required_claims":["audience","issuer"],"issuer":"https://auth.example.com/oidc","jwk_url":"https://auth.example.com/oidc/jwks"}"#
    );
}

/// Of several issuers Hasura can check none; the audience stays.
#[test]
fn the_value_for_tokens_of_several_issuers_names_none_and_never_changes_by_a_byte() {
    let secret = JwtSecret::for_logto(
        jwk_url(),
        None,
        "https://shop.example.com/v1/graphql",
        DEFAULT_CLAIMS_NAMESPACE,
        60,
    );
    assert_eq!(
        secret.unwrap().to_canonical_json(),
        r#"{"allowed_skew":60,"audience":"https://shop.example.com/v1/graphql","claims_namespace":"https://hasura.io/jwt/claims","extra_required_claims":["audience"],"jwk_url":"https://auth.example.com/oidc/jwks"}"#
    );
}

#[test]
fn the_value_for_logto_has_no_mistake_that_hasura_would_let_pass() {
    let review = JwtSecret::review(
        &for_logto("https://example.com/claims", 60)
            .unwrap()
            .to_canonical_json(),
    )
    .unwrap();
    assert_eq!(review.mistakes, []);
}

#[test]
fn every_field_is_printed_in_the_order_of_the_alphabet() {
    let secret = JwtSecret {
        claims: Claims::Map(ClaimsMap {
            allowed_roles: Claim::Path {
                path: JsonPath::new("$.roles").unwrap(),
                default: Some(vec![name("user"), name("editor")]),
            },
            default_role: Claim::Literal(name("user")),
            others: BTreeMap::from([
                (ClaimName::new("X-Hasura-User-Id").unwrap(), path("$.sub")),
                (
                    ClaimName::new("x-hasura-a").unwrap(),
                    Claim::Literal("1".into()),
                ),
            ]),
        }),
        audience: ["b", "a"]
            .map(|text| StringOrUri::new(text).unwrap())
            .into(),
        issuer: Some(StringOrUri::new("logto").unwrap()),
        allowed_skew: 5,
        header: TokenLocation::Cookie(name("token")),
        extra_required_claims: BTreeSet::from([RequiredClaim::Issuer]),
        keys: KeySource::Key(Key::new(KeyType::Hs256, "k".repeat(32)).unwrap()),
    };
    assert_eq!(
        secret.to_canonical_json(),
        r#"{"allowed_skew":5,"audience":["a","b"],"claims_map":{"x-hasura-a":"1","x-hasura-allowed-roles":{"default":["user","editor"],"path":"$.roles"},"x-hasura-default-role":"user","x-hasura-user-id":{"path":"$.sub"}},"extra_required_claims":["issuer"],"header":{"name":"token","type":"Cookie"},"issuer":"logto","key":"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk","type":"HS256"}"#
    );
}

fn path<T>(text: &str) -> Claim<T> {
    Claim::Path {
        path: JsonPath::new(text).unwrap(),
        default: None,
    }
}

#[test]
fn the_other_ways_to_place_claims_and_token_are_printed() {
    let secret = JwtSecret {
        claims: Claims::NamespacePath {
            path: JsonPath::new("$.a").unwrap(),
            format: ClaimsFormat::StringifiedJson,
        },
        header: TokenLocation::CustomHeader(name("x-token")),
        ..by_url()
    };
    assert_eq!(
        secret.to_canonical_json(),
        r#"{"claims_format":"stringified_json","claims_namespace_path":"$.a","header":{"name":"x-token","type":"CustomHeader"},"jwk_url":"https://auth.example.com/oidc/jwks"}"#
    );
}

/// The kubelet expands `$(NAME)` and shortens `$$` in the value of an environment variable.
#[test]
fn kubernetes_finds_nothing_to_expand_in_the_value() {
    let audience = "https://shop.example.com/$$$(HOME)/$(X)$";
    let secret = JwtSecret {
        audience: BTreeSet::from([StringOrUri::new(audience).unwrap()]),
        ..by_url()
    };
    let json = secret.to_canonical_json();
    assert!(!json.contains("$(") && !json.contains("$$"), "{json}");
    assert_eq!(JwtSecret::parse(&json).unwrap(), secret);
}

#[test]
fn a_namespace_that_could_be_a_standard_claim_is_refused_for_logto() {
    for namespace in ["", "roles", "organization_id", "sub", "urn:claims"] {
        assert_eq!(
            for_logto(namespace, 0),
            Err(Invalid::NamespaceNotUrl(namespace.into()))
        );
    }
}

#[test]
fn an_issuer_or_audience_that_stops_hasura_is_refused_for_logto() {
    let bad = "https://shop.example.com/a b";
    let with = |issuer, indicator| {
        let issuer = Some(issuer);
        JwtSecret::for_logto(jwk_url(), issuer, indicator, DEFAULT_CLAIMS_NAMESPACE, 60)
    };
    assert!(matches!(with("i", bad), Err(Invalid::Audience(_))));
    assert!(matches!(with(bad, "a"), Err(Invalid::Issuer(_))));
    assert_eq!(with("i", ""), Err(Invalid::Empty("audience")));
    assert_eq!(with("", "a"), Err(Invalid::Empty("issuer")));
}

#[test]
fn an_address_of_keys_that_hasura_can_not_fetch_is_refused() {
    let cases = [
        ("ftp://h/jwks", Invalid::JwkUrlScheme("ftp".into())),
        ("file:///jwks", Invalid::JwkUrlScheme("file".into())),
        ("https://user@h/jwks", Invalid::JwkUrlCredentials),
        ("https://:pw@h/jwks", Invalid::JwkUrlCredentials),
        ("https://h/a|b", Invalid::JwkUrlNotUri),
    ];
    for (url, expected) in cases {
        assert_eq!(
            JwkUrl::new(Url::parse(url).unwrap()),
            Err(expected),
            "{url}"
        );
    }
}

#[test]
fn a_shared_secret_shorter_than_its_digest_is_refused() {
    let cases = [
        (KeyType::Hs256, 32),
        (KeyType::Hs384, 48),
        (KeyType::Hs512, 64),
    ];
    for (key_type, needed) in cases {
        let key_type_name = key_type.name();
        assert!(Key::new(key_type, "k".repeat(needed)).is_ok());
        assert_eq!(
            Key::new(key_type, "k".repeat(needed - 1)),
            Err(Invalid::KeyTooShort {
                key_type: key_type_name,
                needed
            })
        );
    }
    // Bytes count, not characters.
    assert!(Key::new(KeyType::Hs256, "ä".repeat(16)).is_ok());
}

#[test]
fn a_public_key_or_certificate_in_pem_is_accepted() {
    assert!(Key::new(KeyType::Es384, PUBLIC_KEY.to_owned()).is_ok());
    for label in ["RSA PUBLIC KEY", "CERTIFICATE"] {
        let text = PUBLIC_KEY.replace("PUBLIC KEY", label);
        assert!(
            Key::new(KeyType::Rs256, format!("a note\n{text}")).is_ok(),
            "{label}"
        );
    }
}

#[test]
fn a_key_that_is_no_pem_is_refused() {
    let private = PUBLIC_KEY.replace("PUBLIC KEY", "PRIVATE KEY");
    let without_end = PUBLIC_KEY.split_once("-----END").unwrap().0;
    let not_base64 = PUBLIC_KEY.replace('M', "*");
    let not_der = PUBLIC_KEY.replace("MHYw", "AAAA");
    for text in [
        "secret",
        "-----BEGIN ",
        &private,
        without_end,
        &not_base64,
        &not_der,
    ] {
        assert!(
            matches!(
                Key::new(KeyType::Es384, text.to_owned()),
                Err(Invalid::KeyNotPem(_))
            ),
            "{text}"
        );
    }
}

#[test]
fn a_session_variable_needs_its_prefix_and_its_own_place() {
    assert_eq!(
        ClaimName::new("X-Hasura-Org").unwrap().as_str(),
        "x-hasura-org"
    );
    assert!(matches!(
        ClaimName::new("org"),
        Err(Invalid::NotSessionVariable(_))
    ));
    for name in [ALLOWED_ROLES, "X-Hasura-Default-Role"] {
        assert!(matches!(ClaimName::new(name), Err(Invalid::ClaimTwice(_))));
    }
}

#[test]
fn a_key_never_shows_in_debug_output() {
    let text = "hunter2".repeat(8);
    let key = Key::new(KeyType::Hs256, text).unwrap();
    let secret = JwtSecret::new(KeySource::Key(key));
    assert!(!format!("{secret:?}").contains("hunter2"));
}
