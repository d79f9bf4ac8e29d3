//! docs/conditions.md lists every condition, reason and event of the code, with the mend of what is not well.

use std::{fs, path::Path};

#[test]
fn every_condition_and_reason_has_its_line_in_its_section_and_what_is_not_well_its_mend() {
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
    for (section, row) in &mut documented {
        if !WITH_A_MEND.iter().any(|begin| section.starts_with(begin)) {
            continue;
        }
        let (rest, mend) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        assert!(
            mend.ends_with('.') && rest.contains(" | "),
            "no mend: {row}"
        );
        *row = format!("{rest} |");
    }
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

/// Reasons of things that are not well, in whose tables the third column says what to do.
const WITH_A_MEND: [&str; 2] = ["### It is waited for", "### Somebody has to change"];

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

/// A row of a table, which starts with a capital, without the mend.
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
