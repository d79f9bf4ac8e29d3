//! What the bench is asked for.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};

/// What a quick run measures.
const DEFAULT_SIZES: [usize; 2] = [100, 1000];

const HELP: &str = "\
cargo bench --bench scale -- [N…] [--write] [--sizes-only] [--latency MS] [--operator PATH]

  N…               numbers of bindings; default 100 1000
  --write          write docs/performance.md
  --sizes-only     leave out the rate limit and the failover
  --latency MS     how long the emulated Logto waits before each answer; default 20
  --operator PATH  measure this program instead of the one that was just built";

/// What the bench is asked for.
pub struct Arguments {
    /// Numbers of bindings.
    pub sizes: Vec<usize>,
    /// Whether the document is written.
    pub write: bool,
    /// Whether only the sizes are measured.
    pub sizes_only: bool,
    /// Logto's.
    pub latency: Duration,
    /// The operator's program.
    pub operator: PathBuf,
}

impl Arguments {
    /// Those of the command line.
    pub fn read() -> anyhow::Result<Self> {
        let mut read = Self {
            sizes: Vec::new(),
            write: false,
            sizes_only: false,
            latency: Duration::from_millis(20),
            operator: env!("CARGO_BIN_EXE_logto-hasura").into(),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} needs a value"))
            };
            match word.as_str() {
                // cargo says so itself.
                "--bench" => {}
                "--write" => read.write = true,
                "--sizes-only" => read.sizes_only = true,
                "--latency" => read.latency = Duration::from_millis(value()?.parse()?),
                "--operator" => read.operator = value()?.into(),
                number => match number.replace(',', "").parse() {
                    Ok(size) if size > 0 => read.sizes.push(size),
                    _ => bail!("{number:?} is not understood\n\n{HELP}"),
                },
            }
        }
        if read.sizes.is_empty() {
            read.sizes = DEFAULT_SIZES.to_vec();
        }
        Ok(read)
    }
}
