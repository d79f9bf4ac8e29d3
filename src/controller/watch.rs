//! One watch for each kind, with its own backoff, so that a watch that fails stalls no other.
//!
//! kube's `Controller` merges all its watches behind one backoff; a missing right on one kind then stops them all.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, Store, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::metrics::Metrics;

/// A kind, in the namespaces that are watched.
pub struct Watch<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    /// What is known of it.
    pub store: Store<K>,
    writer: Writer<K>,
    /// How many namespaces were not listed yet.
    unlisted: watch::Sender<usize>,
}

impl<K> Watch<K>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync,
    K::DynamicType: Default + Eq + Hash + Clone + Debug + Send + Sync + Unpin,
{
    /// A kind of which nothing is known yet.
    pub fn new() -> Self {
        let mut writer = Writer::default();
        // The store is told of each change by itself: several lists could not replace it as a whole.
        writer.apply_watcher_event(&watcher::Event::Init);
        writer.apply_watcher_event(&watcher::Event::InitDone);
        Self {
            store: writer.as_reader(),
            writer,
            unlisted: watch::Sender::new(1),
        }
    }

    /// Says when all of it was listed once.
    pub fn unlisted(&self) -> watch::Receiver<usize> {
        self.unlisted.subscribe()
    }

    /// Watches it for ever, in these namespaces or in all when there are none, keeps the store, and tells `on_change` of
    /// each object before and after a change; either may be missing.
    pub async fn run<F>(
        mut self,
        client: Client,
        namespaces: &[String],
        timeout: Duration,
        metrics: Arc<Metrics>,
        mut on_change: F,
    ) where
        F: FnMut(Option<&K>, Option<&K>),
    {
        let kind = K::kind(&K::DynamicType::default()).into_owned();
        let apis: Vec<Api<K>> = if namespaces.is_empty() {
            vec![Api::all(client)]
        } else {
            let api = |namespace: &String| Api::namespaced(client.clone(), namespace);
            namespaces.iter().map(api).collect()
        };
        let mut lists: Vec<Listing<K>> = apis.iter().map(|_| Listing::default()).collect();
        self.unlisted.send_replace(lists.len());
        let watchers = apis.into_iter().enumerate().map(|(place, api)| {
            let events = watcher(api, config(timeout)).default_backoff();
            let events = events.map(move |event| Some((place, event)));
            events.chain(stream::once(async { None })).boxed()
        });
        let mut events = stream::select_all(watchers);
        while let Some(Some((place, event))) = events.next().await {
            match event {
                Ok(event) => self.note(&mut lists[place], event, &mut on_change),
                Err(error) => {
                    metrics.watch_failed(&kind);
                    tracing::warn!(kind, %error, "watch failed; it is tried again");
                }
            }
        }
    }

    fn note<F>(&mut self, list: &mut Listing<K>, event: watcher::Event<K>, on_change: &mut F)
    where
        F: FnMut(Option<&K>, Option<&K>),
    {
        match event {
            watcher::Event::Init => list.found.clear(),
            watcher::Event::InitApply(object) => {
                list.found.insert(ObjectRef::from_obj(&object), object);
            }
            watcher::Event::InitDone => {
                // A relist delivers no deletions: what was there before it and is not after it went in between.
                let found = std::mem::take(&mut list.found);
                let mut gone = std::mem::take(&mut list.known);
                for (reference, object) in found {
                    gone.remove(&reference);
                    self.put(list, object, on_change);
                }
                for reference in gone {
                    if let Some(object) = self.store.get(&reference) {
                        self.remove(list, (*object).clone(), on_change);
                    }
                }
                if !std::mem::replace(&mut list.was_listed, true) {
                    self.unlisted.send_modify(|count| *count -= 1);
                }
            }
            watcher::Event::Apply(object) => self.put(list, object, on_change),
            watcher::Event::Delete(object) => self.remove(list, object, on_change),
        }
    }

    fn put<F>(&mut self, list: &mut Listing<K>, mut object: K, on_change: &mut F)
    where
        F: FnMut(Option<&K>, Option<&K>),
    {
        object.managed_fields_mut().clear();
        let reference = ObjectRef::from_obj(&object);
        let before = self.store.get(&reference);
        list.known.insert(reference.clone());
        self.writer
            .apply_watcher_event(&watcher::Event::Apply(object));
        let after = self.store.get(&reference);
        on_change(before.as_deref(), after.as_deref());
    }

    fn remove<F>(&mut self, list: &mut Listing<K>, object: K, on_change: &mut F)
    where
        F: FnMut(Option<&K>, Option<&K>),
    {
        list.known.remove(&ObjectRef::from_obj(&object));
        let event = watcher::Event::Delete(object);
        self.writer.apply_watcher_event(&event);
        if let watcher::Event::Delete(object) = &event {
            on_change(Some(object), None);
        }
    }
}

/// What one namespace's watch was told.
struct Listing<K>
where
    K: Resource,
    K::DynamicType: Eq + Hash,
{
    /// By a list that is not at its end.
    found: HashMap<ObjectRef<K>, K>,
    /// All that is there.
    known: HashSet<ObjectRef<K>>,
    was_listed: bool,
}

impl<K> Default for Listing<K>
where
    K: Resource,
    K::DynamicType: Eq + Hash,
{
    fn default() -> Self {
        Self {
            found: HashMap::new(),
            known: HashSet::new(),
            was_listed: false,
        }
    }
}

/// How every watch is asked for.
pub fn config(timeout: Duration) -> watcher::Config {
    let seconds = u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX);
    watcher::Config::default().any_semantic().timeout(seconds)
}
