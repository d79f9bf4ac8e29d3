//! What the chart renders for who watches the operator. The kinds of the Prometheus operator are not in this control plane,
//! so they are looked at as they are rendered.

use std::{fs, sync::Arc};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::helm::{CHART, Helm, of_kind};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        nothing_is_rendered_for_monitoring_unless_it_is_asked_for,
        the_rule_holds_the_alerts_as_they_are_tested,
        the_monitor_finds_the_port_of_the_pods,
        the_dashboard_is_one_that_grafana_takes_up,
        what_monitoring_does_not_know_is_refused,
    ]
}

const RULE: &str = "monitoring.prometheusRule.enabled=true";
const MONITOR: &str = "monitoring.serviceMonitor.enabled=true";
const DASHBOARD: &str = "monitoring.dashboard.enabled=true";

async fn nothing_is_rendered_for_monitoring_unless_it_is_asked_for(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let before = helm.objects(&[]).await?;
    for (value, kind) in [
        (RULE, "PrometheusRule"),
        (MONITOR, "ServiceMonitor"),
        (DASHBOARD, "ConfigMap"),
    ] {
        let mut after = helm.objects(&[value]).await?;
        after.retain(|object| !before.contains(object));
        ensure!(after.len() == 1 && after[0]["kind"] == kind, "{after:?}");
        let part = value.trim_end_matches(".enabled=true");
        let label = format!(r#"{part}.labels={{"release": "metrics"}}"#);
        let labelled = helm.objects(&[value, &label]).await?;
        let object = of_kind(&labelled, kind)?;
        let labels = &object["metadata"]["labels"];
        ensure!(labels["release"] == "metrics", "{labels}");
        ensure!(
            labels["app.kubernetes.io/name"] == "logto-hasura",
            "{labels}"
        );
    }
    Ok(())
}

async fn the_rule_holds_the_alerts_as_they_are_tested(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let objects = helm.objects(&[RULE]).await?;
    let alerts: Value =
        serde_saphyr::from_str(&fs::read_to_string(format!("{CHART}/files/alerts.yaml"))?)?;
    ensure!(of_kind(&objects, "PrometheusRule")?["spec"] == alerts);
    Ok(())
}

async fn the_monitor_finds_the_port_of_the_pods(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let values = [MONITOR, r#"monitoring.serviceMonitor.interval="15s""#];
    let objects = helm.objects(&values).await?;
    let spec = &of_kind(&objects, "ServiceMonitor")?["spec"];
    let deployment = &of_kind(&objects, "Deployment")?["spec"];
    ensure!(
        spec["selector"]["matchLabels"] == deployment["selector"]["matchLabels"],
        "{spec}"
    );
    ensure!(
        spec["namespaceSelector"] == json!({"matchNames": [world.namespace]}),
        "{spec}"
    );
    let endpoint = json!([{"port": "http", "path": "/metrics", "interval": "15s"}]);
    ensure!(spec["endpoints"] == endpoint, "{spec}");
    let ports = &deployment["template"]["spec"]["containers"][0]["ports"];
    ensure!(ports[0]["name"] == "http", "{ports}");
    Ok(())
}

async fn the_dashboard_is_one_that_grafana_takes_up(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let objects = helm.objects(&[DASHBOARD]).await?;
    let map = of_kind(&objects, "ConfigMap")?;
    ensure!(
        map["metadata"]["labels"]["grafana_dashboard"] == "1",
        "{}",
        map["metadata"]
    );
    let text = map["data"]["logto-hasura.json"]
        .as_str()
        .context("its text")?;
    let file = fs::read_to_string(format!("{CHART}/files/dashboard.json"))?;
    let (rendered, written): (Value, Value) =
        (serde_json::from_str(text)?, serde_json::from_str(&file)?);
    ensure!(rendered == written);
    Ok(())
}

async fn what_monitoring_does_not_know_is_refused(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    for (value, named) in [
        ("monitoring.enabled=true", "enabled"),
        ("monitoring.prometheusRule.rules=[]", "rules"),
        (r#"monitoring.serviceMonitor.interval="soon""#, "interval"),
        (r#"monitoring.dashboard.labels={"folder": 1}"#, "labels"),
    ] {
        let refused = helm.template(&[value]).await.err();
        let said = refused.with_context(|| format!("{value} was taken"))?;
        ensure!(said.to_string().contains(named), "{value}: {said:#}");
    }
    Ok(())
}
