//! The routes of the Custom JWT scripts.

use logto_emulator::TokenKind;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{bed::Bed, shop::Shop};

const PATH: &str = "/api/configs/jwt-customizer/access-token";
const TEST: &str = "/api/configs/jwt-customizer/test";
const EMPTY: &str = "const getCustomJwtClaims = () => ({});";

async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

async fn dry_run(bed: &Bed, script: &str, token: Value, context: Value) -> (u16, Value) {
    let body = json!({
        "tokenType": "access-token", "script": script, "token": token, "context": context,
    });
    let answer = bed.send(Method::POST, TEST, body).await.unwrap();
    (answer.status().as_u16(), json_of(answer).await)
}

/// Where the issues of a refusal are.
fn paths(refusal: &Value) -> Vec<String> {
    let issues = refusal["data"]["issues"].as_array().unwrap();
    let path = |issue: &Value| issue["path"].to_string();
    issues.iter().map(path).collect()
}

#[tokio::test]
async fn a_dry_run_is_a_request_and_no_write_while_a_put_is_both() {
    let shop = Shop::new().await;
    let (bed, emulator) = (&shop.bed, shop.emulator());
    emulator.reset_requests();
    let (status, _) = dry_run(bed, EMPTY, json!({}), json!({"user": {}})).await;
    assert_eq!(status, 200);
    assert_eq!(emulator.writes(), 0);
    assert_eq!(emulator.requests()[&format!("POST {TEST}")], 1);
    assert_eq!(
        emulator.tenant().custom_jwt(TokenKind::AccessToken),
        None,
        "and it stores nothing"
    );
    let put = bed.send(Method::PUT, PATH, json!({"script": "not a script at all"}));
    assert_eq!(put.await.unwrap().status(), 201);
    assert_eq!(emulator.writes(), 1);
}

#[tokio::test]
async fn a_put_drops_what_it_does_not_name_and_a_patch_keeps_it() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    let whole = json!({
        "script": EMPTY, "environmentVariables": {"A": "b"}, "blockIssuanceOnError": true,
        "contextSample": {"user": {"id": "u"}}, "tokenSample": {"aud": "x"},
    });
    let stored = || Value::Object(tenant.custom_jwt(TokenKind::AccessToken).unwrap());
    shop.bed
        .send(Method::PUT, PATH, whole.clone())
        .await
        .unwrap();
    assert_eq!(stored(), whole);
    let other = json!({"script": "other"});
    shop.bed
        .send(Method::PATCH, PATH, other.clone())
        .await
        .unwrap();
    let mut expected = whole;
    expected["script"] = json!("other");
    assert_eq!(stored(), expected);
    shop.bed
        .send(Method::PUT, PATH, other.clone())
        .await
        .unwrap();
    assert_eq!(stored(), other);
    shop.script(TokenKind::AccessToken, "edited in the console");
    let read = json_of(shop.bed.get(PATH).await.unwrap()).await;
    assert_eq!(read, json!({"script": "edited in the console"}));
    tenant.delete_custom_jwt(TokenKind::AccessToken).unwrap();
    assert_eq!(shop.bed.status_of(PATH).await, 404);
}

#[tokio::test]
async fn a_sample_is_checked_as_a_dry_run_is() {
    let shop = Shop::new().await;
    let body = json!({
        "script": EMPTY, "contextSample": {}, "tokenSample": {"iat": 1}, "other": true,
    });
    let refused = shop.bed.send(Method::PUT, PATH, body).await.unwrap();
    assert_eq!(refused.status(), 400);
    let expected = [r#"["contextSample","user"]"#, r#"["tokenSample"]"#, "[]"];
    assert_eq!(paths(&json_of(refused).await), expected);
}

#[tokio::test]
async fn a_dry_run_refuses_an_unknown_key_of_the_token_and_a_role_that_is_not_complete() {
    let bed = Bed::new().await;
    let user = json!({"user": {}});
    let (status, refused) = dry_run(&bed, EMPTY, json!({"iat": 1}), user).await;
    assert_eq!(status, 400);
    assert_eq!(refused["data"]["issues"][0]["code"], "unrecognized_keys");
    assert_eq!(paths(&refused), [r#"["token"]"#]);
    let role =
        json!({"id": "r", "name": "n", "scopes": [{"id": "s", "name": "m", "resourceId": "a"}]});
    let context = json!({"user": {"roles": [role]}});
    let (status, refused) = dry_run(&bed, EMPTY, json!({}), context).await;
    assert_eq!(status, 400);
    let expected = [
        r#"["context","user","roles",0,"description"]"#,
        r#"["context","user","roles",0,"scopes",0,"description"]"#,
        r#"["context","user","roles",0,"scopes",0,"resource"]"#,
    ];
    assert_eq!(paths(&refused), expected);
    let other =
        json!({"tokenType": "id-token", "script": "", "token": {}, "context": {"user": {}}});
    let refused = bed.send(Method::POST, TEST, other).await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(paths(&json_of(refused).await), [r#"["tokenType"]"#]);
}

#[tokio::test]
async fn a_dry_run_does_not_see_what_logto_strips() {
    let bed = Bed::new().await;
    let script = "const getCustomJwtClaims = ({ context }) => ({ seen: context });";
    let context = json!({"user": {"id": "u", "password": "p", "roles": []}, "secret": 1});
    let (status, claims) = dry_run(&bed, script, json!({"aud": ["a"]}), context).await;
    assert_eq!(status, 200);
    let seen = json!({"user": {"id": "u", "roles": []}});
    assert_eq!(claims, json!({"seen": seen}));
}

#[tokio::test]
async fn a_dry_run_needs_a_token_for_the_management_api() {
    let mut bed = Bed::new().await;
    bed.token = "nonsense".to_owned();
    let answer = bed.send(Method::POST, TEST, json!({})).await.unwrap();
    assert_eq!(answer.status(), 401);
}
