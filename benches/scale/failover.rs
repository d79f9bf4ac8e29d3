//! Two replicas with the default clocks, of which the one that works ends.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::{
    arguments::Arguments,
    bed::{Bed, NO_LIMIT},
    operator::Operator,
    requests::{least_writes, script_writes},
    statuses::Statuses,
};

/// From the end of one replica to the Ready of a binding that was applied at that moment, by the other.
pub struct Failover {
    pub bindings: usize,
    pub killed: Duration,
    pub terminated: Duration,
    /// Scopes, roles and resources made beyond the least.
    pub twice: u64,
}

/// Measures it.
pub async fn measure(arguments: &Arguments) -> anyhow::Result<Failover> {
    let bindings = arguments
        .sizes
        .iter()
        .copied()
        .max()
        .unwrap_or(100)
        .min(1000);
    eprintln!("two replicas with {bindings} bindings");
    let bed = Bed::start(arguments.latency, NO_LIMIT).await?;
    bed.apply_all(bindings).await?;
    let mut statuses = Statuses::follow(&bed.client);
    let start = |host| Operator::start(&arguments.operator, &bed, host, &["--leader-elect"]);
    let mut first = start("a")?;
    statuses
        .until_ready(bindings, Instant::now() + Duration::from_secs(180))
        .await?;
    let second = standing_by(start("b")?).await?;
    let moment = Instant::now();
    first.kill().await?;
    bed.apply_another(bindings, 0).await?;
    let ready = statuses
        .until_ready(bindings + 1, moment + Duration::from_secs(60))
        .await?;
    let killed = ready - moment;
    let _third = standing_by(start("c")?).await?;
    let moment = Instant::now();
    second.terminate()?;
    bed.apply_another(bindings, 1).await?;
    let ready = statuses
        .until_ready(bindings + 2, moment + Duration::from_secs(60))
        .await?;
    let terminated = ready - moment;
    let made = bed.logto.writes() - script_writes(&bed.logto.requests());
    let twice = made.checked_sub(least_writes(bindings) as u64 + 4);
    let twice = twice.context("something was not made")?;
    drop(statuses);
    bed.stop().await;
    Ok(Failover {
        bindings,
        killed,
        terminated,
        twice,
    })
}

async fn standing_by(operator: Operator) -> anyhow::Result<Operator> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !operator.has_logged("standing by") {
        ensure!(Instant::now() < deadline, "a replica does not stand by");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // As long as a leader renews its lease, so that it is not measured right after a renewal alone.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(operator)
}
