//! That what the chart renders is taken by the API server, and that its definitions are those of the program.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    helm::{CHART, Helm, RELEASE, documents, of_kind, watching},
    values::OTHER_VALUES,
};
use crate::{release::apply_with, suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        the_chart_carries_the_version_and_the_definitions_of_the_program,
        the_definitions_are_installed_unchanged_and_stay_when_the_release_goes,
        helm_lint_finds_nothing,
        everything_rendered_is_accepted_by_the_api_server,
        the_objects_in_the_notes_are_accepted_by_the_api_server,
        the_pod_is_accepted_where_the_restricted_standard_is_enforced,
    ]
}

/// The texts of the files in a folder, by their names.
fn files(folder: impl AsRef<Path>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        all.insert(name, fs::read_to_string(entry.path())?);
    }
    Ok(all)
}

fn definitions() -> anyhow::Result<BTreeMap<String, String>> {
    files(concat!(env!("CARGO_MANIFEST_DIR"), "/crds"))
}

/// Lets the API server say what it would say to an object, down to fields that it does not know.
pub async fn dry_run(world: &World, object: &Value) -> anyhow::Result<()> {
    let params = PatchParams::apply("chart").dry_run().validation_strict();
    apply_with(&world.client, object, &params).await
}

async fn the_chart_carries_the_version_and_the_definitions_of_the_program(
    _: Arc<World>,
) -> anyhow::Result<()> {
    let chart: Value = serde_saphyr::from_str(&fs::read_to_string(format!("{CHART}/Chart.yaml"))?)?;
    ensure!(
        chart["appVersion"] == env!("CARGO_PKG_VERSION"),
        "appVersion in Chart.yaml is not the version in Cargo.toml"
    );
    ensure!(
        files(format!("{CHART}/files/crds"))? == definitions()?,
        "the chart's files/crds are not crds: run `make crds`"
    );
    Ok(())
}

async fn the_definitions_are_installed_unchanged_and_stay_when_the_release_goes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let is_definition = |object: &Value| object["kind"] == "CustomResourceDefinition";
    let mut rendered = helm.objects(&[]).await?;
    rendered.retain(is_definition);
    for text in definitions()?.values() {
        let mut definition: Value = serde_saphyr::from_str(text)?;
        definition["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
        let before = rendered.len();
        rendered.retain(|object| *object != definition);
        ensure!(rendered.len() + 1 == before, "not rendered: {definition}");
    }
    ensure!(rendered.is_empty(), "rendered as well: {rendered:?}");
    let without = helm.objects(&["crds.enabled=false"]).await?;
    ensure!(!without.iter().any(is_definition));
    Ok(())
}

async fn helm_lint_finds_nothing(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    helm.run(&["lint", "--strict", CHART], &[]).await?;
    helm.run(&["lint", "--strict", CHART], OTHER_VALUES).await?;
    Ok(())
}

async fn everything_rendered_is_accepted_by_the_api_server(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let here = watching(&[&world.namespace]);
    let secrets = json!([{"namespace": world.namespace, "names": ["logto-m2m"]}]);
    let secrets = format!("secrets={secrets}");
    let here = here.as_str();
    let all_changed = [OTHER_VALUES, &[here, &secrets, "delivery.secrets=false"]].concat();
    for (values, count) in [
        (&[][..], 23),
        (&[here, r#"ownerId="staging""#], 18),
        (&["crds.enabled=false"], 20),
        (&["crds.enabled=false", "delivery.secrets=true"], 22),
        (&["admission.enabled=false"], 15),
        (&["aggregatedRoles.enabled=false"], 20),
        (&["replicas=2", "networkPolicy.enabled=true"], 25),
        (&all_changed, 9),
    ] {
        let objects = helm.objects(values).await?;
        let kinds: Vec<&Value> = objects.iter().map(|object| &object["kind"]).collect();
        ensure!(objects.len() == count, "{values:?}: {kinds:?}");
        for object in &objects {
            dry_run(&world, object).await?;
        }
    }
    Ok(())
}

async fn the_objects_in_the_notes_are_accepted_by_the_api_server(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let command = ["install", RELEASE, CHART, "--dry-run=client"];
    let notes = helm.run(&command, &[]).await?;
    let (_, after) = notes.split_once("<<'EOF'\n").context("no example")?;
    let (example, _) = after.split_once("\nEOF\n").context("no end of it")?;
    let objects = documents(example)?;
    ensure!(objects.len() == 3, "{example}");
    for mut object in objects {
        object["metadata"]["namespace"] = json!(world.namespace);
        dry_run(&world, &object).await?;
    }
    Ok(())
}

async fn the_pod_is_accepted_where_the_restricted_standard_is_enforced(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let label =
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    namespaces
        .patch(
            &world.namespace,
            &PatchParams::default(),
            &Patch::Merge(label),
        )
        .await?;
    let objects = Helm::of(&world).await?.objects(&[]).await?;
    let mut pod = of_kind(&objects, "Deployment")?["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(RELEASE);
    pod["metadata"]["namespace"] = json!(world.namespace);
    dry_run(&world, &pod).await?;

    // The standard is enforced at all.
    pod["spec"]["containers"][0]["securityContext"] = json!({});
    let refused = dry_run(&world, &pod).await;
    ensure!(
        format!("{refused:?}").contains("PodSecurity"),
        "{refused:?}"
    );
    Ok(())
}
