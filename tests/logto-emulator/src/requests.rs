//! What was asked of the emulator.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// So many requests are remembered one by one.
const REMEMBERED: usize = 200;
/// A dry run: a POST that changes nothing.
const DRY_RUN: &str = "/api/configs/jwt-customizer/test";
/// A remembered path is cut to this many characters.
const TARGET_CHARACTERS: usize = 300;

/// Counts by route template, and the last requests.
#[derive(Default)]
pub(crate) struct Requests {
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    counts: BTreeMap<String, u64>,
    writes: u64,
    last: VecDeque<String>,
}

impl Requests {
    /// Counts a request when it comes, whatever happens to it then.
    pub(crate) fn arrived(&self, method: &str, template: &str) {
        let mut log = self.log();
        let is_write = ["POST", "PATCH", "PUT", "DELETE"].contains(&method);
        if is_write && template.starts_with("/api/") && template != DRY_RUN {
            log.writes += 1;
        }
        *log.counts
            .entry(format!("{method} {template}"))
            .or_default() += 1;
    }

    /// Remembers how a request ended: with a status, or closed without an answer.
    pub(crate) fn ended(&self, method: &str, target: &str, status: Option<u16>) {
        let target: String = target.chars().take(TARGET_CHARACTERS).collect();
        let end = status.map_or_else(|| "closed".to_owned(), |status| status.to_string());
        let mut log = self.log();
        log.last.push_back(format!("{method} {target} {end}"));
        if log.last.len() > REMEMBERED {
            log.last.pop_front();
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.log().counts.clone()
    }

    pub(crate) fn writes(&self) -> u64 {
        self.log().writes
    }

    pub(crate) fn last(&self, number: usize) -> Vec<String> {
        let log = self.log();
        let skipped = log.last.len().saturating_sub(number);
        log.last.iter().skip(skipped).cloned().collect()
    }

    pub(crate) fn reset(&self) {
        *self.log() = Log::default();
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
