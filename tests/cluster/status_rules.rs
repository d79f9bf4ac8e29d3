//! Every status that any test sees written is held against the seven rules of Flux's checker.
//!
//! Source: fluxcd/pkg `runtime/conditions/check/fail.go`, FAIL0001 to FAIL0007.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures::TryStreamExt;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    runtime::{WatchStreamExt, watcher},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::Value;
use tokio::task::JoinHandle;

pub struct StatusRules {
    seen: Arc<Seen>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    checked: AtomicUsize,
    broken: Mutex<Vec<String>>,
}

impl StatusRules {
    pub fn start(client: &Client) -> Self {
        let seen = Arc::new(Seen::default());
        let kinds = [
            ApiResource::erase::<LogtoTenant>(&()),
            ApiResource::erase::<HasuraInstance>(&()),
            ApiResource::erase::<HasuraRoleBinding>(&()),
        ];
        let tasks = kinds
            .into_iter()
            .map(|kind| tokio::spawn(watch(client.clone(), kind, Arc::clone(&seen))));
        Self {
            tasks: tasks.collect(),
            seen,
        }
    }

    pub fn checked(&self) -> usize {
        self.seen.checked.load(Ordering::Relaxed)
    }

    pub fn broken(&self) -> Vec<String> {
        self.seen.broken.lock().unwrap().clone()
    }

    pub fn stop(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn watch(client: Client, kind: ApiResource, seen: Arc<Seen>) {
    let api: Api<DynamicObject> = Api::all_with(client, &kind);
    let mut objects = std::pin::pin!(
        watcher(api, watcher::Config::default())
            .default_backoff()
            .applied_objects()
    );
    loop {
        let Ok(Some(object)) = objects.try_next().await else {
            continue;
        };
        let status = &object.data["status"];
        if status.get("conditions").is_none() || object.metadata.deletion_timestamp.is_some() {
            continue;
        }
        seen.checked.fetch_add(1, Ordering::Relaxed);
        let generation = object.metadata.generation.unwrap_or_default();
        for rule in broken_rules(status, generation) {
            let name = object.metadata.name.clone().unwrap_or_default();
            let line = format!(
                "{rule}: {} {name}: generation {generation}, {status}",
                kind.kind
            );
            seen.broken.lock().unwrap().push(line);
        }
    }
}

fn broken_rules(status: &Value, generation: i64) -> Vec<&'static str> {
    let condition = |type_: &str| {
        let conditions = status["conditions"].as_array()?;
        conditions
            .iter()
            .find(|condition| condition["type"] == type_)?["status"]
            .as_str()
    };
    let observed = status["observedGeneration"].as_i64().unwrap_or_default();
    let ready = condition("Ready");
    let is_ready = ready == Some("True");
    let (reconciling, stalled) = (
        condition("Reconciling") == Some("True"),
        condition("Stalled") == Some("True"),
    );
    let rules = [
        (
            "FAIL0001 a negative condition beside Ready=True",
            is_ready && (reconciling || stalled),
        ),
        ("FAIL0002 no Ready condition", ready.is_none()),
        (
            "FAIL0003 Reconciling although Ready",
            reconciling && is_ready,
        ),
        ("FAIL0004 Stalled although Ready", stalled && is_ready),
        (
            "FAIL0005 both Reconciling and Stalled",
            reconciling && stalled,
        ),
        (
            "FAIL0006 observedGeneration from the future",
            observed > generation,
        ),
        (
            "FAIL0007 Ready=True for an older generation said of this one",
            is_ready && condition_generation(status) > observed,
        ),
    ];
    rules
        .into_iter()
        .filter(|(_, broken)| *broken)
        .map(|(rule, _)| rule)
        .collect()
}

/// A spec may change while Ready=True of the generation before still stands; it must not claim to be of the new one.
fn condition_generation(status: &Value) -> i64 {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let ready = conditions
        .into_iter()
        .find(|condition| condition["type"] == "Ready");
    ready
        .and_then(|ready| ready["observedGeneration"].as_i64())
        .unwrap_or_default()
}
