//! Where in a token Hasura's claims are.

use hasura_double::{Claims, ClaimsFormat, Mapped, Namespace, PathElement};
use serde_json::json;

use crate::{says, with};

#[test]
fn the_namespace_is_a_key_or_a_path() {
    let path = with(json!({"claims_namespace_path": "$.hasura['claims']"}))
        .unwrap()
        .claims;
    let elements = ["hasura", "claims"]
        .map(|key| PathElement::Key(key.to_owned()))
        .to_vec();
    assert_eq!(
        path,
        Claims::Namespace {
            namespace: Namespace::Path(elements),
            format: ClaimsFormat::Json
        }
    );
    let both = says(with(
        json!({"claims_namespace": "a", "claims_namespace_path": "$.b"}),
    ));
    assert_eq!(
        both,
        "Error in $: claims_namespace and claims_namespace_path both cannot be set"
    );
    let bad = says(with(json!({"claims_namespace_path": "$.a b"})));
    let start =
        "Error in $: invalid JSON path claims_namespace_path error: $.a b. Accept letters, digits";
    assert!(bad.starts_with(start), "{bad}");
}

#[test]
fn the_claims_format_is_one_of_two() {
    let claims = with(json!({"claims_format": "stringified_json"}))
        .unwrap()
        .claims;
    assert!(matches!(
        claims,
        Claims::Namespace {
            format: ClaimsFormat::StringifiedJson,
            ..
        }
    ));
    let bad = says(with(json!({"claims_format": "xml"})));
    assert!(bad.starts_with("Error in $['claims_format']: "), "{bad}");
    assert!(
        bad.ends_with(
            r#"expected one of the tags ["json","stringified_json"], but found tag "xml""#
        ),
        "{bad}"
    );
}

#[test]
fn a_claims_map_takes_paths_and_literals() {
    let map = json!({
        "x-hasura-allowed-roles": {"path": "$.roles", "default": ["user"]},
        "x-hasura-default-role": "user",
        "X-Hasura-User-Id": {"path": "$.sub"}
    });
    // A namespace beside the map is ignored.
    let Claims::Map(map) = with(json!({"claims_map": map, "claims_namespace": "x"}))
        .unwrap()
        .claims
    else {
        panic!("no map");
    };
    let path = |name: &str| vec![PathElement::Key(name.to_owned())];
    let user = "user".to_owned();
    assert_eq!(
        map.allowed_roles,
        Mapped::Path {
            path: path("roles"),
            default: Some(vec![user.clone()])
        }
    );
    assert_eq!(map.default_role, Mapped::Literal(user));
    assert_eq!(
        map.others["x-hasura-user-id"],
        Mapped::Path {
            path: path("sub"),
            default: None
        }
    );
}

#[test]
fn a_claims_map_with_a_mistake_is_fatal() {
    let vectors = [
        (
            json!({}),
            "$['claims_map']: x-hasura-allowed-roles is expected but not found",
        ),
        (
            json!({"x-hasura-allowed-roles": ["user"], "X-Hasura-Default-Role": "user"}),
            "$['claims_map']: x-hasura-default-role is expected but not found",
        ),
        (
            json!({"x-hasura-allowed-roles": "user", "x-hasura-default-role": "user"}),
            "$['claims_map']: parsing [] failed, expected Array, but encountered String",
        ),
        (
            json!({"x-hasura-allowed-roles": ["user", ""], "x-hasura-default-role": "user"}),
            "$['claims_map'][1]: empty string not allowed",
        ),
        (
            json!({"x-hasura-allowed-roles": ["user"], "x-hasura-default-role": {"default": "user"}}),
            "$['claims_map']: key \"path\" not found",
        ),
        (
            json!({"x-hasura-allowed-roles": ["user"], "x-hasura-default-role": "user", "x-hasura-n": 1}),
            "$['claims_map']: parsing Text failed, expected String, but encountered Number",
        ),
        (
            json!({"x-hasura-allowed-roles": ["user"], "x-hasura-default-role": "user", "org": "1"}),
            "$['claims_map']: \"org\" is not a Hasura session variable",
        ),
        (
            json!("map"),
            "$['claims_map']: parsing JWTClaimsMap failed, expected Object, but encountered String",
        ),
    ];
    for (map, expected) in vectors {
        assert_eq!(
            says(with(json!({ "claims_map": map }))),
            format!("Error in {expected}")
        );
    }
    let map =
        json!({"x-hasura-allowed-roles": {"path": "$.r[*]"}, "x-hasura-default-role": "user"});
    let wildcard = says(with(json!({ "claims_map": map })));
    assert!(
        wildcard.starts_with("Error in $['claims_map']: $.r[*]. Accept letters"),
        "{wildcard}"
    );
}
