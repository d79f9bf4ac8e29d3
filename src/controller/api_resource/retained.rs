//! What is known of API resources whose instances went: the tenant's status lists those that the operator made and that
//! stay, each with a proof.

use crate::{
    api::{HasuraInstance, LogtoTenant, Origin, tenant::RetainedResource},
    controller::{
        context::{Context, deleting, key},
        registry::Connection,
        status,
        stores::tenant_key,
        visit::Error,
    },
    domain::retained,
};
use kube::ResourceExt;

use super::memory;

/// Whether the resource with this id was made for an instance of the same namespace and name, and stayed when that went.
pub fn is_its_own(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    found: &str,
) -> bool {
    let tenant = ctx.stores.tenant(&tenant_key(instance));
    let status = tenant.as_ref().and_then(|tenant| tenant.status.as_ref());
    let (own, indicator) = (key(instance), &instance.spec.api_resource.indicator);
    status.is_some_and(|status| {
        status.retained.iter().any(|entry| {
            entry.id == found
                && &entry.indicator == indicator
                && entry.instance() == own
                && entry.is_proved(&connection.proof_key, &ctx.owner)
        })
    })
}

/// Notes in the tenant's status that the resource, if it is there and was made for the instance, stays after it; gives
/// whether it does.
///
/// # Errors
/// When the status could not be written; the clean-up is tried again.
pub async fn note(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
) -> Result<bool, Error> {
    let indicator = &instance.spec.api_resource.indicator;
    let Some(id) = connection.resource_id(indicator) else {
        return Ok(false);
    };
    let tenant = ctx.stores.tenant(&tenant_key(instance));
    let Some(tenant) = tenant.filter(|tenant| !deleting(&**tenant)) else {
        return Ok(false);
    };
    if memory::proved(instance, ctx, connection, &id) != Some(Origin::Created) {
        return Ok(false);
    }
    let own = key(instance);
    let proof_key = &connection.proof_key;
    let entry = RetainedResource::new(proof_key, &ctx.owner, &own, indicator, &id);
    let mut status = tenant.status.clone().unwrap_or_default();
    status.retained = connection.session.observe(|observed| {
        let is_there = |id: &str| observed.resource_by_id(id).is_some();
        retained::with(status.retained, entry, is_there)
    });
    match status::write(&ctx.client, &*tenant, status)
        .await
        .map_err(Error::from)
    {
        Ok(_) => {
            connection.prove(indicator, own, id, Origin::Created);
            Ok(true)
        }
        // The tenant was visited meanwhile, and brings no visit of this instance.
        Err(Error::Changed) => {
            let uid = instance.uid().unwrap_or_default();
            Err(Error::Held(ctx.backoff.next(&uid)))
        }
        Err(error) => Err(error),
    }
}

/// The list of a tenant's status with proofs of the key that is in use, without what nothing proves.
pub fn renewed(
    ctx: &Context,
    connection: &Connection,
    list: Vec<RetainedResource>,
) -> Vec<RetainedResource> {
    let proof_key = &connection.proof_key;
    let mut list = list;
    list.retain_mut(|entry| {
        let own = entry.instance();
        if entry.is_proved(proof_key, &ctx.owner) {
            return true;
        }
        let is_known =
            connection.proved(&entry.indicator, &own, &entry.id) == Some(Origin::Created);
        if is_known {
            *entry =
                RetainedResource::new(proof_key, &ctx.owner, &own, &entry.indicator, &entry.id);
        }
        is_known
    });
    list
}

/// Keeps what the list of a tenant's status proves before the key changes that it was written with.
pub fn recall(ctx: &Context, tenant: &LogtoTenant, before: &Connection) {
    let entries = tenant.status.iter().flat_map(|status| &status.retained);
    for entry in entries.filter(|entry| entry.is_proved(&before.proof_key, &ctx.owner)) {
        let id = entry.id.clone();
        before.prove(&entry.indicator, entry.instance(), id, Origin::Created);
    }
}
