//! A running Hasura, and what tests ask it.

use std::collections::BTreeMap;
use std::time::Duration;

use hasura_double::{Running, Server, ServerOptions, StartError};
use serde_json::{Value, json};

use crate::servers::{Answer, Fixed};
use crate::signer::Signer;

pub const ISSUER: &str = "https://logto.example.com/oidc";
pub const AUDIENCE: &str = "https://shop.example.com/v1/graphql";
pub const NAMESPACE: &str = "https://hasura.io/jwt/claims";
pub const SECRET: (&str, &str) = ("HASURA_GRAPHQL_ADMIN_SECRET", "the-secret");
pub const UNAUTHORIZED: (&str, &str) = ("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "anonymous");

/// Status, code and message.
pub type Refusal = (u16, String, String);

pub struct Hasura {
    pub running: Running,
    http: reqwest::Client,
}

pub async fn try_start(env: &[(&str, &str)]) -> Result<Hasura, StartError> {
    let env: BTreeMap<_, _> = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let options = ServerOptions {
        poll_tick: Duration::from_millis(20),
        answer_within: Duration::from_secs(5),
        ..ServerOptions::default()
    };
    Ok(Hasura {
        running: Server::start(&env, &[], options).await?,
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    })
}

pub async fn start(env: &[(&str, &str)]) -> Hasura {
    try_start(env).await.unwrap()
}

/// A Hasura that takes tokens of this key, with these fields in its JWT secret, once it has the key.
pub async fn with_key(signer: &Signer, fields: Value) -> Hasura {
    with_keys(&[signer], fields, &[]).await.0
}

pub async fn with_keys(
    signers: &[&Signer],
    fields: Value,
    env: &[(&str, &str)],
) -> (Hasura, Fixed) {
    let jwks: Vec<_> = signers.iter().map(|signer| &signer.jwk).collect();
    let keys = Fixed::start(Answer::keys(&jwks)).await;
    let secret = merged(json!({"jwk_url": keys.url()}), fields).to_string();
    let env = [&[SECRET, ("HASURA_GRAPHQL_JWT_SECRET", &secret)], env].concat();
    let hasura = start(&env).await;
    hasura.until_it_has_keys().await;
    (hasura, keys)
}

impl Hasura {
    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let mut request = self.http.post(self.url(path)).body(body.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = self.http.get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address())
    }

    /// The session variables of a request, the role among them, or why it is refused: status, code and message.
    pub async fn outcome(&self, headers: &[(&str, &str)]) -> Result<Value, Refusal> {
        // The endpoint that answers with the status it means.
        let query = json!({"query": "{ __typename }"});
        let (status, body) = self.send("/v1alpha1/graphql", headers, &query).await;
        if status == 200 {
            let data = &body["data"];
            assert_eq!(data["role"], data["session"]["x-hasura-role"]);
            return Ok(data["session"].clone());
        }
        let error = &body["errors"][0];
        assert_eq!(error["extensions"]["path"], "$", "{body}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let code = text(&error["extensions"]["code"]);
        Err((status, code, text(&error["message"])))
    }

    pub async fn session(&self, headers: &[(&str, &str)]) -> Value {
        self.outcome(headers).await.unwrap()
    }

    pub async fn role(&self, headers: &[(&str, &str)]) -> String {
        let session = self.session(headers).await;
        session["x-hasura-role"].as_str().unwrap().to_owned()
    }

    pub async fn refusal(&self, headers: &[(&str, &str)]) -> Refusal {
        self.outcome(headers).await.unwrap_err()
    }

    /// What is wrong with a token.
    pub async fn refusal_of(&self, token: &str) -> Refusal {
        self.refusal(&[("authorization", &bearer(token))]).await
    }

    pub async fn session_of(&self, token: &str) -> Value {
        self.session(&[("authorization", &bearer(token))]).await
    }

    async fn until_it_has_keys(&self) {
        let headers = json!({"alg": "ES384"});
        let stray = format!("{}.e30.AA", crate::signer::part(&headers));
        let no_keys = not_verified("JWSError NoUsableKeys");
        for _ in 0..500 {
            if self.refusal_by(&stray).await != no_keys {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no keys after five seconds");
    }

    /// The token is sent at all the places where a test's Hasura looks for it.
    async fn refusal_by(&self, token: &str) -> Refusal {
        let cookie = format!("token={token}");
        let (bearer, custom) = (bearer(token), ("x-token", token));
        let headers = [
            ("authorization", bearer.as_str()),
            ("cookie", &cookie),
            custom,
        ];
        self.refusal(&headers).await
    }
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub fn not_verified(reason: &str) -> Refusal {
    refused("invalid-jwt", &format!("Could not verify JWT: {reason}"))
}

/// A refusal with status 400.
pub fn refused(code: &str, message: &str) -> Refusal {
    (400, code.to_owned(), message.to_owned())
}

/// The claims of a good token, changed by these; null takes a claim away.
pub fn claims(changes: Value) -> Value {
    let now = now();
    let hasura = json!({
        "x-hasura-allowed-roles": ["user", "editor"],
        "x-hasura-default-role": "user",
        "X-Hasura-User-Id": "u1",
        "unrelated": 7
    });
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "iat": now, "exp": now + 600, NAMESPACE: hasura
    });
    merged(claims, changes)
}

/// The claims of a good token but for these in Hasura's namespace; null takes one away.
pub fn hasura_claims(changes: Value) -> Value {
    let mut claims = claims(json!({}));
    claims[NAMESPACE] = merged(claims[NAMESPACE].clone(), changes);
    claims
}

/// Seconds since 1970.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn merged(object: Value, changes: Value) -> Value {
    let (Value::Object(mut object), Value::Object(changes)) = (object, changes) else {
        panic!("only objects are merged");
    };
    for (name, value) in changes {
        if value.is_null() {
            object.remove(&name);
        } else {
            object.insert(name, value);
        }
    }
    Value::Object(object)
}
