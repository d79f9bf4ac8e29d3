//! The table of values in the chart's README.

use std::fs;

use crate::{
    ROOT, check,
    entries::{Entry, Files},
};

const README: &str = "charts/logto-hasura/README.md";
const BEGIN: &str =
    "<!-- the values begin; make chart writes them from values.yaml and values.schema.json -->\n";
const END: &str = "<!-- the values end -->\n";

#[test]
fn the_readme_of_the_chart_has_all_values() {
    let text = fs::read_to_string(format!("{ROOT}/{README}")).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    check(README, &format!("{before}{BEGIN}{}{END}{after}", table()));
}

fn table() -> String {
    let head = "| value | type | default | what it does |\n|---|---|---|---|\n";
    let rows = Files::read().entries().into_iter().map(|entry| row(&entry));
    head.to_owned() + &rows.collect::<String>()
}

fn row(entry: &Entry) -> String {
    let Entry {
        path,
        comment,
        kind,
        default,
    } = entry;
    let default = default.as_ref().map(|value| format!("`{value}`"));
    let default = default.unwrap_or_default();
    format!("| `{path}` | {kind} | {default} | {} |\n", escaped(comment))
}

/// Text of a cell; what stands between backticks is shown as it is.
fn escaped(comment: &str) -> String {
    let parts = comment.split('`').enumerate().map(|(number, part)| {
        let part = part.replace('|', "\\|");
        if number % 2 == 0 {
            part.replace('<', "&lt;").replace('*', "\\*")
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("`")
}
