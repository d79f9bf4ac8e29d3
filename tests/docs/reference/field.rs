//! One row for each field of a schema.

use serde_json::Value;

use super::words;

/// Every kind has them, in the form that Kubernetes gives them.
const CONDITIONS: &str = "status.conditions";

/// The rows of all fields below a schema, each after the one that holds it.
pub fn fields(schema: &Value, path: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let required = schema["required"].as_array();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let is_required = required.is_some_and(|all| all.iter().any(|one| one == name));
        let path = format!("{path}.{name}");
        rows.push(row(field, &path, is_required));
        if path == CONDITIONS {
            continue;
        }
        rows.extend(fields(field, &path));
        rows.extend(fields(&field["items"], &format!("{path}[]")));
        rows.extend(fields(
            &field["additionalProperties"],
            &format!("{path}.<key>"),
        ));
    }
    rows
}

fn row(field: &Value, path: &str, is_required: bool) -> String {
    let required = if is_required { ", required" } else { "" };
    let default = match &field["default"] {
        Value::Null => String::new(),
        default => format!("`{default}`"),
    };
    let kind = kind_of(field);
    let meaning = format!("{}{}", words(field), values(field));
    format!(
        "| `{path}` | {kind}{required} | {default} | {} |",
        meaning.trim()
    )
}

/// What may stand in a field: its type and its bounds.
fn kind_of(field: &Value) -> String {
    let bounded = |least: &str, most: &str, unit: &str| {
        let number = |name| field[name].as_f64().map(|number| number.to_string());
        match (number(least).filter(|least| least != "0"), number(most)) {
            (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
            (None, Some(most)) => format!(", at most {most}{unit}"),
            (Some(least), None) => format!(", at least {least}{unit}"),
            (None, None) => String::new(),
        }
    };
    match field["type"].as_str().unwrap_or("anything") {
        "string" if field.get("enum").is_some() => "one of a list".to_owned(),
        "string" if field["format"] == "date-time" => "time".to_owned(),
        "string" => format!("string{}", bounded("minLength", "maxLength", " characters")),
        "integer" => format!("integer{}", bounded("minimum", "maximum", "")),
        "array" => {
            let entries = bounded("minItems", "maxItems", " entries");
            format!("list{entries}, each {}", kind_of(&field["items"]))
        }
        "object" if field["additionalProperties"].is_object() => {
            let keys = bounded("minProperties", "maxProperties", " keys");
            let each = kind_of(&field["additionalProperties"]);
            format!("map{keys}, each {each}")
        }
        kind => kind.to_owned(),
    }
}

/// Which values there are, where the schema tells: those of a list, or a pattern that each matches.
fn values(field: &Value) -> String {
    let each = match (&field["items"], &field["additionalProperties"]) {
        (items @ Value::Object(_), _) => items,
        (_, additional @ Value::Object(_)) => additional,
        _ => field,
    };
    if let Some(values) = each["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str);
        let values: Vec<String> = values.map(|value| format!("`{value}`")).collect();
        return format!(" One of {}.", values.join(", "));
    }
    match each["pattern"].as_str() {
        Some(pattern) => format!(" Matches `{}`.", pattern.replace('|', "\\|")),
        None => String::new(),
    }
}

/// What the rules of a schema and of all below it say when they refuse, each once.
pub fn rules(schema: &Value, path: &str) -> Vec<String> {
    let mut all = Vec::new();
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let message = rule["message"].as_str().unwrap_or_default();
        let at = match path {
            "" | ".spec" => String::new(),
            path => format!("`{}`: ", path.trim_start_matches('.')),
        };
        all.push(format!("{at}{message}"));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        all.extend(rules(field, &format!("{path}.{name}")));
        all.extend(rules(&field["items"], &format!("{path}.{name}[]")));
    }
    all
}
