//! The labels of the cluster's namespaces, which consent may depend on.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt, watcher},
};
use tokio::sync::watch;

use super::watch::config;
use crate::{domain::consent::NamespaceLabels, metrics::Metrics};

/// Between two tries to list namespaces without the right to.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What was last seen; clones share it. Nothing is read, and no right needed, before something selects by labels.
#[derive(Clone)]
pub struct Namespaces(Arc<watch::Sender<Known>>);

enum Known {
    /// Nobody asks.
    NotNeeded,
    /// They are being listed.
    NotYet,
    /// As last seen, or that they can not be listed.
    Seen(NamespaceLabels),
}

impl Default for Namespaces {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Known::NotNeeded)))
    }
}

impl Namespaces {
    /// Looks at what is known; nothing is, before the first listing.
    pub fn with<T>(&self, look: impl FnOnce(&NamespaceLabels) -> T) -> T {
        match &*self.0.borrow() {
            Known::Seen(known) => look(known),
            Known::NotNeeded | Known::NotYet => look(&NamespaceLabels::default()),
        }
    }

    /// Notes that something selects by labels.
    pub fn need(&self) {
        self.0.send_if_modified(|known| {
            let first = matches!(known, Known::NotNeeded);
            if first {
                *known = Known::NotYet;
            }
            first
        });
    }

    /// Whether somebody asked for labels, but they can not be read.
    pub fn are_unreadable(&self) -> bool {
        matches!(&*self.0.borrow(), Known::Seen(known) if !known.readable)
    }

    /// Waits until it is known whether namespaces can be listed, and which there are, if somebody asks for it.
    pub async fn wait_until_known(&self) {
        let known = |known: &Known| !matches!(known, Known::NotYet);
        // The sender is held here, so the channel can not be closed.
        let _ = self.0.subscribe().wait_for(known).await;
    }

    fn note_unreadable(&self) -> bool {
        self.put(NamespaceLabels::default())
    }

    fn note(&self, by_name: HashMap<String, BTreeMap<String, String>>) -> bool {
        let now = NamespaceLabels {
            readable: true,
            by_name,
        };
        self.put(now)
    }

    /// Notes what was seen; gives whether that is news.
    fn put(&self, now: NamespaceLabels) -> bool {
        self.0.send_if_modified(|known| {
            let news = !matches!(known, Known::Seen(before) if *before == now);
            *known = Known::Seen(now);
            news
        })
    }

    /// Watches the labels for ever once somebody asks for them, and tells `on_change` that some changed, or can be read by now, or no longer.
    pub async fn watch(
        &self,
        client: &Client,
        timeout: Duration,
        metrics: &Metrics,
        on_change: impl Fn(),
    ) {
        let needed = |known: &Known| !matches!(known, Known::NotNeeded);
        let _ = self.0.subscribe().wait_for(needed).await;
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(client.clone());
        let start = || Box::pin(watcher(api.clone(), config(timeout)).default_backoff());
        let mut events = start();
        let mut waits = watcher::DefaultBackoff::default();
        let mut by_name = HashMap::new();
        let mut listing = false;
        loop {
            match events.try_next().await {
                Ok(Some(watcher::Event::Init)) => {
                    by_name.clear();
                    listing = true;
                    continue;
                }
                Ok(Some(watcher::Event::Apply(object) | watcher::Event::InitApply(object))) => {
                    by_name.insert(object.name_any(), labels(object));
                }
                Ok(Some(watcher::Event::Delete(object))) => {
                    by_name.remove(&object.name_any());
                }
                Ok(Some(watcher::Event::InitDone)) => listing = false,
                Ok(None) => return,
                Err(error) => {
                    metrics.watch_failed("Namespace");
                    // Whoever uses no labels can do without the right, so this is said once.
                    if is_forbidden(&error) {
                        if self.note_unreadable() {
                            tracing::warn!(%error, "namespaces can not be listed, so none are selected by labels");
                            on_change();
                        }
                        // A watch that goes on where it was says nothing of what it knew before the right was gone.
                        tokio::time::sleep(waits.next().unwrap_or(LONGEST_WAIT)).await;
                        events = start();
                    }
                    continue;
                }
            }
            waits = watcher::DefaultBackoff::default();
            if !listing && self.note(by_name.clone()) {
                on_change();
            }
        }
    }
}

fn labels(object: PartialObjectMeta<Namespace>) -> BTreeMap<String, String> {
    object.metadata.labels.unwrap_or_default()
}

fn is_forbidden(error: &watcher::Error) -> bool {
    let cause = match error {
        watcher::Error::InitialListFailed(cause)
        | watcher::Error::WatchStartFailed(cause)
        | watcher::Error::WatchFailed(cause) => cause,
        watcher::Error::WatchError(status) => return status.is_forbidden(),
        watcher::Error::NoResourceVersion => return false,
    };
    matches!(cause, kube::Error::Api(status) if status.is_forbidden())
}
