//! Whether anything moves at all, which is what `/livez` tells.
//!
//! A watch is made anew within minutes even when nothing changes and even when the API server is away, so an operator that
//! asks the API server nothing for longer than that hangs, and only a restart helps. Failures are no reason to fail the
//! probe: a restart would not mend them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// When something moved last. Clones share it.
#[derive(Clone, Debug)]
pub struct Pulse {
    last: Arc<Mutex<Instant>>,
    longest: Duration,
}

impl Pulse {
    /// Nothing may stand still for longer than this.
    pub fn new(longest: Duration) -> Self {
        Self {
            last: Arc::new(Mutex::new(Instant::now())),
            longest,
        }
    }

    /// Something moves.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// For how long nothing moved, once that is too long.
    pub fn stopped_for(&self) -> Option<Duration> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Some(last.elapsed()).filter(|still| *still > self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_stopped_only_after_its_longest_pause() {
        let pulse = Pulse::new(Duration::from_secs(3600));
        assert_eq!(pulse.stopped_for(), None);
        let pulse = Pulse::new(Duration::ZERO);
        std::thread::yield_now();
        assert!(pulse.stopped_for().is_some());
    }
}
