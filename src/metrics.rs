//! What `/metrics` shows. Every label has a closed set of values.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// The counters, and the registry that prints them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<Reconcile, Counter>,
    watch_failures: Family<Kind, Counter>,
    unreadable: Family<Kind, Counter>,
    requests: Family<Request, Counter>,
    durations: Family<Operation, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconcile {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

/// Seconds; Logto answers in 14 to 24 ms when nothing is in the way.
const BUCKETS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("logto_hasura");
        let reconciles = Family::<Reconcile, Counter>::default();
        let watch_failures = Family::<Kind, Counter>::default();
        let unreadable = Family::<Kind, Counter>::default();
        let requests = Family::<Request, Counter>::default();
        let durations =
            Family::<Operation, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register(
            "reconciles",
            "Visits to objects, by how they ended",
            reconciles.clone(),
        );
        registry.register(
            "watch_failures",
            "Watches of the API server that failed",
            watch_failures.clone(),
        );
        registry.register(
            "unreadable_objects",
            "Times that an object came from the API server that this version can not read",
            unreadable.clone(),
        );
        registry.register(
            "logto_requests",
            "Requests to Logto, by how they ended",
            requests.clone(),
        );
        registry.register(
            "logto_request_duration_seconds",
            "Time until Logto answered",
            durations.clone(),
        );
        Self {
            registry,
            reconciles,
            watch_failures,
            unreadable,
            requests,
            durations,
        }
    }
}

impl Metrics {
    /// A visit ended.
    pub fn reconciled(&self, controller: &'static str, result: &'static str) {
        self.reconciles
            .get_or_create(&Reconcile { controller, result })
            .inc();
    }

    /// A watch failed and will be tried again.
    pub fn watch_failed(&self, kind: &str) {
        self.watch_failures
            .get_or_create(&Kind {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// An object can not be read.
    pub fn unreadable(&self, kind: &str) {
        self.unreadable
            .get_or_create(&Kind {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// Logto answered, or did not.
    pub fn requested(&self, operation: &'static str, outcome: &'static str, seconds: f64) {
        self.requests
            .get_or_create(&Request { operation, outcome })
            .inc();
        self.durations
            .get_or_create(&Operation { operation })
            .observe(seconds);
    }

    /// All of it in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String can not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
