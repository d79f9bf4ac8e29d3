//! The chart with many values at once: Helm 4 and Helm 3 lint it and render the same, and kubeconform has nothing against it.

use std::{fs, sync::Arc};

use anyhow::{Context, ensure};
use gitops::Tools;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    helm::{CHART, Helm, documents},
    schemas,
    values::OTHER_VALUES,
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        both_helms_render_the_same_whatever_the_values_and_every_object_is_strictly_valid,
        a_field_that_no_schema_has_and_a_key_that_is_there_twice_are_found,
    ]
}

/// Choices that change which objects there are; each is tried with each of the others.
const CHOICES: [&[&[&str]]; 4] = [
    &[
        &["crds.enabled=false"],
        &[
            "crds.enabled=false",
            r#"ownerId="staging""#,
            r#"watchNamespaces=["shop", "billing"]"#,
        ],
    ],
    &[
        &[],
        &[r#"secrets=[{"namespace": "shop", "names": ["logto-m2m"], "delivered": ["shop-auth"]}]"#],
        &[
            "delivery.secrets=true",
            "delivery.configMaps=true",
            "replacedScripts=true",
        ],
    ],
    &[&[], &["replicas=2"], &["leaderElection.enabled=false"]],
    &[&[], &["networkPolicy.enabled=true"]],
];

/// Values that [`CHOICES`] has already.
const CHOSEN: [&str; 8] = [
    "crds",
    "ownerId",
    "watchNamespaces",
    "secrets",
    "delivery",
    "replacedScripts",
    "replicas",
    "leaderElection",
];

/// The chart as it is, the choices, and all other values changed, cluster-wide and not.
fn matrix() -> Vec<Vec<&'static str>> {
    let mut choices: Vec<Vec<&str>> = vec![Vec::new()];
    for choice in CHOICES {
        let with = |values: &Vec<&'static str>| {
            let with = |more: &&[&'static str]| [values, *more].concat();
            choice.iter().map(with).collect::<Vec<_>>()
        };
        choices = choices.iter().flat_map(with).collect();
    }
    let is_chosen = |value: &&str| {
        let name = value.split(['.', '=']).next().unwrap_or_default();
        CHOSEN.contains(&name)
    };
    let others = OTHER_VALUES.iter().copied();
    let others: Vec<&str> = others.filter(|value| !is_chosen(value)).collect();
    let changed = |choice: &&[&'static str]| [*choice, &others].concat();
    let changed = CHOICES[0].iter().map(changed).collect();
    [vec![Vec::new()], choices, changed].concat()
}

/// The values as a file has them.
fn file_of(values: &[&str]) -> anyhow::Result<Value> {
    let mut file = json!({});
    for value in values {
        let (key, value) = value.split_once('=').context("key=value")?;
        let place = key
            .split('.')
            .fold(&mut file, |place, name| &mut place[name]);
        *place = serde_json::from_str(value)?;
    }
    Ok(file)
}

/// The tools, and a folder with the schemas of the API server.
async fn bed(world: &World) -> anyhow::Result<(Tools, TempDir)> {
    let program = gitops::program(&gitops::to_stderr).await?;
    let kubeconfig = world.cluster.kubeconfig.clone();
    let folder = TempDir::new()?;
    fs::create_dir(folder.path().join("schemas"))?;
    schemas::write(&world.client, &folder.path().join("schemas")).await?;
    Ok((
        Tools::new(program, kubeconfig, world.namespace.clone()),
        folder,
    ))
}

async fn both_helms_render_the_same_whatever_the_values_and_every_object_is_strictly_valid(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let (tools, folder) = bed(&world).await?;
    let at = |name: &str| folder.path().join(name);
    let matrix = matrix();
    for values in &matrix {
        helm.run(&["lint", "--strict", CHART], values).await?;
        let text = helm.template(values).await?;
        let objects = documents(&text)?;
        fs::write(at("values.json"), file_of(values)?.to_string())?;
        let by_helm3 = tools
            .render_by_helm3(CHART.as_ref(), &at("values.json"))
            .await
            .with_context(|| format!("{values:?}"))?;
        ensure!(
            documents(&by_helm3)? == objects,
            "Helm 3 renders something else: {values:?}"
        );

        fs::write(at("objects.yaml"), text)?;
        let found = tools.conform(&at("objects.yaml"), &at("schemas")).await?;
        ensure!(
            found.problems.is_empty(),
            "{values:?}: {:#?}",
            found.problems
        );
        ensure!(found.checked == objects.len(), "{values:?}: {found:?}");
    }
    ensure!(matrix.len() > 35, "{} sets of values", matrix.len());
    Ok(())
}

async fn a_field_that_no_schema_has_and_a_key_that_is_there_twice_are_found(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let (tools, folder) = bed(&world).await?;
    let helm = Helm::of(&world).await?;
    let text = helm.template(&["crds.enabled=false"]).await?;
    let file = folder.path().join("objects.yaml");
    for (found, replaced, named) in [
        (
            "readOnlyRootFilesystem: true",
            "readOnlyRoot: true",
            "readOnlyRoot",
        ),
        (
            "clusterIP: None",
            "clusterIP: None\n  clusterIP: None",
            "clusterIP",
        ),
        (
            "containerPort: 8080",
            "containerPort: http",
            "containerPort",
        ),
        ("kind: Service\n", "kind: Servise\n", "schema"),
    ] {
        ensure!(text.contains(found), "{found} is not rendered");
        fs::write(&file, text.replace(found, replaced))?;
        let schemas = folder.path().join("schemas");
        let said = tools.conform(&file, &schemas).await?.problems;
        ensure!(
            said.len() == 1 && said[0].contains(named),
            "{replaced}: {said:?}"
        );
    }
    Ok(())
}
