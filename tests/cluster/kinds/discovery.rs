//! The kinds as kubectl finds and prints them.

use std::sync::Arc;

use anyhow::Context;
use serde_json::{Value, json};

use super::{
    object::{Object, binding, instance, tenant},
    server::Server,
    status_rows::condition,
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        the_kinds_are_found_by_their_short_names_and_their_category,
        kubectl_get_prints_what_a_tenant_is_and_whether_it_is_ready,
        kubectl_get_prints_what_an_instance_is_and_whether_it_is_ready,
        kubectl_get_prints_what_a_binding_is_and_whether_it_is_ready,
        an_object_that_nobody_has_looked_at_is_printed_without_a_verdict,
    ]
}

async fn the_kinds_are_found_by_their_short_names_and_their_category(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let found = world
        .client
        .list_api_group_resources("logto-hasura.dev/v1alpha1")
        .await?;
    let expected = [
        ("LogtoTenant", "logtotenants", "logtotenant", "ltn"),
        ("HasuraInstance", "hasurainstances", "hasurainstance", "hi"),
        (
            "HasuraRoleBinding",
            "hasurarolebindings",
            "hasurarolebinding",
            "hrb",
        ),
    ];
    for (kind, plural, singular, short) in expected {
        let find = |name: &str| {
            let resource = found
                .resources
                .iter()
                .find(|resource| resource.name == name);
            resource.with_context(|| format!("no {name} in {found:?}"))
        };
        let resource = find(plural)?;
        anyhow::ensure!(resource.kind == kind, "{resource:?}");
        anyhow::ensure!(resource.singular_name == singular, "{resource:?}");
        anyhow::ensure!(
            resource.short_names == Some(vec![short.to_owned()]),
            "{resource:?}"
        );
        let category = Some(vec!["logto-hasura".to_owned()]);
        anyhow::ensure!(resource.categories == category, "{resource:?}");
        anyhow::ensure!(resource.namespaced, "{resource:?}");
        let status = find(&format!("{plural}/status"))?;
        let verbs = ["get", "patch", "update"];
        anyhow::ensure!(
            verbs
                .iter()
                .all(|verb| status.verbs.iter().any(|has| has == verb)),
            "{status:?}"
        );
    }
    anyhow::ensure!(
        found.resources.len() == 2 * expected.len(),
        "more kinds: {found:?}"
    );
    Ok(())
}

async fn kubectl_get_prints_what_a_tenant_is_and_whether_it_is_ready(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let issuer = "https://logto.example.com/oidc";
    let columns = [
        ("Name", 0, "row"),
        ("Ready", 0, "True"),
        ("Reason", 0, "Succeeded"),
        ("Tenant", 0, "default"),
        ("Issuer", 1, issuer),
        ("Message", 1, "all is well"),
    ];
    prints(&world, tenant().with("status.issuer", issuer), &columns).await
}

async fn kubectl_get_prints_what_an_instance_is_and_whether_it_is_ready(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let columns = [
        ("Name", 0, "row"),
        ("Ready", 0, "True"),
        ("Reason", 0, "Succeeded"),
        ("Indicator", 0, "https://shop.example.com/v1/graphql"),
        ("Deployment", 0, "hasura"),
        ("Tenant", 1, "main"),
        ("Message", 1, "all is well"),
    ];
    prints(&world, instance(), &columns).await
}

async fn kubectl_get_prints_what_a_binding_is_and_whether_it_is_ready(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let columns = [
        ("Name", 0, "row"),
        ("Ready", 0, "True"),
        ("Reason", 0, "Succeeded"),
        ("Role", 0, "user:reader"),
        ("Scope", 0, "read:user"),
        ("Instance", 0, "shop"),
        ("Message", 1, "all is well"),
    ];
    prints(&world, binding(), &columns).await
}

/// The columns by name, priority (1: only with `-o wide`) and text; the last is the age in both cases.
async fn prints(
    world: &World,
    object: Object,
    columns: &[(&str, i64, &str)],
) -> anyhow::Result<()> {
    let server = Server::of(world);
    let object = object
        .with("status.observedGeneration", 1)
        .with("status.conditions", json!([condition()]));
    server.create(&object).await?;
    server.patch_status(&object).await?;
    let table = server.table(&object).await?;
    let mut expected: Vec<(&str, i64)> = columns
        .iter()
        .map(|(name, wide, _)| (*name, *wide))
        .collect();
    expected.push(("Age", 0));
    anyhow::ensure!(
        headings(&table)? == expected,
        "columns: {}",
        table["columnDefinitions"]
    );
    let cells = cells(&table)?;
    let age = cells.last().and_then(Value::as_str).unwrap_or_default();
    anyhow::ensure!(age.ends_with('s'), "no age of some seconds: {cells:?}");
    let texts: Vec<&str> = columns.iter().map(|(_, _, text)| *text).collect();
    anyhow::ensure!(
        cells[..cells.len() - 1] == texts[..],
        "{cells:?}, not {texts:?}"
    );
    Ok(())
}

async fn an_object_that_nobody_has_looked_at_is_printed_without_a_verdict(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    server.create(&binding()).await?;
    let table = server.table(&binding()).await?;
    let cells = cells(&table)?;
    anyhow::ensure!(
        cells[0] == "row" && cells[1].is_null() && cells[2].is_null(),
        "{cells:?}"
    );
    Ok(())
}

fn headings(table: &Value) -> anyhow::Result<Vec<(&str, i64)>> {
    let columns = table["columnDefinitions"]
        .as_array()
        .context("a table")?
        .iter();
    columns
        .map(|column| {
            let name = column["name"].as_str().context("a column's name")?;
            Ok((
                name,
                column["priority"].as_i64().context("a column's priority")?,
            ))
        })
        .collect()
}

/// The cells of the only row.
fn cells(table: &Value) -> anyhow::Result<&[Value]> {
    let rows = table["rows"].as_array().context("a table's rows")?;
    anyhow::ensure!(rows.len() == 1, "{} rows: {table}", rows.len());
    Ok(rows[0]["cells"].as_array().context("a row's cells")?)
}
