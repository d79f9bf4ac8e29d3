//! Signing keys, and how they are published.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::bed::Bed;

async fn published(bed: &Bed) -> Vec<String> {
    let answer = bed.get("/oidc/jwks").await.unwrap();
    let keys: Value = answer.json().await.unwrap();
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    keys["keys"].as_array().unwrap().iter().map(kid).collect()
}

async fn signing(bed: &Bed) -> String {
    let token = bed.fresh_token().await;
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
    let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_staged_key_is_published_before_it_signs() {
    let bed = Bed::new().await;
    let emulator = &bed.emulator;
    let nothing = emulator.activate_staged_key().unwrap_err();
    assert_eq!(nothing.to_string(), "no signing key is staged");
    let old = signing(&bed).await;
    assert_eq!(published(&bed).await, std::slice::from_ref(&old));
    emulator.rotate_signing_key_staged().unwrap();
    let keys = published(&bed).await;
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], old);
    assert_eq!(signing(&bed).await, old);
    emulator.activate_staged_key().unwrap();
    assert_eq!(signing(&bed).await, keys[1]);
    assert_eq!(published(&bed).await, [keys[1].clone(), old]);
    assert_eq!(
        bed.status_of("/api/roles").await,
        200,
        "old tokens are good"
    );
    emulator.rotate_signing_key_staged().unwrap();
    assert_eq!(published(&bed).await.len(), 3);
}

#[tokio::test]
async fn the_key_set_can_be_published_as_other_versions_of_logto_do() {
    let bed = Bed::new().await;
    let caching = async || {
        let answer = bed.get("/oidc/jwks").await.unwrap();
        let value = answer.headers().get("cache-control");
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let own = "no-cache, max-age=0, must-revalidate";
    assert_eq!(caching().await.as_deref(), Some(own));
    bed.emulator.switches().jwks_cache_control(None);
    assert_eq!(caching().await, None);
    let longer = Some("max-age=300");
    bed.emulator.switches().jwks_cache_control(longer);
    assert_eq!(caching().await.as_deref(), longer);
}

#[tokio::test]
async fn a_copied_key_set_is_shown_while_the_own_key_signs() {
    let (bed, copied) = (Bed::new().await, Bed::new().await);
    bed.emulator.switches().key_set(copied.emulator.key_set());
    assert_eq!(published(&bed).await, published(&copied).await);
    let own = signing(&bed).await;
    assert!(!published(&bed).await.contains(&own));
    assert_eq!(bed.status_of("/api/roles").await, 200);
}
