use axum::response::Response;
use serde_json::json;

use super::server::{Server, empty, html, json, keys, with_header};
use crate::logto::{Endpoint, Error, SignInDoubt, StopCause, Unexpected};

const DOCUMENT: &str = "/oidc/.well-known/openid-configuration";

/// What a server at which people sign in gives for an issuer.
async fn at(server: &Server) -> Result<String, SignInDoubt> {
    let own = Server::start(|_| None).await;
    let client = own.client().await;
    let keys = client.keys().await.unwrap().keys;
    client.issuer_at(&server.endpoint(), &keys).await
}

/// The document of a custom domain, whatever addresses it names.
fn document(issuer: &str) -> Response {
    json(
        200,
        json!({"issuer": issuer, "jwks_uri": "https://elsewhere.example/jwks"}),
    )
}

#[tokio::test]
async fn an_origin_with_the_tenants_keys_counts_with_its_own_issuer_and_gets_no_credentials() {
    let domain = Server::start(|seen| {
        (seen.path == DOCUMENT).then(|| document("https://id.shop.example/oidc"))
    })
    .await;
    assert_eq!(at(&domain).await.unwrap(), "https://id.shop.example/oidc");
    let seen = domain.seen();
    let asked: Vec<_> = seen.iter().map(|seen| seen.path.as_str()).collect();
    assert_eq!(asked, [DOCUMENT, "/oidc/jwks"], "at the origin itself");
    assert!(seen.iter().all(|seen| seen.authorization.is_none()));
}

#[tokio::test]
async fn the_secrets_endpoint_counts_without_being_asked() {
    let own = Server::start(|_| None).await;
    let client = own.client().await;
    let keys = client.keys().await.unwrap().keys;
    let before = own.seen().len();
    let issuer = client.issuer_at(&own.endpoint(), &keys).await;
    assert_eq!(issuer.unwrap(), "https://id.example.com/oidc");
    assert_eq!(own.seen().len(), before);
}

#[tokio::test]
async fn an_origin_whose_keys_differ_is_somebody_elses() {
    let other = Server::start(|seen| (seen.path == "/oidc/jwks").then(|| keys("b"))).await;
    let doubt = at(&other).await.unwrap_err();
    let at = other.endpoint();
    assert_eq!(doubt, SignInDoubt::KeysDiffer { at });
    assert!(doubt.is_foreign() && !doubt.is_passing());
    assert!(doubt.to_string().contains("spec.signInEndpoints"));
}

#[tokio::test]
async fn an_origin_that_shares_a_key_is_not_judged_while_keys_are_rotated() {
    let rotated = Server::start(|seen| {
        let key = |kid: &str| json!({"kty": "EC", "kid": kid, "alg": "ES384", "crv": "P-384", "x": "8Tsh", "y": "LfNw"});
        (seen.path == "/oidc/jwks").then(|| json(200, json!({"keys": [key("new"), key("a")]})))
    })
    .await;
    let doubt = at(&rotated).await.unwrap_err();
    assert!(
        matches!(doubt, SignInDoubt::SomeKeysDiffer { .. }),
        "{doubt}"
    );
    assert!(doubt.is_passing() && !doubt.is_foreign());
}

#[tokio::test]
async fn an_origin_that_redirects_is_refused_and_not_followed() {
    for path in [DOCUMENT, "/oidc/jwks"] {
        let elsewhere = Server::start(|_| None).await;
        let to = format!("{}{path}", elsewhere.origin);
        let server = Server::start(move |seen| {
            (seen.path == path).then(|| with_header(empty(302), "location", &to))
        })
        .await;
        let doubt = at(&server).await.unwrap_err();
        let SignInDoubt::Unread { error, .. } = &doubt else {
            panic!("{doubt}");
        };
        let is_redirect = matches!(
            error,
            Error::Stop {
                cause: StopCause::Unexpected {
                    what: Unexpected::Redirect,
                    ..
                },
                ..
            }
        );
        assert!(is_redirect && doubt.is_foreign(), "{doubt}");
        assert!(elsewhere.seen().is_empty());
    }
}

#[tokio::test]
async fn what_is_no_logto_does_not_count_and_what_is_down_may_come_back() {
    let page = Server::start(|_| Some(html(200))).await;
    let doubt = at(&page).await.unwrap_err();
    assert!(!doubt.is_foreign() && !doubt.is_passing(), "{doubt}");
    let down = Server::start(|_| Some(html(502))).await;
    let doubt = at(&down).await.unwrap_err();
    assert!(!doubt.is_foreign() && doubt.is_passing(), "{doubt}");
    for issuer in ["", "not a url", "javascript:alert(1)"] {
        let odd =
            Server::start(move |seen| (seen.path == DOCUMENT).then(|| document(issuer))).await;
        assert!(at(&odd).await.is_err(), "{issuer}");
    }
    assert!(Endpoint::parse("https://169.254.169.254", false).is_err());
}
