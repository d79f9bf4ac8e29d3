//! What the operator logs, and how that is changed while it runs.

use std::sync::Arc;

use anyhow::{Context, ensure};
use fault_proxy::Record;
use kube::ResourceExt;
use logto_hasura::api::{HasuraRoleBinding, RECONCILE_REQUESTED_AT};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        a_signal_makes_the_log_talkative_and_the_next_one_ends_it,
        each_visit_that_wrote_something_is_one_line_with_its_time_and_its_writes,
    ]
}

impl World {
    /// The lines of the log so far, each an object.
    fn log_lines(&self) -> anyhow::Result<Vec<Value>> {
        let log = self.operator_log();
        let lines = log.lines();
        lines
            .map(|line| {
                let named = line.matches(r#""message":"#).count();
                ensure!(named == 1, "a field takes the place of the message: {line}");
                serde_json::from_str(line).with_context(|| line.to_owned())
            })
            .collect()
    }

    /// What the lines say of visits that wrote something.
    fn reconciled(&self) -> anyhow::Result<Vec<Value>> {
        let mut lines = self.log_lines()?;
        lines.retain(|line| line["message"] == "reconciled");
        Ok(lines)
    }

    /// Sends SIGUSR1, and waits until the log says what came of it for the nth time; gives how many lines it has then.
    async fn toggle_the_log(&self, nth: usize) -> anyhow::Result<usize> {
        let sent = match self.operator.lock().unwrap().as_ref() {
            Some(operator) => operator.signal(Signal::SIGUSR1),
            None => Err(anyhow::anyhow!("no operator runs")),
        };
        sent?;
        self.until("the log to be changed", || async {
            let log = self.operator_log();
            let said = log.matches("what is logged was changed by SIGUSR1").count();
            Ok((said == nth).then(|| log.lines().count()))
        })
        .await
    }

    /// Has a binding visited, and waits until that was handled.
    async fn visit(&self, name: &str) -> anyhow::Result<()> {
        self.ask_for_reconcile::<HasuraRoleBinding>(name).await?;
        self.annotation_is_handled(name).await
    }

    /// Waits until the last visit to a binding that was asked for was made.
    pub async fn annotation_is_handled(&self, name: &str) -> anyhow::Result<()> {
        let what = format!("{name} to be visited");
        self.until(&what, || async {
            let binding: HasuraRoleBinding = self.get(name).await?;
            let asked = binding.annotations().get(RECONCILE_REQUESTED_AT);
            let handled = binding
                .status
                .as_ref()
                .and_then(|status| status.last_handled_reconcile_at.as_ref());
            Ok((asked == handled).then_some(()))
        })
        .await
    }
}

fn debug_lines(lines: &[Value]) -> Vec<&Value> {
    lines
        .iter()
        .filter(|line| line["level"] == "DEBUG")
        .collect()
}

async fn a_signal_makes_the_log_talkative_and_the_next_one_ends_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--log", "info", "--log-format", "json"])?;
    world.example_is_ready().await?;
    world.visit("user-reader").await?;
    let usual = world.log_lines()?;
    ensure!(debug_lines(&usual).is_empty(), "{:?}", debug_lines(&usual));
    let is_ready = |line: &Value| {
        line["message"] == "status changed"
            && line["name"] == "user-reader"
            && line["reason"] == "Succeeded"
    };
    ensure!(usual.iter().any(is_ready), "{usual:?}");

    let from = world.toggle_the_log(1).await?;
    world.visit("user-reader").await?;
    let visited = |line: &Value| {
        line["message"] == "visited"
            && line["controller"] == "binding"
            && line["name"] == "user-reader"
    };
    world
        .until("a line about the visit", || async {
            let lines = world.log_lines()?;
            Ok(lines[from..].iter().any(visited).then_some(()))
        })
        .await?;
    let asked = |line: &&Value| line["message"] == "asked Logto" && line["outcome"] == "ok";
    let lines = world.log_lines()?;
    ensure!(debug_lines(&lines).iter().any(asked), "{lines:?}");

    world.quiet().await?;
    let from = world.toggle_the_log(2).await?;
    world.visit("user-reader").await?;
    world.quiet().await?;
    let after = world.log_lines()?;
    ensure!(
        debug_lines(&after[from..]).is_empty(),
        "{:?}",
        &after[from..]
    );
    Ok(())
}

async fn each_visit_that_wrote_something_is_one_line_with_its_time_and_its_writes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let record = Record::new();
    let proxy = world.api_proxy(&record).await?;
    let flags = ["--log", "info", "--log-format", "json"];
    let operator = world.start_replica("operator", &proxy.url(), &flags)?;
    *world.operator.lock().unwrap() = Some(operator);
    world.example_is_ready().await?;
    world.quiet().await?;
    let lines = world.reconciled()?;
    let sum = |field: &str| -> u64 { lines.iter().filter_map(|line| line[field].as_u64()).sum() };
    let (logto, cluster) = (sum("logto_writes"), sum("cluster_writes"));
    ensure!(logto == world.logto.writes(), "{logto}: {lines:?}");
    ensure!(cluster == record.writes() as u64, "{cluster}: {lines:?}");
    for line in &lines {
        let seconds = line["seconds"].as_f64().context("seconds")?;
        ensure!(seconds > 0.0 && seconds < 120.0, "{line}");
        ensure!(line["namespace"] == *world.namespace, "{line}");
    }
    let of = |controller: &str, name: &str| {
        let is_it = |line: &&Value| line["controller"] == controller && line["name"] == name;
        lines.iter().find(is_it).context("no line")
    };
    of("tenant", "main")?;
    of("instance", "shop")?;
    let made = of("binding", "user-reader")?;
    ensure!(made["result"].is_string(), "{made}");

    // A look that finds all as it should be writes that it was asked for, and others that it wakes are no line.
    world.visit("user-reader").await?;
    world.quiet().await?;
    let after = world.reconciled()?;
    let [asked] = &after[lines.len()..] else {
        anyhow::bail!("not one line: {:?}", &after[lines.len()..]);
    };
    ensure!(asked["name"] == "user-reader" && asked["logto_writes"] == 0);
    ensure!(asked["cluster_writes"] == 1, "{asked}");
    world.stop_operator().await
}
