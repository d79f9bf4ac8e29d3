//! The tables that `kubectl get` shows. The API server makes them, so no kubectl is needed.

use anyhow::{Context as _, Result};
use kube::{
    Client,
    api::{ListParams, Request},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{play::NAMESPACE, screen::Screen};

/// How a table is asked for.
const AS_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    column_definitions: Vec<Column>,
    #[serde(default)]
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    /// 0 is shown always, more only with `-o wide`.
    priority: i32,
}

#[derive(Deserialize)]
struct Row {
    cells: Vec<Value>,
}

/// Shows the command line and what it would print.
pub async fn get(
    screen: &Screen,
    client: &Client,
    api_version: &str,
    resources: &str,
) -> Result<()> {
    let path = format!("/apis/{api_version}/namespaces/{NAMESPACE}/{resources}");
    let mut request = Request::new(path).list(&ListParams::default())?;
    request.headers_mut().insert("accept", AS_TABLE.parse()?);
    let table: Table = client
        .request(request)
        .await
        .with_context(|| format!("the table of {resources}"))?;
    let shown: Vec<usize> = (0..table.column_definitions.len())
        .filter(|column| table.column_definitions[*column].priority == 0)
        .collect();
    let header: Vec<String> = shown
        .iter()
        .map(|column| table.column_definitions[*column].name.to_uppercase())
        .collect();
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| {
            shown
                .iter()
                .map(|column| text(row.cells.get(*column)))
                .collect()
        })
        .collect();
    screen.quote(&format!("$ kubectl -n {NAMESPACE} get {resources}"))?;
    Ok(screen.table(&header, &rows)?)
}

fn text(cell: Option<&Value>) -> String {
    match cell {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
