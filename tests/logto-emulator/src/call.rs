//! A request, read completely.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, Uri, header, request::Parts},
};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::{answer::Answer, json_error};

/// koa-body's limit for a JSON body.
pub(crate) const JSON_LIMIT_BYTES: usize = 1024 * 1024;

/// A request of which everything is at hand.
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The path with the query as it came.
    pub(crate) target: String,
    /// The host and port that the client called.
    pub(crate) host: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: Option<String>,
    pub(crate) if_none_match: Option<String>,
    /// The header `Expected-Role` of the hook for Hasura.
    pub(crate) expected_role: Option<String>,
    content_type: Option<String>,
    body: Bytes,
    /// What stands in the path for `:id` and the like.
    params: Vec<String>,
}

impl Call {
    pub(crate) fn new(parts: &Parts, body: Bytes) -> Self {
        let headers = &parts.headers;
        Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            target: target_of(&parts.uri),
            host: text_of(headers, header::HOST).unwrap_or_default(),
            query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
            authorization: text_of(headers, header::AUTHORIZATION),
            if_none_match: text_of(headers, header::IF_NONE_MATCH),
            expected_role: text_of(headers, HeaderName::from_static("expected-role")),
            content_type: text_of(headers, header::CONTENT_TYPE),
            body,
            params: Vec::new(),
        }
    }

    pub(crate) fn with_params(mut self, params: Vec<String>) -> Self {
        self.params = params;
        self
    }

    /// The first id in the path.
    pub(crate) fn id(&self) -> &str {
        self.params.first().map_or("", String::as_str)
    }

    /// The second id in the path.
    pub(crate) fn second_id(&self) -> &str {
        self.params.get(1).map_or("", String::as_str)
    }

    /// The origin by which the client called.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.host)
    }

    pub(crate) fn query_value(&self, key: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a query value means yes, as Logto reads it.
    pub(crate) fn query_flag(&self, key: &str) -> bool {
        self.query_value(key).is_some_and(|value| {
            ["1", "true", "y", "yes", "yep", "yeah"].contains(&value.to_lowercase().as_str())
        })
    }

    /// The body as a JSON object or array; no body, or one of another type, reads as `{}`.
    pub(crate) fn json(&self) -> Result<Value, Answer> {
        if self.body.len() > JSON_LIMIT_BYTES {
            return Err(Answer::text(404, "Not Found"));
        }
        if self.body.is_empty() || !self.is_json() {
            return Ok(Value::Object(Map::new()));
        }
        match serde_json::from_slice(&self.body) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
            Ok(_) => Err(Answer::json(
                400,
                &json!({"message": "invalid JSON, only supports object and array"}),
            )),
            Err(error) => {
                let message = json_error::message(&self.body, &error);
                Err(Answer::json(400, &json!({"message": message})))
            }
        }
    }

    /// The fields of a form; a JSON object of texts does as well.
    pub(crate) fn form(&self) -> Result<Vec<(String, String)>, Answer> {
        if !self.is_json() {
            return Ok(pairs(&self.body));
        }
        let fields = match self.json()? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let texts = fields.into_iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            _ => None,
        });
        Ok(texts.collect())
    }

    fn is_json(&self) -> bool {
        self.content_type
            .as_deref()
            .is_some_and(|kind| kind.starts_with("application/json"))
    }
}

fn target_of(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or_else(|| uri.path().to_owned(), ToString::to_string)
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(ToOwned::to_owned)
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}
