//! The issues that zod reports, and the refusal that gathers them.

use serde_json::{Value, json};

use crate::{answer::Answer, errors};

/// The refusal of a request's body, query or params because of these issues.
pub(super) fn refused(part: &str, issues: &[Value]) -> Answer {
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

pub(super) fn wrong_type(path: &Value, expected: &str, found: Option<&Value>) -> Value {
    let received = found.map_or("undefined", kind_of);
    let message = match found {
        None => "Required".to_owned(),
        Some(_) => format!("Expected {expected}, received {received}"),
    };
    json!({"code": "invalid_type", "expected": expected, "received": received, "path": path, "message": message})
}

pub(super) fn wrong_choice(path: &Value, options: &[&str], found: &Value) -> Value {
    let Value::String(text) = found else {
        return wrong_type(path, &quoted(options), Some(found));
    };
    let expected = quoted(options);
    let message = format!("Invalid enum value. Expected {expected}, received '{text}'");
    json!({"received": text, "code": "invalid_enum_value", "options": options, "path": path, "message": message})
}

pub(super) fn wrong_length(
    path: &Value,
    kind: &str,
    too_small: bool,
    min: usize,
    max: usize,
) -> Value {
    let message = match kind {
        "array" => "Array must contain at least 1 element(s)".to_owned(),
        _ if too_small => format!("String must contain at least {min} character(s)"),
        _ => format!("String must contain at most {max} character(s)"),
    };
    let (code, bound, limit) = if too_small {
        ("too_small", "minimum", min)
    } else {
        ("too_big", "maximum", max)
    };
    json!({"code": code, bound: limit, "type": kind, "inclusive": true, "exact": false, "message": message, "path": path})
}

pub(super) fn wrong_literal(path: &Value, expected: &str, found: &Value) -> Value {
    let message = format!("Invalid literal value, expected \"{expected}\"");
    json!({"received": found, "code": "invalid_literal", "expected": expected, "path": path, "message": message})
}

pub(super) fn unknown_keys(path: &[Value], keys: &[&str]) -> Value {
    let names: Vec<String> = keys.iter().map(|key| format!("'{key}'")).collect();
    let message = format!("Unrecognized key(s) in object: {}", names.join(", "));
    json!({"code": "unrecognized_keys", "keys": keys, "path": path, "message": message})
}

pub(super) fn quoted(options: &[&str]) -> String {
    let options: Vec<String> = options.iter().map(|option| format!("'{option}'")).collect();
    options.join(" | ")
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
