//! What Hasura's claims in a token grant, and how they are refused.

use serde_json::{Value, json};

use crate::bed::{Hasura, NAMESPACE, Refusal, bearer, claims, hasura_claims, refused, with_key};
use crate::signer::{Signer, es384};

async fn ask(
    hasura: &Hasura,
    signer: &Signer,
    claims: Value,
    role: Option<&str>,
) -> Result<Value, Refusal> {
    let token = bearer(&signer.token(&claims));
    let mut headers = vec![("authorization", token.as_str())];
    headers.extend(role.map(|role| ("x-hasura-role", role)));
    hasura.outcome(&headers).await
}

fn invalid(message: &str) -> Result<Value, Refusal> {
    Err(refused("jwt-invalid-claims", message))
}

fn missing(message: &str) -> Result<Value, Refusal> {
    Err(refused("jwt-missing-role-claims", message))
}

#[tokio::test]
async fn a_request_gets_its_default_role_or_the_allowed_one_that_it_names() {
    let signer = es384();
    let hasura = with_key(&signer, json!({})).await;
    let role = async |claims: Value, role: Option<&str>| {
        let session = ask(&hasura, &signer, claims, role).await?;
        Ok::<_, Refusal>(session["x-hasura-role"].as_str().unwrap().to_owned())
    };
    assert_eq!(role(claims(json!({})), None).await.unwrap(), "user");
    assert_eq!(role(claims(json!({})), Some("")).await.unwrap(), "user");
    assert_eq!(
        role(claims(json!({})), Some("editor")).await.unwrap(),
        "editor"
    );
    let denied = Err(refused(
        "access-denied",
        "Your requested role is not in allowed roles",
    ));
    for not_allowed in ["admin", "Editor", "viewer"] {
        assert_eq!(role(claims(json!({})), Some(not_allowed)).await, denied);
    }

    // The default role counts only where the request names none.
    let stray = hasura_claims(json!({"x-hasura-default-role": "stray"}));
    assert_eq!(role(stray.clone(), Some("editor")).await.unwrap(), "editor");
    assert_eq!(role(stray, None).await, denied);
}

#[tokio::test]
async fn session_variables_come_from_the_token_alone() {
    let signer = es384();
    let hasura = with_key(&signer, json!({})).await;
    let token = bearer(&signer.token(&claims(json!({}))));
    let session = hasura
        .session(&[
            ("authorization", &token),
            ("x-hasura-user-id", "somebody-else"),
            ("x-hasura-org-id", "theirs"),
        ])
        .await;
    let expected = json!({"x-hasura-role": "user", "x-hasura-user-id": "u1"});
    assert_eq!(session, expected);
}

#[tokio::test]
async fn admin_among_the_allowed_roles_is_the_superuser() {
    let signer = es384();
    let hasura = with_key(&signer, json!({})).await;
    let claims = hasura_claims(json!({"x-hasura-allowed-roles": ["user", "admin"]}));
    let token = bearer(&signer.token(&claims));
    let headers = [
        ("authorization", token.as_str()),
        ("x-hasura-role", "admin"),
    ];
    let export = json!({"type": "export_metadata", "args": {}});
    let (status, body) = hasura.send("/v1/metadata", &headers, &export).await;
    assert_eq!((status, &body["version"]), (200, &json!(3)));
    let (status, body) = hasura.send("/v1/metadata", &headers[..1], &export).await;
    assert_eq!((status, &body["code"]), (400, &json!("access-denied")));
}

#[tokio::test]
async fn each_mistake_in_the_claims_has_its_own_words() {
    let signer = es384();
    let hasura = with_key(&signer, json!({})).await;
    let vectors = [
        (
            claims(json!({NAMESPACE: null})),
            invalid(&format!("claims key: '{NAMESPACE}' not found")),
        ),
        (
            claims(json!({NAMESPACE: "{}"})),
            invalid("expecting a json object when claims_format is json"),
        ),
        (
            claims(json!({NAMESPACE: {}})),
            missing("JWT claim does not contain x-hasura-allowed-roles"),
        ),
        (
            hasura_claims(json!({"x-hasura-default-role": null})),
            missing("JWT claim does not contain x-hasura-default-role"),
        ),
        (
            hasura_claims(json!({"x-hasura-allowed-roles": "user"})),
            invalid(
                "invalid x-hasura-allowed-roles; should be a list of roles: parsing [] failed, expected Array, but \
                 encountered String",
            ),
        ),
        (
            hasura_claims(json!({"x-hasura-default-role": ["user"]})),
            invalid(
                "invalid x-hasura-default-role; should be a single role name: parsing NonEmptyText failed, expected \
                 String, but encountered Array",
            ),
        ),
        (
            hasura_claims(json!({"x-hasura-level": 7})),
            invalid(
                "x-hasura-* claims: parsing Text failed, expected String, but encountered Number",
            ),
        ),
        (
            hasura_claims(json!({"x-hasura-orgs": ["a"]})),
            invalid(
                "x-hasura-* claims: parsing Text failed, expected String, but encountered Array",
            ),
        ),
    ];
    for (claims, expected) in vectors {
        assert_eq!(ask(&hasura, &signer, claims, None).await, expected);
    }
}

#[tokio::test]
async fn the_namespace_can_be_a_path_but_not_into_registered_claims() {
    let signer = es384();
    let path = json!({"claims_namespace_path": "$.logto['hasura claims']"});
    let hasura = with_key(&signer, path).await;
    let inner = claims(json!({}))[NAMESPACE].clone();
    let nested = claims(json!({"logto": {"hasura claims": inner}}));
    let session = ask(&hasura, &signer, nested, None).await.unwrap();
    assert_eq!(session["x-hasura-role"], "user");
    let not_found = "claims not found at claims_namespace_path: '$.logto[\"hasura claims\"]'";
    assert_eq!(
        ask(&hasura, &signer, claims(json!({})), None).await,
        invalid(not_found)
    );

    let hasura = with_key(&signer, json!({"claims_namespace": "sub"})).await;
    assert_eq!(
        ask(&hasura, &signer, claims(json!({})), None).await,
        invalid("claims key: 'sub' not found")
    );
    let hasura = with_key(&signer, json!({"claims_namespace_path": "$.sub"})).await;
    assert_eq!(
        ask(&hasura, &signer, claims(json!({})), None).await,
        invalid("claims not found at claims_namespace_path: '$.sub'")
    );
}

#[tokio::test]
async fn the_claims_can_be_an_object_in_a_string() {
    let signer = es384();
    let hasura = with_key(&signer, json!({"claims_format": "stringified_json"})).await;
    let text = claims(json!({}))[NAMESPACE].to_string();
    let session = ask(&hasura, &signer, claims(json!({NAMESPACE: text})), None).await;
    assert_eq!(session.unwrap()["x-hasura-user-id"], "u1");
    assert_eq!(
        ask(&hasura, &signer, claims(json!({})), None).await,
        invalid("expecting a string when claims_format is stringified_json")
    );
    let message = format!(
        "expecting stringified json at: 'claims_namespace {NAMESPACE}', but found: no object"
    );
    let broken = claims(json!({NAMESPACE: "no object"}));
    assert_eq!(ask(&hasura, &signer, broken, None).await, invalid(&message));
}

#[tokio::test]
async fn a_claims_map_takes_claims_from_all_over_the_token() {
    let signer = es384();
    let map = json!({
        "x-hasura-allowed-roles": {"path": "$.roles", "default": ["guest"]},
        "x-hasura-default-role": {"path": "$.main", "default": "guest"},
        "x-hasura-user-id": {"path": "$.sub"},
        "x-hasura-kind": "person",
        "x-hasura-org": {"path": "$.org.id", "default": "none"}
    });
    // The namespace beside it does not count.
    let fields = json!({"claims_map": map, "claims_namespace": "elsewhere"});
    let hasura = with_key(&signer, fields).await;
    let with = async |changes: Value| ask(&hasura, &signer, claims(changes), None).await;

    let full = with(json!({"roles": ["a", "b"], "main": "b", "org": {"id": "o1"}})).await;
    let expected = json!({
        "x-hasura-role": "b", "x-hasura-user-id": "u1", "x-hasura-kind": "person", "x-hasura-org": "o1"
    });
    assert_eq!(full, Ok(expected));
    let defaults = with(json!({})).await.unwrap();
    assert_eq!(defaults["x-hasura-role"], "guest");
    assert_eq!(defaults["x-hasura-org"], "none");

    // A null is a value of the wrong type; the default is for what is missing.
    let mut with_null = claims(json!({"main": "b"}));
    with_null["roles"] = Value::Null;
    let message = "invalid x-hasura-allowed-roles; should be a list of roles: parsing [] failed, expected Array, but \
                   encountered Null";
    assert_eq!(
        ask(&hasura, &signer, with_null, None).await,
        invalid(message)
    );
    let message = "invalid x-hasura-default-role; should be a role: parsing NonEmptyText failed, expected String, but \
                   encountered Number";
    assert_eq!(with(json!({"main": 1})).await, invalid(message));
    let gone = with(json!({"sub": null})).await;
    assert_eq!(
        gone,
        invalid("JWT claim from claims_map, x-hasura-user-id not found")
    );
    let message = "x-hasura-* claims: parsing Text failed, expected String, but encountered Number";
    assert_eq!(with(json!({"org": {"id": 1}})).await, invalid(message));
}

#[tokio::test]
async fn a_claims_map_without_defaults_wants_both_roles() {
    let signer = es384();
    let path = |path: &str| json!({ "path": path });
    let map =
        json!({"x-hasura-allowed-roles": path("$.roles"), "x-hasura-default-role": path("$.main")});
    let hasura = with_key(&signer, json!({ "claims_map": map })).await;
    let with = async |changes: Value| ask(&hasura, &signer, claims(changes), None).await;
    let expected = missing("JWT claim does not contain x-hasura-allowed-roles");
    assert_eq!(with(json!({"main": "a"})).await, expected);
    let expected = missing("JWT claim does not contain x-hasura-default-role");
    assert_eq!(with(json!({"roles": ["a"]})).await, expected);
}
