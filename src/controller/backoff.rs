//! How long to wait before an object that failed is tried again.
//!
//! kube's error policy is stateless and never hears of a success (kube-rs/kube#1916), so the state is kept here.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The first wait is at most this long.
const FIRST: Duration = Duration::from_secs(1);

/// Failures in a row, by the object's uid.
#[derive(Debug)]
pub struct Backoff {
    longest: Duration,
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Waits grow from one second to `longest`.
    pub fn new(longest: Duration) -> Self {
        Self {
            longest,
            failures: Mutex::default(),
        }
    }

    /// Counts a failure; gives the wait: full jitter below an exponential bound, and never under a twentieth of it, so
    /// that no draw makes a failing object spin.
    pub fn next(&self, uid: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(uid.to_owned()).or_default();
        let bound = FIRST
            .saturating_mul(2_u32.saturating_pow(*count))
            .min(self.longest);
        *count = count.saturating_add(1);
        bound.mul_f64(rand::random_range(0.05..=1.0))
    }

    /// Forgets the failures: the object succeeded or is gone.
    pub fn forget(&self, uid: &str) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_start_over_after_a_success() {
        let backoff = Backoff::new(Duration::from_secs(300));
        for failure in 0..20 {
            let bound = Duration::from_secs(2_u64.pow(failure).min(300));
            let wait = backoff.next("a");
            assert!(wait <= bound && wait >= bound / 20, "{failure}: {wait:?}");
        }
        assert!(
            backoff.next("b") <= FIRST,
            "another object does not wait for this one"
        );
        backoff.forget("a");
        assert!(backoff.next("a") <= FIRST);
    }
}
