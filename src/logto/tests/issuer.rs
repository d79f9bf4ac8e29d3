//! Whether a Logto is the one whose issuer it announces.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::server::{Seen, Server, empty, json, token, with_header};
use super::signer::{RSA_KEY, RSA_TOKEN, Signer};
use crate::logto::{AllowedHosts, Client, Doubt, EndpointError, Error, Jwks, StopCause};

const DISCOVERY: &str = "/oidc/.well-known/openid-configuration";

/// What a Logto answers that is not the usual.
#[derive(Clone)]
struct Logto {
    /// None: at the address where it is asked.
    issuer: Option<String>,
    keys: Vec<Value>,
    tokens: Vec<String>,
}

impl Logto {
    async fn start(self) -> Server {
        let fetched = AtomicUsize::new(0);
        Server::start(move |seen| match seen.path.as_str() {
            DISCOVERY => Some(document(seen, self.issuer.as_deref())),
            "/oidc/jwks" => Some(json(200, json!({"keys": self.keys}))),
            "/oidc/token" => {
                let number = fetched.fetch_add(1, Ordering::SeqCst);
                let last = self.tokens.len() - 1;
                Some(token(&self.tokens[number.min(last)], 3600))
            }
            _ => None,
        })
        .await
    }
}

fn document(seen: &Seen, issuer: Option<&str>) -> Response {
    let own = format!("http://{}/oidc", seen.host);
    json(
        200,
        json!({
            "issuer": issuer.unwrap_or(&own),
            "token_endpoint": format!("{own}/token"),
            "jwks_uri": format!("{own}/jwks"),
        }),
    )
}

/// What Logto says in a token for the Management API.
fn claims(issuer: &str) -> Value {
    let now = Timestamp::now().as_second();
    json!({"iss": issuer, "aud": "https://default.logto.app/api", "exp": now + 3600, "scope": "all", "sub": "operator"})
}

/// The Logto whose own URL the issuer is; nobody gets a token of it.
async fn real(keys: &[&Signer]) -> (Server, String) {
    let logto = Logto {
        issuer: None,
        keys: keys.iter().map(|key| key.public()).collect(),
        tokens: vec!["of-nobody".to_owned()],
    };
    let server = logto.start().await;
    let issuer = format!("{}/oidc", server.origin);
    (server, issuer)
}

async fn elsewhere(issuer: &str, keys: &[&Signer], tokens: Vec<String>) -> Server {
    let logto = Logto {
        issuer: Some(issuer.to_owned()),
        keys: keys.iter().map(|key| key.public()).collect(),
        tokens,
    };
    logto.start().await
}

async fn proved(server: &Server) -> Result<(), Doubt> {
    let client = Client::connect(server.config()).await.unwrap();
    client.prove_issuer(true, &AllowedHosts::default()).await
}

#[tokio::test]
async fn at_the_issuers_own_origin_nothing_is_asked() {
    let (server, _) = real(&[&Signer::new("a")]).await;
    assert_eq!(proved(&server).await, Ok(()));
    assert_eq!(server.seen().len(), 1, "the discovery of connecting");
}

#[tokio::test]
async fn equal_keys_that_signed_the_token_prove_it_and_no_credentials_reach_the_issuers_url() {
    let (old, new) = (Signer::new("a"), Signer::new("b"));
    let (issuers, issuer) = real(&[&old, &new]).await;
    let token = old.token(&claims(&issuer));
    let server = elsewhere(&issuer, &[&new, &old], vec![token]).await;
    assert_eq!(proved(&server).await, Ok(()));
    let asked: Vec<_> = issuers
        .seen()
        .into_iter()
        .map(|seen| (seen.method, seen.path, seen.authorization, seen.body))
        .collect();
    let plain = |path: &str| ("GET".to_owned(), path.to_owned(), None, String::new());
    assert_eq!(asked, [plain(DISCOVERY), plain("/oidc/jwks")]);
}

#[tokio::test]
async fn other_keys_than_the_issuers_prove_nothing() {
    let (own, its) = (Signer::new("a"), Signer::new("a"));
    let (issuers, issuer) = real(&[&its]).await;
    let server = elsewhere(&issuer, &[&own], vec![own.token(&claims(&issuer))]).await;
    let doubt = Doubt::KeysDiffer {
        endpoint: server.endpoint(),
        issuer: issuers.endpoint(),
    };
    assert_eq!(proved(&server).await, Err(doubt.clone()));
    assert!(!doubt.is_passing());
}

#[tokio::test]
async fn a_copy_of_the_issuers_keys_proves_nothing_without_a_token_that_they_signed() {
    let (own, its) = (Signer::new("a"), Signer::new("a"));
    let (issuers, issuer) = real(&[&its]).await;
    let but = |field: &str, value: Value| {
        let mut claims = claims(&issuer);
        claims[field] = value;
        its.token(&claims)
    };
    for token in [
        "opaque".to_owned(),
        own.token(&claims(&issuer)),
        but("iss", json!("https://id.example.com/oidc")),
        but("aud", json!("https://shop.example.com/v1/graphql")),
        but("aud", json!(["https://other.logto.app/api"])),
        but("scope", json!("")),
        but("scope", json!("read:all")),
        but("exp", json!(Timestamp::now().as_second() - 1)),
    ] {
        let server = elsewhere(&issuer, &[&its], vec![token.clone()]).await;
        let doubt = Doubt::NotItsToken {
            endpoint: server.endpoint(),
            issuer: issuers.endpoint(),
        };
        assert_eq!(proved(&server).await, Err(doubt.clone()), "{token}");
        assert!(!doubt.is_passing() && !doubt.to_string().contains(&token));
        assert_eq!(server.count("/oidc/token"), 2, "it is renewed once");
    }
}

#[tokio::test]
async fn a_token_whose_key_went_is_renewed() {
    let (gone, its) = (Signer::new("a"), Signer::new("b"));
    let (_issuers, issuer) = real(&[&its]).await;
    let tokens = [&gone, &its].map(|key| key.token(&claims(&issuer)));
    let server = elsewhere(&issuer, &[&its], tokens.to_vec()).await;
    assert_eq!(proved(&server).await, Ok(()));
}

#[tokio::test]
async fn an_issuer_whose_url_may_not_be_asked_is_not_asked() {
    let its = Signer::new("a");
    let (issuers, issuer) = real(&[&its]).await;
    let server = elsewhere(&issuer, &[&its], vec![its.token(&claims(&issuer))]).await;
    let client = server.client().await;
    let refused = client.prove_issuer(false, &AllowedHosts::default()).await;
    let refused = refused.unwrap_err();
    let plain = matches!(&refused, Doubt::Address(EndpointError::PlainHttp { .. }));
    assert!(plain && refused.to_string().contains("allowPlainHttp: true"));
    let only = AllowedHosts::new(vec!["logto.example.com".parse().unwrap()]);
    let refused = client.prove_issuer(true, &only).await.unwrap_err();
    assert_eq!(refused, Doubt::HostNotAllowed(issuers.endpoint()));
    assert!(refused.to_string().contains("--allow-logto-host"));
    assert!(!refused.is_passing());
    assert!(issuers.seen().is_empty());

    let metadata = elsewhere("http://169.254.169.254/oidc", &[&its], vec![String::new()]).await;
    let refused = proved(&metadata).await.unwrap_err();
    let cause = matches!(
        &refused,
        Doubt::Address(EndpointError::ForbiddenAddress { .. })
    );
    assert!(cause, "{refused}");
}

#[tokio::test]
async fn what_the_issuers_url_points_to_elsewhere_is_not_asked() {
    let its = Signer::new("a");
    let third = Arc::new(Server::start(|_| None).await);
    for by_redirect in [true, false] {
        let to = third.origin.clone();
        let issuers = Server::start(move |seen| {
            if seen.path != DISCOVERY {
                return None;
            }
            let own = format!("http://{}/oidc", seen.host);
            Some(match by_redirect {
                true => with_header(empty(302), "location", &format!("{to}{DISCOVERY}")),
                false => json(
                    200,
                    json!({"issuer": own, "token_endpoint": format!("{own}/token"), "jwks_uri": format!("{to}/oidc/jwks")}),
                ),
            })
        })
        .await;
        let issuer = format!("{}/oidc", issuers.origin);
        let server = elsewhere(&issuer, &[&its], vec![its.token(&claims(&issuer))]).await;
        let doubt = proved(&server).await.unwrap_err();
        let Doubt::AtIssuer {
            at,
            error: Error::Stop { cause, .. },
        } = &doubt
        else {
            panic!("{doubt}")
        };
        assert_eq!(at, &issuers.endpoint());
        let foreign = matches!(
            cause,
            StopCause::ForeignAddress {
                field: "jwks_uri",
                ..
            }
        );
        assert_eq!(foreign, !by_redirect, "{cause}");
        assert!(!doubt.is_passing());
    }
    assert!(third.seen().is_empty());
}

#[tokio::test]
async fn an_issuer_that_is_another_one_at_its_own_url_is_not_believed() {
    let its = Signer::new("a");
    let another = elsewhere("https://id.example.com/oidc", &[&its], vec![String::new()]).await;
    let issuer = format!("{}/oidc", another.origin);
    let server = elsewhere(&issuer, &[&its], vec![its.token(&claims(&issuer))]).await;
    let doubt = proved(&server).await.unwrap_err();
    assert_eq!(doubt, Doubt::AnotherIssuer(another.endpoint()));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_may_answer_later() {
    let its = Signer::new("a");
    let (issuers, issuer) = real(&[&its]).await;
    let at = issuers.endpoint();
    let server = elsewhere(&issuer, &[&its], vec![its.token(&claims(&issuer))]).await;
    drop(issuers);
    let doubt = proved(&server).await.unwrap_err();
    assert!(doubt.is_passing(), "{doubt}");
    assert!(doubt.to_string().contains(&at.to_string()), "{doubt}");
    assert!(Doubt::Slow.is_passing());
}

#[test]
fn a_signature_is_one_of_a_key_of_the_set_by_the_algorithm_of_that_key() {
    for algorithm in ["ES256", "ES384"] {
        let (signer, other) = (Signer::with(algorithm, "a"), Signer::with(algorithm, "b"));
        let set = |keys: &[&Signer]| {
            let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
            Jwks::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap()
        };
        let claims = json!({"iss": "https://id.example.com/oidc"});
        let says = |keys: &Jwks, token: &str| keys.signed::<Value>(token);
        let token = signer.token(&claims);
        let both = set(&[&other, &signer]);
        assert_eq!(says(&both, &token), Some(claims.clone()));
        assert_eq!(says(&set(&[&other]), &token), None);
        let header = |header: Value| signer.token_with(&header, &claims);
        let nameless = header(json!({"alg": algorithm}));
        assert_eq!(says(&both, &nameless), Some(claims.clone()));
        for refused in [
            header(json!({"alg": "none"})),
            header(json!({"alg": "HS256", "kid": "a"})),
            header(json!({"alg": algorithm, "kid": "b"})),
            header(json!({"alg": algorithm, "kid": "a", "crit": ["b64"]})),
            format!("{token}A"),
            format!("{}.", token.rsplit_once('.').unwrap().0),
            token.replace('.', ""),
        ] {
            assert_eq!(says(&both, &refused), None, "{refused}");
        }
    }
}

#[test]
fn an_rsa_key_verifies_too() {
    let keys = Jwks::parse(RSA_KEY.as_bytes()).unwrap();
    let claims = keys.signed::<Value>(RSA_TOKEN);
    assert_eq!(claims, Some(json!({"iss": "https://id.example.com/oidc"})));
    let (rest, _) = RSA_TOKEN.split_at(RSA_TOKEN.len() - 4);
    assert_eq!(keys.signed::<Value>(&format!("{rest}AAAA")), None);
}
