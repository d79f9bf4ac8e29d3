//! The tables, row by row, and whether they leave something of the schema out.

use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use super::{
    binding, claims, consent, delivery, good, indicator, instance, keys,
    object::at,
    policy,
    refusal::{Bad, complaint, none_of, words},
    server::Server,
    status_rows, subject, tenant, updates, webhook,
};
use crate::{suite::Test, tests, world::World};

/// The table has at least this many bad objects.
const AT_LEAST: usize = 900;

pub fn tests() -> Vec<Test> {
    tests![
        bad_objects_are_refused_with_the_field_named,
        good_objects_are_accepted_as_they_are_written,
        every_field_and_rule_of_the_kinds_has_a_row_that_it_refuses,
    ]
}

fn bad() -> Vec<Bad> {
    let mut rows = tenant::bad();
    rows.extend(instance::bad());
    rows.extend(indicator::bad());
    rows.extend(claims::bad());
    rows.extend(webhook::bad());
    rows.extend(binding::bad());
    rows.extend(subject::bad());
    rows.extend(policy::bad());
    rows.extend(consent::bad());
    rows.extend(delivery::bad());
    rows.extend(keys::bad());
    rows
}

async fn bad_objects_are_refused_with_the_field_named(world: Arc<World>) -> anyhow::Result<()> {
    let (server, rows) = (Server::of(&world), bad());
    anyhow::ensure!(rows.len() >= AT_LEAST, "only {} bad objects", rows.len());
    let mut complaints = Vec::new();
    for row in &rows {
        let answer = server.would_create(&row.object).await;
        if let Some(complaint) = complaint(answer, &row.field, row.because) {
            complaints.push(format!("{}, {}: {complaint}", row.object.kind(), row.what));
        }
    }
    none_of(&complaints, rows.len())
}

async fn good_objects_are_accepted_as_they_are_written(world: Arc<World>) -> anyhow::Result<()> {
    let (server, rows) = (Server::of(&world), good::good());
    let mut complaints = Vec::new();
    for row in &rows {
        let complaint = match server.would_create(&row.object).await {
            Err(error) => format!("it was not accepted: {}", words(&error)),
            Ok(stored) if at(&stored, &row.field) == row.object.at(&row.field) => continue,
            Ok(stored) => format!("{} became {}", row.field, at(&stored, &row.field)),
        };
        complaints.push(format!("{}, {}: {complaint}", row.object.kind(), row.what));
    }
    none_of(&complaints, rows.len())
}

/// A field or rule that comes later needs a row of its own.
async fn every_field_and_rule_of_the_kinds_has_a_row_that_it_refuses(
    _: Arc<World>,
) -> anyhow::Result<()> {
    let mut rows = bad();
    rows.extend(status_rows::bad());
    rows.extend(updates::forbidden());
    let crds = logto_hasura::api::crds();
    let without: Vec<String> = crds.iter().flat_map(|crd| left_out(crd, &rows)).collect();
    anyhow::ensure!(
        without.is_empty(),
        "nothing shows what these refuse: {without:#?}"
    );
    Ok(())
}

/// The fields and rules of a kind that no row is about.
fn left_out(crd: &CustomResourceDefinition, rows: &[Bad]) -> Vec<String> {
    let kind = crd.spec.names.kind.as_str();
    let rows: Vec<&Bad> = rows
        .iter()
        .filter(|row| row.object.kind() == kind)
        .collect();
    let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
    let (mut fields, mut rules) = (BTreeSet::new(), BTreeSet::new());
    walk(&schema["openAPIV3Schema"], "", &mut fields, &mut rules);
    assert!(fields.contains("status.conditions[].type"), "{fields:?}");
    fields.retain(|field| {
        !rows
            .iter()
            .any(|row| &anywhere_in_a_list(&row.field) == field)
    });
    rules.retain(|rule| !rows.iter().any(|row| rule.contains(row.because)));
    let what_is_left = fields.into_iter().chain(rules);
    what_is_left.map(|what| format!("{kind}: {what}")).collect()
}

/// `conditions[0]` is `conditions[]`.
fn anywhere_in_a_list(field: &str) -> String {
    field.replace(|c: char| c.is_ascii_digit(), "")
}

/// The paths of all fields and the messages of all rules.
fn walk(schema: &Value, path: &str, fields: &mut BTreeSet<String>, rules: &mut BTreeSet<String>) {
    let own = schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten();
    rules.extend(
        own.filter_map(|rule| rule["message"].as_str())
            .map(str::to_owned),
    );
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        walk(property, &path, fields, rules);
        fields.insert(path);
    }
    if let Some(items) = schema.get("items") {
        walk(items, &format!("{path}[]"), fields, rules);
    }
}
