//! Validation of bodies and queries, with the words of zod that Logto hands out.

use serde_json::{Map, Value, json};

use crate::{answer::Answer, call::Call, errors};

/// The fields of a JSON body, taken one by one. What is wrong is gathered, as zod does, and told by [`Form::done`];
/// until then a bad field reads as an empty one.
pub(crate) struct Form {
    fields: Map<String, Value>,
    issues: Vec<Value>,
}

impl Form {
    pub(crate) fn of(call: &Call) -> Result<Self, Answer> {
        match call.json()? {
            Value::Object(fields) => Ok(Self {
                fields,
                issues: Vec::new(),
            }),
            other => Err(refused(
                "body",
                &[type_issue(&json!([]), "object", Some(&other))],
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
            self.issues.push(length_issue(
                &json!([key]),
                "string",
                length < min,
                min,
                max,
            ));
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
        self.issues.push(choice_issue(key, options, value));
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
            self.issues
                .push(length_issue(&json!([key]), "array", true, 1, 0));
        }
        ids.unwrap_or_default()
    }

    pub(crate) fn optional_ids(&mut self, key: &str) -> Option<Vec<String>> {
        let Value::Array(items) = self.typed(key, "array")? else {
            return None;
        };
        let mut ids = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = json!([key, index]);
            match item {
                Value::String(id) if id.is_empty() => {
                    self.issues.push(length_issue(&path, "string", true, 1, 0));
                }
                Value::String(id) => ids.push(id),
                other => self.issues.push(type_issue(&path, "string", Some(&other))),
            }
        }
        Some(ids)
    }

    /// Whether all that was asked for is well; called before anything else is done.
    pub(crate) fn done(self) -> Result<(), Answer> {
        if !self.issues.is_empty() {
            return Err(refused("body", &self.issues));
        }
        // PostgreSQL has no NUL in a text, and Logto does not look for one before.
        if self.fields.values().any(holds_nul) {
            return Err(errors::internal());
        }
        Ok(())
    }

    fn required(&mut self, key: &str, kind: &str) {
        if !self.fields.contains_key(key) {
            self.issues.push(type_issue(&json!([key]), kind, None));
        }
    }

    fn typed(&mut self, key: &str, kind: &str) -> Option<Value> {
        let value = self.fields.get(key)?;
        if kind_of(value) == kind {
            return Some(value.clone());
        }
        self.issues
            .push(type_issue(&json!([key]), kind, Some(value)));
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
            &[choice_issue(key, options, &json!(value))],
        )),
        value => Ok(value),
    }
}

fn refused(part: &str, issues: &[Value]) -> Answer {
    let details: Vec<String> = issues.iter().map(line_of).collect();
    errors::coded_with(
        400,
        "guard.invalid_input",
        &format!("The request {part} is invalid."),
        json!({"issues": issues, "name": "ZodError"}),
        Some(details.join("\n")),
    )
}

fn line_of(issue: &Value) -> String {
    let text = |key: &str| issue[key].as_str().unwrap_or_default();
    let path: Vec<String> = issue["path"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|part| {
            part.as_str()
                .map_or_else(|| part.to_string(), str::to_owned)
        })
        .collect();
    let words = match text("code") {
        "invalid_type" => format!(
            "Expected {} but received {}.",
            text("expected"),
            text("received")
        ),
        _ => text("message").to_owned(),
    };
    let (path, code) = (path.join("."), text("code"));
    format!("Error in key path \"{path}\": ({code}) {words}")
}

fn type_issue(path: &Value, expected: &str, found: Option<&Value>) -> Value {
    let received = found.map_or("undefined", kind_of);
    let message = match found {
        None => "Required".to_owned(),
        Some(_) => format!("Expected {expected}, received {received}"),
    };
    json!({"code": "invalid_type", "expected": expected, "received": received, "path": path, "message": message})
}

fn choice_issue(key: &str, options: &[&str], found: &Value) -> Value {
    let Value::String(text) = found else {
        return type_issue(&json!([key]), &quoted(options), Some(found));
    };
    let expected = quoted(options);
    let message = format!("Invalid enum value. Expected {expected}, received '{text}'");
    json!({"received": text, "code": "invalid_enum_value", "options": options, "path": [key], "message": message})
}

fn length_issue(path: &Value, kind: &str, too_small: bool, min: usize, max: usize) -> Value {
    let unit = match kind {
        "array" => "Array must contain at least 1 element(s)".to_owned(),
        _ if too_small => format!("String must contain at least {min} character(s)"),
        _ => format!("String must contain at most {max} character(s)"),
    };
    let (code, bound, limit) = if too_small {
        ("too_small", "minimum", min)
    } else {
        ("too_big", "maximum", max)
    };
    json!({"code": code, bound: limit, "type": kind, "inclusive": true, "exact": false, "message": unit, "path": path})
}

fn quoted(options: &[&str]) -> String {
    let options: Vec<String> = options.iter().map(|option| format!("'{option}'")).collect();
    options.join(" | ")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(map) => map.values().any(holds_nul),
        _ => false,
    }
}
