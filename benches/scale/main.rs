//! How the operator does with many bindings, held against the design's bars.
//!
//! `cargo bench --bench scale` measures 100 and 1,000 bindings in about four minutes; `-- 100 1000 5000 10000 --write`
//! takes about half an hour and writes `docs/performance.md`. Each size has a control plane and an emulated Logto of its
//! own; all run on this machine beside the operator, so times are ratios to a bare client in the same run.
#![allow(clippy::unwrap_used)]

mod arguments;
mod bare;
mod bed;
mod failover;
mod limited;
mod machine;
mod operator;
mod phases;
mod plan;
mod requests;
mod size;
mod statuses;
mod table;

use std::process::ExitCode;

use arguments::Arguments;
use table::Results;

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(measure(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the bench failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let mut results = Results::new(arguments)?;
    for bindings in &arguments.sizes {
        results
            .sizes
            .push(size::measure(arguments, *bindings).await?);
    }
    if !arguments.sizes_only {
        results.limited = Some(limited::measure(arguments).await?);
        results.failover = Some(failover::measure(arguments).await?);
    }
    let table = results.markdown();
    println!("{table}");
    if arguments.write {
        results.write()?;
    }
    Ok(())
}
