//! JSON read the way aeson, Hasura's JSON library, reads it: the same leniency and the same words for a mismatch.

use std::fmt;

use serde_json::{Map, Value};

/// What is wrong in a JSON value, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    path: String,
    message: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            message: message.into(),
        }
    }

    /// What is wrong, without where.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The same error, one key further from the root.
    pub(crate) fn at_key(self, key: &str) -> Self {
        // aeson writes `.key` only for letters and digits that begin with a letter.
        let plain = key.starts_with(char::is_alphabetic) && key.chars().all(char::is_alphanumeric);
        let step = if plain {
            format!(".{key}")
        } else {
            format!("['{key}']")
        };
        Self {
            path: step + &self.path,
            message: self.message,
        }
    }

    /// The same error, one list index further from the root.
    pub(crate) fn at_index(self, index: usize) -> Self {
        Self {
            path: format!("[{index}]{}", self.path),
            message: self.message,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error in ${}: {}", self.path, self.message)
    }
}

/// Reads a whole text as one JSON value.
pub(crate) fn decode(text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(text).map_err(|error| {
        Error::new(if error.is_eof() {
            "not enough input"
        } else {
            "Failed reading: not a valid json value"
        })
    })
}

/// The error for a value of another type than `parser` takes.
pub(crate) fn mismatch(parser: &str, expected: &str, found: &Value) -> Error {
    let found = match found {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(_) => "Number",
        Value::String(_) => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
    };
    Error::new(format!(
        "parsing {parser} failed, expected {expected}, but encountered {found}"
    ))
}

/// The error for a string that names no constructor of an enumeration.
pub(crate) fn unknown_tag(type_name: &str, tags: &[&str], found: &str) -> Error {
    let tags = tags.join("\",\"");
    Error::new(format!(
        "parsing {type_name} failed, expected one of the tags [\"{tags}\"], but found tag \"{found}\""
    ))
}

pub(crate) fn object<'a>(parser: &str, value: &'a Value) -> Result<&'a Map<String, Value>, Error> {
    value
        .as_object()
        .ok_or_else(|| mismatch(parser, "Object", value))
}

pub(crate) fn text(parser: &str, value: &Value) -> Result<String, Error> {
    let text = value
        .as_str()
        .ok_or_else(|| mismatch(parser, "String", value))?;
    Ok(text.to_owned())
}

/// A plain `Text`.
pub(crate) fn plain_text(value: &Value) -> Result<String, Error> {
    text("Text", value)
}

pub(crate) fn number(parser: &str, value: &Value) -> Result<f64, Error> {
    value
        .as_f64()
        .ok_or_else(|| mismatch(parser, "Number", value))
}

/// A list, each element read by `element`.
pub(crate) fn list<T>(
    value: &Value,
    element: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let items = value
        .as_array()
        .ok_or_else(|| mismatch("[]", "Array", value))?;
    items
        .iter()
        .enumerate()
        .map(|(index, item)| element(item).map_err(|error| error.at_index(index)))
        .collect()
}

/// A field that may be missing; `null` counts as missing.
pub(crate) fn optional<T>(
    object: &Map<String, Value>,
    key: &str,
    parse: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => parse(value).map(Some).map_err(|error| error.at_key(key)),
    }
}

/// A field that has to be there.
pub(crate) fn required<T>(
    object: &Map<String, Value>,
    key: &str,
    parse: impl Fn(&Value) -> Result<T, Error>,
) -> Result<T, Error> {
    let value = object
        .get(key)
        .ok_or_else(|| Error::new(format!("key \"{key}\" not found")))?;
    parse(value).map_err(|error| error.at_key(key))
}
