use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[derive(Debug)]
struct Three;

impl Census for Three {
    fn count(&self) -> Count {
        let mut count = Count::default();
        for ready in ["True", "True", "False"] {
            let reason = if ready == "True" {
                "Succeeded"
            } else {
                "Progressing"
            };
            count.object("HasuraRoleBinding", ready, reason);
        }
        count.tenant("logto/main", Some(false));
        count.tenant("logto/suspended", None);
        count
    }
}

fn lines(metrics: &Metrics, name: &str) -> Vec<String> {
    let text = metrics.text();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_dashboard_of_controllers_finds_the_names_that_it_knows() {
    let metrics = Metrics::default();
    metrics.controller("tenant", 16);
    metrics.begins("tenant");
    assert_eq!(
        lines(&metrics, "controller_runtime_active_workers"),
        [r#"controller_runtime_active_workers{controller="tenant"} 1"#]
    );
    metrics.reconciled("tenant", "error", Duration::from_millis(30));
    metrics.leads("logto-hasura", true);
    let text = metrics.text();
    for line in [
        r#"controller_runtime_reconcile_total{controller="tenant",result="error"} 1"#,
        r#"controller_runtime_reconcile_errors_total{controller="tenant"} 1"#,
        r#"controller_runtime_reconcile_time_seconds_count{controller="tenant"} 1"#,
        r#"controller_runtime_active_workers{controller="tenant"} 0"#,
        r#"controller_runtime_max_concurrent_reconciles{controller="tenant"} 16"#,
        r#"workqueue_depth{name="tenant"} 0"#,
        r#"workqueue_retries_total{name="tenant"} 0"#,
        r#"leader_election_master_status{name="logto-hasura"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn the_series_of_a_tenant_go_with_it() {
    let metrics = Metrics::default();
    for tenant in ["logto/main", "logto/suspended", "logto/gone"] {
        metrics.waited(tenant, Duration::from_millis(1));
        metrics.wrote_script(tenant);
        for (outcome, code) in [("ok", Some(200)), ("retry", None)] {
            metrics.requested(tenant, ("list_roles", outcome), code, Duration::ZERO);
        }
    }
    metrics.take_census_of(Arc::new(Three));
    assert!(!metrics.text().contains("logto/gone"), "{}", metrics.text());
    // What is given back after its object is gone.
    metrics.wrote_script("logto/gone");
    assert!(!metrics.text().contains("logto/gone"), "{}", metrics.text());
    assert_eq!(
        lines(&metrics, "logto_hasura_logto_requests_total").len(),
        4
    );
    let kept = r#"logto_hasura_logto_requests_total{tenant="logto/main",operation="list_roles",outcome="retry",code="none"} 1"#;
    assert!(metrics.text().contains(kept), "{}", metrics.text());
}

#[test]
fn objects_are_counted_anew_each_time_somebody_asks() {
    let metrics = Metrics::default();
    assert!(lines(&metrics, "logto_hasura_objects{").is_empty());
    metrics.take_census_of(Arc::new(Three));
    for _ in 0..2 {
        let mut objects = lines(&metrics, "logto_hasura_objects{");
        objects.sort();
        assert_eq!(
            objects,
            [
                r#"logto_hasura_objects{kind="HasuraRoleBinding",ready="False",reason="Progressing"} 1"#,
                r#"logto_hasura_objects{kind="HasuraRoleBinding",ready="True",reason="Succeeded"} 2"#,
            ]
        );
        assert_eq!(
            lines(&metrics, "logto_hasura_logto_connected"),
            [r#"logto_hasura_logto_connected{tenant="logto/main"} 0"#]
        );
    }
}

#[test]
fn reasons_that_somebody_makes_up_bring_no_more_series_than_there_may_be() {
    let mut count = Count::default();
    for number in 0..1000 {
        count.object("LogtoTenant", "False", &format!("Reason{number}"));
    }
    count.object("LogtoTenant", "False", "Reason7");
    assert_eq!(count.objects.len(), 200);
    let at = ("LogtoTenant", "False".to_owned(), "Reason7".to_owned());
    assert_eq!(count.objects[&at], 2);
}

#[test]
fn what_an_alert_waits_for_is_there_before_it_happens() {
    let metrics = Metrics::default();
    for kind in ["LogtoTenant", "HasuraInstance", "HasuraRoleBinding"] {
        let before = format!(r#"logto_hasura_events_total{{kind="{kind}",reason="LeftBehind"}} 0"#);
        assert!(metrics.text().contains(&before), "{}", metrics.text());
        metrics.happened(kind, "LeftBehind");
        let after = before.replace("} 0", "} 1");
        assert!(metrics.text().contains(&after), "{}", metrics.text());
    }
    let watched = lines(&metrics, "logto_hasura_watch_failures_total");
    assert_eq!(watched.len(), 5, "{watched:?}");
}

/// Type and labels by name.
type Shown = BTreeMap<String, (String, BTreeSet<String>)>;

/// All that Metrics can print.
fn printed() -> Shown {
    let metrics = Metrics::default();
    metrics.take_census_of(Arc::new(Three));
    metrics.controller("tenant", 16);
    metrics.begins("tenant");
    metrics.reconciled("tenant", "success", Duration::ZERO);
    metrics.leads("logto-hasura", true);
    metrics.waited("logto/main", Duration::ZERO);
    metrics.wrote_script("logto/main");
    let request = ("list_roles", "ok");
    metrics.requested("logto/main", request, Some(200), Duration::ZERO);

    let text = metrics.text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| {
            let (name, type_) = line.split_once(' ').expect("a name and a type");
            let (shown, sample) = match type_ {
                "counter" => (format!("{name}_total"), format!("{name}_total")),
                "info" => (format!("{name}_info"), format!("{name}_info")),
                "histogram" => (name.to_owned(), format!("{name}_count")),
                _ => (name.to_owned(), name.to_owned()),
            };
            let labels = text
                .lines()
                .find_map(|line| {
                    line.strip_prefix(&sample)?
                        .strip_prefix('{')?
                        .split_once('}')
                })
                .map(|(labels, _)| labels.split("\",").filter_map(|pair| pair.split_once('=')));
            let names = labels
                .into_iter()
                .flatten()
                .map(|(name, _)| name.to_owned());
            (shown, (type_.to_owned(), names.collect()))
        })
        .collect()
}

/// All that the page lists.
fn documented() -> Shown {
    include_str!("../../docs/metrics.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, type_, labels, meaning] = cells[..] else {
                return None;
            };
            assert!(!meaning.is_empty(), "{name} has no meaning");
            let labels = labels
                .split(", ")
                .map(|label| label.trim_matches('`').to_owned());
            let name = name.trim_matches('`').to_owned();
            Some((name, (type_.to_owned(), labels.collect())))
        })
        .collect()
}

#[test]
fn the_page_about_metrics_lists_each_with_its_type_and_labels() {
    assert_eq!(documented(), printed());
}
