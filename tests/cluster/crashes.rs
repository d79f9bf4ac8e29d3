//! The operator is killed just before and just after each write of a scenario, and the end is as if it never was.

mod end_state;
mod scenario;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use fault_proxy::{Moment, Proxy, Record, Upstream};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{operator::Operator, suite::Test, world::World};
use end_state::EndState;

pub fn tests() -> Vec<Test> {
    let mut tests = crate::tests![
        killed_before_or_after_any_write_it_ends_as_if_nothing_had_happened,
        killed_at_any_write_beside_another_owner_both_end_as_if_nothing_had_happened,
    ];
    for test in &mut tests {
        // Some hundred runs of a scenario that takes a few seconds.
        test.timeout = Duration::from_secs(900);
    }
    tests
}

/// So many runs at a time keep two cores busy; beside another owner a run waits most of the time, until what it took out of
/// the shared script can not come back.
const AT_ONCE: usize = 3;
const AT_ONCE_BESIDE_ANOTHER: usize = 6;

/// Beside the scenario of one operator, so many of its writes are tried.
const EVERY_NTH_BESIDE_ANOTHER: usize = 3;

/// One operator's namespace, the proxies that it sees everything through, and the operator.
pub struct Run {
    world: World,
    record: Arc<Record>,
    api_server: Proxy,
    logto: Proxy,
    owner: String,
    operator: Mutex<Option<Operator>>,
}

impl Run {
    /// In the world's namespace, on its Logto.
    async fn new(world: World, owner: &str) -> anyhow::Result<Self> {
        let record = Record::new();
        let api_server = world.api_proxy(&record).await?;
        let upstream = Upstream::logto(&world.logto.endpoint())?;
        let logto = Proxy::start(upstream, Arc::clone(&record)).await?;
        Ok(Self {
            world,
            record,
            api_server,
            logto,
            owner: owner.to_owned(),
            operator: Mutex::default(),
        })
    }

    fn start_operator(&self) -> anyhow::Result<()> {
        let flags = ["--owner-id", self.owner.as_str()];
        let operator = self
            .world
            .start_replica(&self.owner, &self.api_server.url(), &flags)?;
        *self.operator.lock().unwrap() = Some(operator);
        Ok(())
    }

    /// Waits for the write of this number, kills the operator while it is held, and starts it again.
    async fn crash_at(&self, write: usize, moment: Moment) -> anyhow::Result<()> {
        // The sender goes only with the record, so this waits for as long as the run lasts.
        let _ = self.record.hold(write, moment).await;
        let operator = self.operator.lock().unwrap().take();
        operator.context("an operator")?.kill().await?;
        self.start_operator()
    }

    /// Goes through the scenario, with a crash if one is asked for; gives whether it came to pass.
    async fn play(&self, crash: Option<(usize, Moment)>) -> anyhow::Result<bool> {
        self.start_operator()?;
        let crashed = AtomicUsize::new(0);
        let crash = async {
            match crash {
                None => std::future::pending().await,
                Some((write, moment)) => {
                    self.crash_at(write, moment).await?;
                    crashed.fetch_add(1, Ordering::Relaxed);
                    std::future::pending::<anyhow::Result<()>>().await
                }
            }
        };
        tokio::select! {
            result = scenario::play(self) => result?,
            result = crash => result?,
        }
        Ok(crashed.into_inner() > 0)
    }

    async fn end(self) {
        drop(self.operator.into_inner());
        self.world.end().await;
    }
}

/// Plays the scenario for one operator, or for two that share a Logto, and gives what is there then.
async fn end_of(
    world: &World,
    name: &str,
    owners: &[&str],
    crash: Option<(usize, Moment)>,
    expected: Option<&EndState>,
) -> anyhow::Result<(EndState, bool)> {
    let first = World::new(&world.cluster, name).await?;
    let mut runs = Vec::new();
    for owner in &owners[1..] {
        runs.push(Run::new(first.beside(owner, serde_json::json!({})).await?, owner).await?);
    }
    runs.insert(0, Run::new(first, owners[0]).await?);
    let played = futures::future::try_join_all(
        runs.iter()
            .enumerate()
            .map(|(place, run)| run.play(crash.filter(|_| place == 0))),
    )
    .await;
    let result = match played {
        Ok(crashed) => EndState::settled(&runs, expected)
            .await
            .map(|state| (state, crashed[0])),
        Err(error) => Err(error),
    };
    let result = match result {
        Ok(result) => Ok(result),
        Err(error) => {
            let mut report = runs[0].world.report(&format!("{error:#}")).await;
            if let Some(operator) = &*runs[0].operator.lock().unwrap() {
                report.push_str(&operator.log_tail(30));
            }
            Err(anyhow::anyhow!("{name}: {report}"))
        }
    };
    for run in runs {
        run.end().await;
    }
    result
}

async fn every_crash(world: &World, owners: &[&str], every: usize) -> anyhow::Result<()> {
    let start = Instant::now();
    let at_once = match owners.len() {
        1 => AT_ONCE,
        _ => AT_ONCE_BESIDE_ANOTHER,
    };
    let (undisturbed, _) = end_of(world, "undisturbed", owners, None, None).await?;
    let writes = undisturbed.writes_numbered;
    let both = [Moment::Before, Moment::After];
    let points = (1..=writes)
        .step_by(every)
        .flat_map(|write| both.map(|moment| (write, moment)));
    let total = points.clone().count();
    let reached = AtomicUsize::new(0);
    let (undisturbed, reached) = (&undisturbed, &reached);
    stream::iter(points)
        .map(|(write, moment)| async move {
            let name = format!("crash-{moment:?}-{write}").to_lowercase();
            let (state, crashed) = end_of(
                world,
                &name,
                owners,
                Some((write, moment)),
                Some(undisturbed),
            )
            .await?;
            if crashed {
                reached.fetch_add(1, Ordering::Relaxed);
                state
                    .is_that_of(undisturbed)
                    .with_context(|| format!("killed {moment:?} write {write}"))?;
            }
            anyhow::Ok(())
        })
        .buffer_unordered(at_once)
        .try_collect::<Vec<()>>()
        .await?;
    let reached = reached.load(Ordering::Relaxed);
    println!(
        "{} operators, {writes} writes: killed at {reached} of {total} points, nothing lost, nothing twice, in {} s",
        owners.len(),
        start.elapsed().as_secs()
    );
    // Which write is the last ones' depends on how statuses fall together.
    ensure!(
        reached * 10 >= total * 8,
        "{reached} of {total} points were reached"
    );
    Ok(())
}

async fn killed_before_or_after_any_write_it_ends_as_if_nothing_had_happened(
    world: Arc<World>,
) -> anyhow::Result<()> {
    every_crash(&world, &["first"], 1).await
}

async fn killed_at_any_write_beside_another_owner_both_end_as_if_nothing_had_happened(
    world: Arc<World>,
) -> anyhow::Result<()> {
    every_crash(&world, &["first", "second"], EVERY_NTH_BESIDE_ANOTHER).await
}
