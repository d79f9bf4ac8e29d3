//! docs/reference.md is what the schemas of the definitions say. `make reference` writes it.

mod field;

use std::{env, fmt::Write as _, fs};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use logto_hasura::api;
use serde_json::Value;

use self::field::{fields, rules};

const PAGE: &str = "docs/reference.md";

#[test]
fn the_reference_is_that_of_the_definitions() {
    let path = pages::root().join(PAGE);
    let reference = reference();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &reference).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == reference,
        "{PAGE} is out of date: run `make reference`"
    );
}

#[test]
fn the_reference_names_what_can_be_written_and_what_is_refused() {
    let reference = reference();
    for line in [
        "| `spec.rateLimit.requestsPerSecond` | integer, 1 to 1000 | `10` |",
        "| `spec.tenantId` | string, 1 to 63 characters, required |  | The tenant's id",
        "| `spec.subjects[].primaryEmail` |",
        "| `status.conditions` |",
    ] {
        assert!(reference.contains(line), "{line} is not in it");
    }
    assert!(reference.contains("- spec.tenantId can not be changed; make a new LogtoTenant\n"));
}

fn reference() -> String {
    let mut page = String::from(
        "<!-- Written by `make reference` from the schemas in crds/; do not edit. -->\n\
         # Reference of the kinds\n\n\
         To look up what a field means, what it may hold and what it is when it is left out. What the kinds are for is in\n\
         [concepts.md](concepts.md), every condition and its reasons in [conditions.md](conditions.md). kubectl has the same\n\
         words: `kubectl explain hasurainstance.spec.auth`.\n\n",
    );
    let crds = api::crds();
    for crd in &crds {
        let kind = &crd.spec.names.kind;
        writeln!(page, "- [{kind}](#{})", kind.to_lowercase()).unwrap();
    }
    for crd in &crds {
        section(&mut page, crd);
    }
    page
}

fn section(page: &mut String, crd: &CustomResourceDefinition) {
    let names = &crd.spec.names;
    let version = &crd.spec.versions[0];
    let schema = version.schema.as_ref().unwrap();
    let schema = serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap();
    let list = |words: &Option<Vec<String>>| {
        words
            .iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
            .join("`, `")
    };
    write!(
        page,
        "\n## {kind}\n\n{description}\n\n`apiVersion: {group}/{version}`, `kind: {kind}`. For kubectl: `{plural}`, `{short}`, and \
         with the other kinds `{categories}`. Columns of `kubectl get`: {columns}.\n",
        kind = names.kind,
        description = words(&schema),
        group = crd.spec.group,
        version = version.name,
        plural = names.plural,
        short = list(&names.short_names),
        categories = list(&names.categories),
        columns = columns(version),
    )
    .unwrap();
    for part in ["spec", "status"] {
        let schema = &schema["properties"][part];
        write!(
            page,
            "\n### The {part} of a {kind}\n\n| field | type | default | meaning |\n|---|---|---|---|\n",
            kind = names.kind,
        )
        .unwrap();
        for row in fields(schema, part) {
            writeln!(page, "{row}").unwrap();
        }
    }
    let rules = rules(&schema, "");
    if !rules.is_empty() {
        writeln!(page, "\n### What else is refused in a {}\n", names.kind).unwrap();
        for rule in rules {
            writeln!(page, "- {rule}").unwrap();
        }
    }
}

fn columns(version: &CustomResourceDefinitionVersion) -> String {
    let columns = version.additional_printer_columns.iter().flatten();
    let wide = |priority: Option<i32>| {
        if priority.unwrap_or(0) > 0 {
            " (`-o wide`)"
        } else {
            ""
        }
    };
    let names = columns.map(|column| format!("{}{}", column.name, wide(column.priority)));
    names.collect::<Vec<_>>().join(", ")
}

/// A schema's description on one line, fit for a cell of a table.
fn words(schema: &Value) -> String {
    let description = schema["description"].as_str().unwrap_or_default();
    let lines = description.lines().map(str::trim);
    lines.collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
