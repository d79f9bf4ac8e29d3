//! The endpoint that Hasura calls in webhook mode, beyond the recordings.

use logto_emulator::RoleType;
use serde_json::{Value, json};

use crate::shop::{INDICATOR, Shop};

/// What the hook says: the status and the session or the refusal.
async fn asked(shop: &Shop, query: &str, token: Option<&str>, role: Option<&str>) -> (u16, Value) {
    let url = format!("{}/api/authn/hasura?{query}", shop.emulator().endpoint());
    let mut request = shop.bed.client.get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(role) = role {
        request = request.header("expected-role", role);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn token_of_alice(shop: &Shop, scopes: &[&str]) -> String {
    let emulator = shop.emulator();
    let token = emulator.user_token(&shop.alice, &shop.web.id, Some(INDICATOR), scopes);
    token.await.unwrap()
}

#[tokio::test]
async fn an_indicator_that_is_not_escaped_makes_anybody_an_admin() {
    let shop = Shop::new().await;
    let indicator = "https://evil.example.com/?a=1&unauthorizedRole=admin";
    let tenant = shop.emulator().tenant();
    tenant.create_resource("Evil", indicator).unwrap();
    let (status, session) = asked(&shop, &format!("resource={indicator}"), None, None).await;
    assert_eq!((status, session), (200, json!({"X-Hasura-Role": "admin"})));
    let escaped = indicator.replace('&', "%26");
    let (status, session) = asked(&shop, &format!("resource={escaped}"), None, None).await;
    assert_eq!((status, session), (200, json!({})));
    let both = format!("resource={indicator}&unauthorizedRole=anonymous");
    let (status, refused) = asked(&shop, &both, None, None).await;
    assert_eq!(status, 400, "koa makes a list of two values");
    assert_eq!(refused["data"]["issues"][0]["received"], "array");
}

#[tokio::test]
async fn any_role_of_the_tenant_counts_and_a_change_acts_at_once() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    let admin = tenant
        .create_role("admin", "d", RoleType::User, &[])
        .unwrap();
    let query = format!("resource={INDICATOR}");
    let token = token_of_alice(&shop, &[]).await;
    let as_admin = async || asked(&shop, &query, Some(&token), Some("admin")).await;
    assert_eq!(as_admin().await.0, 401);
    tenant.assign_role(&shop.alice, &admin.id).unwrap();
    let session = json!({"X-Hasura-User-Id": shop.alice, "X-Hasura-Role": "admin"});
    assert_eq!(as_admin().await, (200, session));
    tenant.unassign_role(&shop.alice, &admin.id).unwrap();
    assert_eq!(as_admin().await.0, 401);
}

#[tokio::test]
async fn a_token_that_has_expired_or_is_of_another_issuer_is_nobody_s() {
    let shop = Shop::new().await;
    let issuer = format!("{}/oidc", shop.emulator().endpoint());
    let query = format!("resource={INDICATOR}&unauthorizedRole=anonymous");
    let user_id = async |claims: Value| -> Value {
        let token = shop.emulator().sign(&claims);
        let (status, session) = asked(&shop, &query, Some(&token), None).await;
        assert_eq!(status, 200);
        session["X-Hasura-User-Id"].clone()
    };
    let good = json!({"sub": "u", "iss": issuer, "aud": INDICATOR, "exp": 4_102_444_800_u64});
    assert_eq!(user_id(good.clone()).await, "u");
    let mut expired = good.clone();
    expired["exp"] = json!(1_000_000_000);
    assert_eq!(user_id(expired).await, Value::Null);
    let mut foreign = good.clone();
    foreign["iss"] = json!("https://other.example.com/oidc");
    assert_eq!(user_id(foreign).await, Value::Null);
    let mut elsewhere = good;
    elsewhere["aud"] = json!("https://other.example.com/");
    assert_eq!(user_id(elsewhere).await, "u", "here any audience counts");
}
