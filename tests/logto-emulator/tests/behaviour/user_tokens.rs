//! Tokens of users: who gets one, and with which scopes.

use logto_emulator::{RoleType, TokenKind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{INDICATOR, Shop, claims_of};

const SEES: &str = "const getCustomJwtClaims = async ({ token, context }) => ({
    scope_seen: token.scope,
    roles_seen: context.user.roles.map((role) => role.name),
    third_party: context.application.isThirdParty,
    organization_seen: context.organization,
    organization_roles: context.user.organizationRoles.map((role) => role.roleName),
});";

async fn exchange(shop: &Shop, more: &[(&str, &str)]) -> Value {
    let mut form = vec![
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("resource", INDICATOR),
        ("scope", "read"),
    ];
    form.extend(more);
    let url = format!("{}/oidc/token", shop.emulator().endpoint());
    let answer = shop.bed.client.post(url).form(&form).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn subject_token(shop: &Shop) -> String {
    let body = json!({"userId": shop.alice});
    let answer = shop.bed.send(Method::POST, "/api/subject-tokens", body);
    let body: Value = answer.await.unwrap().json().await.unwrap();
    body["subjectToken"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_gets_the_scopes_of_his_roles_until_a_role_is_taken() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    tenant
        .edit_resource(&shop.resource.id, |row| row.access_token_ttl = 60)
        .unwrap();
    let claims = shop.claims_of_alice().await;
    assert_eq!(claims["scope"], "read");
    assert_eq!(claims["sub"], shop.alice.as_str());
    assert_eq!(claims["aud"], INDICATOR);
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        60
    );
    tenant.unassign_role(&shop.alice, &shop.reader.id).unwrap();
    assert_eq!(shop.claims_of_alice().await.get("scope"), None);
    tenant.delete_resource(&shop.resource.id).unwrap();
    let emulator = shop.emulator();
    let gone = emulator.user_token(&shop.alice, &shop.web.id, Some(INDICATOR), &[]);
    let error = gone.await.unwrap_err().to_string();
    assert!(error.contains("invalid_target"), "{error}");
}

#[tokio::test]
async fn a_subject_token_is_exchanged_once() {
    let shop = Shop::new().await;
    let secrets = shop.emulator().tenant().secrets(&shop.web.id);
    let token = subject_token(&shop).await;
    let form = [
        ("subject_token", token.as_str()),
        ("client_id", &shop.web.id),
        ("client_secret", &secrets[0].value),
    ];
    let first = exchange(&shop, &form).await;
    assert_eq!(first["scope"], "read", "{first}");
    let again = exchange(&shop, &form).await;
    assert_eq!(again["error"], "invalid_grant");
    assert_eq!(
        again["error_description"],
        "subject token is already consumed"
    );
    let body = json!({"userId": "nosuch"});
    let unknown = shop.bed.send(Method::POST, "/api/subject-tokens", body);
    assert_eq!(unknown.await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_public_application_needs_no_secret_and_one_without_the_switch_gets_nothing() {
    let shop = Shop::new().await;
    let made = async |exchanges: bool| -> String {
        let body = json!({
            "name": "app", "type": "SPA",
            "customClientMetadata": {"allowTokenExchange": exchanges},
        });
        let answer = shop.bed.send(Method::POST, "/api/applications", body);
        let body: Value = answer.await.unwrap().json().await.unwrap();
        body["id"].as_str().unwrap().to_owned()
    };
    let (public, closed) = (made(true).await, made(false).await);
    assert_eq!(shop.claims(&shop.alice, &public).await["scope"], "read");
    let refused = shop
        .emulator()
        .user_token(&shop.alice, &closed, Some(INDICATOR), &[]);
    let error = refused.await.unwrap_err().to_string();
    assert!(error.contains("unauthorized_client"), "{error}");
    let form = [
        ("subject_token", "x"),
        ("client_id", shop.web.id.as_str()),
        ("client_secret", "wrong"),
    ];
    let refused = exchange(&shop, &form).await;
    assert_eq!(refused["error"], "invalid_client");
}

#[tokio::test]
async fn a_third_party_application_gets_a_token_without_consent_and_the_script_sees_every_role() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    let other = tenant.create_third_party_application("other").unwrap();
    shop.script(TokenKind::AccessToken, SEES);
    let claims = shop.claims(&shop.alice, &other.id).await;
    assert_eq!(claims["aud"], INDICATOR);
    assert_eq!(claims.get("scope"), None);
    assert_eq!(claims["scope_seen"], "");
    assert_eq!(claims["roles_seen"], json!(["reader"]));
    assert_eq!(claims["third_party"], true);
    tenant.allow_consent(&other.id, &shop.read.id).unwrap();
    assert_eq!(shop.claims(&shop.alice, &other.id).await["scope"], "read");
    assert_eq!(shop.claims_of_alice().await["third_party"], false);
}

#[tokio::test]
async fn an_organization_s_role_puts_its_scope_into_the_token_of_a_user_without_roles() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    let bob = tenant.create_user("bob").unwrap();
    let one = tenant.create_organization("one");
    let two = tenant.create_organization("two");
    tenant
        .give_organization_role(&bob, &one.id, "member", &[&shop.read.id])
        .unwrap();
    tenant
        .give_organization_role(&bob, &two.id, "guest", &[])
        .unwrap();
    shop.script(TokenKind::AccessToken, SEES);
    let claims = shop.claims(&bob, &shop.web.id).await;
    assert_eq!(claims["scope"], "read");
    assert_eq!(claims["roles_seen"], json!([]));
    assert_eq!(claims["organization_roles"], json!(["member", "guest"]));
    assert_eq!(claims.get("organization_seen"), None);
    assert_eq!(claims.get("organization_id"), None);

    let emulator = shop.emulator();
    let for_organization =
        |id| emulator.organization_token(&bob, &shop.web.id, INDICATOR, &["read"], id);
    let claims = claims_of(&for_organization(&one.id).await.unwrap());
    assert_eq!(claims["scope"], "read");
    assert_eq!(claims["organization_id"], one.id.as_str());
    let seen = json!({"id": one.id, "name": "one", "description": null, "customData": {}});
    assert_eq!(claims["organization_seen"], seen);
    let claims = claims_of(&for_organization(&two.id).await.unwrap());
    assert_eq!(claims.get("scope"), None, "the role is in the other one");
    let refused = for_organization("nosuch").await.unwrap_err().to_string();
    assert!(refused.contains("access_denied"), "{refused}");
}

#[tokio::test]
async fn an_internal_role_is_hidden_from_lists_yet_grants_and_shows_in_the_context() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    let bob = tenant.create_user("bob").unwrap();
    let hidden = tenant
        .create_role("#internal:x", "d", RoleType::User, &[&shop.read.id])
        .unwrap();
    tenant.assign_role(&bob, &hidden.id).unwrap();
    let path = format!("/api/users/{bob}/roles");
    let listed: Value = shop.bed.get(&path).await.unwrap().json().await.unwrap();
    assert_eq!(listed, json!([]));
    shop.script(TokenKind::AccessToken, SEES);
    let claims = shop.claims(&bob, &shop.web.id).await;
    assert_eq!(claims["scope"], "read");
    assert_eq!(claims["roles_seen"], json!(["#internal:x"]));
}

#[tokio::test]
async fn a_token_without_a_resource_is_opaque_and_its_script_sees_no_audience() {
    let shop = Shop::new().await;
    let emulator = shop.emulator();
    let opaque = || emulator.user_token(&shop.alice, &shop.web.id, None, &["openid", "read"]);
    assert!(!opaque().await.unwrap().contains('.'), "it is no JWT");
    let denies = "const getCustomJwtClaims = async ({ token, api }) =>
        'aud' in token ? {} : api.denyAccess('no audience, scope ' + token.scope);";
    shop.script(TokenKind::AccessToken, denies);
    let error = opaque().await.unwrap_err().to_string();
    assert!(error.contains("no audience, scope openid"), "{error}");
    assert_eq!(shop.claims_of_alice().await["aud"], INDICATOR);
}
