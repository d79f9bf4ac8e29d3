//! docs/threat-model.md names tests that there are.

use std::{collections::BTreeSet, fs, path::Path};

const PAGE: &str = "docs/threat-model.md";

/// Attacks that no test tries: what they would be made with is not there.
const UNTRIED: [&str; 1] = ["5"];

#[test]
fn every_attack_is_tried_by_a_test_that_there_is() {
    let text = fs::read_to_string(pages::root().join(PAGE)).unwrap();
    let (_, table) = text.split_once("\n| # |").unwrap();
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests"] {
        functions_below(&pages::root().join(folder), &mut tests);
    }
    let mut numbers = Vec::new();
    let mut untried = Vec::new();
    for row in table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, _, _, shut_by, tried_by] = cells[..] else {
            panic!("five cells: {row}");
        };
        assert!(!shut_by.is_empty(), "{row}");
        numbers.push(number);
        let named: Vec<&str> = tried_by.split('`').skip(1).step_by(2).collect();
        for name in &named {
            assert!(
                tests.contains(*name),
                "attack {number}: there is no test {name}"
            );
        }
        if named.is_empty() {
            untried.push(number);
        }
    }
    let all: Vec<String> = (1..=35).map(|number| number.to_string()).collect();
    assert_eq!(numbers, all);
    assert_eq!(untried, UNTRIED);
}

/// The names of all functions without a receiver.
fn functions_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions_below(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let functions = source.split("fn ").skip(1);
            names.extend(functions.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}
