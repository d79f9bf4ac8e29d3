//! What each endpoint answers, and in which shape.

use serde_json::{Value, json};

use crate::bed::{SECRET, start, with_key};
use crate::signer::es384;

const ADMIN: (&str, &str) = ("x-hasura-admin-secret", SECRET.1);

#[tokio::test]
async fn graphql_says_200_whatever_comes_of_it_but_at_its_first_address() {
    let hasura = start(&[SECRET]).await;
    let query = json!({"query": "{ __typename }"});
    let message = "x-hasura-admin-secret/x-hasura-access-key required, but not found";
    let errors = json!({"errors": [
        {"message": message, "extensions": {"path": "$", "code": "access-denied"}}
    ]});
    for (path, status) in [
        ("/v1/graphql", 200),
        ("/v1beta1/relay", 200),
        ("/v1alpha1/graphql", 401),
    ] {
        let refused = hasura.send(path, &[], &query).await;
        assert_eq!(refused, (status, errors.clone()), "{path}");
        let taken = hasura.send(path, &[ADMIN], &query).await;
        let data = json!({"role": "admin", "session": {"x-hasura-role": "admin"}});
        assert_eq!(taken, (200, json!({ "data": data })), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused_after_authentication() {
    let hasura = start(&[SECRET]).await;
    let code = |body: &Value| body["errors"][0]["extensions"]["code"].clone();
    let (_, body) = hasura.send("/v1/graphql", &[], &json!({})).await;
    assert_eq!(code(&body), "access-denied");
    let (_, body) = hasura.send("/v1/graphql", &[ADMIN], &json!({})).await;
    assert_eq!(code(&body), "parse-failed");
}

#[tokio::test]
async fn the_metadata_is_for_the_admin() {
    let hasura = start(&[SECRET]).await;
    let export = |version: u8| json!({"type": "export_metadata", "version": version, "args": {}});
    let (status, first) = hasura.send("/v1/metadata", &[ADMIN], &export(1)).await;
    assert_eq!((status, &first["version"]), (200, &json!(3)));
    let (_, second) = hasura.send("/v1/metadata", &[ADMIN], &export(2)).await;
    assert_eq!(second, json!({"resource_version": 1, "metadata": first}));

    let user = [ADMIN, ("x-hasura-role", "user")];
    let (status, body) = hasura.send("/v1/metadata", &user, &export(2)).await;
    let refusal =
        json!({"path": "$", "error": "restricted access : admin only", "code": "access-denied"});
    assert_eq!((status, body), (400, refusal));
    let (status, _) = hasura.send("/v1/metadata", &[], &export(2)).await;
    assert_eq!(status, 401);
    let other = json!({"type": "run_sql", "args": {}});
    let (status, body) = hasura.send("/v1/metadata", &[ADMIN], &other).await;
    assert_eq!((status, &body["code"]), (400, &json!("not-supported")));
}

#[tokio::test]
async fn the_config_shows_the_way_of_authentication_and_no_more() {
    let secret = json!({
        "claims_namespace": "https://example.com/claims", "audience": "aud", "issuer": "iss"
    });
    let hasura = with_key(&es384(), secret).await;
    let (status, body) = hasura.get("/v1alpha1/config", &[ADMIN]).await;
    assert_eq!(status, 200);
    let config: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(config["version"], "v2.49.4");
    let is = |name: &str| config[name].as_bool().unwrap();
    assert!(is("is_jwt_set") && is("is_admin_secret_set") && !is("is_auth_hook_set"));
    let jwt = json!([{
        "claims_namespace": "https://example.com/claims", "claims_format": "json", "claims_map": null
    }]);
    assert_eq!(config["jwt"], jwt);
    for hidden in ["aud", "iss", SECRET.1, "http://"] {
        assert!(!body.contains(&format!("\"{hidden}")), "{body}");
    }
    let (status, _) = hasura.get("/v1alpha1/config", &[]).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn the_config_shows_a_claims_map_with_its_paths() {
    let map = json!({
        "x-hasura-allowed-roles": {"path": "$.roles", "default": ["user"]},
        "x-hasura-default-role": "user"
    });
    let hasura = with_key(&es384(), json!({ "claims_map": map })).await;
    let (_, body) = hasura.get("/v1alpha1/config", &[ADMIN]).await;
    let config: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(config["jwt"][0]["claims_map"], map);
}

#[tokio::test]
async fn health_and_version_are_for_everybody() {
    let hasura = start(&[SECRET]).await;
    assert_eq!(hasura.get("/healthz", &[]).await, (200, "OK".to_owned()));
    let (status, body) = hasura.get("/v1/version", &[]).await;
    let version: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &version["version"]), (200, &json!("v2.49.4")));
    let (status, body) = hasura.get("/v1/nowhere", &[]).await;
    assert_eq!(status, 404);
    assert!(body.contains("resource does not exist"), "{body}");
}
