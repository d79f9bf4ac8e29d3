//! Stands in for the kubelet: runs a [`hasura_double`] for each pod of Hasura, and leaves all other pods Pending.

mod container;
mod env;
mod expansion;
mod pod;
mod referents;
mod status;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use crate::tls;

/// How the node agent behaves.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// The folder for what the containers say, `<namespace>/<pod>.log`; made when missing.
    pub logs: PathBuf,
    /// The wait before a crashed container is started again; it doubles with each crash. A kubelet begins with 10 s.
    pub first_backoff: Duration,
    /// The longest wait before a crashed container is started again. A kubelet's is 5 min.
    pub max_backoff: Duration,
    /// How long Hasura tries to reach a database whose host no name server knows (one below `.invalid`) before it ends.
    pub database_patience: Duration,
    /// How long a jwk_url or a webhook has to answer Hasura.
    pub answer_within: Duration,
    /// How often Hasura looks whether the keys of its jwk_url have to be fetched again.
    pub poll_tick: Duration,
}

impl AgentOptions {
    /// Options for tests that do not want to wait: a crashed container is back after 0.25 s, at most 1 s. Keys are
    /// looked after each second, as Hasura does until 2.40.
    pub fn new(logs: PathBuf) -> Self {
        Self {
            logs,
            first_backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(1),
            database_patience: Duration::from_secs(1),
            answer_within: Duration::from_secs(10),
            poll_tick: Duration::from_secs(1),
        }
    }
}

/// The annotation of a pod with the URL of its Hasura, such as `http://127.0.0.1:40123`; it is there once the pod is
/// ready.
pub const TEST_ADDRESS: &str = "logto-hasura.dev/test-address";

/// The running node agent; it ends when it is stopped or dropped, and all Hasuras with it.
///
/// What Hasura would refuse at its start is a crash loop here, retried until it starts, the pod is gone or the agent
/// ends. What Hasura takes makes the pod ready, and runs in this process for as long as the pod is there: it takes
/// requests at [`TEST_ADDRESS`]. Without a probe a pod is ready as soon as its container runs, whether Hasura listens or not;
/// an image with the tag `missing` is never pulled. Hasura's own words go to the pod's log, not to its status, as on a real node. A change
/// of a Secret reaches only the next start of a container.
pub struct NodeAgent {
    task: JoinHandle<()>,
    logs: PathBuf,
}

impl NodeAgent {
    /// Starts it on the current tokio runtime; it works for as long as that does.
    pub fn start(client: Client, options: AgentOptions) -> Self {
        tls::use_ring();
        let logs = options.logs.clone();
        let task = tokio::spawn(watch(client, Arc::new(options)));
        Self { task, logs }
    }

    /// What the containers of a pod have said so far; nothing when they have not said anything.
    ///
    /// # Errors
    /// When the file can not be read.
    pub fn log(&self, namespace: &str, pod: &str) -> io::Result<String> {
        match fs::read_to_string(pod::log_path(&self.logs, namespace, pod)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            result => result,
        }
    }

    /// Ends the agent. Pods keep the status that they have; a next agent starts their Hasuras again.
    pub async fn stop(mut self) {
        self.task.abort();
        // It says that the task was cancelled.
        let _ = (&mut self.task).await;
    }
}

impl Drop for NodeAgent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches all pods and keeps one task for each of Hasura's.
async fn watch(client: Client, options: Arc<AgentOptions>) {
    let mut pods = Pods {
        client: client.clone(),
        options,
        tasks: JoinSet::new(),
        by_uid: HashMap::new(),
    };
    let mut listed = HashSet::new();
    let mut events = watcher(Api::<Pod>::all(client), watcher::Config::default())
        .default_backoff()
        .boxed();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            Some(ended) = pods.tasks.join_next() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!(%error, "the task of a pod panicked");
                }
                continue;
            }
        };
        match event {
            Some(Ok(Event::Apply(pod))) => pods.take(pod),
            Some(Ok(Event::Delete(pod))) => pods.forget(&uid(&pod)),
            Some(Ok(Event::Init)) => listed.clear(),
            Some(Ok(Event::InitApply(pod))) => {
                listed.insert(uid(&pod));
                pods.take(pod);
            }
            Some(Ok(Event::InitDone)) => pods.keep_only(&listed),
            Some(Err(error)) => tracing::warn!(%error, "the watch of pods is interrupted"),
            None => return,
        }
    }
}

/// The pods that have been taken, whether their task still runs or not.
struct Pods {
    client: Client,
    options: Arc<AgentOptions>,
    tasks: JoinSet<()>,
    by_uid: HashMap<String, AbortHandle>,
}

impl Pods {
    /// Starts the pod's container, once. A pod without a node that is being deleted is gone at once, so it is left alone.
    fn take(&mut self, pod: Pod) {
        let uid = uid(&pod);
        if pod.metadata.deletion_timestamp.is_some() || self.by_uid.contains_key(&uid) {
            return;
        }
        if let Some(work) = pod::PodWork::new(&self.client, &self.options, pod) {
            self.by_uid.insert(uid, self.tasks.spawn(work.run()));
        }
    }

    fn forget(&mut self, uid: &str) {
        if let Some(task) = self.by_uid.remove(uid) {
            task.abort();
        }
    }

    /// A new list of all pods shows which were deleted while the watch was interrupted.
    fn keep_only(&mut self, listed: &HashSet<String>) {
        self.by_uid.retain(|uid, task| {
            let keep = listed.contains(uid);
            if !keep {
                task.abort();
            }
            keep
        });
    }
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap_or_default()
}
