//! `values.yaml` beside `values.schema.json`: what there is, what it may be, what it is by default, and what is said of it.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::ROOT;

/// Helm gives this to every chart that is a dependency of another; it is in the schema alone.
const GLOBAL: &str = "global";

/// One value, or a group of them.
pub struct Entry {
    /// Such as `image.tag`.
    pub path: String,
    /// The comment above it, as one line.
    pub comment: String,
    /// What kind of value it may have.
    pub kind: String,
    /// Nothing for a group, whose values come next.
    pub default: Option<Value>,
}

/// The chart's files.
pub struct Files {
    text: String,
    values: Value,
    schema: Value,
}

impl Files {
    pub fn read() -> Self {
        let read = |name| fs::read_to_string(format!("{ROOT}/charts/logto-hasura/{name}")).unwrap();
        let text = read("values.yaml");
        Self {
            values: serde_saphyr::from_str(&text).unwrap(),
            schema: serde_json::from_str(&read("values.schema.json")).unwrap(),
            text,
        }
    }

    /// All values, in the order of the file.
    pub fn entries(&self) -> Vec<Entry> {
        let (mut all, mut comment) = (Vec::new(), Vec::new());
        // The groups that the line is in, and how far the last value was indented.
        let (mut groups, mut value_at): (Vec<&str>, Option<usize>) = (Vec::new(), None);
        for line in self.text.lines() {
            let trimmed = line.trim_start();
            let indent = line.len() - trimmed.len();
            if let Some(text) = trimmed.strip_prefix('#') {
                comment.push(text.trim());
                continue;
            }
            let said = std::mem::take(&mut comment).join(" ");
            let Some((name, _)) = trimmed.split_once(':') else {
                continue;
            };
            if value_at.is_some_and(|value| indent > value) {
                // A part of the value above.
                continue;
            }
            groups.truncate(indent / 2);
            groups.push(name);
            let schema = self.schema_at(&groups);
            let is_group = schema.get("properties").is_some();
            value_at = (!is_group).then_some(indent);
            all.push(Entry {
                path: groups.join("."),
                comment: said,
                kind: self.kind(schema),
                default: (!is_group).then(|| self.default_at(&groups)),
            });
        }
        all
    }

    fn default_at(&self, path: &[&str]) -> Value {
        let at = |value: &Value, name: &&str| value[name].clone();
        path.iter()
            .fold(self.values.clone(), |value, name| at(&value, name))
    }

    fn schema_at(&self, path: &[&str]) -> &Value {
        path.iter().fold(&self.schema, |schema, name| {
            self.resolved(&self.resolved(schema)["properties"][name])
        })
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.schema.pointer(&reference[1..]).unwrap(),
            None => schema,
        }
    }

    /// What may stand there, in a word or two.
    fn kind(&self, schema: &Value) -> String {
        let schema = self.resolved(schema);
        let alternatives = |all: &[Value], word: &dyn Fn(&Value) -> String| {
            all.iter().map(word).collect::<Vec<_>>().join(" or ")
        };
        if let Some(values) = schema["enum"].as_array() {
            return alternatives(values, &|value| format!("`{value}`"));
        }
        if let Some(schemas) = schema["anyOf"]
            .as_array()
            .filter(|_| schema["type"].is_null())
        {
            return alternatives(schemas, &|schema| self.kind(schema));
        }
        match schema["type"].as_str() {
            Some("array") => "list".to_owned(),
            Some(kind) => kind.to_owned(),
            None => String::new(),
        }
    }

    /// The paths that the schema lets in.
    fn schema_paths(&self, schema: &Value, path: &str, open: &mut Vec<String>) -> BTreeSet<String> {
        let schema = self.resolved(schema);
        let Some(properties) = schema["properties"].as_object() else {
            return BTreeSet::new();
        };
        if schema["additionalProperties"] != false {
            open.push(path.to_owned());
        }
        let mut all = BTreeSet::new();
        for (name, property) in properties {
            let path = format!("{path}.{name}").trim_start_matches('.').to_owned();
            all.extend(self.schema_paths(property, &path, open));
            all.insert(path);
        }
        all
    }
}

#[test]
fn the_schema_knows_each_value_and_lets_no_other_in() {
    let files = Files::read();
    let mut open = Vec::new();
    let mut in_schema = files.schema_paths(&files.schema, "", &mut open);
    assert!(open.is_empty(), "unknown values are let in at {open:?}");
    assert!(in_schema.remove(GLOBAL));
    let in_values: BTreeSet<String> = files
        .entries()
        .into_iter()
        .map(|entry| entry.path)
        .collect();
    assert_eq!(
        in_values, in_schema,
        "in values.yaml, in values.schema.json"
    );
}

#[test]
fn each_value_has_its_kind_and_a_comment_that_says_what_it_is_for() {
    for entry in Files::read().entries() {
        assert!(!entry.kind.is_empty(), "{} has no type", entry.path);
        let is_group = entry.default.is_none();
        assert!(
            is_group || !entry.comment.is_empty(),
            "{} has no comment",
            entry.path
        );
    }
}
