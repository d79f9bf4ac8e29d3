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
    api::ObjectMeta,
    core::{DeserializeGuard, error_boundary::InvalidObject},
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
        // One object that this version can not read must not take all others of its kind with it.
        let apis: Vec<Api<DeserializeGuard<K>>> = if namespaces.is_empty() {
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
                Ok(event) => {
                    if let Some(invalid) = invalid(&event) {
                        metrics.unreadable(&kind);
                        let ObjectMeta {
                            namespace, name, ..
                        } = &invalid.metadata;
                        tracing::error!(
                            kind,
                            namespace,
                            name,
                            error = invalid.error,
                            "an object can not be read and is left alone: delete it, or mend it by kubectl replace"
                        );
                    }
                    self.note(&mut lists[place], event, &mut on_change);
                }
                Err(error) => {
                    metrics.watch_failed(&kind);
                    tracing::warn!(kind, %error, "watch failed; it is tried again");
                }
            }
        }
    }

    fn note<F>(
        &mut self,
        list: &mut Listing<K>,
        event: watcher::Event<DeserializeGuard<K>>,
        on_change: &mut F,
    ) where
        F: FnMut(Option<&K>, Option<&K>),
    {
        match event {
            watcher::Event::Init => {
                list.found.clear();
                list.unreadable.clear();
            }
            watcher::Event::InitApply(DeserializeGuard(Ok(object))) => {
                list.found.insert(ObjectRef::from_obj(&object), object);
            }
            watcher::Event::InitApply(DeserializeGuard(Err(invalid))) => {
                list.unreadable.insert(reference(&invalid.metadata));
            }
            watcher::Event::InitDone => {
                // A relist delivers no deletions: what was there before it and is not after it went in between.
                let found = std::mem::take(&mut list.found);
                let unreadable = std::mem::take(&mut list.unreadable);
                let mut gone = std::mem::take(&mut list.known);
                for (reference, object) in found {
                    gone.remove(&reference);
                    self.put(list, object, on_change);
                }
                // What can not be read any more is there still: what was last known of it stays.
                for reference in gone {
                    if unreadable.contains(&reference) {
                        list.known.insert(reference);
                    } else if let Some(object) = self.store.get(&reference) {
                        self.remove(list, (*object).clone(), on_change);
                    }
                }
                if !std::mem::replace(&mut list.was_listed, true) {
                    self.unlisted.send_modify(|count| *count -= 1);
                }
            }
            watcher::Event::Apply(DeserializeGuard(Ok(object))) => {
                self.put(list, object, on_change);
            }
            watcher::Event::Apply(DeserializeGuard(Err(_))) => {}
            watcher::Event::Delete(DeserializeGuard(Ok(object))) => {
                self.remove(list, object, on_change);
            }
            watcher::Event::Delete(DeserializeGuard(Err(invalid))) => {
                if let Some(object) = self.store.get(&reference(&invalid.metadata)) {
                    self.remove(list, (*object).clone(), on_change);
                }
            }
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
    /// In that list, but not as an object that this version knows.
    unreadable: HashSet<ObjectRef<K>>,
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
            unreadable: HashSet::new(),
            known: HashSet::new(),
            was_listed: false,
        }
    }
}

fn invalid<K>(event: &watcher::Event<DeserializeGuard<K>>) -> Option<&InvalidObject> {
    match event {
        watcher::Event::InitApply(guard)
        | watcher::Event::Apply(guard)
        | watcher::Event::Delete(guard) => guard.0.as_ref().err(),
        watcher::Event::Init | watcher::Event::InitDone => None,
    }
}

fn reference<K>(metadata: &ObjectMeta) -> ObjectRef<K>
where
    K: Resource,
    K::DynamicType: Default,
{
    let reference = ObjectRef::new(metadata.name.as_deref().unwrap_or_default());
    reference.within(metadata.namespace.as_deref().unwrap_or_default())
}

/// How every watch is asked for.
pub fn config(timeout: Duration) -> watcher::Config {
    let seconds = u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX);
    watcher::Config::default().any_semantic().timeout(seconds)
}
