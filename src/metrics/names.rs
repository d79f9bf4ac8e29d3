//! Under which names what is counted is shown.

use prometheus_client::metrics::info::Info;

use super::Metrics;

impl Metrics {
    /// Those that dashboards of controllers know.
    pub(super) fn register_known_names(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "controller_runtime_reconcile",
            "Reconciles, by how they ended",
            self.reconciles.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Reconciles that failed",
            self.reconcile_errors.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "Time of a reconcile",
            self.reconcile_times.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "Reconciles that are under way",
            self.workers.clone(),
        );
        registry.register(
            "controller_runtime_max_concurrent_reconciles",
            "Reconciles that may be under way at the same time",
            self.most_workers.clone(),
        );
        registry.register(
            "workqueue_depth",
            "Objects that wait for a reconcile",
            self.depths.clone(),
        );
        registry.register(
            "workqueue_retries",
            "Objects that came back to the queue after a failure",
            self.retries.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "1 while this replica holds the Lease",
            self.leaders.clone(),
        );
    }

    /// Those of this operator alone.
    pub(super) fn register_own_names(&mut self) {
        let registry = self.registry.sub_registry_with_prefix("logto_hasura");
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "watch_failures",
            "Watches of the API server that failed",
            self.watch_failures.clone(),
        );
        registry.register(
            "unreadable_objects",
            "Times that an object came from the API server that this version can not read",
            self.unreadable.clone(),
        );
        registry.register(
            "logto_requests",
            "Requests to Logto, by how they ended",
            self.requests.clone(),
        );
        registry.register(
            "logto_request_duration_seconds",
            "Time until Logto answered",
            self.durations.clone(),
        );
        registry.register(
            "logto_request_wait_seconds",
            "Time that a request waited for its turn in the tenant's budget",
            self.waits.clone(),
        );
        registry.register(
            "script_writes",
            "Writes of the tenant's Custom JWT scripts",
            self.scripts.clone(),
        );
        registry.register(
            "events",
            "Events of objects, by their reason; DriftCorrected, DeploymentPatched, LeftBehind and all changes of Ready are among them",
            self.events.clone(),
        );
        registry.register(
            "objects",
            "Objects, by the status and the reason of their condition Ready",
            self.objects.clone(),
        );
        registry.register(
            "logto_connected",
            "1 while the tenant's Logto answers, 0 while its queue is paused because it does not",
            self.connected.clone(),
        );
    }
}
