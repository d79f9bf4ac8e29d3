//! Objects within a body: each is a form of its own, whose issues carry the whole path.

use serde_json::{Map, Value, json};

use super::{Form, issues};

impl Form {
    /// Checks the object under `key` where there is one. What the check strips is gone from here too.
    pub(crate) fn within(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        let Some(fields) = self.optional_object(key) else {
            return;
        };
        let stripped = self.checked(vec![json!(key)], fields, check);
        self.fields.insert(key.to_owned(), Value::Object(stripped));
    }

    /// Checks every object of the list under `key` where there is one, as [`Form::within`].
    pub(crate) fn each(&mut self, key: &str, check: impl Fn(&mut Self)) {
        let Some(Value::Array(items)) = self.typed(key, "array") else {
            return;
        };
        let mut stripped = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let steps = vec![json!(key), json!(index)];
            match item {
                Value::Object(fields) => {
                    stripped.push(Value::Object(self.checked(steps, fields, &check)));
                }
                other => {
                    let path = Value::Array([self.path.clone(), steps].concat());
                    self.issues
                        .push(issues::wrong_type(&path, "object", Some(&other)));
                }
            }
        }
        self.fields.insert(key.to_owned(), Value::Array(stripped));
    }

    fn checked(
        &mut self,
        steps: Vec<Value>,
        fields: Map<String, Value>,
        check: impl FnOnce(&mut Self),
    ) -> Map<String, Value> {
        let mut part = Self {
            path: [self.path.clone(), steps].concat(),
            fields,
            issues: Vec::new(),
        };
        check(&mut part);
        self.issues.append(&mut part.issues);
        part.fields
    }

    /// An object whose values are all texts.
    pub(crate) fn optional_texts(&mut self, key: &str) {
        self.within(key, |texts| {
            let names: Vec<String> = texts.fields.keys().cloned().collect();
            for name in names {
                texts.optional_text(&name, 0, usize::MAX);
            }
        });
    }

    /// One or several texts under one key, as `aud` is.
    pub(crate) fn optional_text_or_texts(&mut self, key: &str) {
        let is_text = |value: &Value| value.is_string();
        let fits = match self.fields.get(key) {
            None | Some(Value::String(_)) => true,
            Some(Value::Array(items)) => items.iter().all(is_text),
            Some(_) => false,
        };
        if !fits {
            let path = self.at(key);
            self.issues
                .push(json!({"code": "invalid_union", "path": path, "message": "Invalid input"}));
        }
    }

    /// A value that may be of that kind or null.
    pub(crate) fn optional_or_null(&mut self, key: &str, kind: &str) {
        if self.fields.get(key) != Some(&Value::Null) {
            self.typed(key, kind);
        }
    }

    /// Exactly this text, where there is one.
    pub(crate) fn optional_literal(&mut self, key: &str, expected: &str) {
        let found = self.fields.get(key);
        if let Some(found) = found.filter(|found| found.as_str() != Some(expected)) {
            let issue = issues::wrong_literal(&self.at(key), expected, found);
            self.issues.push(issue);
        }
    }

    /// Strips every other key, as zod does by default.
    pub(crate) fn keep(&mut self, known: &[&str]) {
        self.fields.retain(|key, _| known.contains(&key.as_str()));
    }

    /// Refuses every other key, as zod's `strict` does.
    pub(crate) fn only(&mut self, known: &[&str]) {
        let keys = self.fields.keys().map(String::as_str);
        let unknown: Vec<&str> = keys.filter(|key| !known.contains(key)).collect();
        if !unknown.is_empty() {
            let issue = issues::unknown_keys(&self.path, &unknown);
            self.issues.push(issue);
        }
    }
}
