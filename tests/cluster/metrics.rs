//! What `/metrics` shows of what happened, and that each query of the dashboard finds something in it.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, ensure};
use logto_emulator::{Fault, FaultRule};
use logto_hasura::api::{HasuraRoleBinding, LogtoTenant};
use promql::Prometheus;
use serde_json::json;

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        metrics_count_what_happened_and_the_dashboard_shows_it,
        a_suspended_tenant_does_not_count_as_disconnected,
    ]
}

const DASHBOARD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/charts/logto-hasura/files/dashboard.json"
);

impl World {
    /// Waits until `/metrics` has a line; gives all of it.
    async fn shown(&self, line: &str) -> anyhow::Result<String> {
        self.until(&format!("the metric {line}"), || async {
            let text = self.metrics().await?;
            Ok(text.lines().any(|shown| shown == line).then_some(text))
        })
        .await
    }

    fn scrape(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

/// The values of all series of a metric with these labels, summed.
fn total(text: &str, name: &str, labels: &str) -> u64 {
    let values = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let rest = series.strip_prefix(name)?;
        (rest.starts_with('{') && rest.contains(labels)).then(|| value.parse::<u64>().ok())?
    });
    values.sum()
}

/// Whether the counts of objects are these, and no others.
fn objects(text: &str) -> Vec<&str> {
    let lines = text.lines();
    let mut found: Vec<_> = lines
        .filter_map(|line| line.strip_prefix("logto_hasura_objects"))
        .collect();
    found.sort_unstable();
    found
}

/// Somebody edits a role in Logto, and the binding is read again.
async fn drift_is_mended(world: &World) -> anyhow::Result<()> {
    let logto = world.logto.tenant();
    let role = logto.role_by_name("user:reader").context("the role")?;
    logto.edit_role(&role.id, |role| role.name = "renamed by hand".to_owned())?;
    world
        .ask_for_reconcile::<HasuraRoleBinding>("user-reader")
        .await?;
    world.event("user-reader", "DriftCorrected").await?;
    Ok(())
}

/// A binding wants a scope that somebody made by hand.
async fn a_conflict_is_found(world: &World) -> anyhow::Result<()> {
    let logto = world.logto.tenant();
    let mut resources = logto.resources().into_iter();
    let ours = resources.find(|resource| resource.indicator == INDICATOR);
    logto.create_scope(&ours.context("the resource")?.id, "by:hand", None)?;
    world
        .apply::<HasuraRoleBinding>(world.binding("taken", "user:taken", "by:hand"))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("taken", "ScopeConflict")
        .await?;
    Ok(())
}

async fn metrics_count_what_happened_and_the_dashboard_shows_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--leader-elect", "--lease-namespace", &world.namespace])?;
    // So that there is an answer that is not good.
    let unwell = FaultRule::new("GET", "/api/roles", Fault::status(503));
    world.logto.switches().fail(unwell);
    world.example_is_ready().await?;
    let both =
        r#"logto_hasura_objects{kind="HasuraRoleBinding",ready="True",reason="Succeeded"} 2"#;
    let before = world.shown(both).await?;
    let mended = |text: &str| {
        total(
            text,
            "logto_hasura_events_total",
            r#"reason="DriftCorrected""#,
        )
    };
    ensure!(mended(&before) == 0, "{before}");
    ensure!(objects(&before).len() == 3, "{:?}", objects(&before));

    drift_is_mended(&world).await?;
    a_conflict_is_found(&world).await?;
    let conflict =
        r#"logto_hasura_objects{kind="HasuraRoleBinding",ready="False",reason="ScopeConflict"} 1"#;
    world.shown(conflict).await?;
    world.quiet().await?;
    let after = world.shown(both).await?;
    ensure!(
        objects(&after)
            == [
                r#"{kind="HasuraInstance",ready="True",reason="Succeeded"} 1"#,
                r#"{kind="HasuraRoleBinding",ready="False",reason="ScopeConflict"} 1"#,
                r#"{kind="HasuraRoleBinding",ready="True",reason="Succeeded"} 2"#,
                r#"{kind="LogtoTenant",ready="True",reason="Succeeded"} 1"#,
            ],
        "{:?}",
        objects(&after)
    );
    ensure!(mended(&after) == 1, "{after}");
    exact_counts(&world, &after)?;
    each_query_finds_something(&world, &before, &after).await
}

/// What Logto saw is what the operator says.
fn exact_counts(world: &World, text: &str) -> anyhow::Result<()> {
    let tenant = format!(r#"tenant="{}/main""#, world.namespace);
    let requests = |labels: &str| total(text, "logto_hasura_logto_requests_total", labels);
    let seen = world.logto.requests();
    let writes = total(text, "logto_hasura_script_writes_total", &tenant);
    ensure!(
        writes > 0 && writes == world.script_writes(),
        "{writes} script writes, {seen:?}"
    );
    let unwell = requests(r#"outcome="retry",code="503""#);
    ensure!(unwell == 1, "{unwell} bad answers: {text}");
    for (operation, route) in [
        ("list_resources", "GET /api/resources"),
        ("update_role", "PATCH /api/roles/:id"),
        ("create_scope", "POST /api/resources/:id/scopes"),
        ("create_role", "POST /api/roles"),
        (
            "put_custom_jwt",
            "PUT /api/configs/jwt-customizer/:tokenTypePath",
        ),
    ] {
        let said = requests(&format!(r#"operation="{operation}""#));
        ensure!(
            Some(&said) == seen.get(route),
            "{operation}: {said}, {seen:?}"
        );
    }
    for line in [
        format!("logto_hasura_logto_connected{{{tenant}}} 1"),
        r#"leader_election_master_status{name="logto-hasura"} 1"#.to_owned(),
        r#"logto_hasura_events_total{kind="HasuraInstance",reason="DeploymentPatched"} 1"#
            .to_owned(),
        r#"logto_hasura_events_total{kind="HasuraRoleBinding",reason="LeftBehind"} 0"#.to_owned(),
    ] {
        ensure!(
            text.lines().any(|shown| shown == line),
            "no {line} in {text}"
        );
    }
    Ok(())
}

async fn each_query_finds_something(
    world: &World,
    before: &str,
    after: &str,
) -> anyhow::Result<()> {
    let prometheus = Prometheus::new(&promql::to_stderr).await?;
    let scrapes = [
        world.scrape("before", before)?,
        world.scrape("after", after)?,
    ];
    let scrapes: Vec<_> = scrapes.iter().map(PathBuf::as_path).collect();
    let answers = prometheus.queries(DASHBOARD.as_ref(), &scrapes).await?;
    ensure!(answers.len() > 20, "{answers:?}");
    let empty: Vec<_> = answers.iter().filter(|answer| answer.found == 0).collect();
    ensure!(empty.is_empty(), "{empty:#?}");

    // A query of what is not there is told, so the look above can fail.
    let misspelt = fs::read_to_string(DASHBOARD)?.replace("script_writes", "script_write");
    let misspelt = world.scrape("dashboard.json", &misspelt)?;
    let answers = prometheus.queries(&misspelt, &scrapes).await?;
    let empty = answers.iter().filter(|answer| answer.found == 0).count();
    ensure!(empty == 1, "{answers:#?}");
    Ok(())
}

async fn a_suspended_tenant_does_not_count_as_disconnected(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.apply_base().await?;
    world.ready::<LogtoTenant>("main").await?;
    let connected = format!(
        r#"logto_hasura_logto_connected{{tenant="{}/main"}}"#,
        world.namespace
    );
    world.shown(&format!("{connected} 1")).await?;
    world.logto.switches().down(true);
    world.shown(&format!("{connected} 0")).await?;
    let suspend = json!({"spec": {"suspend": true}});
    world.edit::<LogtoTenant>("main", suspend).await?;
    world
        .until("no count of the suspended tenant", || async {
            let text = world.metrics().await?;
            Ok((!text.contains(&connected)).then_some(()))
        })
        .await?;
    world.logto.switches().down(false);
    let resume = json!({"spec": {"suspend": false}});
    world.edit::<LogtoTenant>("main", resume).await?;
    world.shown(&format!("{connected} 1")).await?;
    Ok(())
}
