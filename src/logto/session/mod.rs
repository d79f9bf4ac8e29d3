//! One LogtoTenant's connection: its client, and what the tenant holds as far as it was read and written.
//!
//! [`listing`](Session::refresh) reads the tenant as a whole, [`execute`](Session::execute) writes and notes what it
//! wrote, [`reread`](Session::reread_binding) looks at single objects again, [`subjects`](Session::holders_among) at who
//! holds a role.

mod convert;
mod execute;
mod listing;
mod reread;
mod subjects;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Client, Error, Failure, PlanLimit};
use crate::domain::{
    observed::{Change, Observed},
    ownership::Owner,
};

/// A connected tenant. Everything remote goes through it.
pub struct Session {
    client: Client,
    owner: Owner,
    snapshot: RwLock<Snapshot>,
    links_read: Mutex<HashMap<String, Instant>>,
    /// How many held a role of ours when it was last listed, by id; of one that is gone, how many did before.
    holders: Mutex<HashMap<String, u64>>,
    down: AtomicBool,
    /// Names of scopes and roles whose creation failed so that it may have happened. A listing that began before it does
    /// not show them, so they are read by name before they are made again.
    unsure: Mutex<HashSet<String>>,
}

#[derive(Default)]
struct Snapshot {
    observed: Observed,
    roles_complete: bool,
    listed: Option<Instant>,
    /// What was done since a listing began, to be done again on what it gives.
    since_listing: Option<Vec<Change>>,
}

impl Session {
    /// Lists the tenant for the first time.
    ///
    /// # Errors
    /// Those of the requests; see [`Error`].
    pub async fn open(client: Client, owner: Owner) -> Result<Self, Error> {
        let session = Self {
            client,
            owner,
            snapshot: RwLock::default(),
            links_read: Mutex::default(),
            holders: Mutex::default(),
            down: AtomicBool::new(false),
            unsure: Mutex::default(),
        };
        session.list(&session.client).await?;
        Ok(session)
    }

    /// The client, for what is not about the snapshot.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Looks at what the tenant holds.
    pub fn observe<R>(&self, look: impl FnOnce(&Observed) -> R) -> R {
        look(&self.read().observed)
    }

    /// Whether the last listing of roles may have missed a row.
    pub fn roles_may_be_missing(&self) -> bool {
        !self.read().roles_complete
    }

    /// Whether the tenant was listed at most so long ago.
    pub fn listed_within(&self, age: Duration) -> bool {
        self.read()
            .listed
            .is_some_and(|listed| listed.elapsed() <= age)
    }

    /// Whether requests are pointless until [`Session::refresh`] succeeds.
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Judges an error: one that speaks of the way to Logto stops everybody else from trying too. A write that it may have
    /// cut off shows in the listing that ends this.
    pub fn note(&self, error: &Error) {
        let unreachable = match error {
            Error::Retry {
                cause: Failure::Status(status),
                ..
            } => matches!(status, 502..=504),
            Error::Retry { .. }
            | Error::Credentials { .. }
            | Error::Plan {
                limit: PlanLimit::Tokens,
                ..
            } => true,
            _ => false,
        };
        if unreachable {
            self.down.store(true, Ordering::Relaxed);
        }
    }

    fn record(&self, change: Change) {
        self.write(|snapshot| {
            if let Some(since) = &mut snapshot.since_listing {
                since.push(change.clone());
            }
            snapshot.observed.apply(change);
        });
    }

    fn read(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<R>(&self, change: impl FnOnce(&mut Snapshot) -> R) -> R {
        change(
            &mut self
                .snapshot
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
