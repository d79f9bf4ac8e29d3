//! No secret and no token in anything that anybody may read: after each test its operator's log, the events, the statuses
//! and the metrics are searched.

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::Value;

use crate::world::{OurKind, World};

/// The admin secret of the Deployments in tests.
const ADMIN_SECRET: &str = "only-in-tests";

/// How many lines were searched, by what they come from.
#[derive(Default)]
pub struct Leaks {
    logged: AtomicUsize,
    events: AtomicUsize,
    statuses: AtomicUsize,
    metrics: AtomicUsize,
    found: Mutex<Vec<String>>,
}

impl Leaks {
    /// Searches what a test left behind, in one namespace.
    pub async fn search(&self, world: &World) {
        let count = |counter: &AtomicUsize, lines: usize| {
            counter.fetch_add(lines, Ordering::Relaxed);
        };
        let (logged, events) = (logs(world), events(world).await);
        let mut said = statuses::<LogtoTenant>(world).await;
        said.extend(statuses::<HasuraInstance>(world).await);
        said.extend(statuses::<HasuraRoleBinding>(world).await);
        let metrics = world.metrics().await.unwrap_or_default();
        count(
            &self.logged,
            logged.iter().map(|text| text.lines().count()).sum(),
        );
        count(&self.events, events.len());
        count(&self.statuses, said.len());
        count(&self.metrics, metrics.lines().count());
        let texts = [logged, events, said, vec![metrics]].concat();
        let leaked = leak(world, &texts.join("\n"));
        let leaked = leaked.map(|line| format!("{}: {line}", world.namespace));
        self.found.lock().unwrap().extend(leaked);
    }

    /// The first line with a secret of each test that had one.
    pub fn found(&self) -> Vec<String> {
        self.found.lock().unwrap().clone()
    }
}

/// The first line with a secret or a token. One says it; a secret that is logged is logged again and again.
pub fn leak(world: &World, text: &str) -> Option<String> {
    let secrets = secrets(world);
    let leaks = |line: &&str| has_token(line) || secrets.iter().any(|secret| line.contains(secret));
    text.lines().find(leaks).map(str::to_owned)
}

/// Whether there is a token, whole or cut off. Each begins with the base64 of `{"`, which the id of a key may have in its
/// middle by chance.
fn has_token(line: &str) -> bool {
    let of_base64 = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    line.match_indices("eyJ").any(|(at, _)| {
        let rest = line[at..].trim_start_matches(of_base64);
        !line[..at].ends_with(of_base64) || rest.starts_with('.')
    })
}

/// What no line may hold besides: the secrets as they are and as the API server shows them.
fn secrets(world: &World) -> Vec<String> {
    let plain = [world.logto.client_secret(), ADMIN_SECRET];
    let mut all = Vec::new();
    for secret in plain {
        all.push(secret.to_owned());
        all.push(STANDARD.encode(secret));
    }
    all
}

impl fmt::Display for Leaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        write!(
            f,
            "{} lines of logs, {} events, {} statuses and {} lines of metrics were searched for secrets and tokens: {} of \
             the tests had one",
            count(&self.logged),
            count(&self.events),
            count(&self.statuses),
            count(&self.metrics),
            self.found().len(),
        )
    }
}

/// Tests with several operators write a log for each into the same folder.
fn logs(world: &World) -> Vec<String> {
    let files = std::fs::read_dir(world.folder.path()).into_iter().flatten();
    let paths = files.filter_map(|file| Some(file.ok()?.path()));
    let logs = paths.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let texts = logs.filter_map(|path| std::fs::read(path).ok());
    texts
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .collect()
}

async fn events(world: &World) -> Vec<String> {
    let events = world.api::<Event>().list(&ListParams::default()).await;
    let events = events.map(|list| list.items).unwrap_or_default();
    // What the control plane and the node agent say of pods is not ours.
    let ours = events
        .iter()
        .filter(|event| event.reporting_controller.as_deref() == Some("logto-hasura"));
    ours.map(|event| format!("{:?} {:?}", event.reason, event.note))
        .collect()
}

async fn statuses<K: OurKind>(world: &World) -> Vec<String> {
    let objects = world.api::<K>().list(&ListParams::default()).await;
    let objects = objects.map(|list| list.items).unwrap_or_default();
    let values = objects
        .iter()
        .filter_map(|object| serde_json::to_value(object).ok());
    values
        .map(|value: Value| value["status"].to_string())
        .collect()
}
