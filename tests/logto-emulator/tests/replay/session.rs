//! Sends recorded requests to an emulator and compares what comes back.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use logto_emulator::Emulator;
use reqwest::{Client, Method, RequestBuilder, Response, header::HeaderMap};
use serde_json::{Value, json};

use crate::{compare::Learned, masks};

/// Headers that the recordings show wherever they were sent.
const RECORDED_HEADERS: [&str; 5] = [
    "cache-control",
    "content-type",
    "etag",
    "total-number",
    "www-authenticate",
];

/// One run of the recordings against one emulator.
pub struct Session {
    pub emulator: Emulator,
    pub client: Client,
    pub learned: Learned,
    management_token: String,
    token_without_scope: String,
    pub differences: Vec<String>,
}

impl Session {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let emulator = Emulator::start().await.unwrap();
        let client = Client::new();
        let mut session = Self {
            learned: Learned::new(emulator.endpoint()),
            emulator,
            client,
            management_token: String::new(),
            token_without_scope: String::new(),
            differences: Vec::new(),
        };
        session.management_token = session.token(&[("scope", "all")]).await;
        session.token_without_scope = session.token(&[]).await;
        session
    }

    async fn token(&self, more: &[(&str, &str)]) -> String {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("resource", "https://default.logto.app/api"),
            ("client_id", self.emulator.client_id()),
            ("client_secret", self.emulator.client_secret()),
        ];
        form.extend(more);
        let url = format!("{}/oidc/token", self.emulator.endpoint());
        let answer = self.client.post(url).form(&form).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// A request to the Management API with a valid token.
    pub fn management(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.emulator.endpoint());
        self.client
            .request(method, url)
            .bearer_auth(&self.management_token)
    }

    /// Sends a recorded request again and compares the answer.
    pub async fn replay(&mut self, at: &str, entry: &Value) {
        let request = self.request(&entry["request"]).await;
        let again = request.try_clone().unwrap();
        let answer = request.send().await.unwrap();
        let recorded = &entry["response"];
        let status = answer.status().as_u16();
        if recorded["status"] != status {
            let theirs = &recorded["status"];
            self.report(at, format!("recorded status {theirs}, here {status}"));
        }
        self.compare_headers(at, recorded, answer.headers());
        let tag = answer.headers().get("etag").cloned();
        self.compare_body(at, entry, answer).await;
        if let Some(tag) = tag {
            let unchanged = again.header("if-none-match", tag).send().await.unwrap();
            let status = unchanged.status().as_u16();
            if status != 304 || !unchanged.bytes().await.unwrap().is_empty() {
                self.report(at, format!("with its ETag: {status} and not an empty 304"));
            }
        }
    }

    async fn request(&self, recorded: &Value) -> RequestBuilder {
        let path = self.learned.translate(recorded["path"].as_str().unwrap());
        let url = format!("{}{path}", self.emulator.endpoint());
        let method = recorded["method"].as_str().unwrap().parse().unwrap();
        let mut request = self.client.request(method, url);
        if let Some(authorization) = self.authorization(&recorded["authorization"]).await {
            request = request.header("authorization", authorization);
        }
        for (name, value) in recorded["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap());
        }
        match &recorded["body"] {
            Value::Null => {}
            Value::String(raw) => {
                request = request
                    .header("content-type", "application/json")
                    .body(raw.clone());
            }
            body => request = request.json(&self.learned.translate_all(body)),
        }
        match &recorded["form"] {
            Value::Null => request,
            form => {
                let mut fields = form.clone();
                for (_, value) in fields.as_object_mut().unwrap() {
                    *value = json!(masks::without(self, value.as_str().unwrap()).await);
                }
                request.form(&fields)
            }
        }
    }

    /// The recordings say in words what was sent.
    async fn authorization(&self, words: &Value) -> Option<String> {
        let words = words.as_str()?;
        if let Some(pair) = words.strip_prefix("HTTP Basic ") {
            let pair = masks::without(self, pair).await;
            return Some(format!("Basic {}", STANDARD.encode(pair)));
        }
        Some(match words {
            "Management API token" | "a token for another resource" => {
                format!("Bearer {}", self.management_token)
            }
            "token without scope all" => format!("Bearer {}", self.token_without_scope),
            "a user token" => format!("Bearer {}", masks::user_token(self).await),
            "not a JWT" => "Bearer nonsense".to_owned(),
            // The note says: a token with alg none.
            "Bearer <jwt>" => format!("Bearer {}.{}.", part(r#"{"alg":"none"}"#), part("{}")),
            "Bearer garbage" => words.to_owned(),
            other => panic!("no idea how to send: {other}"),
        })
    }

    fn compare_headers(&mut self, at: &str, recorded: &Value, ours: &HeaderMap) {
        let Some(theirs) = recorded["headers"].as_object() else {
            return;
        };
        // 11-pages kept only the headers of paging.
        let complete = theirs.contains_key("content-type") || recorded["body"].is_null();
        let of_paging = recorded.get("count").is_some();
        for name in RECORDED_HEADERS {
            let own = ours.get(name).map(|value| value.to_str().unwrap());
            let recorded_text = theirs.get(name).and_then(Value::as_str);
            let expected = recorded_text.map(|text| self.learned.translate(text));
            if expected.is_none() && (!complete || of_paging) {
                continue;
            }
            let same = match (&expected, own) {
                (Some(theirs), Some(own)) if name == "etag" => {
                    self.same_etag(theirs, own, recorded)
                }
                (theirs, own) => theirs.as_deref() == own,
            };
            if !same {
                self.report(at, format!("{name}: recorded {expected:?}, here {own:?}"));
            }
        }
        // Logto sends one Link for each relation, of which the recorder kept the last.
        let own = ours.get_all("link").iter().next_back();
        let own = own.map(|value| value.to_str().unwrap());
        let expected = theirs.get("link").and_then(Value::as_str);
        let expected = expected.map(|text| self.learned.translate(text));
        if expected.as_deref() != own {
            self.report(at, format!("link: recorded {expected:?}, here {own:?}"));
        }
    }

    /// An ETag is the length of the body and a hash. The length is the same unless the body holds the origin; the
    /// hash is where the body holds nothing that differs from run to run.
    fn same_etag(&self, theirs: &str, ours: &str, recorded: &Value) -> bool {
        if recorded["body"] == json!([]) {
            return theirs == ours;
        }
        let holds_origin = recorded["body"].get("issuer").is_some();
        let length = |tag: &str| tag.split('-').next().map(ToOwned::to_owned);
        holds_origin || length(theirs) == length(ours)
    }

    async fn compare_body(&mut self, at: &str, entry: &Value, answer: Response) {
        let recorded = &entry["response"];
        let bytes = answer.bytes().await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let ours: Value = match &recorded["headers"]["content-type"] {
            Value::String(kind) if kind.starts_with("text/plain") => json!(text),
            _ if text.is_empty() => Value::Null,
            _ => serde_json::from_str(&text).unwrap(),
        };
        if let Some(count) = recorded.get("count") {
            let own = ours.as_array().map(Vec::len);
            if own.map(|own| json!(own)).as_ref() != Some(count) {
                self.report(at, format!("recorded {count} items, here {own:?}"));
            }
        } else if let Some(counts) = recorded.get("scopeCounts") {
            let own = ours.as_array().unwrap().iter().map(|resource| {
                let scopes = resource["scopes"].as_array().unwrap().len();
                let indicator = resource["indicator"].as_str().unwrap();
                (indicator.to_owned(), json!(scopes))
            });
            let own = Value::Object(own.collect());
            self.compare(at, counts, &own);
        } else {
            self.compare(at, &recorded["body"], &ours);
        }
        if let Some(token) = entry.get("token") {
            self.compare_token(at, token, ours["access_token"].as_str().unwrap_or_default());
        }
    }

    fn compare_token(&mut self, at: &str, recorded: &Value, ours: &str) {
        let parts: Vec<&str> = ours.split('.').collect();
        let decoded = |part: usize| -> Value {
            let bytes = URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        let own = json!({"header": decoded(0), "payload": decoded(1)});
        self.compare(at, recorded, &own);
        let life = |token: &Value| {
            let payload = &token["payload"];
            payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap()
        };
        if life(recorded) != life(&own) {
            self.report(at, format!("the token lives {} s", life(&own)));
        }
    }

    pub fn compare(&mut self, at: &str, recorded: &Value, ours: &Value) {
        let found = self.learned.differences(at, "", recorded, ours);
        self.differences.extend(found);
    }

    pub fn report(&mut self, at: &str, what: String) {
        self.differences.push(format!("{at}: {what}"));
    }
}

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}
