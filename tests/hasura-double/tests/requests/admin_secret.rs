//! The admin secret, and requests without any credentials.

use serde_json::json;

use crate::bed::{
    Refusal, SECRET, UNAUTHORIZED, bearer, claims, not_verified, now, refused, start, with_key,
    with_keys,
};
use crate::signer::es384;

const ADMIN: (&str, &str) = ("x-hasura-admin-secret", SECRET.1);

fn denied(message: &str) -> Refusal {
    (401, "access-denied".to_owned(), message.to_owned())
}

#[tokio::test]
async fn the_admin_secret_goes_before_a_token_good_or_bad() {
    let signer = es384();
    let hasura = with_key(&signer, json!({})).await;
    let good = bearer(&signer.token(&claims(json!({}))));
    for token in [good.as_str(), "Bearer junk", "Basic x"] {
        assert_eq!(
            hasura.role(&[ADMIN, ("authorization", token)]).await,
            "admin"
        );
    }
    let wrong = denied("invalid x-hasura-admin-secret/x-hasura-access-key");
    for secret in ["guess", ""] {
        let headers = [("x-hasura-admin-secret", secret), ("authorization", &good)];
        assert_eq!(hasura.refusal(&headers).await, wrong, "{secret}");
    }
}

#[tokio::test]
async fn an_admin_takes_any_role_and_any_session_variable() {
    let hasura = start(&[SECRET]).await;
    let session = hasura
        .session(&[ADMIN, ("X-Hasura-Role", "user"), ("x-hasura-user-id", "u7")])
        .await;
    assert_eq!(
        session,
        json!({"x-hasura-role": "user", "x-hasura-user-id": "u7"})
    );
    assert_eq!(hasura.role(&[ADMIN, ("x-hasura-role", "")]).await, "admin");
}

#[tokio::test]
async fn without_any_settings_everybody_is_admin() {
    let hasura = start(&[]).await;
    assert_eq!(hasura.role(&[]).await, "admin");
    assert_eq!(hasura.role(&[("x-hasura-role", "user")]).await, "user");
}

#[tokio::test]
async fn with_a_secret_alone_there_is_nothing_without_it_but_the_unauthorized_role() {
    let hasura = start(&[SECRET]).await;
    let missing = denied("x-hasura-admin-secret/x-hasura-access-key required, but not found");
    assert_eq!(hasura.refusal(&[]).await, missing);
    let hasura = start(&[SECRET, UNAUTHORIZED]).await;
    assert_eq!(hasura.role(&[]).await, "anonymous");
}

#[tokio::test]
async fn the_unauthorized_role_is_for_requests_without_a_token_only() {
    let signer = es384();
    let (hasura, _keys) = with_keys(&[&signer], json!({}), &[UNAUTHORIZED]).await;
    // Its session variables are the client's own, but for the role.
    let session = hasura
        .session(&[("x-hasura-user-id", "made-up"), ("x-hasura-role", "editor")])
        .await;
    assert_eq!(
        session,
        json!({"x-hasura-role": "anonymous", "x-hasura-user-id": "made-up"})
    );
    let expired = bearer(&signer.token(&claims(json!({"exp": now() - 60}))));
    let refusal = hasura.refusal(&[("authorization", &expired)]).await;
    assert_eq!(refusal, not_verified("JWTExpired"));
}

#[tokio::test]
async fn without_an_unauthorized_role_a_missing_token_is_refused() {
    let hasura = with_key(&es384(), json!({})).await;
    let message = "Missing 'Authorization' or 'Cookie' header in JWT authentication mode";
    let refusal = hasura.refusal(&[("x-hasura-role", "user")]).await;
    assert_eq!(refusal, refused("invalid-headers", message));
}

#[tokio::test]
async fn where_the_admin_secret_is_disabled_no_secret_is_right() {
    let secret = json!({"type": "HS256", "key": "x".repeat(32)}).to_string();
    let hasura = start(&[
        SECRET,
        ("HASURA_GRAPHQL_DISABLE_ADMIN_SECRET", "true"),
        ("HASURA_GRAPHQL_JWT_SECRET", &secret),
    ])
    .await;
    let wrong = denied("invalid x-hasura-admin-secret/x-hasura-access-key");
    assert_eq!(hasura.refusal(&[ADMIN]).await, wrong);
}
