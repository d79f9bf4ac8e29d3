//! How the objects are that the controllers know, counted for the metrics.

use std::sync::Weak;

use kube::{Resource, runtime::reflector::Store};

use super::{
    context::{Context, key},
    policy::{self, Hands},
    status::HasStatus,
};
use crate::{
    api::conditions::types,
    metrics::{self, Count},
};

/// What is known, to be counted when somebody asks. It does not keep what it looks at.
pub struct Census(pub Weak<Context>);

impl std::fmt::Debug for Census {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Census")
    }
}

impl metrics::Census for Census {
    fn count(&self) -> Count {
        let mut count = Count::default();
        let Some(ctx) = self.0.upgrade() else {
            return count;
        };
        let stores = &ctx.stores;
        add("LogtoTenant", &stores.tenants, &mut count);
        add("HasuraInstance", &stores.instances, &mut count);
        add("HasuraRoleBinding", &stores.bindings, &mut count);
        for tenant in stores.tenants.state() {
            // What was known of a suspended one is looked at no longer.
            let looked_at = policy::of_tenant(&tenant) != Hands::Off;
            let entry = ctx.registry.get(&key(&*tenant)).filter(|_| looked_at);
            let answers = entry.map(|entry| {
                entry
                    .connection
                    .is_some_and(|connection| !connection.session.is_down())
            });
            count.tenant(&key(&*tenant).to_string(), answers);
        }
        count
    }
}

fn add<K>(kind: &'static str, store: &Store<K>, count: &mut Count)
where
    K: HasStatus + Resource<DynamicType = ()> + Clone,
{
    for object in store.state() {
        let mut conditions = object.conditions().iter();
        match conditions.find(|condition| condition.type_ == types::READY) {
            Some(ready) => count.object(kind, &ready.status, &ready.reason),
            None => count.object(kind, "Unknown", "NotVisited"),
        }
    }
}
