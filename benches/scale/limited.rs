//! With the rate limit on.

use std::time::Duration;

use crate::{
    arguments::Arguments,
    bed::Bed,
    operator::Operator,
    phases,
    requests::{self, Counts},
    statuses::Statuses,
};

/// Requests a second.
const LIMIT: u32 = 50;

/// Enough for the limit to be all that counts.
const BINDINGS: usize = 500;

/// What was measured.
pub struct Limited {
    pub bindings: usize,
    pub limit: u32,
    pub took: Duration,
    pub requests: Counts,
}

/// Measures it.
pub async fn measure(arguments: &Arguments) -> anyhow::Result<Limited> {
    eprintln!("{BINDINGS} bindings with {LIMIT} requests a second");
    let bed = Bed::start(arguments.latency, (LIMIT, 1)).await?;
    bed.apply_all(BINDINGS).await?;
    let mut statuses = Statuses::follow(&bed.client);
    let operator = Operator::start(&arguments.operator, &bed, "limited", &[])?;
    let converged = phases::converge(&bed, &operator, &mut statuses, BINDINGS).await?;
    operator.stop().await?;
    drop(statuses);
    bed.stop().await;
    Ok(Limited {
        bindings: BINDINGS,
        limit: LIMIT,
        took: converged.took,
        requests: converged.requests,
    })
}

impl Limited {
    /// The least time that its writes take under the limit.
    pub fn least(&self) -> Duration {
        Duration::from_secs_f64(requests::writes(&self.requests) as f64 / f64::from(self.limit))
    }
}
