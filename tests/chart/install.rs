//! `deploy/install.yaml`: the chart as it is by default, for people without Helm.

use serde_json::{Value, json};

use crate::{check, helm::template};

const HEAD: &str = "\
# The operator for all namespaces, as the Helm chart renders it with its own values; `make chart` writes this file anew.
# What can be changed, and how: README.md in this folder.
apiVersion: v1
kind: Namespace
metadata:
  name: logto-hasura
";

/// What only Helm understands.
const HELMS: [&str; 3] = [
    "# Source: ",
    "app.kubernetes.io/managed-by: Helm",
    "helm.sh/chart: ",
];

const KEPT: &str = "  annotations:\n    helm.sh/resource-policy: keep\n";

#[tokio::test]
async fn install_yaml_is_what_the_chart_renders() {
    let rendered = template(None).await.unwrap();
    check("deploy/install.yaml", &without_helm(&rendered));
}

/// The objects without what only Helm understands.
fn without_helm(rendered: &str) -> String {
    let is_helms = |line: &&str| {
        HELMS
            .iter()
            .any(|helms| line.trim_start().starts_with(helms))
    };
    let lines = rendered.lines().filter(|line| !is_helms(line));
    // Helm puts an empty line at the end of an object, and the definitions begin with a separator of their own.
    let lines = lines.filter(|line| !line.is_empty() && *line != "---");
    let mut text = HEAD.to_owned();
    for line in lines {
        if line.starts_with("apiVersion: ") {
            text.push_str("---\n");
        }
        text.push_str(line);
        text.push('\n');
    }
    text.replace(KEPT, "")
}

#[tokio::test]
async fn install_yaml_has_all_objects_of_the_chart_and_nothing_of_helm() {
    let rendered = template(None).await.unwrap();
    let text = without_helm(&rendered);
    assert!(!text.to_lowercase().contains("helm.sh"), "{text}");
    let mut expected = objects(&rendered);
    expected.iter_mut().for_each(take_out_helms);
    assert_eq!(objects(&text)[1..], expected);
}

fn objects(yaml: &str) -> Vec<Value> {
    let mut all: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    all.retain(|object| !object.is_null());
    all
}

fn take_out_helms(value: &mut Value) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    for helms in [
        "app.kubernetes.io/managed-by",
        "helm.sh/chart",
        "helm.sh/resource-policy",
    ] {
        fields.remove(helms);
    }
    fields.values_mut().for_each(take_out_helms);
    fields.retain(|name, value| name != "annotations" || *value != json!({}));
}
