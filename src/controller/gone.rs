//! Tenants and instances as they were when they went, so that what is deleted after them still keeps to what they said.
//!
//! Only for as long as a clean-up may have to do with them, and in this process alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use kube::ResourceExt;

use super::{context::key, registry::lock};
use crate::{
    api::{HasuraInstance, LogtoTenant},
    domain::precedence::Key,
};

/// What went lately; clones share it.
#[derive(Clone)]
pub struct Gone {
    /// LogtoTenants.
    pub tenants: Lately<LogtoTenant>,
    /// HasuraInstances.
    pub instances: Lately<HasuraInstance>,
}

impl Gone {
    /// Remembers each for this long.
    pub fn new(grace: Duration) -> Self {
        Self {
            tenants: Lately::new(grace),
            instances: Lately::new(grace),
        }
    }
}

type Known<K> = HashMap<Key, (Instant, Arc<K>)>;

/// Objects of one kind that went lately.
#[derive(Clone)]
pub struct Lately<K> {
    grace: Duration,
    known: Arc<Mutex<Known<K>>>,
}

impl<K: ResourceExt + Clone> Lately<K> {
    fn new(grace: Duration) -> Self {
        Self {
            grace,
            known: Arc::default(),
        }
    }

    /// Remembers an object that is about to go.
    pub fn note(&self, object: &K) {
        let mut known = lock(&self.known);
        known.retain(|_, (since, _)| since.elapsed() < self.grace);
        known.insert(key(object), (Instant::now(), Arc::new(object.clone())));
    }

    /// The object of this name, as it was when it went.
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        let known = lock(&self.known);
        let (since, object) = known.get(key)?;
        (since.elapsed() < self.grace).then(|| Arc::clone(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(suspend: bool) -> LogtoTenant {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "LogtoTenant",
            "metadata": {"name": "main", "namespace": "logto"},
            "spec": {"tenantId": "default", "credentialsSecretRef": {"name": "logto-m2m"}, "suspend": suspend},
        }))
        .unwrap()
    }

    #[test]
    fn what_went_last_is_remembered_as_it_was_and_not_for_ever() {
        let gone = Gone::new(Duration::from_secs(3600));
        let seen = gone.clone();
        let main = key(&tenant(false));
        assert!(seen.tenants.get(&main).is_none());
        gone.tenants.note(&tenant(false));
        gone.tenants.note(&tenant(true));
        assert!(seen.tenants.get(&main).unwrap().spec.suspend);

        let gone = Gone::new(Duration::ZERO);
        gone.tenants.note(&tenant(true));
        assert!(gone.tenants.get(&main).is_none());
    }
}
