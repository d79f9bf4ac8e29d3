//! Tokens, and who may call.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_emulator::{Emulator, Options, RoleType};
use reqwest::Response;
use serde_json::{Value, json};

use crate::{bed::Bed, shop::claims_of};

async fn body_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_replaced_secret_is_refused_and_the_new_one_taken() {
    let bed = Bed::new().await;
    bed.emulator.tenant().replace_client_secret("another");
    let old = bed.ask_for_token(bed.emulator.client_secret()).await;
    assert_eq!(old.status(), 401);
    assert_eq!(body_of(old).await["error"], "invalid_client");
    assert_eq!(bed.ask_for_token("another").await.status(), 200);
    assert_eq!(bed.status_of("/api/roles").await, 200, "tokens live on");
}

#[tokio::test]
async fn without_its_role_the_client_gets_a_token_that_opens_nothing() {
    let mut bed = Bed::new().await;
    bed.emulator
        .tenant()
        .revoke_management_api_access()
        .unwrap();
    let answer = bed.ask_for_token(bed.emulator.client_secret()).await;
    assert_eq!(answer.status(), 200);
    let body = body_of(answer).await;
    assert_eq!(body.get("scope"), None);
    bed.token = body["access_token"].as_str().unwrap().to_owned();
    let refused = bed.get("/api/roles").await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(body_of(refused).await["code"], "auth.forbidden");
}

#[tokio::test]
async fn a_token_of_another_logto_or_for_another_resource_is_refused() {
    let mut bed = Bed::new().await;
    let other = Bed::new().await;
    let own_token = std::mem::replace(&mut bed.token, other.token.clone());
    let refused = body_of(bed.get("/api/roles").await.unwrap()).await;
    assert_eq!(refused["data"]["code"], "ERR_JWKS_NO_MATCHING_KEY");

    let mut parts: Vec<&str> = own_token.split('.').collect();
    let payload = URL_SAFE_NO_PAD.encode(r#"{"scope":"all"}"#);
    parts[1] = &payload;
    bed.token = parts.join(".");
    let refused = body_of(bed.get("/api/roles").await.unwrap()).await;
    assert_eq!(
        refused["data"]["code"],
        "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
    );

    let tenant = bed.emulator.tenant();
    tenant
        .create_resource("Shop", "https://shop.example.com/")
        .unwrap();
    bed.token = bed.token_for("https://shop.example.com/", "").await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = body_of(bed.get("/api/roles").await.unwrap()).await;
    assert_eq!(refused["data"]["code"], "ERR_JWT_CLAIM_VALIDATION_FAILED");
    assert_eq!(refused["data"]["claim"], "aud");
}

#[tokio::test]
async fn a_machine_gets_the_scopes_of_its_roles_for_that_resource_alone() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let shop = tenant
        .create_resource("Shop", "https://shop.example.com/")
        .unwrap();
    tenant
        .edit_resource(&shop.id, |row| row.access_token_ttl = 60)
        .unwrap();
    let read = tenant.create_scope(&shop.id, "read", None).unwrap();
    tenant.create_scope(&shop.id, "write", None).unwrap();
    let role = tenant
        .create_role("job", "d", RoleType::MachineToMachine, &[&read.id])
        .unwrap();
    tenant
        .assign_role_to_application(bed.emulator.client_id(), &role.id)
        .unwrap();
    let answer = bed
        .token_for("https://shop.example.com/", "write read all")
        .await;
    assert_eq!(answer["scope"], "read");
    assert_eq!(answer["expires_in"], 60);
    let claims = claims_of(answer["access_token"].as_str().unwrap());
    assert_eq!(claims["aud"], "https://shop.example.com/");
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        60
    );
    let slash_less = bed.token_for("https://shop.example.com", "read").await;
    assert_eq!(
        slash_less["error"], "invalid_target",
        "indicators are exact"
    );
}

#[tokio::test]
async fn the_default_resource_is_meant_where_none_is_named() {
    let bed = Bed::new().await;
    let path = "/api/resources/management-api/is-default";
    let body = json!({"isDefault": true});
    let answer = bed.send(reqwest::Method::PATCH, path, body).await.unwrap();
    assert_eq!(answer.status(), 200);
    let token = bed.token_for("", "all").await;
    let claims = claims_of(token["access_token"].as_str().unwrap());
    assert_eq!(claims["aud"], "https://default.logto.app/api");
}

#[tokio::test]
async fn the_issuer_is_fixed_and_the_endpoints_follow_the_caller() {
    let options = Options {
        issuer: Some("https://auth.example.com/oidc".to_owned()),
        ..Options::default()
    };
    let bed = Bed::with(options).await;
    let address = bed.emulator.endpoint().replace("127.0.0.1", "localhost");
    let url = format!(
        "{}/oidc/.well-known/openid-configuration",
        bed.emulator.endpoint()
    );
    let host = address.trim_start_matches("http://");
    let request = bed.client.get(url).header("host", host);
    let document = body_of(request.send().await.unwrap()).await;
    assert_eq!(document["issuer"], "https://auth.example.com/oidc");
    assert_eq!(document["token_endpoint"], format!("{address}/oidc/token"));
    assert_eq!(document["jwks_uri"], format!("{address}/oidc/jwks"));
    assert_eq!(
        claims_of(&bed.token)["iss"],
        "https://auth.example.com/oidc"
    );
    assert_eq!(bed.status_of("/api/roles").await, 200);
}

#[tokio::test]
async fn another_endpoint_changes_the_issuer_and_refuses_tokens_of_before_until_it_is_set_back() {
    let mut bed = Bed::new().await;
    let (own, keys) = (bed.emulator.endpoint(), bed.emulator.key_set());
    bed.emulator.set_endpoint("https://id.example.com/");
    let refused = bed.get("/api/roles").await.unwrap();
    assert_eq!(refused.status(), 401);
    let refused = body_of(refused).await;
    assert_eq!(refused["code"], "auth.unauthorized");
    assert_eq!(refused["data"]["claim"], "iss");
    assert_eq!(bed.emulator.key_set(), keys);
    let fresh = bed.fresh_token().await;
    let old = std::mem::replace(&mut bed.token, fresh);
    assert_eq!(claims_of(&bed.token)["iss"], "https://id.example.com/oidc");
    assert_eq!(bed.status_of("/api/roles").await, 200);
    bed.emulator.set_endpoint(&own);
    assert_eq!(bed.status_of("/api/roles").await, 401);
    bed.token = old;
    assert_eq!(bed.status_of("/api/roles").await, 200);
}

#[tokio::test]
async fn a_custom_domain_has_the_same_keys_and_its_own_issuer_and_takes_no_other() {
    let mut bed = Bed::new().await;
    bed.emulator.add_custom_domain("localhost");
    let domain = bed.emulator.endpoint().replace("127.0.0.1", "localhost");
    let get = |path: &str| bed.client.get(format!("{domain}{path}"));
    let document = get("/oidc/.well-known/openid-configuration").send().await;
    let document = body_of(document.unwrap()).await;
    assert_eq!(document["issuer"], format!("{domain}/oidc"));
    let keys = body_of(get("/oidc/jwks").send().await.unwrap()).await;
    assert_eq!(keys, bed.emulator.key_set());
    let roles = get("/api/roles").bearer_auth(&bed.token);
    assert_eq!(roles.send().await.unwrap().status(), 401);
    assert_eq!(bed.status_of("/api/roles").await, 200);

    let tenant = bed.emulator.tenant();
    tenant
        .create_resource("Shop", "https://shop.example.com/")
        .unwrap();
    let user = tenant.create_user("ida").unwrap();
    let application = tenant.create_web_application("web").unwrap().id;
    let resource = "https://shop.example.com/";
    let token = bed
        .emulator
        .user_token_at(&domain, &user, &application, resource, &[])
        .await
        .unwrap();
    assert_eq!(claims_of(&token)["iss"], format!("{domain}/oidc"));
    bed.token = bed.fresh_token().await;
    let own = format!("{}/oidc", bed.emulator.endpoint());
    assert_eq!(claims_of(&bed.token)["iss"], own);
}

#[tokio::test]
async fn a_second_emulator_can_not_take_the_same_port() {
    let first = Emulator::start().await.unwrap();
    let port = first
        .endpoint()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let options = Options {
        port,
        ..Options::default()
    };
    let error = Emulator::start_with(options).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("can not listen on 127.0.0.1:{port}")
    );
}
