//! The keys that hold now, and the poller that refreshes them.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use super::{Key, expiry, fetch};

/// The keys that hold now.
#[derive(Debug, Default)]
pub(crate) struct KeyStore {
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    keys: Vec<Key>,
    until: Option<Timestamp>,
}

impl KeyStore {
    /// A store of one key, for good.
    pub(crate) fn of(key: Key) -> Self {
        Self {
            held: RwLock::new(Held {
                keys: vec![key],
                until: None,
            }),
        }
    }

    /// The keys as they are now; none before the poller has been there.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.keys.clone()
    }

    /// Refreshes the keys, once at once and then at each tick where it is time; it never ends.
    pub(crate) async fn poll(&self, http: &reqwest::Client, url: &str, tick: Duration) {
        // tokio refuses an interval of zero.
        let mut ticks = interval(tick.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.is_due(Timestamp::now()) {
                self.refresh(http, url).await;
            }
        }
    }

    /// Keys of which nothing said how long they hold are never fetched again (hasura/graphql-engine#5552, #9759).
    fn is_due(&self, now: Timestamp) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.keys.is_empty() || held.until.is_some_and(|until| now >= until)
    }

    /// An error keeps the keys, an unreadable header or none keeps the time until which they hold.
    async fn refresh(&self, http: &reqwest::Client, url: &str) {
        let (keys, headers) = match fetch(http, url).await {
            Ok(fetched) => fetched,
            Err(error) => {
                tracing::warn!(url, %error, "jwk-refresh-log");
                return;
            }
        };
        let until = expiry::expiry(&headers, Timestamp::now()).unwrap_or_else(|error| {
            tracing::info!(url, %error, "jwk-refresh-log");
            None
        });
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.keys = keys;
        held.until = until.or(held.until);
    }
}
