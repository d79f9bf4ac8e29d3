//! Edits in Kubernetes, edits in Logto, faults and kills in an order that a seed gives; the end is told by a plain model.
//!
//! `SEEDS=1000 cargo test --test cluster -- seeds::` runs as many seeds, `SEED=7` begins with that one.

mod chaos;
mod model;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};

use crate::{suite::Test, world::World};
use chaos::Chaos;

pub fn tests() -> Vec<Test> {
    let mut tests = crate::tests![whatever_happens_in_whatever_order_it_ends_as_the_objects_say];
    for test in &mut tests {
        // On a busy machine a run takes some seconds, and several go at once.
        test.timeout = Duration::from_secs(120 + 6 * number("SEEDS", 200));
    }
    tests
}

const AT_ONCE: usize = 3;

/// A number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

async fn whatever_happens_in_whatever_order_it_ends_as_the_objects_say(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let first = number("SEED", 1);
    let count = number("SEEDS", 200);
    println!("seeds {first} to {}", first + count - 1);
    let world = &world;
    let happened: Vec<usize> = stream::iter(first..first + count)
        .map(|seed| async move {
            let run = one(world, seed).await;
            run.with_context(|| format!("SEED={seed} SEEDS=1 shows it again"))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    println!(
        "{count} seeds, {} things happened: all ended as the objects say, in {} s",
        happened.iter().sum::<usize>(),
        start.elapsed().as_secs()
    );
    Ok(())
}

/// Gives how many things happened.
async fn one(world: &World, seed: u64) -> anyhow::Result<usize> {
    let world = World::new(&world.cluster, &format!("seed-{seed}")).await?;
    let mut chaos = Chaos::start(&world, seed).await?;
    let played = async {
        chaos.play().await?;
        model::holds(&world, &chaos).await
    };
    let result = played.await;
    let result = match result {
        Ok(()) => Ok(chaos.story.len()),
        Err(error) => {
            let report = world
                .report(&format!("{error:#}\n{:#?}", chaos.story))
                .await;
            Err(anyhow::anyhow!("{report}\n{}", chaos.log_tail()))
        }
    };
    drop(chaos);
    world.end().await;
    result
}
