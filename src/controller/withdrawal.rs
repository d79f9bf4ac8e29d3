//! Consent that was withdrawn from what had a grant already: until when the tokens that are out go on working.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    claims,
    context::{Context, key},
    registry::Connection,
    status::{Detail, HasStatus, is_true, now},
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
    let consents = [
        ctx.stores.consent_to_grant(&instance, binding),
        ctx.stores.consent_to_instance(&instance),
    ];
    if !consents.contains(&Consent::Withheld) {
        return said(binding).filter(|_| consents.contains(&Consent::Unknown));
    }
    let Some(connection) = connection(ctx, &tenant_key(&instance)) else {
        return said(binding);
    };
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
    let is_granted = claims::names_binding(ctx, &connection, &instance, binding);
    Some(detail(binding, is_granted, &instance, &connection))
}

/// The same for an instance whose tenant does not allow it any more.
pub fn of_instance(ctx: &Context, instance: &HasuraInstance) -> Option<Detail> {
    match ctx.stores.consent_to_instance(instance) {
        Consent::Given => return None,
        Consent::Unknown => return said(instance),
        Consent::Withheld => {}
    }
    let Some(connection) = connection(ctx, &tenant_key(instance)) else {
        return said(instance);
    };
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
    match connection(ctx, &key(tenant)) {
        Some(connection) => claims::has_withdrawn(ctx, tenant, &connection),
        None => may_be_due(ctx, &key(tenant)),
    }
}

/// The same as far as the objects say it. One whose status was lost is looked at once.
fn may_be_due(ctx: &Context, tenant: &Key) -> bool {
    let stores = &ctx.stores;
    let instances = stores.instances_naming(tenant);
    instances.iter().any(|instance| {
        let status = instance.status.as_ref();
        let may_be_made = status
            .is_none_or(|status| status.api_resource.is_some() || !is_told(&status.conditions));
        let of_instance = stores.consent_to_instance(instance) == Consent::Withheld
            && may_be_made
            && !has_ended(&**instance);
        let bindings = stores.bindings_naming(&key(&**instance));
        of_instance
            || bindings.iter().any(|binding| {
                let status = binding.status.as_ref();
                let may_be_made = status
                    .is_none_or(|status| status.role.is_some() || !is_told(&status.conditions));
                stores.consent_to_grant(instance, binding) == Consent::Withheld
                    && may_be_made
                    && !has_ended(&**binding)
            })
    })
}

/// Whether a visit came to something, beyond that there was one or that the object is suspended.
fn is_told(conditions: &[Condition]) -> bool {
    conditions
        .iter()
        .any(|condition| condition.type_ == types::READY && condition.status != "Unknown")
}

fn has_ended<K: HasStatus>(object: &K) -> bool {
    is_true(object, types::GRANT_WITHDRAWN)
}

/// The tenant's connection, once it is known what of its scripts is deployed.
fn connection(ctx: &Context, tenant: &Key) -> Option<Arc<Connection>> {
    let connection = ctx.registry.get(tenant)?.connection?;
    connection.claims.stored().is_some().then_some(connection)
}

fn detail<K: HasStatus>(
    object: &K,
    is_granted: bool,
    instance: &HasuraInstance,
    connection: &Connection,
) -> Detail {
    let said = said(object).filter(|said| said.status == Some(true));
    let (status, message) = match (is_granted, said) {
        (true, _) => (
            None,
            "consent was withdrawn; the claims are written anew without what it granted".to_owned(),
        ),
        // The time is that of the first look after the write.
        (false, Some(said)) => return said,
        (false, None) => (Some(true), until(instance, connection)),
    };
    Detail {
        type_: types::GRANT_WITHDRAWN,
        status,
        reason: reasons::CONSENT_WITHDRAWN,
        message,
    }
}

/// What the object says already, which stays while nothing is known that contradicts it: the time that it names must not
/// move with a restart.
fn said<K: HasStatus>(object: &K) -> Option<Detail> {
    let mut conditions = object.conditions().iter();
    let said = conditions.find(|condition| condition.type_ == types::GRANT_WITHDRAWN)?;
    Some(Detail {
        type_: types::GRANT_WITHDRAWN,
        status: (said.status == "True").then_some(true),
        reason: reasons::CONSENT_WITHDRAWN,
        message: said.message.clone(),
    })
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
