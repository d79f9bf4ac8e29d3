use std::fmt;

use serde::Serialize;

use super::uri::is_absolute_uri;

/// A text that is not empty: a role, a claim's or a cookie's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct NonEmptyText(String);

impl NonEmptyText {
    /// The text, or nothing when it is empty.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Self(text))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An issuer or audience: any text, but a URI when there is a colon in it (RFC 7519, section 2, and hs-jose).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct StringOrUri(String);

/// A text that has a colon and is not a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUri(String);

impl fmt::Display for NotUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} has a colon but is not a URI; Hasura refuses it at start",
            self.0
        )
    }
}

impl StringOrUri {
    /// # Errors
    /// [`NotUri`] when the text has a colon and is not an absolute URI by RFC 3986. Nothing is normalised: a trailing slash counts.
    pub fn new(text: impl Into<String>) -> Result<Self, NotUri> {
        let text = text.into();
        if text.contains(':') && !is_absolute_uri(&text) {
            return Err(NotUri(text));
        }
        Ok(Self(text))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
