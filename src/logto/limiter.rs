//! One budget for a tenant: a rate, a cap of concurrent requests, and a pause for all when Logto asks for one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};

/// More than four requests at a time gain little on a Logto, and it has a pool of 20 database connections for a tenant.
const CONCURRENT: usize = 4;

/// Requests a second, on average and at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The average; 0 is no limit.
    pub requests_per_second: u32,
    /// How many may go out at once after a quiet time; 0 counts as 1.
    pub burst: u32,
}

/// Who may go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// What somebody waits for.
    Foreground,
    /// Reads of a resync: at most half of the rate, of the burst and of the concurrent requests.
    Background,
}

/// The budget of one tenant. Waiting is first come, first served; who gives up waiting takes nothing from the others.
#[derive(Debug)]
pub struct Limiter {
    all: Lane,
    background: Lane,
    paused_until: watch::Sender<Option<Instant>>,
}

/// The right to make one request; dropping it ends the request.
#[derive(Debug)]
pub struct Permit {
    _all: OwnedSemaphorePermit,
    _background: Option<OwnedSemaphorePermit>,
}

impl Limiter {
    /// A limiter with its whole burst available.
    pub fn new(rate: RateLimit) -> Self {
        let RateLimit {
            requests_per_second: rate,
            burst,
        } = rate;
        let interval = Duration::from_secs(1).checked_div(rate).unwrap_or_default();
        Self {
            all: Lane::new(CONCURRENT, interval, burst),
            background: Lane::new(CONCURRENT / 2, interval * 2, burst / 2),
            paused_until: watch::Sender::new(None),
        }
    }

    /// Waits for its turn, the rate and the end of a pause. It may be dropped at any time.
    pub async fn acquire(&self, priority: Priority) -> Permit {
        // A background request waits in its own lane first, so that it holds none of the common places meanwhile.
        let background = match priority {
            Priority::Background => Some(self.background.enter(&self.paused_until).await),
            Priority::Foreground => None,
        };
        Permit {
            _all: self.all.enter(&self.paused_until).await,
            _background: background,
        }
    }

    /// Lets no request out for this long, counted from now; a longer pause that is on already stays.
    pub fn pause(&self, duration: Duration) {
        let until = Instant::now() + duration;
        self.paused_until.send_if_modified(|current| {
            let longer = current.is_none_or(|current| current < until);
            if longer {
                *current = Some(until);
            }
            longer
        });
    }
}

/// A number of places and a rate at which they are given out.
#[derive(Debug)]
struct Lane {
    places: Arc<Semaphore>,
    bucket: Mutex<Bucket>,
}

impl Lane {
    fn new(places: usize, interval: Duration, burst: u32) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            bucket: Mutex::new(Bucket {
                interval,
                allowance: interval * burst.saturating_sub(1),
                spent_until: Instant::now(),
            }),
        }
    }

    async fn enter(&self, paused_until: &watch::Sender<Option<Instant>>) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        // Whoever holds the lock is next: tokio's mutex is fair, and giving up drops the lock with nothing taken.
        let mut bucket = self.bucket.lock().await;
        loop {
            let now = Instant::now();
            let pause = *paused_until.borrow();
            match bucket.wait_until(now).max(pause) {
                Some(then) if then > now => sleep_until(then).await,
                _ => break bucket.take(now),
            }
        }
        place
    }
}

/// A token bucket kept as one instant (the generic cell rate algorithm).
#[derive(Debug)]
struct Bucket {
    /// Between two requests; zero is no limit.
    interval: Duration,
    /// How far `spent_until` may lie ahead: the burst.
    allowance: Duration,
    spent_until: Instant,
}

impl Bucket {
    fn wait_until(&self, now: Instant) -> Option<Instant> {
        let ahead = self
            .spent_until
            .saturating_duration_since(now + self.allowance);
        (!ahead.is_zero()).then(|| now + ahead)
    }

    fn take(&mut self, now: Instant) {
        self.spent_until = self.spent_until.max(now) + self.interval;
    }
}

#[cfg(test)]
mod tests;
