//! What is sent back, before it becomes HTTP.

use serde::Serialize;

/// An answer; a refusal is one too.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content: Content,
}

/// The body of an answer.
pub(crate) enum Content {
    Empty,
    Json(Vec<u8>),
    /// A set of keys: JSON with a media type of its own.
    KeySet(Vec<u8>),
    Text(&'static str),
}

/// What a handler gives: `Err` is the refusal, so that `?` ends the work.
pub(crate) type Reply = Result<Answer, Answer>;

impl Answer {
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        Self::new(status, Content::Json(bytes_of(body)))
    }

    pub(crate) fn key_set(body: &impl Serialize) -> Self {
        Self::new(200, Content::KeySet(bytes_of(body)))
    }

    pub(crate) fn text(status: u16, text: &'static str) -> Self {
        Self::new(status, Content::Text(text))
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, Content::Empty)
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn with_headers(mut self, headers: Vec<(&'static str, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    fn new(status: u16, content: Content) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content,
        }
    }
}

impl Content {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Json(bytes) | Self::KeySet(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }

    pub(crate) fn media_type(&self) -> Option<&'static str> {
        match self {
            Self::Empty => None,
            Self::Json(_) => Some("application/json; charset=utf-8"),
            Self::KeySet(_) => Some("application/jwk-set+json; charset=utf-8"),
            Self::Text(_) => Some("text/plain; charset=utf-8"),
        }
    }
}

fn bytes_of(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("rows have text keys and no failing Serialize")
}
