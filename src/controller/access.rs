//! The way from an instance or a binding to its tenant's connection.

use std::sync::Arc;

use kube::ResourceExt;

use super::{
    context::Context,
    policy,
    registry::Connection,
    status::{HasStatus, Verdict},
    stores::tenant_key,
};
use crate::{api::HasuraInstance, domain::consent::Consent};

/// How far one gets.
pub enum Access {
    /// There is no such LogtoTenant.
    NotFound(String),
    /// There is nothing new to say: it was not visited yet in this process, and its visit wakes who depends on it, or
    /// whether it may be used can not be told.
    Unvisited,
    /// It is not connected.
    Closed(String),
    /// Requests can be made.
    Open(Arc<Connection>),
}

/// The way from an instance to its tenant, for itself or for a binding of it. One that the instance may not use is as if
/// it were not there.
pub fn access<K: HasStatus>(ctx: &Context, instance: &HasuraInstance, dependant: &K) -> Access {
    let tenant = &tenant_key(instance);
    let consent = ctx.stores.consent_to_instance(instance);
    let object = ctx.stores.tenant(tenant);
    // What can not be told changes nothing for what works.
    if object.is_some() && consent == Consent::Unknown && policy::was_settled(dependant) {
        return Access::Unvisited;
    }
    let Some(object) = object.filter(|_| consent == Consent::Given) else {
        return Access::NotFound(
            if instance.namespace().as_ref() == Some(&tenant.namespace) {
                format!(
                    "LogtoTenant {:?} is not in this namespace; it is waited for",
                    tenant.name
                )
            } else {
                format!(
                    "there is no LogtoTenant {:?} in namespace {:?} whose spec.allowedInstances takes this instance with its \
                 indicator; it is waited for",
                    tenant.name, tenant.namespace
                )
            },
        );
    };
    // An entry of a tenant of the same name that is gone says nothing about this one.
    let Some(entry) = ctx
        .registry
        .get(tenant)
        .filter(|entry| Some(&entry.uid) == object.uid().as_ref())
    else {
        return Access::Unvisited;
    };
    match (entry.verdict(), &entry.connection) {
        (Verdict::Ready(_), Some(connection)) if !connection.session.is_down() => {
            Access::Open(Arc::clone(connection))
        }
        // What is wrong with another namespace's tenant is for its owner to read.
        (Verdict::Waiting(_, message) | Verdict::Stalled(_, message), _)
            if instance.namespace().as_ref() == Some(&tenant.namespace) =>
        {
            Access::Closed(format!(
                "LogtoTenant {:?} is not connected: {message}",
                tenant.name
            ))
        }
        _ => Access::Closed(format!(
            "LogtoTenant {:?} is not connected; its status says why",
            tenant.name
        )),
    }
}
