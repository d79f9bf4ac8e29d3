//! Validation of bodies and queries, with the words of zod that Logto hands out.

mod issues;
mod nested;

use serde_json::{Map, Value, json};

use crate::{answer::Answer, call::Call, errors};
use issues::{kind_of, quoted, refused};

/// The fields of a JSON body, taken one by one. What is wrong is gathered, as zod does, and told by [`Form::done`];
/// until then a bad field reads as an empty one.
pub(crate) struct Form {
    /// Where in the body the fields stand: keys and indices.
    path: Vec<Value>,
    fields: Map<String, Value>,
    issues: Vec<Value>,
}

impl Form {
    pub(crate) fn of(call: &Call) -> Result<Self, Answer> {
        match call.json()? {
            Value::Object(fields) => Ok(Self {
                path: Vec::new(),
                fields,
                issues: Vec::new(),
            }),
            other => Err(refused(
                "body",
                &[issues::wrong_type(&json!([]), "object", Some(&other))],
            )),
        }
    }

    /// A text of `min` to `max` characters.
    pub(crate) fn text(&mut self, key: &str, min: usize, max: usize) -> String {
        self.required(key, "string");
        self.optional_text(key, min, max).unwrap_or_default()
    }

    pub(crate) fn optional_text(&mut self, key: &str, min: usize, max: usize) -> Option<String> {
        let Value::String(text) = self.typed(key, "string")? else {
            return None;
        };
        // JavaScript counts UTF-16 units.
        let length = text.encode_utf16().count();
        if length < min || length > max {
            let (path, too_small) = (self.at(key), length < min);
            let issue = issues::wrong_length(&path, "string", too_small, min, max);
            self.issues.push(issue);
        }
        Some(text)
    }

    /// `Some(None)` is an explicit null.
    pub(crate) fn nullable_text(&mut self, key: &str) -> Option<Option<String>> {
        if self.fields.get(key) == Some(&Value::Null) {
            return Some(None);
        }
        self.optional_text(key, 0, usize::MAX).map(Some)
    }

    pub(crate) fn optional_number(&mut self, key: &str) -> Option<f64> {
        self.typed(key, "number")?.as_f64()
    }

    pub(crate) fn flag(&mut self, key: &str) -> bool {
        self.required(key, "boolean");
        self.optional_flag(key).unwrap_or_default()
    }

    pub(crate) fn optional_flag(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "boolean")?.as_bool()
    }

    pub(crate) fn optional_object(&mut self, key: &str) -> Option<Map<String, Value>> {
        match self.typed(key, "object")? {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// One of `options`.
    pub(crate) fn optional_choice(&mut self, key: &str, options: &[&str]) -> Option<String> {
        let value = self.fields.get(key)?;
        if let Some(text) = value.as_str().filter(|text| options.contains(text)) {
            return Some(text.to_owned());
        }
        let issue = issues::wrong_choice(&self.at(key), options, value);
        self.issues.push(issue);
        None
    }

    pub(crate) fn choice(&mut self, key: &str, options: &[&str]) -> String {
        self.required(key, &quoted(options));
        self.optional_choice(key, options).unwrap_or_default()
    }

    /// A list of ids; where `nonempty`, of at least one.
    pub(crate) fn ids(&mut self, key: &str, nonempty: bool) -> Vec<String> {
        self.required(key, "array");
        let ids = self.optional_ids(key);
        if nonempty && ids.as_ref().is_some_and(Vec::is_empty) {
            let issue = issues::wrong_length(&self.at(key), "array", true, 1, 0);
            self.issues.push(issue);
        }
        ids.unwrap_or_default()
    }

    pub(crate) fn optional_ids(&mut self, key: &str) -> Option<Vec<String>> {
        let Value::Array(items) = self.typed(key, "array")? else {
            return None;
        };
        let mut ids = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = Value::Array([self.path.clone(), vec![json!(key), json!(index)]].concat());
            match item {
                Value::String(id) if id.is_empty() => {
                    self.issues
                        .push(issues::wrong_length(&path, "string", true, 1, 0));
                }
                Value::String(id) => ids.push(id),
                other => self
                    .issues
                    .push(issues::wrong_type(&path, "string", Some(&other))),
            }
        }
        Some(ids)
    }

    /// Whether all that was asked for is well; called before anything else is done.
    pub(crate) fn done(self) -> Result<(), Answer> {
        self.fields().map(drop)
    }

    /// As [`Form::done`]; gives all fields as they are now.
    pub(crate) fn fields(self) -> Result<Map<String, Value>, Answer> {
        if !self.issues.is_empty() {
            return Err(refused("body", &self.issues));
        }
        // PostgreSQL has no NUL in a text, and Logto does not look for one before.
        if self.fields.values().any(holds_nul) {
            return Err(errors::internal());
        }
        Ok(self.fields)
    }

    /// Reports `key` as missing where it is.
    pub(crate) fn required(&mut self, key: &str, kind: &str) {
        if !self.fields.contains_key(key) {
            let issue = issues::wrong_type(&self.at(key), kind, None);
            self.issues.push(issue);
        }
    }

    fn at(&self, key: &str) -> Value {
        Value::Array([self.path.clone(), vec![json!(key)]].concat())
    }

    fn typed(&mut self, key: &str, kind: &str) -> Option<Value> {
        let value = self.fields.get(key)?;
        if kind_of(value) == kind {
            return Some(value.clone());
        }
        let issue = issues::wrong_type(&self.at(key), kind, Some(value));
        self.issues.push(issue);
        None
    }
}

/// A query value that has to be one of `options`.
pub(crate) fn query_choice<'a>(
    call: &'a Call,
    key: &str,
    options: &[&str],
) -> Result<Option<&'a str>, Answer> {
    match call.query_value(key) {
        Some(value) if !options.contains(&value) => Err(refused(
            "query",
            &[issues::wrong_choice(&json!([key]), options, &json!(value))],
        )),
        value => Ok(value),
    }
}

/// A query value that has to be there and not empty.
pub(crate) fn query_text<'a>(call: &'a Call, key: &str) -> Result<&'a str, Answer> {
    let path = json!([key]);
    match optional_query_text(call, key)? {
        Some("") => {
            let issue = issues::wrong_length(&path, "string", true, 1, 0);
            Err(refused("query", &[issue]))
        }
        None => Err(refused(
            "query",
            &[issues::wrong_type(&path, "string", None)],
        )),
        Some(value) => Ok(value),
    }
}

/// A query value that may stand there once: koa makes a list of a key that is repeated.
pub(crate) fn optional_query_text<'a>(
    call: &'a Call,
    key: &str,
) -> Result<Option<&'a str>, Answer> {
    let mut values = call.query.iter().filter(|(name, _)| name == key);
    let first = values.next().map(|(_, value)| value.as_str());
    if values.next().is_some() {
        let issue = issues::wrong_type(&json!([key]), "string", Some(&json!([])));
        return Err(refused("query", &[issue]));
    }
    Ok(first)
}

/// Refuses what stands in the path for `name` because it is none of `options`.
pub(crate) fn wrong_param(name: &str, options: &[&str], found: &str) -> Answer {
    let issue = issues::wrong_choice(&json!([name]), options, &json!(found));
    refused("params", &[issue])
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(map) => map.values().any(holds_nul),
        _ => false,
    }
}
