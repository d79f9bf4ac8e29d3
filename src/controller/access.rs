//! The way from an instance or a binding to its tenant's connection.

use std::sync::Arc;

use kube::{ResourceExt, runtime::reflector::ObjectRef};

use super::{context::Context, registry::Connection, status::Verdict};
use crate::domain::precedence::Key;

/// How far one gets.
pub enum Access {
    /// There is no such LogtoTenant.
    NotFound(String),
    /// It was not visited yet in this process; its visit wakes who depends on it.
    Unvisited,
    /// It is not connected.
    Closed(String),
    /// Requests can be made.
    Open(Arc<Connection>),
}

/// The way to a tenant.
pub fn access(ctx: &Context, tenant: &Key) -> Access {
    let reference = ObjectRef::new(&tenant.name).within(&tenant.namespace);
    let Some(object) = ctx.stores.tenants.get(&reference) else {
        return Access::NotFound(format!(
            "LogtoTenant {:?} is not in this namespace; it is waited for",
            tenant.name
        ));
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
        (Verdict::Waiting(_, message) | Verdict::Stalled(_, message), _) => Access::Closed(
            format!("LogtoTenant {:?} is not connected: {message}", tenant.name),
        ),
        _ => Access::Closed(format!(
            "LogtoTenant {:?} is not connected; its status says why",
            tenant.name
        )),
    }
}
