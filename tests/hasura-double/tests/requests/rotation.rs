//! How keys at a jwk_url come, change and stay.

use std::time::Duration;

use serde_json::json;

use crate::bed::{Hasura, SECRET, bearer, claims, not_verified, start, try_start, with_keys};
use crate::servers::{Answer, Fixed};
use crate::signer::{Signer, es384};

/// Waits until the server has been asked so often.
async fn until_asked(keys: &Fixed, times: usize) {
    for _ in 0..500 {
        if keys.asked().len() >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("asked {} times", keys.asked().len());
}

async fn until_taken(hasura: &Hasura, signer: &Signer) {
    let token = bearer(&signer.token(&claims(json!({}))));
    for _ in 0..500 {
        if hasura.outcome(&[("authorization", &token)]).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the token is refused still");
}

#[tokio::test]
async fn the_set_of_the_start_is_thrown_away() {
    let signer = es384();
    let keys = Fixed::start(Answer::status(503)).await;
    keys.set_first(Answer::keys(&[&signer.jwk]));
    let secret = json!({"jwk_url": keys.url()}).to_string();
    let hasura = start(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)]).await;
    let token = signer.token(&claims(json!({})));
    let refusal = hasura.refusal_of(&token).await;
    assert_eq!(refusal, not_verified("JWSError NoUsableKeys"));
    assert_eq!(hasura.get("/healthz", &[]).await, (200, "OK".to_owned()));
    keys.set(Answer::keys(&[&signer.jwk]));
    until_taken(&hasura, &signer).await;
}

#[tokio::test]
async fn keys_that_may_not_be_cached_are_replaced_at_the_next_tick() {
    let (old, new) = (es384(), es384());
    // What Logto 1.39 and later says.
    let logto = "no-cache, max-age=0, must-revalidate";
    let answer = |signer: &Signer| Answer::keys(&[&signer.jwk]).with("cache-control", logto);
    let keys = Fixed::start(answer(&old)).await;
    let secret = json!({"jwk_url": keys.url()}).to_string();
    let hasura = start(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)]).await;
    until_taken(&hasura, &old).await;
    keys.set(answer(&new));
    until_taken(&hasura, &new).await;
    let refusal = hasura.refusal_of(&old.token(&claims(json!({})))).await;
    assert_eq!(refusal, not_verified("JWSError JWSInvalidSignature"));
}

#[tokio::test]
async fn keys_of_which_nothing_says_how_long_they_hold_are_kept_for_ever() {
    let (old, new) = (es384(), es384());
    let (hasura, keys) = with_keys(&[&old], json!({}), &[]).await;
    keys.set(Answer::keys(&[&new.jwk]));
    let asked = keys.asked().len();
    // A wait is all there is to see that nothing happens: ten ticks.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(keys.asked().len(), asked);
    until_taken(&hasura, &old).await;
    let refusal = hasura.refusal_of(&new.token(&claims(json!({})))).await;
    assert_eq!(refusal, not_verified("JWSError JWSInvalidSignature"));
}

#[tokio::test]
async fn keys_with_an_age_are_kept_that_long() {
    let old = es384();
    let keys = Fixed::start(Answer::keys(&[&old.jwk]).with("cache-control", "max-age=600")).await;
    let secret = json!({"jwk_url": keys.url()}).to_string();
    let hasura = start(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)]).await;
    until_taken(&hasura, &old).await;
    let asked = keys.asked().len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(keys.asked().len(), asked);
}

#[tokio::test]
async fn a_failing_server_leaves_the_old_keys() {
    let signer = es384();
    let keys = Fixed::start(Answer::keys(&[&signer.jwk]).with("cache-control", "no-store")).await;
    let secret = json!({"jwk_url": keys.url()}).to_string();
    let hasura = start(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)]).await;
    until_taken(&hasura, &signer).await;
    for broken in [Answer::status(500), Answer::json(json!({"keys": [{}]}))] {
        keys.set(broken);
        until_asked(&keys, keys.asked().len() + 3).await;
        assert!(
            hasura
                .session_of(&signer.token(&claims(json!({}))))
                .await
                .is_object()
        );
    }
}

#[tokio::test]
async fn a_dropped_hasura_asks_no_more_and_answers_no_more() {
    let signer = es384();
    let keys = Fixed::start(Answer::keys(&[&signer.jwk]).with("cache-control", "no-store")).await;
    let secret = json!({"jwk_url": keys.url()}).to_string();
    let hasura = start(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)]).await;
    until_taken(&hasura, &signer).await;
    let address = hasura.running.address();
    drop(hasura);
    for _ in 0..500 {
        if tokio::net::TcpStream::connect(address).await.is_err() {
            let asked = keys.asked().len();
            tokio::time::sleep(Duration::from_millis(200)).await;
            // Of ten ticks at most one, whose request was under way.
            assert!(keys.asked().len() <= asked + 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it listens still");
}

#[tokio::test]
async fn a_jwk_url_that_gives_no_keys_is_fatal_at_the_start() {
    let keys = Fixed::start(Answer::status(503)).await;
    let url = keys.url();
    let fatal = async |url: &str| {
        let secret = json!({ "jwk_url": url }).to_string();
        let started = try_start(&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)]).await;
        started.err().unwrap().to_string()
    };
    let status = format!("Non-2xx response on fetching JWK from: {url}");
    for code in [404, 503] {
        keys.set(Answer::status(code));
        assert_eq!(fatal(&url).await, status);
    }
    for body in [json!([]), json!({"keys": [{"kty": "EC"}]})] {
        keys.set(Answer::json(body));
        assert_eq!(
            fatal(&url).await,
            format!("Error parsing JWK from url: {url}")
        );
    }
    // Nothing listens on the discard port.
    let refused = fatal("http://127.0.0.1:9/jwks").await;
    let expected = "Error fetching JWK: ConnectionFailure Connection refused";
    assert!(refused.starts_with(expected), "{refused}");
}
