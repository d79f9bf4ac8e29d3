//! A server on loopback whose answer a test chooses, for a jwk_url or a webhook.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// What is answered.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(body: Value) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub fn keys(keys: &[&Value]) -> Self {
        Self::json(json!({ "keys": keys }))
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// What was asked.
#[derive(Clone)]
pub struct Asked {
    pub method: Method,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The server; it ends with the runtime that it was started on.
pub struct Fixed {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    first: Option<Answer>,
    answer: Answer,
    asked: Vec<Asked>,
}

impl Fixed {
    pub async fn start(answer: Answer) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Vec::new();
        let shared = Arc::new(Mutex::new(Shared {
            first: None,
            answer,
            asked,
        }));
        let router = Router::new().fallback(answer_to).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}/here", self.address)
    }

    pub fn set(&self, answer: Answer) {
        self.shared.lock().unwrap().answer = answer;
    }

    /// The answer to the next request alone.
    pub fn set_first(&self, answer: Answer) {
        self.shared.lock().unwrap().first = Some(answer);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().unwrap().asked.clone()
    }
}

async fn answer_to(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let mut shared = shared.lock().unwrap();
    shared.asked.push(Asked {
        method: parts.method,
        headers: parts.headers,
        body,
    });
    let answer = shared.first.take().unwrap_or_else(|| shared.answer.clone());
    let mut response = answer.body.into_response();
    *response.status_mut() = answer.status.try_into().unwrap();
    for (name, value) in answer.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
