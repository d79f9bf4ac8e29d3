//! Whether a Lease is held, seen by somebody who does not want it.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, ResourceExt, api::ListParams};
use tokio::time::sleep;

use super::record::{Seen, Turn};
use crate::api::FIELD_MANAGER;

/// Between two looks at a Lease.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long a lease lasts that does not say so.
const USUAL: Duration = Duration::from_secs(15);

/// A Lease of an operator's that names a holder. Whether that one still lives is told by [`Claimed::is_renewed`].
pub struct Claimed {
    leases: Api<Lease>,
    lease: Lease,
    seen: Seen,
}

/// The Leases that operators took and did not give back, in one namespace or in all, whatever their names are.
///
/// # Errors
/// When they can not be listed.
pub async fn claimed(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Vec<Claimed>, kube::Error> {
    let leases: Api<Lease> =
        namespace.map_or_else(|| Api::all(client.clone()), |name| of(client, name));
    let read = Instant::now();
    let all = leases.list(&ListParams::default()).await?;
    let ours = all.into_iter().filter(is_operators).map(|lease| Claimed {
        leases: of(client, &lease.namespace().unwrap_or_default()),
        seen: Seen::note(None, &lease, read),
        lease,
    });
    Ok(ours
        .filter(|claimed| claimed.turn(Instant::now()) != Turn::Free)
        .collect())
}

fn of(client: &Client, namespace: &str) -> Api<Lease> {
    Api::namespaced(client.clone(), namespace)
}

/// Only operators write under this field manager.
fn is_operators(lease: &Lease) -> bool {
    let mut managers = lease.managed_fields().iter();
    managers.any(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER))
}

impl Claimed {
    /// Who is named as its holder.
    pub fn holder(&self) -> &str {
        self.seen.holder()
    }

    /// Where it is.
    pub fn namespace(&self) -> &str {
        self.lease.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        self.lease.metadata.name.as_deref().unwrap_or_default()
    }

    /// How long a lease lasts that is not renewed.
    pub fn duration(&self) -> Duration {
        self.seen.duration(USUAL)
    }

    /// Waits until it is renewed, which is true, or has run out, was given back or deleted. It runs out by our own clock:
    /// the time that stands in it counts for nothing.
    ///
    /// # Errors
    /// When it can not be read.
    pub async fn is_renewed(&self) -> Result<bool, kube::Error> {
        while self.turn(Instant::now()) != Turn::Free {
            sleep(LOOK_AGAIN).await;
            let Some(now) = self.leases.get_opt(self.name()).await? else {
                return Ok(false);
            };
            if now.spec != self.lease.spec {
                let seen = Seen::note(None, &now, Instant::now());
                return Ok(seen.turn("", USUAL, Instant::now()) != Turn::Free);
            }
        }
        Ok(false)
    }

    fn turn(&self, now: Instant) -> Turn {
        self.seen.turn("", USUAL, now)
    }
}
