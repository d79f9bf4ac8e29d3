//! `crds/` is what the types say.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use logto_hasura::{api, cli::crds};

#[test]
fn the_committed_definitions_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for crd in api::crds() {
        let name = crds::file_name(&crd);
        let committed = fs::read_to_string(folder.join(&name)).unwrap();
        assert_eq!(
            committed,
            crds::yaml(&crd).unwrap(),
            "crds/{name} is out of date: run `make crds`"
        );
    }
    assert_eq!(
        fs::read_dir(folder).unwrap().count(),
        api::crds().len(),
        "crds/ holds another file"
    );
}

#[test]
fn every_text_list_and_number_of_a_schema_is_bounded() {
    for crd in api::crds() {
        for version in &crd.spec.versions {
            let schema = serde_json::to_value(version.schema.as_ref().unwrap()).unwrap();
            let unbounded = unbounded(&schema["openAPIV3Schema"], "");
            assert!(
                unbounded.is_empty(),
                "{}: {unbounded:?}",
                crd.spec.names.kind
            );
        }
    }
}

fn unbounded(schema: &serde_json::Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let bounded = match schema["type"].as_str() {
        Some("string") => schema.get("maxLength").is_some() || schema.get("enum").is_some(),
        Some("integer") if path.ends_with("bservedGeneration") => true,
        Some("integer") => schema.get("minimum").is_some() && schema.get("maximum").is_some(),
        Some("array") => schema.get("maxItems").is_some(),
        Some("object") if schema.get("additionalProperties").is_some() => {
            schema.get("maxProperties").is_some()
        }
        _ => true,
    };
    if !bounded {
        found.push(path.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.extend(unbounded(property, &format!("{path}.{name}")));
    }
    for all in ["items", "additionalProperties"] {
        if schema.get(all).is_some() {
            found.extend(unbounded(&schema[all], &format!("{path}[]")));
        }
    }
    found
}

#[test]
fn every_condition_and_reason_has_its_line_in_its_section_of_the_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(root.join("src/api/conditions.rs")).unwrap();
    let (types, reasons) = source.split_once("pub mod reasons {").unwrap();
    let mut expected: Vec<(&str, String)> = Vec::new();
    for (name, meaning) in constants(types) {
        expected.push(("## Types", row(name, &meaning)));
    }
    for (name, meaning) in constants(reasons) {
        let (section, meaning) = section_of(&meaning);
        expected.push((section, row(name, meaning)));
    }
    assert!(expected.len() > 90, "{expected:#?}");

    let documentation = fs::read_to_string(root.join("docs/conditions.md")).unwrap();
    let mut documented: Vec<(&str, String)> = rows(&documentation);
    documented.retain(|(section, _)| *section != "## Events");
    let differ = |one: &[(&str, String)], other: &[(&str, String)]| -> Vec<String> {
        let missing = one.iter().filter(|row| !other.contains(row));
        missing
            .map(|(section, row)| format!("{section}: {row}"))
            .collect()
    };
    let (missing, unknown) = (
        differ(&expected, &documented),
        differ(&documented, &expected),
    );
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "docs/conditions.md lacks {missing:#?} and has {unknown:#?}"
    );
}

#[test]
fn every_event_that_is_no_reason_has_its_line_in_the_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut published = Vec::new();
    events_below(&root.join("src"), &mut published);
    published.sort();
    published.dedup();
    assert!(published.len() >= 12, "{published:?}");

    let documentation = fs::read_to_string(root.join("docs/conditions.md")).unwrap();
    let all = rows(&documentation).into_iter();
    let events = all.filter(|(section, _)| *section == "## Events");
    let name = |(_, row): (&str, String)| row.split('`').nth(1).unwrap().to_owned();
    let mut documented: Vec<String> = events.map(name).collect();
    documented.sort();
    assert_eq!(published, documented, "in the code, in docs/conditions.md");
}

/// The names that stand in calls as `EventType::…, "Name"`.
fn events_below(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            events_below(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let calls = source.split("EventType::").skip(1);
        found.extend(calls.filter_map(|rest| {
            let (_, argument) = rest.split_once(',')?;
            let name = argument.trim_start().strip_prefix('"')?;
            Some(name.split('"').next()?.to_owned())
        }));
    }
}

/// The value of each constant with its doc comment.
fn constants(source: &str) -> Vec<(&str, String)> {
    let (mut all, mut meaning) = (Vec::new(), String::new());
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            meaning.push_str(comment);
        } else if line.starts_with("pub const ") {
            let name = line.split('"').nth(1).unwrap();
            all.push((name, meaning.trim().to_owned()));
            meaning.clear();
        } else {
            meaning.clear();
        }
    }
    all
}

/// Where a reason stands in the documentation, and its meaning without the word that says so.
fn section_of(meaning: &str) -> (&'static str, &str) {
    if let Some(meaning) = meaning.strip_prefix("Waiting: ") {
        let section = "### It is waited for or tried again (`Reconciling`)";
        (section, meaning)
    } else if let Some(meaning) = meaning.strip_prefix("Change something: ") {
        let section = "### Somebody has to change something (`Stalled`)";
        (section, meaning)
    } else {
        ("### All is well, or not looked at yet", meaning)
    }
}

/// A row of a table, which starts with a capital.
fn row(name: &str, meaning: &str) -> String {
    let (first, rest) = meaning.split_at(1);
    format!("| `{name}` | {}{rest} |", first.to_uppercase())
}

/// The rows of all tables, each with the heading above it.
fn rows(documentation: &str) -> Vec<(&str, String)> {
    let (mut all, mut section) = (Vec::new(), "");
    for line in documentation.lines() {
        if line.starts_with('#') {
            section = line;
        } else if line.starts_with("| `") {
            all.push((section, line.to_owned()));
        }
    }
    all
}
