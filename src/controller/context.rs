//! What every reconcile shares.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use kube::{
    Client, Resource, ResourceExt,
    runtime::{controller::Action, events::EventType},
};

use super::{
    backoff::Backoff, events::Events, force::Fights, registry::Registry, status::HasStatus,
    stores::Stores, subjects::Checks, triggers::Triggers,
};
use crate::{
    api::RECONCILE_REQUESTED_AT,
    domain::{ownership::Owner, precedence::Key},
    fence::Fence,
    logto::AllowedHosts,
    metrics::Metrics,
};

/// How long the operator waits for what; the defaults are those of the design, tests shorten them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Between two looks at credentials that are missing or refused, or at a ConfigMap or Secret that stands in the way.
    pub credentials_retry: Duration,
    /// Between two looks at credentials that work.
    pub credentials_recheck: Duration,
    /// How long a deletion waits for dependants that are being deleted too, and for what went first.
    pub release_after: Duration,
    /// Instead of every tenant's `resyncPeriodSeconds`.
    pub resync_period: Option<Duration>,
    /// The longest wait after failures in a row.
    pub longest_backoff: Duration,
    /// Between two reads that the reconcile annotation asks for.
    pub annotation_pause: Duration,
    /// Between two writes of a tenant's Custom JWT script.
    pub claims_pause: Duration,
    /// Between two looks at the pods of a rollout that is not through.
    pub rollout_recheck: Duration,
    /// How long a Hasura without a probe has to run without a restart.
    pub settle_after: Duration,
    /// The longest that one request to Logto may take.
    pub request_timeout: Duration,
    /// How long the API server keeps a watch open.
    pub watch_timeout: Duration,
}

/// What every reconcile shares.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// Until when writes are allowed.
    pub fence: Fence,
    /// Whose marks are ours.
    pub owner: Owner,
    /// The hosts that tenants may name.
    pub allowed_hosts: AllowedHosts,
    /// How long to wait for what.
    pub clocks: Clocks,
    /// All objects of our kinds that are watched.
    pub stores: Stores,
    /// The tenants' connections.
    pub registry: Registry,
    /// Asks for visits.
    pub triggers: Triggers,
    /// Waits after failures.
    pub backoff: Backoff,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// What was said of objects lately.
    pub events: Events,
    /// When an annotation was last acted on, by uid.
    pub rereads: Mutex<HashMap<String, Instant>>,
    /// How often settings were taken from other managers by force.
    pub fights: Fights,
    /// When the bindings' subjects are to be looked at again.
    pub subjects: Checks,
}

/// What the reconcile annotation asks for at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reread {
    /// Nothing new.
    No,
    /// A read now.
    Now,
    /// A read, after the pause since the last one.
    After(Duration),
}

impl Context {
    /// Whether the reconcile annotation holds a value that was not acted on yet.
    pub fn reread_asked<K: HasStatus>(&self, object: &K) -> Reread {
        let asked = object
            .annotations()
            .get(RECONCILE_REQUESTED_AT)
            .map(String::as_str);
        if asked.is_none() || asked == object.last_handled() {
            return Reread::No;
        }
        let uid = object.uid().unwrap_or_default();
        let mut rereads = self.rereads.lock().unwrap_or_else(PoisonError::into_inner);
        let since = rereads.get(&uid).map(Instant::elapsed);
        match since {
            Some(since) if since < self.clocks.annotation_pause => {
                Reread::After(self.clocks.annotation_pause - since)
            }
            _ => {
                rereads.insert(uid, Instant::now());
                Reread::Now
            }
        }
    }

    /// Publishes an event; a failure is logged and no more, since an event changes nothing.
    pub async fn event<K>(&self, object: &K, type_: EventType, reason: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        self.metrics.happened(&K::kind(&()), reason);
        let object = object.object_ref(&());
        if let Err(error) = self.events.publish(object, type_, reason, note).await {
            tracing::debug!(%error, reason, "an event could not be published");
        }
    }

    /// When to try an object again that failed.
    pub fn retry<K: ResourceExt>(&self, object: &K) -> Action {
        Action::requeue(self.backoff.next(&object.uid().unwrap_or_default()))
    }

    /// Forgets an object that is gone.
    pub fn forget<K: ResourceExt>(&self, object: &K) {
        let uid = object.uid().unwrap_or_default();
        self.backoff.forget(&uid);
        self.subjects.forget(&uid);
        self.fights.forget(&uid);
        self.rereads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&uid);
    }
}

/// Namespace and name of an object.
pub fn key<K: ResourceExt>(object: &K) -> Key {
    Key {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

/// Seconds since the epoch at which an object was made; the end of time for one that is not stored yet.
pub fn created<K: ResourceExt>(object: &K) -> i64 {
    object
        .creation_timestamp()
        .map_or(i64::MAX, |time| time.0.as_second())
}

/// Whether an object is being deleted.
pub fn deleting<K: ResourceExt>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}

/// How long ago an object's deletion began.
pub fn deleting_for<K: ResourceExt>(object: &K) -> Duration {
    let since = object.meta().deletion_timestamp.as_ref().map(|time| time.0);
    let elapsed = since.map(|since| jiff::Timestamp::now().duration_since(since));
    elapsed
        .and_then(|elapsed| Duration::try_from(elapsed).ok())
        .unwrap_or_default()
}
