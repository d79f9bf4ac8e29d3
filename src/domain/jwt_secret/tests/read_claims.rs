use super::super::*;
use super::{error, with, wrong_type};

#[test]
fn a_namespace_and_a_path_exclude_each_other() {
    let both = r#""claims_namespace":"a","claims_namespace_path":"$.a""#;
    assert_eq!(error(&with(both)), Invalid::NamespaceAndPath);
    assert_eq!(
        error(&with(r#""claims_namespace":"""#)),
        Invalid::Empty("claims_namespace")
    );
    let secret = JwtSecret::parse(&with(r#""claims_namespace_path":"$.a""#)).unwrap();
    assert!(matches!(secret.claims, Claims::NamespacePath { path, .. } if path.as_str() == "$.a"));
}

#[test]
fn a_path_with_a_wildcard_is_refused() {
    assert_eq!(
        error(&with(r#""claims_namespace_path":"$.a.*""#)),
        Invalid::Path("$.a.*".into())
    );
}

#[test]
fn the_claims_format_is_one_of_two_words() {
    let stringified = JwtSecret::parse(&with(r#""claims_format":"stringified_json""#)).unwrap();
    assert!(matches!(
        stringified.claims,
        Claims::Namespace {
            format: ClaimsFormat::StringifiedJson,
            ..
        }
    ));
    assert!(JwtSecret::parse(&with(r#""claims_format":"json""#)).is_ok());
    assert_eq!(
        error(&with(r#""claims_format":"JSON""#)),
        Invalid::ClaimsFormat("JSON".into())
    );
}

#[test]
fn a_claims_map_needs_its_two_obligatory_keys_in_lower_case() {
    let map = |entries: &str| with(&format!(r#""claims_map":{{{entries}}}"#));
    // Hasura looks for the roles first.
    assert_eq!(error(&map("")), Invalid::ClaimMissing(ALLOWED_ROLES));
    assert_eq!(
        error(&map(
            r#""X-Hasura-Allowed-Roles":[],"x-hasura-default-role":"u""#
        )),
        Invalid::ClaimMissing(ALLOWED_ROLES)
    );
    assert_eq!(
        error(&map(r#""x-hasura-allowed-roles":[]"#)),
        Invalid::ClaimMissing(DEFAULT_ROLE)
    );
    assert_eq!(
        error(&with(r#""claims_map":[]"#)),
        wrong_type("claims_map", "an object", "a list")
    );
}

#[test]
fn the_values_of_a_claims_map_have_the_shapes_that_hasura_expects() {
    const OK_ROLES: &str = r#"["user"]"#;
    let map = |roles: &str, default: &str, more: &str| {
        with(&format!(
            r#""claims_map":{{"x-hasura-allowed-roles":{roles},"x-hasura-default-role":{default}{more}}}"#
        ))
    };
    let path = r#"{"path":"$.r"}"#;
    assert!(
        JwtSecret::parse(&map(
            path,
            path,
            r#","X-Hasura-Org":{"path":"$.o","default":""}"#
        ))
        .is_ok()
    );
    assert!(
        JwtSecret::parse(&map(
            r#"{"path":"$.r","default":["a"]}"#,
            r#"{"path":"$.r","default":null}"#,
            ""
        ))
        .is_ok()
    );
    let refused = [
        (
            map(r#""user""#, r#""u""#, ""),
            wrong_type(ALLOWED_ROLES, "a list of strings", "a string"),
        ),
        (
            map("[1]", r#""u""#, ""),
            wrong_type(ALLOWED_ROLES, "a string", "a number"),
        ),
        (
            map(r#"{"path":"$.r","default":"a"}"#, r#""u""#, ""),
            wrong_type(ALLOWED_ROLES, "a list of strings", "a string"),
        ),
        (
            map(OK_ROLES, r#"["u"]"#, ""),
            wrong_type(DEFAULT_ROLE, "a string", "a list"),
        ),
        (map(OK_ROLES, r#""""#, ""), Invalid::Empty(DEFAULT_ROLE)),
        (map(r#"[""]"#, r#""u""#, ""), Invalid::Empty(ALLOWED_ROLES)),
        (
            map("{}", r#""u""#, ""),
            wrong_type("path", "a JSON path", "null"),
        ),
        (
            map(r#"{"path":"$.*"}"#, r#""u""#, ""),
            Invalid::Path("$.*".into()),
        ),
        (
            map(OK_ROLES, r#""u""#, r#","org":"1""#),
            Invalid::NotSessionVariable("org".into()),
        ),
        (
            map(OK_ROLES, r#""u""#, r#","x-hasura-n":1"#),
            wrong_type("a session variable in claims_map", "a string", "a number"),
        ),
        (
            map(OK_ROLES, r#""u""#, r#","x-hasura-n":"1","X-Hasura-N":"2""#),
            Invalid::ClaimTwice("x-hasura-n".into()),
        ),
    ];
    for (text, expected) in refused {
        assert_eq!(error(&text), expected, "{text}");
    }
}
