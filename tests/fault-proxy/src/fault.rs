//! What can happen to an exchange.

use bytes::Bytes;
use http::HeaderMap;

/// Whether the server sees the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It never does.
    Without,
    /// It does, and its answer is thrown away.
    With,
}

/// What the client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This answer in place of the server's.
    Of {
        /// The HTTP status.
        status: u16,
        /// Headers by name and value.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// The connection is closed without an answer.
    Close,
    /// No answer, for as long as the client waits.
    Silence,
    /// The answer breaks off in the middle of its body. Of a request that the server never saw this is a JSON that does
    /// not end.
    Torn,
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::of(status, "application/json", body)
    }

    /// An answer of any media type.
    pub fn of(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self::Of {
            status,
            headers: vec![("content-type".to_owned(), media_type.to_owned())],
            body: body.into(),
        }
    }

    /// The same with one header more; what is no answer stays as it is.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Of { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// A fault: what the server sees, and what the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whether the request has its effect.
    pub effect: Effect,
    /// What comes back.
    pub answer: Answer,
}

/// Told the method, the path with its query, and the headers of a request.
pub type Matches = Box<dyn Fn(&str, &str, &HeaderMap) -> bool + Send + Sync>;

/// Which requests something happens to.
pub struct Rule {
    /// Whether a request is one of them.
    pub matches: Matches,
    /// So many of them are hit, the first ones.
    pub times: usize,
    /// What happens.
    pub fault: Fault,
}

impl Rule {
    /// Hits every request of this method (`*` is any) whose path has this beginning, `times` times.
    pub fn on(method: &str, path: &str, times: usize, fault: Fault) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self {
            matches: Box::new(move |asked, at, _| {
                (method == "*" || method == asked) && at.starts_with(&path)
            }),
            times,
            fault,
        }
    }
}
