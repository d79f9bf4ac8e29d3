use super::super::*;
use super::{PUBLIC_KEY, URL, error, with, wrong_type};

#[test]
fn what_is_not_a_json_object_is_refused() {
    assert_eq!(error(""), Invalid::NotJson { line: 1, column: 0 });
    assert_eq!(error("{'a':1}"), Invalid::NotJson { line: 1, column: 2 });
    assert_eq!(
        error(&format!("[{{{URL}}}]")),
        Invalid::NotAnObject("a list")
    );
    assert_eq!(error("null"), Invalid::NotAnObject("null"));
}

#[test]
fn exactly_one_source_of_keys_is_demanded() {
    assert_eq!(error("{}"), Invalid::NoKeyNorUrl);
    assert_eq!(
        error(r#"{"key":null,"jwk_url":null}"#),
        Invalid::NoKeyNorUrl
    );
    assert_eq!(error(&with(r#""key":"x""#)), Invalid::KeyAndUrl);
}

#[test]
fn a_key_needs_a_type_that_hasura_knows() {
    assert_eq!(error(r#"{"key":"x"}"#), Invalid::TypeMissing);
    for name in ["PS256", "ES256K", "Ed448", "EdDSA", "hs256", ""] {
        assert_eq!(
            error(&format!(r#"{{"key":"x","type":"{name}"}}"#)),
            Invalid::TypeUnsupported(name.into())
        );
    }
    for key_type in KeyType::ALL {
        let text = match key_type {
            KeyType::Hs256 | KeyType::Hs384 | KeyType::Hs512 => "k".repeat(64),
            _ => PUBLIC_KEY.to_owned(),
        };
        let json = serde_json::json!({"key": text, "type": key_type.name()}).to_string();
        let secret = JwtSecret::parse(&json).unwrap();
        assert_eq!(
            secret.keys,
            KeySource::Key(Key::new(key_type, text).unwrap())
        );
    }
}

#[test]
fn an_address_of_keys_must_be_an_absolute_http_uri() {
    let cases = [
        ("/oidc/jwks", Invalid::JwkUrlNotUri),
        ("auth.example.com", Invalid::JwkUrlNotUri),
        ("https://auth.example.com/a b", Invalid::JwkUrlNotUri),
        ("https://", Invalid::JwkUrlNotUri),
        ("ldap://h/jwks", Invalid::JwkUrlScheme("ldap".into())),
        ("https://u:hunter2@h/jwks", Invalid::JwkUrlCredentials),
    ];
    for (url, expected) in cases {
        let found = error(&format!(r#"{{"jwk_url":"{url}"}}"#));
        assert_eq!(found, expected, "{url}");
        assert!(!found.to_string().contains("hunter2"));
    }
    let plain = JwtSecret::parse(r#"{"jwk_url":"http://logto.logto.svc:3001/oidc/jwks"}"#).unwrap();
    assert!(
        matches!(plain.keys, KeySource::JwkUrl(url) if url.as_str() == "http://logto.logto.svc:3001/oidc/jwks")
    );
}

#[test]
fn hasura_defaults_apply_to_what_is_absent_or_null() {
    let nulls = with(
        r#""audience":null,"issuer":null,"allowed_skew":null,"header":null,"claims_map":null,"claims_namespace":null,
           "claims_namespace_path":null,"claims_format":null,"extra_required_claims":null,"type":null"#,
    );
    for text in [format!("{{{URL}}}"), nulls] {
        let secret = JwtSecret::parse(&text).unwrap();
        assert_eq!(secret, JwtSecret::new(secret.keys.clone()));
        assert!(
            matches!(&secret.claims, Claims::Namespace { name, format: ClaimsFormat::Json } if name.as_str() == DEFAULT_CLAIMS_NAMESPACE)
        );
    }
}

#[test]
fn an_audience_is_a_text_or_a_list_of_texts() {
    let audience = |json: &str| JwtSecret::parse(&with(&format!(r#""audience":{json}"#)));
    assert_eq!(audience(r#""a""#).unwrap().audience.len(), 1);
    assert_eq!(audience(r#"["b","a","b"]"#).unwrap().audience.len(), 2);
    assert_eq!(audience("[]"), Err(Invalid::Empty("audience")));
    assert_eq!(
        audience("1"),
        Err(wrong_type("audience", "a string", "a number"))
    );
    assert!(matches!(
        audience(r#"["a","b: c"]"#),
        Err(Invalid::Audience(_))
    ));
}

#[test]
fn an_issuer_with_a_colon_must_be_a_uri() {
    let issuer = |json: &str| JwtSecret::parse(&with(&format!(r#""issuer":{json}"#)));
    assert!(issuer(r#""logto""#).is_ok());
    assert!(issuer(r#""https://auth.example.com/oidc""#).is_ok());
    assert!(matches!(
        issuer(r#""logto: prod""#),
        Err(Invalid::Issuer(_))
    ));
    assert_eq!(
        issuer("[]"),
        Err(wrong_type("issuer", "a string", "a list"))
    );
}

#[test]
fn a_skew_is_a_number_of_whole_seconds() {
    let skew = |json: &str| JwtSecret::parse(&with(&format!(r#""allowed_skew":{json}"#)));
    for (json, seconds) in [
        ("0", 0),
        ("60", 60),
        ("60.0", 60),
        ("6e1", 60),
        ("4294967295", u32::MAX),
    ] {
        assert_eq!(skew(json).unwrap().allowed_skew, seconds, "{json}");
    }
    for json in ["-1", "0.5", "4294967296", "1e300"] {
        assert_eq!(skew(json), Err(Invalid::Skew), "{json}");
    }
    assert_eq!(
        skew(r#""60""#),
        Err(wrong_type(
            "allowed_skew",
            "a number of seconds",
            "a string"
        ))
    );
}

#[test]
fn a_header_is_an_object_with_a_known_type_in_any_case() {
    let header = |json: &str| JwtSecret::parse(&with(&format!(r#""header":{json}"#)));
    let name = NonEmptyText::new("Token").unwrap();
    for (json, location) in [
        (r#"{"type":"authorization"}"#, TokenLocation::Authorization),
        (
            r#"{"type":"COOKIE","name":"Token"}"#,
            TokenLocation::Cookie(name.clone()),
        ),
        (
            r#"{"type":"CustomHeader","name":"Token"}"#,
            TokenLocation::CustomHeader(name),
        ),
    ] {
        assert_eq!(header(json).unwrap().header, location, "{json}");
    }
    for (json, expected) in [
        (
            r#""{\"type\":\"Authorization\"}""#,
            wrong_type("header", "an object", "a string"),
        ),
        (r#"{"type":"Bearer"}"#, Invalid::HeaderType("Bearer".into())),
        ("{}", Invalid::HeaderType(String::new())),
        (r#"{"type":"Cookie"}"#, Invalid::Empty("the name in header")),
        (
            r#"{"type":"CustomHeader","name":""}"#,
            Invalid::Empty("the name in header"),
        ),
    ] {
        assert_eq!(header(json), Err(expected), "{json}");
    }
}

#[test]
fn required_claims_are_audience_and_issuer() {
    let required =
        |json: &str| JwtSecret::parse(&with(&format!(r#""extra_required_claims":{json}"#)));
    let found = required(r#"["issuer","audience","issuer"]"#).unwrap();
    assert_eq!(
        found.extra_required_claims,
        [RequiredClaim::Audience, RequiredClaim::Issuer].into()
    );
    assert_eq!(
        required(r#"["sub"]"#),
        Err(Invalid::RequiredClaim("sub".into()))
    );
    assert_eq!(
        required(r#""audience""#),
        Err(wrong_type(
            "extra_required_claims",
            "a list of strings",
            "a string"
        ))
    );
}

#[test]
fn what_hasura_lets_pass_is_reported() {
    const FINE: &str = r#""audience":"a","issuer":"i","allowed_skew":60"#;
    let map = |roles: &str, default: &str| {
        format!(
            r#"{FINE},"claims_map":{{"x-hasura-allowed-roles":{roles},"x-hasura-default-role":{default}}}"#
        )
    };
    let cases = [
        (FINE.to_owned(), vec![]),
        (
            format!(r#"{FINE},"jwks_url":"x""#),
            vec![Mistake::UnknownField("jwks_url".into())],
        ),
        (
            format!(r#"{FINE},"type":"RS256""#),
            vec![Mistake::TypeIgnored],
        ),
        (
            r#""issuer":"i","allowed_skew":1"#.into(),
            vec![Mistake::NoAudience],
        ),
        (
            r#""audience":"a","allowed_skew":1"#.into(),
            vec![Mistake::NoIssuer],
        ),
        (
            r#""audience":"a","issuer":"i""#.into(),
            vec![Mistake::NoSkew],
        ),
        (
            r#""audience":"a","issuer":"https://i/oidc/","allowed_skew":1"#.into(),
            vec![Mistake::IssuerTrailingSlash],
        ),
        (
            r#""issuer":"i","allowed_skew":1,"extra_required_claims":["audience","issuer"]"#.into(),
            vec![
                Mistake::NoAudience,
                Mistake::RequiredClaimNotSet("audience"),
            ],
        ),
        (
            format!(r#"{FINE},"claims_namespace":"sub""#),
            vec![Mistake::RegisteredNamespace("sub".into())],
        ),
        (
            map(r#"["user","Admin"]"#, r#""user""#),
            vec![Mistake::AdminRole(ALLOWED_ROLES)],
        ),
        (
            map(r#"{"path":"$.r"}"#, r#"{"path":"$.d","default":"admin"}"#),
            vec![Mistake::AdminRole(DEFAULT_ROLE)],
        ),
        (
            format!(
                r#"{},"claims_namespace":"n","claims_format":"json""#,
                map("[]", r#""user""#)
            ),
            vec![
                Mistake::ClaimsFieldIgnored("claims_namespace"),
                Mistake::ClaimsFieldIgnored("claims_format"),
            ],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(
            JwtSecret::review(&with(&fields)).unwrap().mistakes,
            expected,
            "{fields}"
        );
    }
}
