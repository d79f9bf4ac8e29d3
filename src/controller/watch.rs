//! One watch for each kind, with its own backoff, so that a watch that fails stalls no other.
//!
//! kube's `Controller` merges all its watches behind one backoff; a missing right on one kind then stops them all.

use std::{collections::HashSet, fmt::Debug, hash::Hash, sync::Arc, time::Duration};

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

/// Objects that are listed at a time.
const PAGE: u32 = 200;

/// Where `kubectl apply` keeps a copy of what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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
        let places = namespaces.iter().cloned().map(Some);
        let places = places.chain(namespaces.is_empty().then_some(None));
        let mut lists: Vec<Listing<K>> = places.map(Listing::new).collect();
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
            // Taken in as they come, so that a long list is in memory only once.
            watcher::Event::InitApply(object) => {
                list.found.insert(reference(&object));
                self.put(object, on_change);
            }
            watcher::Event::InitDone => {
                // A relist delivers no deletions: what was there before it and is not after it went in between.
                let found = std::mem::take(&mut list.found);
                let is_gone =
                    |object: &K| list.covers(object) && !found.contains(&reference(object));
                for object in self.store.state_filter(is_gone) {
                    self.remove((*object).clone(), on_change);
                }
                if !std::mem::replace(&mut list.was_listed, true) {
                    self.unlisted.send_modify(|count| *count -= 1);
                }
            }
            watcher::Event::Apply(object) => self.put(object, on_change),
            watcher::Event::Delete(object) => self.remove(object, on_change),
        }
    }

    fn put<F>(&mut self, mut object: K, on_change: &mut F)
    where
        F: FnMut(Option<&K>, Option<&K>),
    {
        // Whole copies of the object, of no use to anybody here.
        object.meta_mut().managed_fields = None;
        object.annotations_mut().remove(LAST_APPLIED);
        let reference = ObjectRef::from_obj(&object);
        let before = self.store.get(&reference);
        self.writer
            .apply_watcher_event(&watcher::Event::Apply(object));
        let after = self.store.get(&reference);
        on_change(before.as_deref(), after.as_deref());
    }

    fn remove<F>(&mut self, object: K, on_change: &mut F)
    where
        F: FnMut(Option<&K>, Option<&K>),
    {
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
    /// None is all.
    namespace: Option<String>,
    /// By a list that is not at its end.
    found: HashSet<ObjectRef<K>>,
    was_listed: bool,
}

impl<K> Listing<K>
where
    K: Resource,
    K::DynamicType: Eq + Hash,
{
    fn new(namespace: Option<String>) -> Self {
        Self {
            namespace,
            found: HashSet::new(),
            was_listed: false,
        }
    }

    fn covers(&self, object: &K) -> bool {
        self.namespace.is_none() || self.namespace == object.namespace()
    }
}

/// Without the version, which takes memory and tells nothing here.
fn reference<K>(object: &K) -> ObjectRef<K>
where
    K: Resource,
    K::DynamicType: Default,
{
    let reference = ObjectRef::new(&object.name_any());
    match object.namespace() {
        Some(namespace) => reference.within(&namespace),
        None => reference,
    }
}

/// How every watch is asked for.
pub fn config(timeout: Duration) -> watcher::Config {
    let seconds = u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX);
    // Any version would do, but the API server gives a list of any version as one answer, however long it is.
    watcher::Config::default().page_size(PAGE).timeout(seconds)
}
