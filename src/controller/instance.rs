//! HasuraInstance: its API resource in Logto, and the auth settings of its Deployment.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Api, ResourceExt,
    runtime::{
        controller::Action,
        finalizer::{Event, finalizer},
    },
};

use super::{
    access::{Access, access},
    api_resource::{self, Synced},
    auth::{self, Configured, Looked},
    claims,
    context::{Context, Reread, key},
    delivery, instance_end,
    instance_status::{self, Stage, Visited, note_withdrawal},
    lasting, observe,
    policy::{self, Hands},
    registry::Connection,
    rivals, rollout,
    status::{self, Verdict},
    stores::tenant_key,
    visit::{self, Error, Next, Outcome},
    webhook, withdrawal,
};
use crate::api::{
    FINALIZER, HasuraInstance, HasuraInstanceStatus,
    conditions::{reasons, types},
};

/// Visits an instance.
///
/// # Errors
/// When the API server fails; Logto's failures end in the status.
pub async fn reconcile(instance: Arc<HasuraInstance>, ctx: Arc<Context>) -> Result<Action, Error> {
    let api = Api::namespaced(
        ctx.client.clone(),
        &instance.namespace().unwrap_or_default(),
    );
    let visit = |event| async {
        match event {
            Event::Apply(instance) => apply(&instance, &ctx).await,
            Event::Cleanup(instance) => instance_end::cleanup(&instance, &ctx).await,
        }
    };
    Ok(finalizer(&api, FINALIZER, instance, visit).await?)
}

async fn apply(instance: &HasuraInstance, ctx: &Context) -> Result<Action, Error> {
    let first_status = |conditions: Vec<Condition>, generation| HasuraInstanceStatus {
        conditions,
        observed_generation: Some(generation),
        ..HasuraInstanceStatus::default()
    };
    let mut instance = visit::begin(ctx, instance, first_status).await?;
    let hands = policy::of_instance(&ctx.stores, &instance);
    if hands == Hands::Off {
        return suspended(&instance, ctx).await;
    }
    let reread = ctx.reread_asked(&instance);
    let uid = instance.uid().unwrap_or_default();
    match reread {
        Reread::Now => {
            ctx.fights.forget(&uid);
            ask_tenant(&instance, ctx);
        }
        Reread::No if gave_up(&instance) => ctx.fights.gave_up(&uid, instance.metadata.generation),
        Reread::No | Reread::After(_) => {}
    }
    let connection = match connection(&instance, ctx) {
        Ok(Some(connection)) => connection,
        Ok(None) => return Ok(Action::await_change()),
        Err(outcome) => {
            let visited = Visited::resource(outcome.clone());
            let mut status = instance_status::visited(&instance, visited, reread);
            note_withdrawal(&mut status, &instance, ctx);
            return visit::end(ctx, &instance, status, &outcome).await;
        }
    };
    if hands == Hands::Observe {
        return observed(&instance, ctx, &connection, reread).await;
    }
    // As the API server has it: what is noted in the other one on the way is news at the end.
    let mut stored = instance.clone();
    let now = reread == Reread::Now;
    let mut visited = steps(&mut instance, &mut stored, ctx, &connection, now).await?;
    if let Some(unreadable) = policy::unreadable(&ctx.stores, policy::takes_by_labels(&instance))
        && visited.outcome.verdict.is_ready()
    {
        visited.outcome = unreadable;
    }
    if let Reread::After(wait) = reread {
        visited.outcome.next = Next::After(wait);
    }
    let outcome = visited.outcome.clone();
    let status = instance_status::visited(&instance, visited, reread);
    visit::end(ctx, &stored, status, &outcome).await
}

/// Has the tenant look whether Logto announces what it did: whose tokens are refused often sees no more than the instance.
fn ask_tenant(instance: &HasuraInstance, ctx: &Context) {
    if let Access::Open(connection) = access(ctx, instance, instance) {
        connection.ask();
        ctx.triggers.tenant(&tenant_key(instance));
    }
}

/// Whether the status says of this spec that a fight was given up.
fn gave_up(instance: &HasuraInstance) -> bool {
    instance.status.as_ref().is_some_and(|status| {
        status.observed_generation == instance.metadata.generation
            && status.conditions.iter().any(|condition| {
                condition.type_ == types::STALLED && condition.reason == reasons::FIELD_FIGHT
            })
    })
}

/// Nothing is looked at.
async fn suspended(instance: &HasuraInstance, ctx: &Context) -> Result<Action, Error> {
    let before = instance.status.clone().unwrap_or_default();
    let generation = instance.metadata.generation.unwrap_or_default();
    let withdrawn = withdrawal::of_instance(ctx, instance);
    let status = HasuraInstanceStatus {
        observed_generation: Some(generation),
        conditions: status::suspended(&before.conditions, generation, withdrawn),
        plan: None,
        ..before
    };
    let outcome = Outcome {
        verdict: Verdict::Suspended,
        next: Next::Change,
    };
    visit::end(ctx, instance, status, &outcome).await
}

/// Everything is looked at, and nothing done.
async fn observed(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    reread: Reread,
) -> Result<Action, Error> {
    let mut seen = observe::instance(instance, ctx, connection, reread == Reread::Now).await?;
    if let Reread::After(wait) = reread {
        seen.outcome.next = Next::After(wait);
    }
    let outcome = seen.outcome.clone();
    let status = instance_status::observed(instance, seen, reread);
    visit::end(ctx, instance, status, &outcome).await
}

/// The tenant's connection; none when there is nothing new to say until the tenant was visited.
fn connection(
    instance: &HasuraInstance,
    ctx: &Context,
) -> Result<Option<Arc<Connection>>, Outcome> {
    let namespace = instance.namespace().unwrap_or_default();
    let connection = match access(ctx, instance, instance) {
        Access::Open(connection) => connection,
        Access::NotFound(message) => {
            unvouch(instance, ctx);
            return Err(Outcome::waiting(reasons::TENANT_NOT_FOUND, message));
        }
        Access::Unvisited => return Ok(None),
        Access::Closed(_)
            if policy::is_settled(instance, policy::of_instance(&ctx.stores, instance)) =>
        {
            return Ok(None);
        }
        Access::Closed(message) => {
            return Err(Outcome::waiting(reasons::TENANT_NOT_READY, message));
        }
    };
    // One in mode Webhook looks itself whether it has the tenant to itself; what it has in Logto stays its own.
    let beside_webhook = || {
        let tenant_lost = webhook::tenant_shared(&ctx.stores, instance);
        tenant_lost.filter(|_| !webhook::is_asked_for(instance))
    };
    let lost = rivals::instance_lost(&ctx.stores, instance).or_else(beside_webhook);
    if let Some(lost) = lost {
        connection.unvouch(&instance.spec.api_resource.indicator, &key(instance));
        return Err(Outcome {
            verdict: rivals::verdict(&lost, &namespace),
            next: Next::Change,
        });
    }
    Ok(Some(connection))
}

/// Notes that an instance does not have its API resource, or no longer.
fn unvouch(instance: &HasuraInstance, ctx: &Context) {
    let entry = ctx.registry.get(&tenant_key(instance));
    if let Some(connection) = entry.and_then(|entry| entry.connection) {
        connection.unvouch(&instance.spec.api_resource.indicator, &key(instance));
    }
}

/// Goes through the stages; the status parts that they found are put into `instance` as they come, and `stored` is what of
/// it the API server has.
async fn steps(
    instance: &mut HasuraInstance,
    stored: &mut HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    reread: bool,
) -> Result<Visited, Error> {
    let indicator = instance.spec.api_resource.indicator.clone();
    match api_resource::sync(instance, stored, ctx, connection, reread).await? {
        Synced::Yes => {
            let id = connection.resource_id(&indicator).unwrap_or_default();
            if connection.vouch(&indicator, key(instance), id) {
                let bindings = ctx.stores.bindings_naming(&key(instance));
                bindings
                    .iter()
                    .for_each(|binding| ctx.triggers.binding(binding));
            }
            claims::note_instance(ctx, connection, instance);
        }
        Synced::No(outcome) => {
            connection.unvouch(&indicator, &key(instance));
            return Ok(Visited::resource(outcome));
        }
    }
    let Looked {
        configured,
        lasting,
        look_again,
    } = auth::configure(instance, stored, ctx, connection).await?;
    let done = |verdict| {
        let next = Next::Change;
        (Stage::Done, Outcome { verdict, next })
    };
    let trouble = connection.claims.trouble(&indicator);
    let (stage, mut outcome) = match configured {
        Configured::No(outcome) => (Stage::Auth, outcome),
        Configured::RollingOut(outcome) => (Stage::Rollout, outcome),
        Configured::Objected(outcome) => (Stage::Done, outcome),
        Configured::RolledOut | Configured::Idle | Configured::Delivered if trouble.is_some() => {
            done(trouble.unwrap_or(Verdict::Starting))
        }
        Configured::RolledOut => done(Verdict::Ready(instance_status::well(instance))),
        Configured::Idle => done(Verdict::Ready(rollout::idle(&instance_status::well(
            instance,
        )))),
        Configured::Delivered => done(Verdict::Ready(delivery::unwatched(instance))),
    };
    if let Verdict::Ready(message) = &mut outcome.verdict
        && lasting::hides_settings(lasting.as_deref().unwrap_or_default())
    {
        message.push_str(", as far as its settings can be seen: see the condition SettingsUnseen");
    }
    // Also of what waits or is stalled: nobody watches a Secret that is in the way, or one that pods wait for.
    outcome.next = outcome.next.sooner(delivery::next_look(instance, ctx));
    outcome.next = outcome.next.sooner(look_again);
    Ok(Visited {
        stage,
        outcome,
        lasting,
    })
}
