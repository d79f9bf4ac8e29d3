//! The design's bars, and by how much each was met or missed.

use std::time::Duration;

use super::{Results, made, most_script_writes, thousands, visits_a_second};
use crate::requests::{self, least_writes, of, script_writes, total, writes};

/// Resident memory in MiB that so many bindings may take.
const MEMORY: [(usize, f64); 3] = [(1000, 20.0), (5000, 40.0), (10_000, 70.0)];

struct Bars {
    text: String,
}

impl Bars {
    /// A measure that must not be above its bar.
    fn most(&mut self, what: &str, bindings: usize, measured: f64, bar: f64, unit: &str) {
        self.row(what, bindings, measured, bar, unit, measured <= bar);
    }

    /// One that must not be below it.
    fn least(&mut self, what: &str, bindings: usize, measured: f64, bar: f64, unit: &str) {
        self.row(what, bindings, measured, bar, unit, measured >= bar);
    }

    fn row(&mut self, what: &str, bindings: usize, measured: f64, bar: f64, unit: &str, met: bool) {
        let bindings = match bindings {
            0 => String::new(),
            bindings => thousands(bindings),
        };
        let ratio = if bar == 0.0 {
            String::new()
        } else {
            format!("{:.2}", measured / bar)
        };
        let met = if met { "met" } else { "**missed**" };
        self.text += &format!(
            "| {what} | {bindings} | {}{unit} | {}{unit} | {ratio} | {met} |\n",
            short(measured),
            short(bar)
        );
    }
}

fn short(number: f64) -> String {
    if number.fract() == 0.0 || number >= 100.0 {
        thousands(number.round() as usize)
    } else {
        format!("{number:.2}")
    }
}

/// All bars for which something was measured.
pub fn table(results: &Results) -> String {
    let head = "| bar | bindings | measured | target | measured / target | |\n|---|---:|---:|---:|---:|---|\n";
    let mut bars = Bars {
        text: head.to_owned(),
    };
    counts(&mut bars, results);
    times(&mut bars, results);
    memory(&mut bars, results);
    program(&mut bars, results);
    bars.text
}

fn counts(bars: &mut Bars, results: &Results) {
    for size in &results.sizes {
        let n = size.bindings;
        bars.most(
            "Logto writes to converge",
            n,
            made(size) as f64,
            least_writes(n) as f64,
            "",
        );
        let scripts = script_writes(&size.converged.requests) as f64;
        bars.most(
            "script writes, 1 + seconds / 10",
            n,
            scripts,
            most_script_writes(size) as f64,
            "",
        );
    }
    for size in &results.sizes {
        let n = size.bindings;
        let (restarted, resynced) = (&size.restarted, &size.resynced);
        bars.most(
            "restart: writes to Logto",
            n,
            writes(&restarted.requests) as f64,
            0.0,
            "",
        );
        bars.most(
            "restart: writes to the API server",
            n,
            total(&restarted.api_server) as f64,
            0.0,
            "",
        );
        bars.most(
            "resync: writes to Logto",
            n,
            resynced.logto_writes as f64,
            0.0,
            "",
        );
        bars.most(
            "resync: writes to the API server",
            n,
            resynced.api_server as f64,
            0.0,
            "",
        );
        let pages = of(&restarted.requests, "GET /api/roles") as f64;
        // With the three new bindings.
        bars.most(
            "restart: pages of roles",
            n,
            pages,
            requests::pages(n + 3) as f64,
            "",
        );
    }
}

fn times(bars: &mut Bars, results: &Results) {
    for size in &results.sizes {
        let times_bare = |took: Duration| took.as_secs_f64() / size.bare.as_secs_f64();
        let (n, converged) = (size.bindings, &size.converged);
        let what = "time to make all scopes and roles / bare client";
        bars.most(what, n, times_bare(converged.written), 1.15, "");
        let what = "time to all Ready, with the script's pauses of 10 s / bare client";
        bars.most(what, n, times_bare(converged.took), 1.15, "");
    }
    if let Some(limited) = &results.limited {
        let ratio = limited.took.as_secs_f64() / limited.least().as_secs_f64();
        let what = format!(
            "time to converge with {} requests a second / (writes / limit)",
            limited.limit
        );
        bars.most(&what, limited.bindings, ratio, 1.05, "");
    }
    for size in &results.sizes {
        let own = size
            .new_binding
            .took
            .saturating_sub(size.new_binding.remote);
        bars.most(
            "one new binding, the operator's own time",
            size.bindings,
            own.as_secs_f64(),
            1.0,
            " s",
        );
    }
    for size in &results.sizes {
        bars.least(
            "plans a second on a core",
            size.bindings,
            size.plans,
            10_000.0,
            "",
        );
        let what = "visits without work a second on a core, the start included";
        bars.least(what, size.bindings, visits_a_second(size), 500.0, "");
    }
    if let Some(failover) = &results.failover {
        let mut ends = |what: &str, took: Duration, most: f64| {
            bars.most(what, failover.bindings, took.as_secs_f64(), most, " s");
        };
        ends(
            "failover after kill -9, to the Ready of a new binding",
            failover.killed,
            20.0,
        );
        ends(
            "failover after SIGTERM, to the Ready of a new binding",
            failover.terminated,
            3.0,
        );
        bars.most(
            "failover: objects made twice",
            failover.bindings,
            failover.twice as f64,
            0.0,
            "",
        );
    }
}

fn memory(bars: &mut Bars, results: &Results) {
    for size in &results.sizes {
        let Some((_, bar)) = MEMORY
            .iter()
            .find(|(bindings, _)| *bindings == size.bindings)
        else {
            continue;
        };
        let (n, first, anew) = (size.bindings, size.quiet.memory, size.memory);
        bars.most(
            "memory, settled after all was made",
            n,
            first.now,
            *bar,
            " MiB",
        );
        bars.most("… peak", n, first.peak, 2.0 * bar, " MiB");
        bars.most("memory, settled after a restart", n, anew.now, *bar, " MiB");
        bars.most("… peak", n, anew.peak, 2.0 * bar, " MiB");
    }
}

fn program(bars: &mut Bars, results: &Results) {
    let what = if results.is_static {
        "program, static"
    } else {
        "program, not static"
    };
    bars.most(what, 0, results.program, 20.0, " MB");
    if let Some(size) = results.sizes.iter().find(|size| size.bindings == 1000) {
        let ready = size.restarted.ready.as_secs_f64();
        bars.most("time to ready", size.bindings, ready, 1.0, " s");
    }
}
