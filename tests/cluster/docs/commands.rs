//! Every command of every page: `docs/getting-started.md` from nothing to a query with a token, and then all other pages in the
//! cluster that it leaves.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use pages::{Block, Page};

use super::shell::{Mode, Shell};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    let mut tests = tests![
        getting_started_leads_to_a_query_with_a_token_and_all_other_commands_run_with_writes_as_dry_runs,
    ];
    tests[0].timeout = Duration::from_secs(500);
    tests
}

/// The page that is followed for real.
const FIRST: &str = "docs/getting-started.md";

/// Where it begins to undo what it did.
const END: &str = "## Take it away again";

async fn getting_started_leads_to_a_query_with_a_token_and_all_other_commands_run_with_writes_as_dry_runs(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let pages = pages::all()?;
    let (first, others): (Vec<Page>, Vec<Page>) = pages
        .into_iter()
        .partition(|page| page.path == Path::new(FIRST));
    let first = first.first().context(FIRST)?;
    let end = first.text.lines().position(|line| line == END);
    let end = end.context(END)? + 1;
    let (there, back): (Vec<Block>, Vec<Block>) =
        commands(first).partition(|block| block.line < end);

    let shell = Shell::new(&world).await?;
    world.start_operator(&["--watch-namespace", "shop"])?;
    let followed = shell.run(first, &there, Mode::Real).await;
    let log = world.operator_log();
    followed.with_context(|| format!("the operator's log:\n{log}"))?;

    let (mut count, mut failed) = (0, Vec::new());
    for page in &others {
        for block in commands(page) {
            count += 1;
            if let Err(error) = shell.run(page, &[block], Mode::DryRun).await {
                failed.push(format!("{error:#}"));
            }
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    ensure!(count >= 25, "only {count} blocks");

    shell.run(first, &back, Mode::Real).await?;
    shell.everything_left_out_was_met()
}

fn commands(page: &Page) -> impl Iterator<Item = Block> {
    let is_shell = |block: &Block| ["sh", "console"].contains(&block.language.as_str());
    page.blocks().into_iter().filter(is_shell)
}
