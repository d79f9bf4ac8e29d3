//! Consent that was withdrawn from what had a grant already: until when the tokens that are out go on working.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    claims,
    context::{Context, key},
    registry::Connection,
    status::{Detail, HasStatus, now},
    stores::tenant_key,
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding, LogtoTenant,
        conditions::{reasons, types},
    },
    domain::{consent::Consent, precedence::Key},
};

/// The condition of a binding whose instance, or that instance's tenant, does not take it any more; none of one that never
/// had a grant, which learns nothing of what it names.
pub fn of_binding(ctx: &Context, binding: &HasuraRoleBinding) -> Option<Detail> {
    let instance = ctx.stores.instance_of(binding)?;
    let withheld = ctx.stores.consent_to_binding(&instance, binding) == Consent::Withheld
        || ctx.stores.consent_to_instance(&instance) == Consent::Withheld;
    let connection = connection(ctx, &tenant_key(&instance)).filter(|_| withheld)?;
    let Key { namespace, name } = key(binding);
    let marks = ctx.owner.marks(&namespace, &name, &binding.spec);
    let was_made = connection.session.observe(|observed| {
        observed
            .roles
            .values()
            .any(|role| role.origin(&marks).is_some())
    });
    if !was_made {
        return None;
    }
    let is_granted = claims::names_binding(&connection, &instance, binding);
    Some(detail(binding, is_granted, &instance, &connection))
}

/// The same for an instance whose tenant does not allow it any more.
pub fn of_instance(ctx: &Context, instance: &HasuraInstance) -> Option<Detail> {
    let withheld = ctx.stores.consent_to_instance(instance) == Consent::Withheld;
    let connection = connection(ctx, &tenant_key(instance)).filter(|_| withheld)?;
    let indicator = &instance.spec.api_resource.indicator;
    let made = instance
        .status
        .as_ref()?
        .api_resource
        .as_ref()?
        .id
        .as_ref()?;
    let is_there = connection.resource_id(indicator).as_ref() == Some(made);
    let is_granted = connection.claims.names(indicator);
    is_there.then(|| detail(instance, is_granted, instance, &connection))
}

/// Whether something of a suspended tenant that was granted lost its consent, and was not seen to have ended.
pub fn is_due(ctx: &Context, tenant: &LogtoTenant) -> bool {
    let stores = &ctx.stores;
    let ended = |conditions: &[Condition]| {
        conditions.iter().any(|condition| {
            condition.type_ == types::GRANT_WITHDRAWN && condition.status == "True"
        })
    };
    stores
        .instances_naming(&key(tenant))
        .iter()
        .any(|instance| {
            let made = |instance: &HasuraInstance| {
                let status = instance.status.as_ref();
                status.is_some_and(|status| status.api_resource.is_some())
            };
            let of_instance = stores.consent_to_instance(instance) == Consent::Withheld
                && made(instance)
                && !ended(instance.conditions());
            let bindings = stores.bindings_naming(&key(&**instance));
            of_instance
                || bindings.iter().any(|binding| {
                    let status = binding.status.as_ref();
                    stores.consent_to_binding(instance, binding) == Consent::Withheld
                        && status.is_some_and(|status| status.role.is_some())
                        && !ended(binding.conditions())
                })
        })
}

fn connection(ctx: &Context, tenant: &Key) -> Option<Arc<Connection>> {
    ctx.registry.get(tenant).and_then(|entry| entry.connection)
}

fn detail<K: HasStatus>(
    object: &K,
    is_granted: bool,
    instance: &HasuraInstance,
    connection: &Connection,
) -> Detail {
    let said = object
        .conditions()
        .iter()
        .find(|condition| condition.type_ == types::GRANT_WITHDRAWN && condition.status == "True");
    let (status, message) = match (is_granted, said) {
        (true, _) => (
            None,
            "consent was withdrawn; the claims are written anew without what it granted".to_owned(),
        ),
        // The time is that of the first look after the write.
        (false, Some(said)) => (Some(true), said.message.clone()),
        (false, None) => (Some(true), until(instance, connection)),
    };
    Detail {
        type_: types::GRANT_WITHDRAWN,
        status,
        reason: reasons::CONSENT_WITHDRAWN,
        message,
    }
}

fn until(instance: &HasuraInstance, connection: &Connection) -> String {
    let spec = &instance.spec;
    let skew = spec
        .auth
        .jwt
        .as_ref()
        .map_or(60, |jwt| jwt.allowed_skew_seconds);
    let given = spec.api_resource.access_token_ttl_seconds.map(i64::from);
    let life = given.unwrap_or_else(|| {
        let indicator = &spec.api_resource.indicator;
        connection.session.observe(|observed| {
            let found = observed.resources.get(indicator);
            found.map_or(3600, |found| found.access_token_ttl)
        })
    });
    let life = life.saturating_add(i64::from(skew));
    let now = now().0;
    let end = jiff::Timestamp::from_second(now.as_second().saturating_add(life)).unwrap_or(now);
    format!(
        "consent was withdrawn; new tokens grant nothing, those that are out work until {end} at the latest"
    )
}
