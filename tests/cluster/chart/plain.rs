//! `deploy/`, for people without Helm: the API server takes it, and an overlay changes it as its README says.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, ensure};
use gitops::Tools;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    helm::{documents, of_kind},
    rendering::dry_run,
};
use crate::{suite::Test, tests, world::World};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");

pub fn tests() -> Vec<Test> {
    tests![
        install_yaml_is_accepted_by_the_api_server,
        the_overlay_of_the_readme_changes_what_it_says_and_is_accepted,
    ]
}

async fn install_yaml_is_accepted_by_the_api_server(world: Arc<World>) -> anyhow::Result<()> {
    let text = fs::read_to_string(format!("{DEPLOY}/install.yaml"))?;
    let objects = documents(&text)?;
    let program = gitops::program(&gitops::to_stderr).await?;
    let tools = Tools::new(
        program,
        world.cluster.kubeconfig.clone(),
        world.namespace.clone(),
    );
    let built = documents(&tools.build_kustomization(Path::new(DEPLOY)).await?)?;
    ensure!(
        built.len() == objects.len(),
        "{} of {}",
        built.len(),
        objects.len()
    );
    for object in &objects {
        let mut expected = object.clone();
        make_whole(&mut expected);
        let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
        ensure!(
            built.contains(&expected),
            "the base has another {kind} {name}"
        );
    }
    all_accepted(&world, objects).await
}

/// Writes 1.0 as 1, as kustomize does.
fn make_whole(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Number(number) => {
            let text = number.to_string();
            let whole = text
                .strip_suffix(".0")
                .and_then(|text| text.parse::<i64>().ok());
            if let Some(whole) = whole {
                *value = json!(whole);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The namespace that they are for is not there.
async fn all_accepted(world: &World, objects: Vec<Value>) -> anyhow::Result<()> {
    for mut object in objects {
        if object["metadata"]["namespace"].is_string() {
            object["metadata"]["namespace"] = json!(world.namespace);
        }
        dry_run(world, &object).await?;
    }
    Ok(())
}

async fn the_overlay_of_the_readme_changes_what_it_says_and_is_accepted(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let readme = fs::read_to_string(format!("{DEPLOY}/README.md"))?;
    let (_, overlay) = readme.split_once("```yaml\n").context("an overlay")?;
    let (overlay, _) = overlay.split_once("```").context("its end")?;
    let folder = TempDir::new()?;
    for (path, text) in [
        (
            "deploy/install.yaml",
            fs::read_to_string(format!("{DEPLOY}/install.yaml"))?,
        ),
        (
            "deploy/kustomization.yaml",
            fs::read_to_string(format!("{DEPLOY}/kustomization.yaml"))?,
        ),
        ("overlay/kustomization.yaml", overlay.to_owned()),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        fs::write(path, text)?;
    }
    let program = gitops::program(&gitops::to_stderr).await?;
    let tools = Tools::new(
        program,
        world.cluster.kubeconfig.clone(),
        world.namespace.clone(),
    );
    let built = tools
        .build_kustomization(&folder.path().join("overlay"))
        .await?;
    let objects = documents(&built)?;

    let deployment = &of_kind(&objects, "Deployment")?["spec"];
    ensure!(deployment["replicas"] == 2, "{deployment}");
    let container = &deployment["template"]["spec"]["containers"][0];
    let image = container["image"].as_str().context("an image")?;
    ensure!(image.contains("@sha256:0123"), "{image}");
    let arguments = container["args"].as_array().context("arguments")?;
    ensure!(
        arguments.contains(&json!("--owner-id=production")),
        "{container}"
    );
    all_accepted(&world, objects).await
}
