//! Drift, found for a tenant as a whole: only what is not as it should be is woken.

use std::time::{Duration, Instant};

use super::{
    accept, api_resource,
    context::{Context, key},
    policy::{self, Hands},
    registry::{Connection, lock},
    role_sync::adoption,
    subjects::is_extra_news,
};
use crate::{
    api::{HasuraInstance, HasuraRoleBinding, LogtoTenant},
    domain::{
        desired::{Binding, Resource},
        plan::{plan_binding, plan_resource},
        precedence::Key,
        standing::Standing,
    },
    logto,
};

/// The shortest time between two batches of reads.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// How often a tenant is listed.
pub fn period(ctx: &Context, tenant: &LogtoTenant) -> Duration {
    let spec = u64::try_from(tenant.spec.resync_period_seconds).unwrap_or(600);
    ctx.clocks
        .resync_period
        .unwrap_or(Duration::from_secs(spec))
}

/// Whether it is time to list the tenant again.
pub fn is_due(connection: &Connection) -> bool {
    Instant::now() >= *lock(&connection.next_listing)
}

/// Lists the tenant again when it is time, or at once.
///
/// # Errors
/// Those of the requests.
pub async fn list(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    now: bool,
) -> Result<bool, logto::Error> {
    if !now && !is_due(connection) {
        return Ok(false);
    }
    connection.session.refresh().await?;
    schedule_listing(ctx, tenant, connection);
    Ok(true)
}

/// The next listing is one period away, more or less a tenth, so that tenants do not fall into step.
pub fn schedule_listing(ctx: &Context, tenant: &LogtoTenant, connection: &Connection) {
    let wait = period(ctx, tenant).mul_f64(rand::random_range(0.9..=1.1));
    *lock(&connection.next_listing) = Instant::now() + wait;
}

/// Reads the scopes of some roles, so that all are read once in a period, spread over it. Gives the names of those that it
/// read.
///
/// # Errors
/// Those of the requests.
pub async fn read_some_roles(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
) -> Result<Vec<String>, logto::Error> {
    if Instant::now() < *lock(&connection.next_reading) {
        return Ok(Vec::new());
    }
    let roles = connection.session.roles_by_age_of_reading();
    let count = u32::try_from(roles.len()).unwrap_or(u32::MAX).max(1);
    let each = period(ctx, tenant) / count;
    let pause = each.max(SHORTEST_PAUSE.min(period(ctx, tenant)));
    let batch = pause.as_secs_f64() / each.as_secs_f64().max(f64::MIN_POSITIVE);
    *lock(&connection.next_reading) = Instant::now() + pause;
    let background = connection.session.client().background();
    // A batch is at most one second's share of the period, so the cast can not lose anything that matters.
    let batch = batch.round().max(1.0) as usize;
    let batch = &roles[..batch.min(roles.len())];
    for (_, id) in batch {
        connection.session.read_role_scopes(&background, id).await?;
    }
    Ok(batch.iter().map(|(name, _)| name.clone()).collect())
}

/// Wakes the instances and bindings of a tenant that are not as they should be.
pub fn wake_drifted(ctx: &Context, tenant: &LogtoTenant, connection: &Connection) {
    for instance in ctx.stores.instances_of(&key(tenant)) {
        let indicator = &instance.spec.api_resource.indicator;
        let standing = if connection.vouches_for(indicator, &key(&*instance)) {
            Standing::Known
        } else {
            Standing::Unknown
        };
        let plan = connection.session.observe(|observed| {
            plan_resource(
                &Resource::from(&instance.spec),
                observed.resources.get(indicator),
                standing,
                &ctx.owner,
                api_resource::adoption(&ctx.stores, &instance),
            )
        });
        // What is only observed says in its status what it would do.
        let is_observed = policy::of_instance(&ctx.stores, &instance) == Hands::Observe;
        if is_observed {
            ctx.triggers.instance(&instance);
        }
        if is_observed || plan.is_ok_and(|steps| steps.is_empty()) {
            wake_drifted_bindings(ctx, connection, &instance);
        } else {
            ctx.triggers.instance(&instance);
        }
    }
}

fn wake_drifted_bindings(ctx: &Context, connection: &Connection, instance: &HasuraInstance) {
    for binding in ctx.stores.bindings_of(instance) {
        wake_if_drifted(ctx, connection, instance, &binding);
    }
}

fn wake_if_drifted(
    ctx: &Context,
    connection: &Connection,
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) {
    let Key { namespace, name } = key(binding);
    let desired = Binding::new(&ctx.owner, &namespace, &name, binding, instance);
    let Ok(mut desired) = desired else { return };
    accept::end_default(&mut desired, ctx, connection, instance, binding);
    let (plan, extra_scopes) = connection.session.observe(|observed| {
        let plan = plan_binding(
            &desired,
            &ctx.owner,
            observed,
            adoption(&ctx.stores, instance, binding),
        );
        (plan, is_extra_news(binding, &desired, observed))
    });
    let is_observed = policy::of_binding(&ctx.stores, binding) == Hands::Observe;
    if is_observed || extra_scopes || !plan.is_ok_and(|steps| steps.is_empty()) {
        ctx.triggers.binding(binding);
    }
}

/// Wakes the bindings of these roles, whose scopes alone were read, that are not as they should be. All bindings are not
/// planned for that: with thousands of them some roles are read each second.
pub fn wake_drifted_of_roles(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    roles: &[String],
) {
    if roles.is_empty() {
        return;
    }
    let instances = ctx.stores.instances_of(&key(tenant));
    for role in roles {
        for (instance, binding) in ctx.stores.bindings_of_role(&instances, role) {
            wake_if_drifted(ctx, connection, &instance, &binding);
        }
    }
}

/// Wakes all that depends on a tenant.
pub fn wake_all(ctx: &Context, tenant: &LogtoTenant) {
    ctx.stores.wake_dependants(&ctx.triggers, &key(tenant));
}
