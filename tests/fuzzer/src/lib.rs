//! Feeds mutations of known inputs to a check, for some seconds.
//!
//! `FUZZ_SECONDS` says how long (1 by default), `FUZZ_SEED` which way; both are printed with the number of inputs, so that
//! a failure can be repeated. An input that lets a check panic is printed whole.

mod mutate;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mutate::Mutator;

/// The longest that one input may take, on a machine that does other things too.
const LONGEST: Duration = Duration::from_secs(2);

/// Of the inputs that a check found interesting, so many are kept to be mutated again.
const KEPT: usize = 256;

/// What a check says of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It was taken, so what it is made of is worth mutating again.
    Taken,
    /// It was refused.
    Refused,
}

/// Feeds the seeds and their mutations to a check that panics when a property does not hold.
///
/// # Panics
/// When the check does, when it takes too long, and when it took no seed at all: then it would test nothing but refusals.
pub fn fuzz(name: &str, seeds: &[&[u8]], check: impl Fn(&[u8]) -> Said) {
    let time = Duration::from_secs_f64(number("FUZZ_SECONDS").unwrap_or(1.0));
    let seed = number("FUZZ_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| u64::from(now.subsec_nanos()))
    });
    let mut mutator = Mutator::new(seed);
    let mut corpus: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    let (mut inputs, mut taken) = (0_u64, 0_u64);
    let mut feed = |input: &[u8]| {
        let said = one(name, seed, input, &check);
        inputs += 1;
        taken += u64::from(said == Said::Taken);
        said
    };
    let seeds_taken = seeds
        .iter()
        .filter(|seed| feed(seed) == Said::Taken)
        .count();
    assert!(seeds_taken > 0, "{name}: no seed was taken");
    let started = Instant::now();
    while started.elapsed() < time {
        let input = mutator.mutate(&corpus);
        if feed(&input) == Said::Taken && !corpus.contains(&input) {
            if corpus.len() < seeds.len() + KEPT {
                corpus.push(input);
            } else {
                let at = seeds.len() + mutator.below(KEPT);
                corpus[at] = input;
            }
        }
    }
    println!("fuzz {name}: {inputs} inputs, {taken} of them taken, FUZZ_SEED={seed}");
}

fn one(name: &str, seed: u64, input: &[u8], check: &impl Fn(&[u8]) -> Said) -> Said {
    let started = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| check(input)));
    let took = started.elapsed();
    let shown = input.escape_ascii();
    match result {
        Ok(said) => {
            assert!(took < LONGEST, "{name}: {took:?} for \"{shown}\"");
            said
        }
        Err(panic) => {
            eprintln!("fuzz {name}: FUZZ_SEED={seed} failed with the input \"{shown}\"");
            resume_unwind(panic)
        }
    }
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    env::var(variable).ok()?.parse().ok()
}
