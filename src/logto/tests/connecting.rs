use std::time::Duration;

use serde_json::json;

use super::server::{Server, html, json, keys, transport};
use crate::logto::{
    Client, Endpoint, Error, Operation, StopCause, Transport, TransportError, Unexpected, jwk_url,
};

fn is_discovery(path: &str) -> bool {
    path.ends_with("/openid-configuration")
}

#[tokio::test]
async fn connecting_reads_the_discovery_document_and_sends_no_credentials() {
    let server = Server::start(|_| None).await;
    let client = server.client().await;
    let discovery = client.discovery();
    assert_eq!(discovery.issuer, "https://id.example.com/oidc");
    assert_eq!(
        discovery.token_endpoint.as_str(),
        format!("{}/oidc/token", server.origin)
    );
    assert_eq!(&client.discover().await.unwrap(), discovery);
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.authorization.is_none())
    );
    assert_eq!(server.count("/oidc/token"), 0);
}

#[tokio::test]
async fn an_announced_address_elsewhere_is_refused_and_nothing_is_sent_there() {
    for foreign in ["token_endpoint", "jwks_uri"] {
        let elsewhere = Server::start(|_| None).await;
        let origin = elsewhere.origin.clone();
        let server = Server::start(move |seen| {
            is_discovery(&seen.path).then(|| {
                let at = |field| match field == foreign {
                    true => origin.clone(),
                    false => format!("http://{}", seen.host),
                };
                json(
                    200,
                    json!({
                        "issuer": "https://id.example.com/oidc",
                        "token_endpoint": format!("{}/oidc/token", at("token_endpoint")),
                        "jwks_uri": format!("{}/oidc/jwks", at("jwks_uri")),
                    }),
                )
            })
        })
        .await;
        let error = Client::connect(server.config()).await.err().unwrap();
        let endpoint = server.endpoint();
        let cause = StopCause::ForeignAddress {
            field: foreign,
            endpoint,
        };
        assert_eq!(
            error,
            Error::Stop {
                operation: Operation::Discover,
                cause
            }
        );
        assert!(elsewhere.seen().is_empty());
    }
}

#[tokio::test]
async fn an_announced_address_with_a_user_name_or_a_document_without_issuer_is_refused() {
    for (issuer, user) in [
        ("https://id.example.com/oidc", "user@"),
        ("https://id.example.com/oidc", ":secret@"),
        ("", ""),
        ("not a url", ""),
        ("javascript:alert(1)", ""),
    ] {
        let server = Server::start(move |seen| {
            is_discovery(&seen.path).then(|| {
                json(
                    200,
                    json!({
                        "issuer": issuer,
                        "token_endpoint": format!("http://{user}{}/oidc/token", seen.host),
                        "jwks_uri": format!("http://{}/oidc/jwks", seen.host),
                    }),
                )
            })
        })
        .await;
        let error = Client::connect(server.config()).await.err().unwrap();
        assert!(
            matches!(error, Error::Stop { .. }),
            "{issuer} {user}: {error}"
        );
    }
}

#[tokio::test]
async fn what_is_not_logto_is_said_to_be_something_else() {
    let server = Server::start(|_| Some(html(200))).await;
    let error = Client::connect(server.config()).await.err().unwrap();
    let cause = StopCause::Unexpected {
        status: 200,
        what: Unexpected::NotJson,
    };
    assert_eq!(
        error,
        Error::Stop {
            operation: Operation::Discover,
            cause
        }
    );
}

#[tokio::test]
async fn keys_at_another_address_are_compared_without_sending_credentials_there() {
    let server = Server::start(|_| None).await;
    let same = Server::start(|_| None).await;
    let other = Server::start(|seen| (seen.path == "/oidc/jwks").then(|| keys("b"))).await;
    let none =
        Server::start(|seen| (seen.path == "/oidc/jwks").then(|| json(200, json!({"keys": []}))))
            .await;
    let client = server.client().await;
    let keys = client.keys().await.unwrap();
    assert_eq!(client.keys_at(&same.endpoint()).await.unwrap(), keys);
    assert_ne!(client.keys_at(&other.endpoint()).await.unwrap(), keys);
    let error = client.keys_at(&none.endpoint()).await.unwrap_err();
    assert!(matches!(error, Error::Stop { .. }), "{error}");
    for elsewhere in [same, other, none] {
        let seen = elsewhere.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].authorization, None);
    }
}

#[tokio::test]
async fn hasura_gets_the_announced_path_at_its_own_address() {
    let server = Server::start(|seen| {
        is_discovery(&seen.path).then(|| {
            json(
                200,
                json!({
                    "issuer": "https://id.example.com/oidc",
                    "token_endpoint": format!("http://{}/oidc/token", seen.host),
                    "jwks_uri": format!("http://{}/oidc/keys/current", seen.host),
                }),
            )
        })
    })
    .await;
    let client = server.client().await;
    let base = Endpoint::parse("https://logto.id.svc:8443", false).unwrap();
    assert_eq!(
        jwk_url(&base, client.discovery()).as_str(),
        "https://logto.id.svc:8443/oidc/keys/current"
    );
}

#[test]
fn a_ca_bundle_without_a_certificate_is_refused() {
    transport(Duration::from_secs(1));
    for pem in [
        "",
        "corp-ca",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!",
    ] {
        let refused = Transport::new(Duration::from_secs(1), Some(pem.as_bytes()));
        assert_eq!(refused.unwrap_err(), TransportError::CaBundle, "{pem}");
    }
}
