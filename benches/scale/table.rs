//! What was measured as Markdown, and the document that holds it.

mod bars;
mod routes;

use std::{fs, time::Duration};

use anyhow::{Context, ensure};

use crate::{
    arguments::Arguments,
    bed,
    failover::Failover,
    limited::Limited,
    machine,
    operator::Memory,
    requests::{least_listing, least_writes, of, script_writes, total, writes},
    size::Size,
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
const BEGIN: &str = "<!-- measured: cargo bench --bench scale -- --write -->\n";
const END: &str = "<!-- end of what was measured -->\n";

/// All that was measured.
pub struct Results {
    pub sizes: Vec<Size>,
    pub limited: Option<Limited>,
    pub failover: Option<Failover>,
    latency: Duration,
    /// Size of the program that was measured, in MB.
    program: f64,
    /// Whether it was built for a target whose programs are static.
    is_static: bool,
}

impl Results {
    /// Nothing yet.
    pub fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let mut folders = arguments.operator.iter().rev();
        let is_static = folders.any(|folder| folder.to_string_lossy().ends_with("-linux-musl"));
        Ok(Self {
            sizes: Vec::new(),
            limited: None,
            failover: None,
            latency: arguments.latency,
            program: fs::metadata(&arguments.operator)?.len() as f64 / 1e6,
            is_static,
        })
    }

    /// All of it.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "Measured on {}, with a Logto that waits {} ms before each answer.\n\n",
            machine::description(),
            self.latency.as_millis()
        );
        text += &bars::table(self);
        text += "\n### By number of bindings\n\n";
        text += &self.by_size();
        text +=
            "\n### Requests to Logto until all are ready\n\nIn brackets the least possible.\n\n";
        text += &routes::table(&self.sizes, |size| &size.converged.requests);
        text += "\n### Writes to the API server until all are ready\n\n";
        text += &routes::table(&self.sizes, |size| &size.converged.api_server);
        text
    }

    /// Puts it into the document.
    pub fn write(&self) -> anyhow::Result<()> {
        let text = fs::read_to_string(DOCUMENT)?;
        let (head, rest) = text
            .split_once(BEGIN)
            .context("the document has no place for it")?;
        let (_, tail) = rest
            .split_once(END)
            .context("the place in the document has no end")?;
        ensure!(!self.sizes.is_empty(), "nothing was measured");
        fs::write(
            DOCUMENT,
            format!("{head}{BEGIN}\n{}\n{END}{tail}", self.markdown()),
        )?;
        Ok(())
    }

    fn by_size(&self) -> String {
        let mut table = Table::new(&self.sizes);
        table.row("instances", |size| {
            bed::instances(size.bindings).to_string()
        });
        table.row("all ready after", |size| seconds(size.converged.took));
        table.row("… of it until the last scope or role was made", |size| {
            seconds(size.converged.written)
        });
        table.row("the bare client's same writes", |size| seconds(size.bare));
        table.row("Logto writes (least)", |size| {
            format!("{} ({})", made(size), least_writes(size.bindings))
        });
        table.row("script writes (most)", |size| {
            format!(
                "{} ({})",
                script_writes(&size.converged.requests),
                most_script_writes(size)
            )
        });
        table.row("writes to the API server, each binding", |size| {
            format!(
                "{:.1}",
                total(&size.converged.api_server) as f64 / size.bindings as f64
            )
        });
        table.row("processor time meanwhile: operator", |size| {
            seconds(size.converged.processor)
        });
        table.row("… control plane", |size| {
            seconds(size.converged.control_plane)
        });
        table.row("… emulated Logto and the bench", |size| {
            seconds(size.converged.bench)
        });
        table.row("one new binding: ready after", |size| {
            milliseconds(size.new_binding.took)
        });
        table.row("… of it requests to Logto", |size| {
            milliseconds(size.new_binding.remote)
        });
        table.row("started anew: ready after", |size| {
            milliseconds(size.restarted.ready)
        });
        table.row("… nothing left to do after", |size| {
            seconds(size.restarted.took)
        });
        table.row("… visits, with how much processor time", |size| {
            format!(
                "{}, {}",
                size.restarted.visits,
                seconds(size.restarted.processor)
            )
        });
        table.row("… requests to Logto but roles' scopes", |size| {
            let requests = &size.restarted.requests;
            format!("{}", total(requests) - of(requests, ROLE_SCOPES))
        });
        table.row("… writes to Logto and to the API server", |size| {
            format!(
                "{} and {}",
                writes(&size.restarted.requests),
                total(&size.restarted.api_server)
            )
        });
        table.row("resync: period, looked at for", |size| {
            format!(
                "{}, {}",
                seconds(size.resynced.period),
                seconds(size.resynced.window)
            )
        });
        table.row("… listings, each of so many requests (least)", |size| {
            let requests = &size.resynced.requests;
            let listings = of(requests, "GET /api/resources");
            let pages = of(requests, "GET /api/roles") as f64 / listings.max(1) as f64;
            let each = if listings == 0 { 0.0 } else { 1.0 + pages };
            format!("{listings}, {each} ({})", least_listing(size.bindings))
        });
        table.row("… reads of roles' scopes (least)", |size| {
            let share = size.resynced.window.as_secs_f64() / size.resynced.period.as_secs_f64();
            let least = size.bindings as f64 * share;
            format!("{} ({least:.0})", of(&size.resynced.requests, ROLE_SCOPES))
        });
        table.row("… other requests to Logto", |size| {
            let listed = ["GET /api/resources", "GET /api/roles", ROLE_SCOPES];
            let requests = &size.resynced.requests;
            let known: u64 = listed.iter().map(|route| of(requests, route)).sum();
            (total(requests) - known).to_string()
        });
        table.row("… writes to Logto and to the API server", |size| {
            format!(
                "{} and {}",
                size.resynced.logto_writes, size.resynced.api_server
            )
        });
        table.row("… visits, share of a core", |size| {
            format!(
                "{}, {}",
                size.resynced.visits,
                percent(size.resynced.processor)
            )
        });
        table.row("quiet, default period: share of a core", |size| {
            percent(size.quiet.processor)
        });
        table.row("memory in MiB, first start: settled, peak", |size| {
            in_words(size.quiet.memory)
        });
        table.row("… started anew", |size| in_words(size.memory));
        table.row("plans a second on a core", |size| {
            format!("{:.0}", size.plans)
        });
        table.text
    }
}

fn in_words(memory: Memory) -> String {
    let Memory { now, program, peak } = memory;
    format!("{now:.1} ({program:.1} the program's file), {peak:.1}")
}

const ROLE_SCOPES: &str = "GET /api/roles/:id/scopes";

/// Writes but those of the script.
fn made(size: &Size) -> u64 {
    writes(&size.converged.requests) - script_writes(&size.converged.requests)
}

fn most_script_writes(size: &Size) -> u64 {
    1 + size.converged.took.as_secs() / 10
}

/// Visits that a core could make a second, as far as the restart tells.
fn visits_a_second(size: &Size) -> f64 {
    size.restarted.visits / size.restarted.processor.as_secs_f64()
}

/// A row for each measure, a column for each size.
struct Table<'a> {
    sizes: &'a [Size],
    text: String,
}

impl<'a> Table<'a> {
    fn new(sizes: &'a [Size]) -> Self {
        let mut table = Self {
            sizes,
            text: String::new(),
        };
        table.row("bindings", |size| thousands(size.bindings));
        table.text += &format!("|---|{}\n", "---:|".repeat(sizes.len()));
        table
    }

    fn row(&mut self, name: &str, value: impl Fn(&Size) -> String) {
        let cells: Vec<String> = self.sizes.iter().map(value).collect();
        self.text += &format!("| {name} | {} |\n", cells.join(" | "));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// 10000 as 10,000.
pub fn thousands(number: usize) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{},{:03}", thousands(number / 1000), number % 1000)
}
