//! HASURA_GRAPHQL_JWT_SECRET, field by field: what starts, and what Hasura says of the rest.
#![allow(clippy::unwrap_used)]

mod claims;
mod keys;

use std::collections::BTreeMap;

use hasura_double::{
    AuthMode, Claims, ClaimsFormat, Fatal, JwtConfig, KeySource, Namespace, TokenLocation, start_up,
};
use serde_json::{Value, json};

const URL: &str = "https://logto.example.com/oidc/jwks";

fn start(secret: &str) -> Result<JwtConfig, Fatal> {
    let env = BTreeMap::from([
        ("HASURA_GRAPHQL_ADMIN_SECRET".to_owned(), "s".to_owned()),
        ("HASURA_GRAPHQL_JWT_SECRET".to_owned(), secret.to_owned()),
    ]);
    match start_up(&env, &[])?.auth {
        AuthMode::Jwt(jwt) => Ok(*jwt),
        other => panic!("{other:?}"),
    }
}

/// The settings of the object with a jwk_url and these fields.
fn with(fields: Value) -> Result<JwtConfig, Fatal> {
    let mut secret = json!({"jwk_url": URL});
    secret
        .as_object_mut()
        .unwrap()
        .append(&mut fields.as_object().unwrap().clone());
    start(&secret.to_string())
}

/// What Hasura says after the name of the variable.
fn says(result: Result<JwtConfig, Fatal>) -> String {
    let text = result.unwrap_err().to_string();
    let prefix = "Fatal Error:- Environment variable HASURA_GRAPHQL_JWT_SECRET: ";
    text.strip_prefix(prefix)
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

#[test]
fn a_secret_for_logto_is_read_in_full() {
    let jwt = with(json!({
        "audience": "https://shop.example.com/v1/graphql",
        "issuer": "https://logto.example.com/oidc",
        "allowed_skew": 60,
        "claims_namespace": "https://hasura.io/jwt/claims",
        "extra_required_claims": ["audience", "issuer"],
        "a typo": "passes"
    }));
    let expected = JwtConfig {
        keys: KeySource::Url(URL.to_owned()),
        claims: Claims::Namespace {
            namespace: Namespace::Key("https://hasura.io/jwt/claims".to_owned()),
            format: ClaimsFormat::Json,
        },
        audience: Some(vec!["https://shop.example.com/v1/graphql".to_owned()]),
        issuer: Some("https://logto.example.com/oidc".to_owned()),
        allowed_skew: Some(60.0),
        header: TokenLocation::Authorization,
        extra_required_claims: vec!["audience".to_owned(), "issuer".to_owned()],
    };
    assert_eq!(jwt.unwrap(), expected);
}

#[test]
fn without_more_than_a_url_there_are_only_defaults() {
    let jwt = with(json!({"issuer": null, "audience": null, "claims_map": null})).unwrap();
    assert_eq!(
        (jwt.audience, jwt.issuer, jwt.allowed_skew),
        (None, None, None)
    );
    assert!(jwt.extra_required_claims.is_empty());
    let namespace = Namespace::Key("https://hasura.io/jwt/claims".to_owned());
    assert_eq!(
        jwt.claims,
        Claims::Namespace {
            namespace,
            format: ClaimsFormat::Json
        }
    );
}

#[test]
fn what_is_no_json_object_is_fatal() {
    let vectors = [
        (
            "[]",
            "Error in $: parsing JWTConfig failed, expected Object, but encountered Array",
        ),
        (
            "\"x\"",
            "Error in $: parsing JWTConfig failed, expected Object, but encountered String",
        ),
        (
            "null",
            "Error in $: parsing JWTConfig failed, expected Object, but encountered Null",
        ),
        ("{\"jwk_url\":", "Error in $: not enough input"),
        (
            "{'jwk_url': 'x'}",
            "Error in $: Failed reading: not a valid json value",
        ),
    ];
    for (secret, expected) in vectors {
        assert_eq!(says(start(secret)), expected, "{secret}");
    }
}

#[test]
fn issuer_and_audience_with_a_colon_are_uris() {
    let jwt = with(json!({"issuer": "plain text", "audience": ["a", "urn:b"]})).unwrap();
    assert_eq!(jwt.audience, Some(vec!["a".to_owned(), "urn:b".to_owned()]));
    let vectors = [
        (
            json!({"issuer": "https://a b"}),
            "Error in $.issuer: failed to parse StringOrURI",
        ),
        (
            json!({"audience": "x:y z"}),
            "Error in $.audience: failed to parse StringOrURI",
        ),
        (
            json!({"audience": ["ok", "x:y z"]}),
            "Error in $.audience: parsing StringOrURI failed, expected String, but encountered Array",
        ),
        (
            json!({"issuer": ["a"]}),
            "Error in $.issuer: parsing StringOrURI failed, expected String, but encountered Array",
        ),
    ];
    for (fields, expected) in vectors {
        assert_eq!(says(with(fields)), expected);
    }
}

#[test]
fn the_skew_is_a_number() {
    assert_eq!(
        with(json!({"allowed_skew": 0.5})).unwrap().allowed_skew,
        Some(0.5)
    );
    let text = says(with(json!({"allowed_skew": "60"})));
    let expected = "Error in $['allowed_skew']: parsing NominalDiffTime failed, expected Number, but encountered String";
    assert_eq!(text, expected);
}

#[test]
fn the_place_of_the_token_is_an_object_with_a_known_type() {
    let place = |header: Value| with(json!({ "header": header })).map(|jwt| jwt.header);
    assert_eq!(
        place(json!({"type": "authorization"})).unwrap(),
        TokenLocation::Authorization
    );
    assert_eq!(
        place(json!({"type": "Cookie", "name": "T"})).unwrap(),
        TokenLocation::Cookie("T".to_owned())
    );
    let custom = TokenLocation::CustomHeader("x-token".to_owned());
    assert_eq!(
        place(json!({"type": "CustomHeader", "name": "x-token"})).unwrap(),
        custom
    );
    let vectors = [
        (
            json!({"type": "Bearer"}),
            ": expected 'type' is 'Authorization' or 'Cookie' or 'CustomHeader'",
        ),
        (json!({"type": "Cookie"}), ": key \"name\" not found"),
        (json!({}), ": key \"type\" not found"),
        // The documentation says "stringified JSON"; the server wants an object.
        (
            json!("{}"),
            ": parsing JWTHeader failed, expected Object, but encountered String",
        ),
    ];
    for (header, expected) in vectors {
        assert_eq!(
            says(with(json!({ "header": header }))),
            format!("Error in $.header{expected}")
        );
    }
}

#[test]
fn extra_required_claims_are_audience_and_issuer() {
    says(with(json!({"extra_required_claims": ["exp"]})));
    says(with(json!({"extra_required_claims": "issuer"})));
}
