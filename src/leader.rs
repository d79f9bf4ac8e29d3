//! One active operator among several replicas: a Lease, by the rules of client-go's leader election.
//!
//! [`Election::win`] waits for the lease, [`Election::keep`] renews it and ends when it is lost, [`Election::give_back`]
//! hands it on. Each write of the lease carries the resourceVersion that was read, so of two that want it one gets 409.
//! What may be written while it is held is told by the [`Fence`]; the API server's part of it is [`fenced`].

mod fenced;
mod held;
mod record;

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client, ResourceExt,
    api::{ObjectMeta, PostParams},
};
use tokio::time::sleep;

use crate::{api::FIELD_MANAGER, fence::Fence};
pub use fenced::fenced;
pub use held::{Claimed, claimed};
use record::{Seen, Turn};

/// How long a lease lasts, and how often it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseClocks {
    /// Others may take it when they have not seen it renewed for so long.
    pub duration: Duration,
    /// Who could not renew it for so long gives up; shorter than `duration`.
    pub renew_deadline: Duration,
    /// Between two looks or renewals; shorter than `renew_deadline`.
    pub retry: Duration,
}

/// Why an operator leads no longer. The process has to end then.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Somebody else holds the lease.
    #[error("the lease was taken by {0:?}")]
    Taken(String),
    /// It could not be renewed in time.
    #[error("the lease could not be renewed for {} s: {problem}", deadline.as_secs_f32())]
    NotRenewed {
        /// For how long it was tried.
        deadline: Duration,
        /// How the last attempt ended.
        problem: String,
    },
}

/// One candidate for a lease.
pub struct Election {
    leases: Api<Lease>,
    name: String,
    identity: String,
    clocks: LeaseClocks,
    fence: Fence,
}

impl Election {
    /// A candidate for the lease of this name. `client` must not be [`fenced`]: a lease is written while none is held.
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        clocks: LeaseClocks,
        fence: Fence,
    ) -> Self {
        // The host's name is the pod's; a container that is started again in it is another candidate.
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| FIELD_MANAGER.to_owned());
        Self {
            leases: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: format!("{host}_{:08x}", rand::random::<u32>()),
            clocks,
            fence,
        }
    }

    /// What stands in the lease while we hold it.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The name of the lease.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the lease is ours. `standing_by` is told the holder's name whenever somebody else has it.
    pub async fn win(&self, mut standing_by: impl FnMut(&str)) -> Lease {
        let mut seen = None;
        let mut failed = false;
        loop {
            match self.try_to_win(&mut seen, &mut standing_by).await {
                Ok(Some(lease)) => return lease,
                Ok(None) => failed = false,
                Err(error) => {
                    // Once in a row: the API server may be away for long.
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(%error, lease = self.name, "the lease can not be read or taken; it is tried again");
                    }
                }
            }
            // Not in step with the other candidates.
            sleep(self.clocks.retry.mul_f64(rand::random_range(1.0..1.2))).await;
        }
    }

    async fn try_to_win(
        &self,
        seen: &mut Option<Seen>,
        standing_by: &mut impl FnMut(&str),
    ) -> Result<Option<Lease>, kube::Error> {
        let asked = Instant::now();
        let Some(lease) = self.in_time(self.leases.get_opt(&self.name)).await? else {
            let metadata = ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            };
            let new = Lease {
                metadata,
                spec: None,
            };
            return self.write(&new).await;
        };
        let newest = Seen::note(seen.take(), &lease, asked);
        match seen
            .insert(newest)
            .turn(&self.identity, self.clocks.duration, Instant::now())
        {
            Turn::Ours | Turn::Free => self.write(&lease).await,
            Turn::Theirs(holder) => {
                standing_by(&holder);
                Ok(None)
            }
        }
    }

    /// Makes the lease ours from this moment on; nothing when somebody else wrote it meanwhile.
    async fn write(&self, lease: &Lease) -> Result<Option<Lease>, kube::Error> {
        let sent = Instant::now();
        let wanted = record::held(
            lease,
            &self.identity,
            self.clocks.duration,
            jiff::Timestamp::now(),
        );
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let written = if lease.resource_version().is_some() {
            self.in_time(self.leases.replace(&self.name, &params, &wanted))
                .await
        } else {
            self.in_time(self.leases.create(&params, &wanted)).await
        };
        match written {
            Ok(lease) => {
                self.fence.hold_until(sent + self.clocks.duration);
                Ok(Some(lease))
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Renews the lease again and again, and ends when it is lost. It may be dropped at any time; the lease then lasts as
    /// long as it was renewed for.
    pub async fn keep(&self, mut lease: Lease) -> Lost {
        let mut renewed = Instant::now();
        let mut problem = "no attempt was answered".to_owned();
        loop {
            sleep(self.clocks.retry).await;
            let asked = Instant::now();
            match self.renew(&lease).await {
                Ok(Renewal::Renewed(newer)) => (lease, renewed) = (newer, asked),
                // Somebody wrote it, but left it to us: the next attempt is based on that.
                Ok(Renewal::Edited(newer)) => lease = newer,
                Ok(Renewal::Taken(holder)) => {
                    self.fence.close();
                    return Lost::Taken(holder);
                }
                Err(error) => {
                    tracing::warn!(%error, lease = self.name, "the lease could not be renewed; it is tried again");
                    problem = error.to_string();
                }
            }
            if renewed.elapsed() >= self.clocks.renew_deadline {
                self.fence.close();
                let deadline = self.clocks.renew_deadline;
                return Lost::NotRenewed { deadline, problem };
            }
        }
    }

    async fn renew(&self, lease: &Lease) -> Result<Renewal, kube::Error> {
        if let Some(newer) = self.write(lease).await? {
            return Ok(Renewal::Renewed(newer));
        }
        let Some(now) = self.in_time(self.leases.get_opt(&self.name)).await? else {
            // Deleted: made again, unless somebody else was faster.
            let mut absent = lease.clone();
            absent.metadata.resource_version = None;
            absent.metadata.uid = None;
            return Ok(match self.write(&absent).await? {
                Some(newer) => Renewal::Renewed(newer),
                None => Renewal::Edited(lease.clone()),
            });
        };
        let holder = now
            .spec
            .as_ref()
            .and_then(|spec| spec.holder_identity.clone());
        Ok(match holder {
            Some(holder) if holder == self.identity => Renewal::Edited(now),
            holder => Renewal::Taken(holder.unwrap_or_default()),
        })
    }

    /// Gives the lease to whoever comes next. What fails is left to run out.
    pub async fn give_back(&self) {
        self.fence.close();
        let Ok(Some(lease)) = self.in_time(self.leases.get_opt(&self.name)).await else {
            return;
        };
        let holder = lease
            .spec
            .as_ref()
            .and_then(|spec| spec.holder_identity.as_deref());
        if holder != Some(self.identity.as_str()) {
            return;
        }
        let back = record::released(&lease, jiff::Timestamp::now());
        let params = PostParams::default();
        match self
            .in_time(self.leases.replace(&self.name, &params, &back))
            .await
        {
            Ok(_) => tracing::info!(lease = self.name, "the lease was given back"),
            Err(error) => {
                tracing::warn!(%error, lease = self.name, "the lease could not be given back; it runs out")
            }
        }
    }

    /// A request that hangs counts as failed in time for another attempt before the deadline.
    async fn in_time<T>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, kube::Error> {
        match tokio::time::timeout(self.clocks.renew_deadline / 2, request).await {
            Ok(result) => result,
            Err(elapsed) => Err(kube::Error::Service(elapsed.into())),
        }
    }
}

/// What came of an attempt to renew.
enum Renewal {
    Renewed(Lease),
    Edited(Lease),
    Taken(String),
}
