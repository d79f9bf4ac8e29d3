//! What is measured of one size, part by part.

use std::time::{Duration, Instant};

use crate::{
    arguments::Arguments,
    bed::Bed,
    machine,
    operator::{Memory, Operator},
    requests::{self, Counts, api_server_writes, least_writes, script_writes, since},
    statuses::Statuses,
};

/// After the last of it is ready, what was begun on the way comes to its end.
const SETTLING: Duration = Duration::from_secs(12);

/// The operator's pause between two writes of the script, and a little.
const SCRIPT_PAUSE: Duration = Duration::from_secs(11);

/// So many new bindings are timed, one after the other.
const NEW_BINDINGS: usize = 3;

/// Everything applied, nothing done, to everything ready.
pub struct Converged {
    /// From the operator's start to the last binding's Ready.
    pub took: Duration,
    /// … to the last scope or role.
    pub written: Duration,
    pub requests: Counts,
    pub api_server: Counts,
    pub processor: Duration,
    /// The same of the control plane and of this process, which has the emulator in it.
    pub control_plane: Duration,
    pub bench: Duration,
}

pub async fn converge(
    bed: &Bed,
    operator: &Operator,
    statuses: &mut Statuses,
    bindings: usize,
) -> anyhow::Result<Converged> {
    let before = api_server_writes(&bed.client).await?;
    let plane = || machine::processor_time_in(bed.plane.folder());
    let (plane_before, bench_before) = (plane()?, machine::own_processor_time()?);
    let deadline =
        operator.started + Duration::from_secs(120) + Duration::from_millis(100) * bindings as u32;
    let least = least_writes(bindings) as u64;
    let all_written = async {
        while bed.logto.writes() - script_writes(&bed.logto.requests()) < least {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Instant::now()
    };
    let (ready, written) = tokio::join!(
        statuses.until_ready(bindings, deadline),
        tokio::time::timeout_at(deadline.into(), all_written)
    );
    let ready = ready.inspect_err(|_| eprintln!("{}", operator.last_words()))?;
    Ok(Converged {
        took: ready - operator.started,
        written: written? - operator.started,
        requests: bed.logto.requests(),
        processor: operator.processor_time()?,
        control_plane: plane()? - plane_before,
        bench: machine::own_processor_time()? - bench_before,
        api_server: since(&before, &api_server_writes(&bed.client).await?),
    })
}

/// With nothing to do.
pub struct Quiet {
    /// Of one core.
    pub processor: f64,
    pub memory: Memory,
}

pub async fn quiet(operator: &Operator) -> anyhow::Result<Quiet> {
    tokio::time::sleep(SETTLING).await;
    let (start, before) = (Instant::now(), operator.processor_time()?);
    tokio::time::sleep(SETTLING).await;
    let used = operator.processor_time()? - before;
    Ok(Quiet {
        processor: used.as_secs_f64() / start.elapsed().as_secs_f64(),
        memory: operator.memory()?,
    })
}

/// One new binding in a quiet system, from its apply to Ready.
pub struct NewBinding {
    pub took: Duration,
    /// Of it, what requests to Logto took, which are made one after the other.
    pub remote: Duration,
}

/// The middle one of several, by the operator's own time.
pub async fn new_binding(
    bed: &Bed,
    operator: &Operator,
    statuses: &mut Statuses,
    bindings: usize,
) -> anyhow::Result<NewBinding> {
    let mut all = Vec::new();
    for number in 0..NEW_BINDINGS {
        let before = operator.metrics().await?.remote_seconds();
        let start = Instant::now();
        bed.apply_another(bindings, number).await?;
        let deadline = start + Duration::from_secs(60);
        let ready = statuses
            .until_ready(bindings + number + 1, deadline)
            .await?;
        let remote = operator.metrics().await?.remote_seconds() - before;
        all.push(NewBinding {
            took: ready - start,
            remote: Duration::from_secs_f64(remote),
        });
        tokio::time::sleep(SCRIPT_PAUSE).await;
    }
    all.sort_by_key(|new| new.took.saturating_sub(new.remote));
    Ok(all.swap_remove(NEW_BINDINGS / 2))
}

/// Everything in sync, and the operator started anew.
pub struct Restarted {
    pub ready: Duration,
    /// Until nothing was left to do.
    pub took: Duration,
    pub visits: f64,
    pub processor: Duration,
    pub requests: Counts,
    pub api_server: Counts,
}

pub async fn restart(
    arguments: &Arguments,
    bed: &Bed,
    period: Duration,
) -> anyhow::Result<(Operator, Restarted)> {
    bed.logto.reset_requests();
    let before = api_server_writes(&bed.client).await?;
    let period = format!("{}ms", period.as_millis());
    let operator = Operator::start(
        &arguments.operator,
        bed,
        "restarted",
        &["--resync-period", &period],
    )?;
    let ready = operator.ready().await?;
    let took = until_idle(&operator).await?;
    let restarted = Restarted {
        ready,
        took,
        visits: operator.metrics().await?.visits(),
        processor: operator.processor_time()?,
        requests: bed.logto.requests(),
        api_server: since(&before, &api_server_writes(&bed.client).await?),
    };
    Ok((operator, restarted))
}

/// Waits until the operator uses little of a core; gives how long after its start that was.
async fn until_idle(operator: &Operator) -> anyhow::Result<Duration> {
    const LOOK: Duration = Duration::from_millis(500);
    let (mut before, mut quiet) = (operator.processor_time()?, 0);
    loop {
        tokio::time::sleep(LOOK).await;
        let now = operator.processor_time()?;
        let share = (now - before).as_secs_f64() / LOOK.as_secs_f64();
        before = now;
        quiet = if share < 0.15 { quiet + 1 } else { 0 };
        let elapsed = operator.started.elapsed();
        if quiet == 4 || elapsed > Duration::from_secs(120) {
            return Ok(elapsed.saturating_sub(LOOK * 4));
        }
    }
}

/// The longest that a resync is looked at; in a longer period the listing may fall outside of it.
const LONG_ENOUGH: Duration = Duration::from_secs(75);

/// A time in which nothing changes.
pub struct Resynced {
    pub period: Duration,
    /// Longer than the period where that is short: each is drawn anew from a tenth below to a tenth above.
    pub window: Duration,
    pub requests: Counts,
    pub api_server: u64,
    pub logto_writes: u64,
    /// Of one core.
    pub processor: f64,
    pub visits: f64,
}

pub async fn resync(bed: &Bed, operator: &Operator, period: Duration) -> anyhow::Result<Resynced> {
    let api_server = api_server_writes(&bed.client).await?;
    let visits = operator.metrics().await?.visits();
    bed.logto.reset_requests();
    let (start, before) = (Instant::now(), operator.processor_time()?);
    tokio::time::sleep(period.mul_f64(1.1).min(LONG_ENOUGH)).await;
    let used = operator.processor_time()? - before;
    let (window, requests) = (start.elapsed(), bed.logto.requests());
    let after = api_server_writes(&bed.client).await?;
    Ok(Resynced {
        period,
        window,
        logto_writes: requests::writes(&requests),
        requests,
        api_server: requests::total(&since(&api_server, &after)),
        processor: used.as_secs_f64() / window.as_secs_f64(),
        visits: operator.metrics().await?.visits() - visits,
    })
}
