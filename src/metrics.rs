//! What `/metrics` shows, in the OpenMetrics text format.
//!
//! What every controller has goes by the names of Go's controller-runtime, which dashboards know; what only this one has
//! begins with `logto_hasura_`. Each label has a bounded set of values: closed sets, LogtoTenants that exist, and reasons of
//! conditions. `docs/metrics.md` lists all.

mod census;
mod labels;
mod names;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    collections::HashSet,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub use census::{Census, Count};
use labels::{
    Controller, Event, Kind, Lease, Object, Operation, Queue, Reconcile, Request, Tenant,
};

/// Seconds of a reconcile: without work some microseconds, with work a few requests to Logto.
const RECONCILE_BUCKETS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Seconds of a request; Logto answers in 14 to 24 ms when nothing is in the way.
const REQUEST_BUCKETS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// Seconds of a wait for the tenant's budget.
const WAIT_BUCKETS: [f64; 7] = [0.001, 0.01, 0.1, 1.0, 5.0, 30.0, 120.0];

/// The kinds whose objects are the operator's work.
const KINDS: [&str; 3] = ["LogtoTenant", "HasuraInstance", "HasuraRoleBinding"];

/// The counters, and the registry that prints them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    census: OnceLock<Arc<dyn Census>>,
    reconciles: Family<Reconcile, Counter>,
    reconcile_errors: Family<Controller, Counter>,
    reconcile_times: Family<Controller, Histogram>,
    workers: Family<Controller, Gauge>,
    most_workers: Family<Controller, Gauge>,
    depths: Family<Queue, Gauge>,
    retries: Family<Queue, Counter>,
    leaders: Family<Lease, Gauge>,
    watch_failures: Family<Kind, Counter>,
    unreadable: Family<Kind, Counter>,
    requests: Family<Request, Counter>,
    /// The series of each tenant, which go with it.
    series: Mutex<HashMap<String, HashSet<Request>>>,
    durations: Family<Operation, Histogram>,
    waits: Family<Tenant, Histogram>,
    scripts: Family<Tenant, Counter>,
    events: Family<Event, Counter>,
    objects: Family<Object, Gauge>,
    connected: Family<Tenant, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            census: OnceLock::new(),
            reconciles: Family::default(),
            reconcile_errors: Family::default(),
            reconcile_times: Family::new_with_constructor(|| Histogram::new(RECONCILE_BUCKETS)),
            workers: Family::default(),
            most_workers: Family::default(),
            depths: Family::default(),
            retries: Family::default(),
            leaders: Family::default(),
            watch_failures: Family::default(),
            unreadable: Family::default(),
            requests: Family::default(),
            series: Mutex::default(),
            durations: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            waits: Family::new_with_constructor(|| Histogram::new(WAIT_BUCKETS)),
            scripts: Family::default(),
            events: Family::default(),
            objects: Family::default(),
            connected: Family::default(),
        };
        metrics.register_known_names();
        metrics.register_own_names();
        metrics.begin_at_zero();
        metrics
    }
}

impl Metrics {
    /// What alerts wait for is there before the first time: to Prometheus a series that appears with 1 has not grown.
    fn begin_at_zero(&self) {
        for kind in KINDS {
            drop(self.unreadable.get_or_create(&kind_of(kind)));
            drop(self.events.get_or_create(&event(kind, "LeftBehind")));
        }
        let mended = event("HasuraRoleBinding", "DriftCorrected");
        drop(self.events.get_or_create(&mended));
        for kind in KINDS.into_iter().chain(["Deployment", "Namespace"]) {
            drop(self.watch_failures.get_or_create(&kind_of(kind)));
        }
    }

    /// Lets a controller's reconciles be seen before the first one.
    pub fn controller(&self, controller: &'static str, most_workers: u16) {
        let label = Controller { controller };
        self.most_workers
            .get_or_create(&label)
            .set(most_workers.into());
        self.workers.get_or_create(&label).set(0);
        drop(self.reconcile_errors.get_or_create(&label));
        drop(self.depths.get_or_create(&Queue { name: controller }));
        drop(self.retries.get_or_create(&Queue { name: controller }));
    }

    /// A reconcile begins.
    pub fn begins(&self, controller: &'static str) {
        self.workers.get_or_create(&Controller { controller }).inc();
    }

    /// It ended.
    pub fn reconciled(&self, controller: &'static str, result: &'static str, took: Duration) {
        let label = Controller { controller };
        self.workers.get_or_create(&label).dec();
        self.reconciles
            .get_or_create(&Reconcile { controller, result })
            .inc();
        if result == "error" {
            self.reconcile_errors.get_or_create(&label).inc();
        }
        self.reconcile_times
            .get_or_create(&label)
            .observe(took.as_secs_f64());
    }

    /// So many objects wait for their turn.
    pub fn waiting(&self, controller: &'static str, objects: usize) {
        let objects = i64::try_from(objects).unwrap_or(i64::MAX);
        self.depths
            .get_or_create(&Queue { name: controller })
            .set(objects);
    }

    /// An object comes back after a failure.
    pub fn retried(&self, controller: &'static str) {
        self.retries
            .get_or_create(&Queue { name: controller })
            .inc();
    }

    /// Whether this replica holds the Lease.
    pub fn leads(&self, lease: &str, leads: bool) {
        let name = lease.to_owned();
        self.leaders
            .get_or_create(&Lease { name })
            .set(leads.into());
    }

    /// A watch failed and will be tried again.
    pub fn watch_failed(&self, kind: &str) {
        self.watch_failures.get_or_create(&kind_of(kind)).inc();
    }

    /// An object can not be read.
    pub fn unreadable(&self, kind: &str) {
        self.unreadable.get_or_create(&kind_of(kind)).inc();
    }

    /// Logto answered, or did not.
    pub fn requested(
        &self,
        tenant: &str,
        (operation, outcome): (&'static str, &'static str),
        status: Option<u16>,
        took: Duration,
    ) {
        let request = Request {
            tenant: tenant.to_owned(),
            operation,
            outcome,
            code: status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
        };
        self.requests.get_or_create(&request).inc();
        self.durations
            .get_or_create(&Operation { operation })
            .observe(took.as_secs_f64());
        self.of_tenant(tenant, Some(request));
    }

    /// Notes that a tenant has series, and one of its requests.
    fn of_tenant(&self, tenant: &str, request: Option<Request>) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.entry(tenant.to_owned()).or_default().extend(request);
    }

    /// A request had its turn.
    pub fn waited(&self, tenant: &str, waited: Duration) {
        self.of_tenant(tenant, None);
        self.waits
            .get_or_create(&named(tenant))
            .observe(waited.as_secs_f64());
    }

    /// A Custom JWT script was written.
    pub fn wrote_script(&self, tenant: &str) {
        self.of_tenant(tenant, None);
        self.scripts.get_or_create(&named(tenant)).inc();
    }

    /// The series of tenants that are gone go too. Their last requests may come after the object is gone, so it is looked at each
    /// time that somebody asks.
    fn forget_tenants_but(&self, there: &HashSet<String>) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for (tenant, requests) in series.extract_if(|tenant, _| !there.contains(tenant)) {
            for request in requests {
                self.requests.remove(&request);
            }
            self.waits.remove(&named(&tenant));
            self.scripts.remove(&named(&tenant));
        }
    }

    /// Something happened to an object.
    pub fn happened(&self, kind: &str, reason: &str) {
        self.events.get_or_create(&event(kind, reason)).inc();
    }

    /// From now on objects are counted when somebody asks. The first one to be told stays.
    pub fn take_census_of(&self, census: Arc<dyn Census>) {
        // A second one would be a second set of controllers in this process, which there is not.
        let _ = self.census.set(census);
    }

    fn count(&self) {
        let Some(census) = self.census.get() else {
            return;
        };
        let Count {
            objects,
            tenants,
            connected,
        } = census.count();
        self.forget_tenants_but(&tenants);
        self.objects.clear();
        for ((kind, ready, reason), count) in objects {
            self.objects
                .get_or_create(&Object {
                    kind,
                    ready,
                    reason,
                })
                .set(count);
        }
        self.connected.clear();
        for (tenant, answers) in connected {
            self.connected
                .get_or_create(&Tenant { tenant })
                .set(answers.into());
        }
    }

    /// All of it in the OpenMetrics text format.
    pub fn text(&self) -> String {
        self.count();
        let mut text = String::new();
        // Writing to a String can not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn named(tenant: &str) -> Tenant {
    let tenant = tenant.to_owned();
    Tenant { tenant }
}

fn kind_of(kind: &str) -> Kind {
    let kind = kind.to_owned();
    Kind { kind }
}

fn event(kind: &str, reason: &str) -> Event {
    Event {
        kind: kind.to_owned(),
        reason: reason.to_owned(),
    }
}
