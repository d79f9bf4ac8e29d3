//! One watch for each kind, with its own backoff, so that a watch that fails stalls no other.
//!
//! kube's `Controller` merges all its watches behind one backoff; a missing right on one kind then stops them all.

use std::{collections::HashMap, fmt::Debug, hash::Hash, sync::Arc};

use futures::TryStreamExt;
use kube::{
    Api, Resource, ResourceExt,
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, Store, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;

use crate::metrics::Metrics;

/// Under the 240 s after which some load balancers drop an idle connection without a word (Azure/kars#451).
const WATCH_TIMEOUT_SECONDS: u32 = 200;

/// Watches a kind for ever, keeps its store, and tells `on_change` of each object before and after a change; either may
/// be missing.
pub async fn watch<K, F>(
    api: Api<K>,
    store: Store<K>,
    mut writer: Writer<K>,
    metrics: Arc<Metrics>,
    mut on_change: F,
) where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
    F: FnMut(Option<&K>, Option<&K>),
{
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    let config = watcher::Config::default()
        .any_semantic()
        .timeout(WATCH_TIMEOUT_SECONDS);
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    // A relist delivers no deletions: what was there before it and is not after it went in between.
    let mut before_relist: HashMap<ObjectRef<K>, Arc<K>> = HashMap::new();
    loop {
        let mut event = match events.try_next().await {
            Ok(Some(event)) => event,
            Ok(None) => return,
            Err(error) => {
                metrics.watch_failed(&kind);
                tracing::warn!(kind, %error, "watch failed; it is tried again");
                continue;
            }
        };
        if let watcher::Event::Apply(object) | watcher::Event::InitApply(object) = &mut event {
            object.managed_fields_mut().clear();
        }
        match &event {
            watcher::Event::Init => before_relist = by_ref(&store),
            watcher::Event::Apply(object) => {
                let before = store.get(&ObjectRef::from_obj(object));
                writer.apply_watcher_event(&event);
                on_change(before.as_deref(), Some(object));
                continue;
            }
            watcher::Event::Delete(object) => {
                writer.apply_watcher_event(&event);
                on_change(Some(object), None);
                continue;
            }
            watcher::Event::InitApply(_) | watcher::Event::InitDone => {}
        }
        writer.apply_watcher_event(&event);
        if matches!(event, watcher::Event::InitDone) {
            let mut gone = std::mem::take(&mut before_relist);
            for object in store.state() {
                let before = gone.remove(&ObjectRef::from_obj(&*object));
                on_change(before.as_deref(), Some(&object));
            }
            gone.values()
                .for_each(|object| on_change(Some(object), None));
        }
    }
}

fn by_ref<K>(store: &Store<K>) -> HashMap<ObjectRef<K>, Arc<K>>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    store
        .state()
        .into_iter()
        .map(|object| (ObjectRef::from_obj(&*object), object))
        .collect()
}
