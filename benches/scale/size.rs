//! One number of bindings, from nothing to quiet.

use std::time::{Duration, Instant};

use crate::{
    arguments::Arguments,
    bare,
    bed::{Bed, NO_LIMIT},
    operator::{Memory, Operator},
    phases::{self, Converged, NewBinding, Quiet, Restarted, Resynced},
    plan,
    statuses::Statuses,
};

/// What was measured of one number of bindings.
pub struct Size {
    pub bindings: usize,
    pub bare: Duration,
    pub converged: Converged,
    pub quiet: Quiet,
    pub new_binding: NewBinding,
    pub restarted: Restarted,
    pub resynced: Resynced,
    /// After all of it.
    pub memory: Memory,
    /// Plans a second.
    pub plans: f64,
}

/// Measures one number of bindings.
pub async fn measure(arguments: &Arguments, bindings: usize) -> anyhow::Result<Size> {
    let say = |what: &str| eprintln!("{bindings} bindings: {what}");
    say("plans against an unchanged snapshot");
    let plans = plan::per_second(bindings)?;
    say("a control plane is started");
    let bed = Bed::start(arguments.latency, NO_LIMIT).await?;
    let start = Instant::now();
    bed.apply_all(bindings).await?;
    say(&format!(
        "applied in {:.1} s; the bare client writes",
        start.elapsed().as_secs_f64()
    ));
    let bare = bare::converge(bindings, arguments.latency).await?;
    say(&format!(
        "the bare client took {:.1} s; the operator starts",
        bare.as_secs_f64()
    ));
    let mut statuses = Statuses::follow(&bed.client);
    let operator = Operator::start(&arguments.operator, &bed, "first", &[])?;
    let converged = phases::converge(&bed, &operator, &mut statuses, bindings).await?;
    say(&format!(
        "all ready in {:.1} s; half a minute of quiet",
        converged.took.as_secs_f64()
    ));
    let quiet = phases::quiet(&operator).await?;
    say("one new binding, three times");
    let new_binding = phases::new_binding(&bed, &operator, &mut statuses, bindings).await?;
    operator.stop().await?;
    say("the operator starts anew");
    // So that Logto can answer the reads of all roles within it, one after the other.
    let period = Duration::from_secs(15).max(Duration::from_millis(bindings as u64 * 1000 / 35));
    let (operator, restarted) = phases::restart(arguments, &bed, period).await?;
    say(&format!("a resync period of {:.0} s", period.as_secs_f64()));
    let resynced = phases::resync(&bed, &operator, period).await?;
    let memory = operator.memory()?;
    operator.stop().await?;
    drop(statuses);
    bed.stop().await;
    Ok(Size {
        bindings,
        bare,
        converged,
        quiet,
        new_binding,
        restarted,
        resynced,
        memory,
        plans,
    })
}
