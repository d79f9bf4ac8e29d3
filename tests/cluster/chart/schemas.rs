//! The API server's own schemas, as kubeconform reads them: strict, one file for each group and version, and one for each kind
//! that points into it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use http::Request;
use kube::Client;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// What `/openapi/v3` lists.
#[derive(Deserialize)]
struct Index {
    paths: BTreeMap<String, Document>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "serverRelativeURL")]
    url: String,
}

/// Writes the schemas of all kinds that the API server knows into the folder.
pub async fn write(client: &Client, folder: &Path) -> anyhow::Result<()> {
    let index: Index = get(client, "/openapi/v3").await?;
    for (path, document) in index.paths {
        // Others have no kinds.
        let group_version: Vec<&str> = path.split('/').skip(1).collect();
        let (group, version) = match group_version[..] {
            [version] if path.starts_with("api/") => ("", version),
            [group, version] if path.starts_with("apis/") => (group, version),
            _ => continue,
        };
        // kubeconform calls the core group as its version is.
        let prefix = format!(
            "{}-{version}",
            if group.is_empty() { version } else { group }
        );
        // With its hash, a document that changed meanwhile is a redirection.
        let url = document.url.split('?').next().unwrap_or_default();
        let document: Value = get(client, url).await?;
        let mut components = document["components"].clone();
        let schemas = components["schemas"].as_object_mut();
        let schemas = schemas.with_context(|| format!("no schemas in {path}"))?;
        schemas.values_mut().for_each(make_strict);
        let file = format!("{prefix}.components.json");
        for (name, schema) in schemas.iter() {
            let kinds = schema["x-kubernetes-group-version-kind"].as_array();
            for of in kinds.into_iter().flatten() {
                if of["group"] == group && of["version"] == version {
                    let kind = of["kind"].as_str().context("a kind")?.to_lowercase();
                    let schema = json!({"$ref": format!("{file}#/components/schemas/{name}")});
                    let file = folder.join(format!("{prefix}-{kind}.json"));
                    fs::write(file, schema.to_string())?;
                }
            }
        }
        let document = json!({"components": components});
        fs::write(folder.join(&file), document.to_string())?;
    }
    Ok(())
}

async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> anyhow::Result<T> {
    let request = Request::get(path).body(Vec::new())?;
    client
        .request(request)
        .await
        .with_context(|| path.to_owned())
}

/// Lets no field in that the schema does not name.
fn make_strict(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    let keeps_unknown = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    if fields.contains_key("properties") && !keeps_unknown {
        fields.entry("additionalProperties").or_insert(json!(false));
    }
    for (name, below) in fields {
        match (name.as_str(), below) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(make_strict)
            }
            ("items" | "additionalProperties", below) => make_strict(below),
            _ => {}
        }
    }
}
