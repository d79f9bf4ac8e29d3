//! Nothing changes, so nothing is written, and memory does not grow.
//!
//! `make quiet` looks on for an hour; `make test` for some seconds, in which more resyncs fall than in a usual hour.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use fault_proxy::Record;
use logto_hasura::api::HasuraRoleBinding;

use crate::{operator::Operator, seeds::number, suite::Test, world::World};

pub fn tests() -> Vec<Test> {
    let mut tests = crate::tests![a_quiet_cluster_is_written_nothing_and_takes_no_more_memory];
    for test in &mut tests {
        test.timeout = Duration::from_secs(180 + seconds());
    }
    tests
}

const BINDINGS: usize = 40;

/// What the allocator may keep for itself while the same work is done again and again.
const GROWTH_KIB: u64 = 4096;

fn seconds() -> u64 {
    number("QUIET_SECONDS", 15)
}

/// The memory that a process has in RAM, in KiB.
fn resident(operator: &Operator) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.id()?))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("VmRSS")?;
    let number = line.split_whitespace().next().context("a number")?;
    Ok(number.parse()?)
}

async fn a_quiet_cluster_is_written_nothing_and_takes_no_more_memory(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let record = Record::new();
    let proxy = world.api_proxy(&record).await?;
    let flags = ["--resync-period", "1s", "--watch-timeout", "5s"];
    let operator = world.start_replica("operator", &proxy.url(), &flags)?;
    world.apply_base().await?;
    for number in 0..BINDINGS {
        let binding = world.binding(
            &format!("b{number}"),
            &format!("team:role-{number}"),
            &format!("scope:{number}"),
        );
        world.apply::<HasuraRoleBinding>(binding).await?;
    }
    for number in 0..BINDINGS {
        world
            .ready::<HasuraRoleBinding>(&format!("b{number}"))
            .await?;
    }
    world.quiet().await?;
    // The first rounds fill what later ones use again.
    tokio::time::sleep(Duration::from_secs((seconds() / 3).min(60))).await;
    let (memory, to_logto, to_api_server) =
        (resident(&operator)?, world.logto.writes(), record.writes());
    let reads: u64 = world.logto.requests().values().sum();
    tokio::time::sleep(Duration::from_secs(seconds())).await;

    ensure!(
        world.logto.writes() == to_logto,
        "{:?}",
        world.logto.requests()
    );
    ensure!(
        record.writes() == to_api_server,
        "{:?}",
        record.exchanges().split_off(record.exchanges().len() - 10)
    );
    let read: u64 = world.logto.requests().values().sum::<u64>() - reads;
    ensure!(read > 0, "it looked");
    let grown = resident(&operator)?.saturating_sub(memory);
    println!(
        "{BINDINGS} bindings at rest for {} s: {read} reads of Logto, no write, {grown} KiB more than {memory} KiB",
        seconds()
    );
    ensure!(grown <= GROWTH_KIB, "{grown} KiB more than {memory} KiB");
    operator.stop().await
}
