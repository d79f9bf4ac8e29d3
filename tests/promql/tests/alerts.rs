//! The chart's alerts, as Prometheus evaluates them.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use promql::Prometheus;
use serde::Deserialize;

const RULES: &str = "../../charts/logto-hasura/files/alerts.yaml";
const RUNBOOKS: &str = "../../docs/runbooks.md";
const PUBLISHED: &str = "https://github.com/logto-hasura/logto-hasura/blob/main/docs/runbooks.md#";

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    alert: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn alerts() -> Vec<Alert> {
    let text = fs::read_to_string(file(RULES)).unwrap();
    let rules: Rules = serde_saphyr::from_str(&text).unwrap();
    let groups = rules.groups.into_iter();
    groups.flat_map(|group| group.rules).collect()
}

async fn prometheus() -> Prometheus {
    Prometheus::new(&promql::to_stderr).await.unwrap()
}

#[tokio::test]
async fn a_prometheus_starts_with_the_rules() {
    prometheus().await.check_rules(&file(RULES)).await.unwrap();
}

#[tokio::test]
async fn each_alert_fires_when_it_should_and_is_silent_when_it_should_not() {
    let outcomes = prometheus()
        .await
        .alerts(&file(RULES), &file("alerts.yaml"))
        .await
        .unwrap();
    let wrong: Vec<_> = outcomes
        .iter()
        .filter(|case| case.wrong.is_some())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for Alert { alert, .. } in alerts() {
        let cases = || outcomes.iter().filter(|case| case.alert == alert);
        assert!(cases().any(|case| case.fired > 0), "no case fires {alert}");
        assert!(
            cases().any(|case| case.fired == 0),
            "no case of {alert} is silent"
        );
    }
}

#[tokio::test]
async fn a_case_that_goes_otherwise_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases.yaml");
    let text = fs::read_to_string(file("alerts.yaml")).unwrap();
    fs::write(&cases, text.replace("severity: critical", "severity: none")).unwrap();
    let outcomes = prometheus()
        .await
        .alerts(&file(RULES), &cases)
        .await
        .unwrap();
    let wrong = |alert: &str| {
        let mut cases = outcomes.iter().filter(|case| case.alert == alert);
        cases.any(|case| case.wrong.is_some())
    };
    assert!(
        wrong("LogtoHasuraAbsent") && !wrong("LogtoHasuraLeftBehind"),
        "{outcomes:#?}"
    );
}

#[test]
fn each_alert_leads_to_its_section_of_the_runbooks() {
    let runbooks = fs::read_to_string(file(RUNBOOKS)).unwrap();
    let sections: Vec<&str> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let mut names = Vec::new();
    for Alert {
        alert,
        labels,
        annotations,
    } in alerts()
    {
        let known = ["critical", "warning"];
        assert!(
            known.contains(&labels["severity"].as_str()),
            "{alert}: {labels:?}"
        );
        for text in ["summary", "description"] {
            assert!(!annotations[text].is_empty(), "{alert} has no {text}");
        }
        let address = format!("{PUBLISHED}{}", alert.to_lowercase());
        assert_eq!(annotations["runbook_url"], address);
        names.push(alert);
    }
    assert_eq!(sections, names);
}
