//! What Custom JWT scripts see, and what they can do to tokens.

use logto_emulator::{RoleType, TokenKind};
use serde_json::{Value, json};

use crate::shop::{INDICATOR, Shop, claims_of};

const ECHO: &str = "const getCustomJwtClaims = async ({ token, context, environmentVariables }) =>
    ({ given: { token, context, environmentVariables } });";

#[tokio::test]
async fn a_script_sees_the_user_with_roles_scopes_and_resources_and_the_application_without_secret()
{
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    tenant
        .edit_user(&shop.alice, |user| {
            user.custom_data.insert("orgId".to_owned(), json!("org-1"));
        })
        .unwrap();
    let mut value = serde_json::Map::from_iter([("script".to_owned(), json!(ECHO))]);
    value.insert("environmentVariables".to_owned(), json!({"A": "b"}));
    tenant.set_custom_jwt(TokenKind::AccessToken, value);
    let claims = shop.claims_of_alice().await;
    let given = &claims["given"];
    assert_eq!(given["environmentVariables"], json!({"A": "b"}));
    let token = &given["token"];
    assert_eq!(token["kind"], "AccessToken");
    assert_eq!(token["aud"], INDICATOR);
    assert_eq!(token["scope"], "read");
    assert_eq!(token["accountId"], shop.alice.as_str());
    assert_eq!(token["jti"], claims["jti"]);
    for absent in ["iat", "exp", "iss", "sub"] {
        assert_eq!(token.get(absent), None, "{absent}");
    }
    let user = &given["context"]["user"];
    assert_eq!(user["username"], "alice");
    assert_eq!(user["customData"], json!({"orgId": "org-1"}));
    let roles = json!([{
        "id": shop.reader.id, "name": "reader", "description": "d",
        "scopes": [{
            "id": shop.read.id, "name": "read", "description": null,
            "resourceId": shop.resource.id, "resource": shop.resource,
        }],
    }]);
    assert_eq!(user["roles"], roles);
    let web = tenant.secrets(&shop.web.id);
    assert_eq!(given["context"]["application"], json!(shop.web));
    assert!(!given.to_string().contains(&web[0].value));
}

#[tokio::test]
async fn a_machine_s_script_sees_its_application_and_its_scopes_and_nothing_else() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    let job = tenant.create_application("job").unwrap();
    let role = tenant
        .create_role("worker", "d", RoleType::MachineToMachine, &[&shop.read.id])
        .unwrap();
    tenant
        .assign_role_to_application(&job.id, &role.id)
        .unwrap();
    shop.script(TokenKind::ClientCredentials, ECHO);
    shop.script(
        TokenKind::AccessToken,
        "const getCustomJwtClaims = () => ({ wrong: 1 });",
    );
    let emulator = shop.emulator();
    let token = emulator.machine_token(&job.id, INDICATOR, &["read", "write"]);
    let claims = claims_of(&token.await.unwrap());
    assert_eq!(claims["scope"], "read");
    let mut expected = json!({
        "token": {
            "kind": "ClientCredentials", "jti": claims["jti"], "aud": INDICATOR, "scope": "read", "clientId": job.id,
        },
        "context": {"application": job},
        "environmentVariables": {},
    });
    assert_eq!(claims["given"], expected);
    tenant
        .unassign_role_from_application(&job.id, &role.id)
        .unwrap();
    let token = emulator.machine_token(&job.id, INDICATOR, &["read", "write"]);
    let claims = claims_of(&token.await.unwrap());
    expected["token"]["jti"] = claims["jti"].clone();
    expected["token"].as_object_mut().unwrap().remove("scope");
    assert_eq!(claims["given"], expected);
}

#[tokio::test]
async fn a_script_sets_every_claim_but_the_standard_ones() {
    let shop = Shop::new().await;
    let script = "const getCustomJwtClaims = async () => ({
        jti: 'x', sub: 'x', iat: 1, exp: 1, scope: 'admin', client_id: 'x', iss: 'x', aud: 'x', authorization_details: [],
        nbf: 5, act: { sub: 'y' }, organization_id: 'o', roles: ['r'], 'https://hasura.io/jwt/claims': { a: ['b'] },
    });";
    shop.script(TokenKind::AccessToken, script);
    let bob = shop.emulator().tenant().create_user("bob").unwrap();
    let claims = shop.claims(&bob, &shop.web.id).await;
    assert_eq!(claims["sub"], bob.as_str());
    assert_eq!(claims["aud"], INDICATOR);
    assert_eq!(claims["client_id"], shop.web.id.as_str());
    assert!(claims["exp"].as_u64().unwrap() > 1);
    for claim in ["scope", "authorization_details"] {
        assert_eq!(claims.get(claim), None, "{claim}, which has no value");
    }
    assert_eq!(claims["nbf"], 5);
    assert_eq!(claims["act"], json!({"sub": "y"}));
    assert_eq!(claims["organization_id"], "o");
    assert_eq!(claims["roles"], json!(["r"]));
    assert_eq!(claims["https://hasura.io/jwt/claims"], json!({"a": ["b"]}));
}

#[tokio::test]
async fn a_script_for_machines_can_lock_the_management_client_out_but_only_by_denying() {
    let shop = Shop::new().await;
    let ask = async || -> Value {
        let secret = shop.emulator().client_secret();
        let answer = shop.bed.ask_for_token(secret).await;
        answer.json().await.unwrap()
    };
    let throws = "const getCustomJwtClaims = async () => { throw new Error('x'); };";
    shop.script(TokenKind::ClientCredentials, throws);
    assert_eq!(ask().await["scope"], "all");
    let denies = "const getCustomJwtClaims = async ({ api }) => api.denyAccess('closed');";
    shop.script(TokenKind::ClientCredentials, denies);
    let refused = ask().await;
    assert_eq!(refused["error"], "access_denied");
    assert_eq!(refused["error_description"], "closed");
    assert_eq!(
        shop.bed.status_of("/api/roles").await,
        200,
        "tokens live on"
    );
    let tenant = shop.emulator().tenant();
    tenant
        .delete_custom_jwt(TokenKind::ClientCredentials)
        .unwrap();
    assert_eq!(ask().await["scope"], "all");
}

#[tokio::test]
async fn a_failing_script_costs_the_claims_and_not_the_token_whatever_block_issuance_says() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    let throws = "const getCustomJwtClaims = async () => { throw new Error('x'); };";
    let value = json!({"script": throws, "blockIssuanceOnError": true});
    tenant.set_custom_jwt(TokenKind::AccessToken, value.as_object().unwrap().clone());
    assert_eq!(shop.claims_of_alice().await["scope"], "read");
}

#[tokio::test]
async fn a_script_that_never_ends_delays_its_own_token_alone() {
    let shop = Shop::new().await;
    let hangs = "const getCustomJwtClaims = async () => { while (true); };";
    shop.script(TokenKind::AccessToken, hangs);
    let token = shop.claims_of_alice();
    tokio::pin!(token);
    let others = async {
        while !shop.emulator().requests().contains_key("POST /oidc/token") {
            tokio::task::yield_now().await;
        }
        shop.bed.status_of("/api/roles").await
    };
    tokio::select! {
        biased;
        _ = &mut token => panic!("the token came before the other answer"),
        status = others => assert_eq!(status, 200),
    }
    let claims = token.await;
    assert_eq!(claims["scope"], "read", "without claims, but it comes");
}
