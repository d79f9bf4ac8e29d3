//! Every YAML block of every page, tried on the API server.

use std::{collections::BTreeSet, fs, sync::Arc};

use anyhow::{Context, ensure};
use control_plane::{
    programs::{self, Sources},
    progress,
};
use kube::api::PatchParams;
use pages::{Block, Page};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{release::apply_with, suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![every_manifest_of_the_pages_is_accepted_by_the_api_server]
}

/// Kinds of other tools, which are not installed here: read as YAML, and not applied.
const FOREIGN: [&str; 2] = ["Application", "Kustomization"];

async fn every_manifest_of_the_pages_is_accepted_by_the_api_server(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let (mut foreign, mut tried, mut rendered) = (BTreeSet::new(), 0, 0);
    for page in pages::all()? {
        for block in page.blocks() {
            if block.language != "yaml" {
                continue;
            }
            let at = format!("{}:{}", page.path.display(), block.line);
            for (kind, document) in documents(&page, &block).context(at.clone())? {
                if kind == VALUES {
                    render(&world, &document).await.context(at.clone())?;
                    rendered += 1;
                } else if FOREIGN.contains(&kind.as_str()) {
                    foreign.insert(kind);
                } else {
                    let object = whole(&world, &kind, document).context(at.clone())?;
                    dry_run(&world, object).await.context(at.clone())?;
                    tried += 1;
                }
            }
        }
    }
    ensure!(foreign.iter().eq(FOREIGN.iter()), "only {foreign:?}");
    ensure!(tried >= 5 && rendered >= 1, "{tried}, {rendered}");
    Ok(())
}

/// What stands for a kind where a block has values of the chart.
const VALUES: &str = "values";

/// The documents of a block, each with its kind: the one that it says, or that its first line names. In the chart's own
/// pages all others are values.
fn documents(page: &Page, block: &Block) -> anyhow::Result<Vec<(String, Value)>> {
    let texts = block.text.split("\n---\n");
    texts
        .map(|text| {
            let document: Value = serde_saphyr::from_str(text)?;
            let title = text.trim_start().strip_prefix("# ");
            let said = title.map(|title| title.split(|c: char| !c.is_alphanumeric()));
            let kind = match document["kind"].as_str() {
                Some(kind) => kind,
                None if page.path.starts_with("charts") => VALUES,
                None => said
                    .and_then(|mut words| words.next())
                    .context("a part of an object begins with a comment that names the kind")?,
            };
            Ok((kind.to_owned(), document.clone()))
        })
        .collect()
}

/// The object that a reader has when he puts a part of one into his own.
fn whole(world: &World, kind: &str, document: Value) -> anyhow::Result<Value> {
    if document["apiVersion"].is_string() {
        return Ok(document);
    }
    let mut object = match kind {
        "LogtoTenant" => world.tenant(),
        "HasuraInstance" => world.instance(),
        "HasuraRoleBinding" => world.binding("user-reader", "user:reader", "read:user"),
        _ => anyhow::bail!("a part of a {kind}, which is neither ours nor among FOREIGN"),
    };
    merge(&mut object, document);
    Ok(object)
}

/// Lets the chart take values; one that it does not know is refused.
async fn render(world: &World, values: &Value) -> anyhow::Result<()> {
    let helm = programs::find_helm(&Sources::from_env()?, &progress::to_stderr).await?;
    let file = world.folder.path().join("values.json");
    fs::write(&file, values.to_string())?;
    let output = Command::new(helm)
        .args([
            "template",
            "logto-hasura",
            "charts/logto-hasura",
            "--values",
        ])
        .arg(file)
        .current_dir(pages::root())
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(())
}

fn merge(object: &mut Value, part: Value) {
    match (object, part) {
        (Value::Object(fields), Value::Object(parts)) => {
            for (name, part) in parts {
                merge(fields.entry(name).or_insert(Value::Null), part);
            }
        }
        (object, part) => *object = part,
    }
}

/// Lets the API server say what it would say to an object, down to fields that it does not know.
async fn dry_run(world: &World, mut object: Value) -> anyhow::Result<()> {
    object["metadata"]["namespace"] = json!(world.namespace);
    let params = PatchParams::apply("reader").dry_run().validation_strict();
    apply_with(&world.client, &object, &params).await
}
