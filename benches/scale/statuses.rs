//! Which bindings are ready, as a watch tells it. Only what is needed is parsed, to take little of the machine's time.

use std::{collections::HashSet, time::Instant};

use anyhow::{Context, bail};
use futures::TryStreamExt;
use kube::{
    Client,
    api::{WatchEvent, WatchParams},
    core::Request,
};
use serde::Deserialize;
use tokio::{sync::watch, task::JoinHandle};

use crate::bed::NAMESPACE;

#[derive(Clone, Debug, Deserialize)]
struct Row {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    resource_version: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

/// The number of bindings that are ready, kept by a task until this is dropped.
pub struct Statuses {
    ready: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Drop for Statuses {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Statuses {
    /// Starts to watch.
    pub fn follow(client: &Client) -> Self {
        let (sender, ready) = watch::channel(0);
        let client = client.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = follow(&client, &sender).await {
                eprintln!("the bench's own watch failed: {error:#}");
            }
        });
        Self { ready, task }
    }

    /// How many are ready.
    pub fn ready(&self) -> usize {
        *self.ready.borrow()
    }

    /// Waits until so many are ready; gives when that was.
    pub async fn until_ready(
        &mut self,
        count: usize,
        deadline: Instant,
    ) -> anyhow::Result<Instant> {
        let found = self.ready.wait_for(|ready| *ready == count);
        let in_time = match tokio::time::timeout_at(deadline.into(), found).await {
            Ok(found) => found.map(drop).map_err(anyhow::Error::from),
            Err(late) => Err(late.into()),
        };
        in_time.with_context(|| format!("{} of {count} bindings are ready", self.ready()))?;
        Ok(Instant::now())
    }
}

async fn follow(client: &Client, ready: &watch::Sender<usize>) -> anyhow::Result<()> {
    let url = format!("/apis/logto-hasura.dev/v1alpha1/namespaces/{NAMESPACE}/hasurarolebindings");
    let mut names = HashSet::new();
    // From 0 a watch begins with all that is there.
    let mut version = "0".to_owned();
    loop {
        let request = Request::new(&url).watch(&WatchParams::default().timeout(290), &version)?;
        let events = client.request_events::<Row>(request).await?;
        futures::pin_mut!(events);
        while let Some(event) = events.try_next().await? {
            let (row, is_there) = match event {
                WatchEvent::Added(row) | WatchEvent::Modified(row) => (row, true),
                WatchEvent::Deleted(row) => (row, false),
                WatchEvent::Bookmark(bookmark) => {
                    version = bookmark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(status) => bail!("{status:?}"),
            };
            let holds =
                |condition: &Condition| condition.kind == "Ready" && condition.status == "True";
            let changed = if is_there && row.status.conditions.iter().any(holds) {
                names.insert(row.metadata.name)
            } else {
                names.remove(&row.metadata.name)
            };
            version = row.metadata.resource_version;
            if changed {
                ready.send_replace(names.len());
            }
        }
    }
}
