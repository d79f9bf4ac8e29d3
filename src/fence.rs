//! Writes only while the lease outlives them.
//!
//! Neither Logto nor the API server can tell a write of an operator that lost its lease from one of its successor, so the
//! one that writes has to stop by itself: before each write it looks how long its lease surely lasts, and gives the write
//! no more time than that. The clock is the monotonic one, which goes on while the process is stopped (SIGSTOP).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// With less time than this left a write is not begun: a slow answer would come after the lease is over.
const LEAST: Duration = Duration::from_secs(2);

/// Whether, and for how long, this process may write. Clones share the answer.
#[derive(Clone, Debug)]
pub struct Fence(Option<Arc<Mutex<Option<Instant>>>>);

/// Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this operator does not hold the lease, or not for long enough, so nothing was sent")]
pub struct Closed;

impl Fence {
    /// Without leader election: everything may be written at any time.
    pub fn none() -> Self {
        Self(None)
    }

    /// Nothing may be written until a lease is held.
    pub fn closed() -> Self {
        Self(Some(Arc::default()))
    }

    /// The lease lasts until then; reckoned from before it was asked for.
    pub fn hold_until(&self, end: Instant) {
        self.set(Some(end));
    }

    /// The lease was given back or lost.
    pub fn close(&self) {
        self.set(None);
    }

    fn set(&self, end: Option<Instant>) {
        if let Some(held_until) = &self.0 {
            *held_until.lock().unwrap_or_else(PoisonError::into_inner) = end;
        }
    }

    /// How long a write that is begun now may take, at most `timeout`.
    ///
    /// # Errors
    /// When no lease is held, or not for long enough.
    pub fn time_for_a_write(&self, timeout: Duration) -> Result<Duration, Closed> {
        let Some(held_until) = &self.0 else {
            return Ok(timeout);
        };
        let end = *held_until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = end.map_or(Duration::ZERO, |end| {
            end.saturating_duration_since(Instant::now())
        });
        if left < LEAST {
            return Err(Closed);
        }
        Ok(left.min(timeout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(15);

    #[test]
    fn without_leader_election_a_write_has_all_its_time() {
        let fence = Fence::none();
        assert_eq!(fence.time_for_a_write(TIMEOUT), Ok(TIMEOUT));
        fence.close();
        assert_eq!(fence.time_for_a_write(TIMEOUT), Ok(TIMEOUT));
    }

    #[test]
    fn a_write_has_no_more_time_than_the_lease() {
        let fence = Fence::closed();
        assert_eq!(fence.time_for_a_write(TIMEOUT), Err(Closed));
        fence.hold_until(Instant::now() + Duration::from_secs(10));
        let time = fence.time_for_a_write(TIMEOUT).unwrap();
        assert!(time <= Duration::from_secs(10) && time > Duration::from_secs(9));
        fence.hold_until(Instant::now() + Duration::from_secs(60));
        assert_eq!(fence.clone().time_for_a_write(TIMEOUT), Ok(TIMEOUT));
        fence.hold_until(Instant::now() + LEAST / 2);
        assert_eq!(fence.time_for_a_write(TIMEOUT), Err(Closed));
        fence.hold_until(Instant::now() + Duration::from_secs(60));
        fence.close();
        assert_eq!(fence.time_for_a_write(TIMEOUT), Err(Closed));
    }
}
