//! What each value makes of the objects, where there is more to it than to put it in its place.

use std::sync::Arc;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::helm::{Helm, RELEASE, of_kind, watching};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        a_single_pod_never_keeps_a_node_from_being_drained,
        the_service_and_the_budget_select_the_pods_whatever_labels_are_added,
        a_network_policy_lets_in_and_out_what_the_operator_needs_and_nothing_else,
        nothing_is_cluster_wide_where_namespaces_are_listed,
        another_service_account_gets_all_rights_and_is_not_made,
        extra_objects_may_use_the_templates_of_the_chart,
        what_the_pod_is_given_arrives_in_it,
    ]
}

async fn a_single_pod_never_keeps_a_node_from_being_drained(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    for (values, expected) in [
        (&[][..], None),
        (&["replicas=0"], None),
        (&["replicas=2"], Some(json!(1))),
        (
            &["replicas=4", r#"podDisruptionBudget.maxUnavailable="50%""#],
            Some(json!("50%")),
        ),
        (&["replicas=2", "podDisruptionBudget.enabled=false"], None),
    ] {
        let objects = helm.objects(values).await?;
        let budget = of_kind(&objects, "PodDisruptionBudget").ok();
        let may_be_away = budget.map(|budget| budget["spec"]["maxUnavailable"].clone());
        ensure!(may_be_away == expected, "{values:?}: {budget:?}");
    }
    Ok(())
}

/// Whether all labels of a selector are on the pods.
fn selects(selector: &Value, pod_labels: &Value) -> bool {
    let labels = selector.as_object().into_iter().flatten();
    let mut all = labels.map(|(name, value)| pod_labels.get(name) == Some(value));
    selector
        .as_object()
        .is_some_and(|labels| !labels.is_empty())
        && all.all(|is_there| is_there)
}

async fn the_service_and_the_budget_select_the_pods_whatever_labels_are_added(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let values = [
        "replicas=2",
        "networkPolicy.enabled=true",
        "listen.port=9090",
        r#"podLabels={"team": "identity"}"#,
    ];
    let objects = helm.objects(&values).await?;
    let pod = &of_kind(&objects, "Deployment")?["spec"]["template"];
    let labels = &pod["metadata"]["labels"];
    ensure!(labels["team"] == "identity", "{labels}");
    let service = &of_kind(&objects, "Service")?["spec"];
    let budget = &of_kind(&objects, "PodDisruptionBudget")?["spec"];
    let policy = &of_kind(&objects, "NetworkPolicy")?["spec"];
    for selector in [
        &service["selector"],
        &budget["selector"]["matchLabels"],
        &policy["podSelector"]["matchLabels"],
    ] {
        ensure!(selects(selector, labels), "{selector} is not on {labels}");
    }
    let port = &service["ports"][0];
    let container = &pod["spec"]["containers"][0]["ports"][0];
    ensure!(port["name"] == "http" && port["port"] == 9090, "{port}");
    ensure!(port["targetPort"] == container["name"] && container["containerPort"] == 9090);
    Ok(())
}

async fn a_network_policy_lets_in_and_out_what_the_operator_needs_and_nothing_else(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    ensure!(of_kind(&helm.objects(&[]).await?, "NetworkPolicy").is_err());

    let objects = helm.objects(&["networkPolicy.enabled=true"]).await?;
    let policy = &of_kind(&objects, "NetworkPolicy")?["spec"];
    let tcp = |port: u16| json!({"protocol": "TCP", "port": port});
    let names = json!([{"protocol": "UDP", "port": 53}, tcp(53)]);
    ensure!(
        policy["policyTypes"] == json!(["Ingress", "Egress"]),
        "{policy}"
    );
    ensure!(
        policy["ingress"] == json!([{"ports": [{"protocol": "TCP", "port": "http"}]}]),
        "{policy}"
    );
    ensure!(
        policy["egress"]
            == json!([{"ports": names}, {"ports": [tcp(443), tcp(6443)]}, {"ports": [tcp(443)]}]),
        "{policy}"
    );

    let monitoring =
        r#"networkPolicy.metricsFrom=[{"podSelector": {"matchLabels": {"app": "prometheus"}}}]"#;
    let values = [
        "networkPolicy.enabled=true",
        monitoring,
        r#"networkPolicy.logto={"ports": [3001], "to": [{"podSelector": {"matchLabels": {"app": "logto"}}}]}"#,
        r#"networkPolicy.extraEgress=[{"ports": [{"protocol": "TCP", "port": 4317}]}]"#,
    ];
    let objects = helm.objects(&values).await?;
    let policy = &of_kind(&objects, "NetworkPolicy")?["spec"];
    let peer = |app: &str| json!([{"podSelector": {"matchLabels": {"app": app}}}]);
    ensure!(
        policy["ingress"][0]["from"] == peer("prometheus"),
        "{policy}"
    );
    ensure!(
        policy["egress"][2] == json!({"ports": [tcp(3001)], "to": peer("logto")}),
        "{policy}"
    );
    ensure!(
        policy["egress"][3] == json!({"ports": [tcp(4317)]}),
        "{policy}"
    );
    Ok(())
}

async fn nothing_is_cluster_wide_where_namespaces_are_listed(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let namespaces = ["shop", "billing"];
    let values = [
        &watching(&namespaces),
        r#"ownerId="staging""#,
        // Those two are objects of the cluster, whoever installs them.
        "crds.enabled=false",
        "admission.enabled=false",
    ];
    let objects = helm.objects(&values).await?;
    for object in &objects {
        ensure!(object["metadata"]["namespace"].is_string(), "{object}");
    }
    for kind in ["Role", "RoleBinding"] {
        let of_kind = objects.iter().filter(|object| object["kind"] == kind);
        let mut found: Vec<&Value> = of_kind
            .map(|object| &object["metadata"]["namespace"])
            .collect();
        found.retain(|namespace| **namespace != world.namespace);
        ensure!(found == namespaces, "{kind} in {found:?}");
    }
    let pod = &of_kind(&objects, "Deployment")?["spec"]["template"]["spec"];
    let arguments = &pod["containers"][0]["args"];
    let argument = json!("--watch-namespace=shop,billing");
    ensure!(
        arguments
            .as_array()
            .is_some_and(|all| all.contains(&argument)),
        "{arguments}"
    );
    Ok(())
}

async fn another_service_account_gets_all_rights_and_is_not_made(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    for (create, count) in [("true", 1), ("false", 0)] {
        let create = format!("serviceAccount.create={create}");
        let objects = helm
            .objects(&[&create, r#"serviceAccount.name="operator""#])
            .await?;
        let accounts = objects
            .iter()
            .filter(|object| object["kind"] == "ServiceAccount");
        ensure!(accounts.count() == count, "{create}");
        let pod = &of_kind(&objects, "Deployment")?["spec"]["template"]["spec"];
        ensure!(pod["serviceAccountName"] == "operator", "{pod}");
        let subjects: Vec<&Value> = objects
            .iter()
            .filter_map(|object| object.get("subjects"))
            .collect();
        let account =
            json!([{"kind": "ServiceAccount", "name": "operator", "namespace": world.namespace}]);
        ensure!(subjects.len() == 3, "{subjects:?}");
        ensure!(
            subjects.iter().all(|subject| **subject == account),
            "{subjects:?}"
        );
    }
    Ok(())
}

async fn extra_objects_may_use_the_templates_of_the_chart(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let object = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": r#"{{ include "logto-hasura.name" . }}-one"#},
    });
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Namespace }}\"}\n";
    let value = format!("extraObjects={}", json!([object, text]));
    let objects = helm.objects(&[&value]).await?;
    let secret = of_kind(&objects, "Secret")?;
    ensure!(
        secret["metadata"]["name"] == format!("{RELEASE}-one"),
        "{secret}"
    );
    let config_map = of_kind(&objects, "ConfigMap")?;
    ensure!(
        config_map["metadata"]["name"] == world.namespace,
        "{config_map}"
    );
    Ok(())
}

async fn what_the_pod_is_given_arrives_in_it(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let environment =
        json!([{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4317"}]);
    let spread = json!([{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/instance": RELEASE}},
    }]);
    let values = [
        format!("extraEnv={environment}"),
        format!("topologySpreadConstraints={spread}"),
        r#"podAnnotations={"example.com/note": "7"}"#.to_owned(),
        r#"priorityClassName="system-cluster-critical""#.to_owned(),
    ];
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let objects = helm.objects(&values).await?;
    let pod = &of_kind(&objects, "Deployment")?["spec"]["template"];
    let containers = pod["spec"]["containers"].as_array().context("containers")?;
    ensure!(
        containers.len() == 1 && containers[0]["env"] == environment,
        "{pod}"
    );
    ensure!(pod["spec"]["topologySpreadConstraints"] == spread, "{pod}");
    ensure!(
        pod["spec"]["priorityClassName"] == "system-cluster-critical",
        "{pod}"
    );
    ensure!(
        pod["metadata"]["annotations"] == json!({"example.com/note": "7"}),
        "{pod}"
    );
    Ok(())
}
