//! A server that answers like Logto's anonymous endpoints, and as a test says otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::logto::{Client, ClientConfig, Credentials, Endpoint, Observer, RateLimit, Transport};

/// The secret that no message may show.
pub const SECRET: &str = "hunter2";

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub host: String,
    pub authorization: Option<String>,
    pub body: String,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

pub struct Server {
    pub origin: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    most_at_once: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers what `answer` answers, else as Logto's discovery document, key set and token endpoint do.
    pub async fn start(answer: impl Fn(&Seen) -> Option<Response> + Send + Sync + 'static) -> Self {
        Self::start_slow(Duration::ZERO, answer).await
    }

    /// Like [`Server::start`], taking this long for each answer.
    pub async fn start_slow(
        takes: Duration,
        answer: impl Fn(&Seen) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let answer = Arc::new(answer);
        let under_way = Arc::new(AtomicUsize::new(0));
        let most_at_once = Arc::new(AtomicUsize::new(0));
        let most = Arc::clone(&most_at_once);
        let app = Router::new().fallback(move |request: Request| {
            let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
            let (under_way, most) = (Arc::clone(&under_way), Arc::clone(&most));
            async move {
                let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let request = read(request).await;
                log.lock().unwrap().push(request.clone());
                if !takes.is_zero() {
                    tokio::time::sleep(takes).await;
                }
                under_way.fetch_sub(1, Ordering::SeqCst);
                answer(&request).unwrap_or_else(|| usual(&request))
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            origin,
            seen,
            most_at_once,
            task,
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests were under way at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }

    /// How many requests came for a path, its query aside.
    pub fn count(&self, path: &str) -> usize {
        let seen = self.seen();
        seen.iter()
            .filter(|seen| seen.path.split('?').next() == Some(path))
            .count()
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.origin, true).unwrap()
    }

    /// A client without a rate limit.
    pub async fn client(&self) -> Client {
        Client::connect(self.config()).await.unwrap()
    }

    pub fn config(&self) -> ClientConfig {
        ClientConfig {
            transport: transport(Duration::from_secs(15)),
            credentials: Credentials {
                endpoint: self.endpoint(),
                client_id: "operator".to_owned(),
                client_secret: SECRET.into(),
            },
            tenant_id: "default".to_owned(),
            rate: RateLimit {
                requests_per_second: 0,
                burst: 0,
            },
            fence: crate::fence::Fence::none(),
            observer: nobody(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn transport(timeout: Duration) -> Transport {
    // An error says that another test was first.
    _ = rustls::crypto::ring::default_provider().install_default();
    Transport::new(timeout, None).unwrap()
}

pub fn nobody() -> Observer {
    Arc::new(|_| {})
}

async fn read(request: Request) -> Seen {
    let (head, body) = request.into_parts();
    let header = |name: &str| Some(head.headers.get(name)?.to_str().unwrap().to_owned());
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        host: header("host").unwrap(),
        authorization: header("authorization"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

fn usual(request: &Seen) -> Response {
    match request.path.as_str() {
        "/oidc/.well-known/openid-configuration" => discovery(&format!("http://{}", request.host)),
        "/oidc/token" => token("t1", 3600),
        "/oidc/jwks" => keys("a"),
        _ => text(404, "Not Found"),
    }
}

/// A discovery document whose addresses are at an origin; the issuer is Logto's configured one.
pub fn discovery(origin: &str) -> Response {
    json(
        200,
        json!({
            "issuer": "https://id.example.com/oidc",
            "token_endpoint": format!("{origin}/oidc/token"),
            "jwks_uri": format!("{origin}/oidc/jwks"),
            "authorization_endpoint": format!("{origin}/oidc/auth"),
        }),
    )
}

pub fn token(value: &str, expires_in: u64) -> Response {
    json(
        200,
        json!({"access_token": value, "expires_in": expires_in, "token_type": "Bearer", "scope": "all"}),
    )
}

pub fn keys(kid: &str) -> Response {
    let key = json!({"kty": "EC", "use": "sig", "kid": kid, "alg": "ES384", "crv": "P-384", "x": "8Tsh", "y": "LfNw"});
    with_type(
        200,
        "application/jwk-set+json; charset=utf-8",
        json!({"keys": [key]}).to_string(),
    )
}

pub fn json(status: u16, body: Value) -> Response {
    with_type(status, "application/json; charset=utf-8", body.to_string())
}

pub fn text(status: u16, body: &str) -> Response {
    with_type(status, "text/plain; charset=utf-8", body.to_owned())
}

pub fn html(status: u16) -> Response {
    with_type(status, "text/html", format!("<html>{SECRET}</html>"))
}

pub fn code(status: u16, code: &str) -> Response {
    json(status, json!({"code": code, "message": SECRET}))
}

pub fn empty(status: u16) -> Response {
    Response::builder()
        .status(status)
        .body(Body::empty())
        .unwrap()
}

fn with_type(status: u16, content_type: &str, body: String) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(Body::from(body))
        .unwrap()
}

/// The answer with one header more.
pub fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

/// A row of the list of roles.
pub fn role(id: &str) -> Value {
    json!({
        "tenantId": "default", "id": id, "name": format!("name-{id}"), "description": "d", "type": "User",
        "isDefault": false, "usersCount": 2, "featuredUsers": [], "applicationsCount": 1, "featuredApplications": [],
    })
}
