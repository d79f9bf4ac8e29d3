//! Starts the watches and the controllers, and ends when any of them does.

use std::{fmt::Debug, hash::Hash, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use k8s_openapi::{NamespaceResourceScope, api::apps::v1::Deployment};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::{
        Controller,
        controller::{self, Action},
        events::{Recorder, Reporter},
        reflector::{self, ObjectRef, Store, store::Writer},
    },
};
use serde::de::DeserializeOwned;
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    anonymous::AnonymousRoles,
    backoff::Backoff,
    binding,
    context::{Clocks, Context},
    instance,
    registry::Registry,
    subjects::Checks,
    tenant,
    triggers::{Queues, Stores, Triggers},
    visit,
    watch::watch,
};
use crate::{
    api::{FIELD_MANAGER, HasuraInstance, HasuraRoleBinding, LogtoTenant},
    domain::ownership::Owner,
    metrics::Metrics,
    server::Readiness,
};

/// Visits that one controller makes at the same time; the tenant's own cap of concurrent requests is lower.
const CONCURRENCY: u16 = 16;

/// No visit lasts longer, whatever hangs.
const VISIT_TIMEOUT: Duration = Duration::from_secs(120);

/// A controller's visit to one object.
type Visit<K> = fn(Arc<K>, Arc<Context>) -> BoxFuture<'static, Result<Action, visit::Error>>;

/// How the controllers run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose marks are ours.
    pub owner: Owner,
    /// Only this namespace, or all.
    pub namespace: Option<String>,
    /// How long to wait for what.
    pub clocks: Clocks,
}

/// Why the controllers ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// One of them ended although nobody asked for it.
    #[error("{0} ended by itself, which it never should")]
    Ended(&'static str),
    /// One of them panicked.
    #[error("a task panicked: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

/// Runs until `stop` is cancelled, then lets visits that are under way end.
///
/// # Errors
/// When a watch or a controller ends by itself; the process should end then too.
pub async fn run(
    client: Client,
    settings: Settings,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let (tenants, tenants_writer) = reflector::store();
    let (instances, instances_writer) = reflector::store();
    let (bindings, bindings_writer) = reflector::store();
    let (deployments, deployments_writer) = reflector::store::<PartialObjectMeta<Deployment>>();
    let stores = Stores {
        tenants,
        instances,
        bindings,
        anonymous_roles: AnonymousRoles::default(),
    };
    let (triggers, queues) = Triggers::new();
    let ctx = context(&client, &settings, stores, triggers, Arc::clone(&metrics));

    let mut tasks = JoinSet::new();
    watch_kind(
        &mut tasks,
        "the watch of LogtoTenants",
        &ctx,
        &settings,
        &ctx.stores.tenants,
        tenants_writer,
        |ctx, before, after| {
            ctx.stores.tenant_changed(&ctx.triggers, before, after);
        },
    );
    watch_kind(
        &mut tasks,
        "the watch of HasuraInstances",
        &ctx,
        &settings,
        &ctx.stores.instances,
        instances_writer,
        |ctx, before, after| {
            ctx.stores.instance_changed(&ctx.triggers, before, after);
        },
    );
    watch_kind(
        &mut tasks,
        "the watch of HasuraRoleBindings",
        &ctx,
        &settings,
        &ctx.stores.bindings,
        bindings_writer,
        |ctx, before, after| {
            ctx.stores.binding_changed(&ctx.triggers, before, after);
        },
    );
    watch_kind(
        &mut tasks,
        "the watch of Deployments",
        &ctx,
        &settings,
        &deployments,
        deployments_writer,
        |ctx, before, after| {
            if let Some(deployment) = after.or(before) {
                ctx.stores.deployment_changed(&ctx.triggers, deployment);
            }
        },
    );

    let Queues {
        tenants,
        instances,
        bindings,
    } = queues;
    let control = controllers(&ctx, tenants, instances, bindings, readiness, stop.clone());
    let result = tokio::select! {
        () = control => Ok(()),
        ended = tasks.join_next() => match ended {
            Some(Ok(name)) => Err(RunError::Ended(name)),
            Some(Err(error)) => Err(error.into()),
            None => Err(RunError::Ended("the watches")),
        },
    };
    tasks.shutdown().await;
    if result.is_ok() && !stop.is_cancelled() {
        return Err(RunError::Ended("a controller"));
    }
    result
}

fn context(
    client: &Client,
    settings: &Settings,
    stores: Stores,
    triggers: Triggers,
    metrics: Arc<Metrics>,
) -> Arc<Context> {
    let reporter = Reporter {
        controller: FIELD_MANAGER.to_owned(),
        instance: None,
    };
    Arc::new(Context {
        client: client.clone(),
        owner: settings.owner.clone(),
        clocks: settings.clocks.clone(),
        stores,
        registry: Registry::default(),
        triggers,
        backoff: Backoff::new(settings.clocks.longest_backoff),
        metrics,
        recorder: Recorder::new(client.clone(), reporter),
        rereads: std::sync::Mutex::default(),
        subjects: Checks::default(),
    })
}

fn watch_kind<K>(
    tasks: &mut JoinSet<&'static str>,
    name: &'static str,
    ctx: &Arc<Context>,
    settings: &Settings,
    store: &Store<K>,
    writer: Writer<K>,
    on_change: fn(&Context, Option<&K>, Option<&K>),
) where
    K: Resource<Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
    K::DynamicType: Default + Eq + Hash + Clone + Debug + Send + Sync + Unpin,
{
    let api = match &settings.namespace {
        Some(namespace) => Api::namespaced(ctx.client.clone(), namespace),
        None => Api::all(ctx.client.clone()),
    };
    let (ctx, store) = (Arc::clone(ctx), store.clone());
    let metrics = Arc::clone(&ctx.metrics);
    tasks.spawn(async move {
        watch(api, store, writer, metrics, move |before, after| {
            on_change(&ctx, before, after)
        })
        .await;
        name
    });
}

/// The three controllers; ends when all have ended.
async fn controllers(
    ctx: &Arc<Context>,
    tenants: UnboundedReceiver<ObjectRef<LogtoTenant>>,
    instances: UnboundedReceiver<ObjectRef<HasuraInstance>>,
    bindings: UnboundedReceiver<ObjectRef<HasuraRoleBinding>>,
    readiness: Readiness,
    stop: CancellationToken,
) {
    let stores = &ctx.stores;
    let all_read = async {
        let (tenants, instances, bindings) = tokio::join!(
            stores.tenants.wait_until_ready(),
            stores.instances.wait_until_ready(),
            stores.bindings.wait_until_ready(),
        );
        tenants.is_ok() && instances.is_ok() && bindings.is_ok()
    };
    // Nothing is decided before all is read: what is not there yet is not gone.
    tokio::select! {
        read = all_read => if !read { return },
        () = stop.cancelled() => return,
    }
    readiness.set();
    tracing::info!("all objects were read; the controllers start");
    tokio::join!(
        control(
            "tenant",
            ctx,
            stores.tenants.clone(),
            tenants,
            stop.clone(),
            |object, ctx| tenant::reconcile(object, ctx).boxed()
        ),
        control(
            "instance",
            ctx,
            stores.instances.clone(),
            instances,
            stop.clone(),
            |object, ctx| instance::reconcile(object, ctx).boxed()
        ),
        control(
            "binding",
            ctx,
            stores.bindings.clone(),
            bindings,
            stop.clone(),
            |object, ctx| binding::reconcile(object, ctx).boxed()
        ),
    );
}

async fn control<K>(
    name: &'static str,
    ctx: &Arc<Context>,
    store: Store<K>,
    queue: UnboundedReceiver<ObjectRef<K>>,
    stop: CancellationToken,
    reconcile: Visit<K>,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let queue = stream::unfold(queue, |mut queue| async {
        queue.recv().await.map(|object| (object, queue))
    });
    let visit = move |object: Arc<K>, ctx: Arc<Context>| async move {
        let visit = tokio::time::timeout(VISIT_TIMEOUT, reconcile(object, Arc::clone(&ctx))).await;
        let result = visit.unwrap_or(Err(visit::Error::Timeout(VISIT_TIMEOUT)));
        ctx.metrics
            .reconciled(name, if result.is_ok() { "success" } else { "error" });
        result
    };
    Controller::for_stream(stream::pending(), store)
        .reconcile_on(queue)
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(
            visit,
            |object, error, ctx| try_again(name, &*object, error, &ctx),
            Arc::clone(ctx),
        )
        .for_each(|result| async move {
            match result {
                // Somebody asked for a visit to what is gone by now.
                Ok(_)
                | Err(
                    controller::Error::ObjectNotFound(_) | controller::Error::ReconcilerFailed(..),
                ) => {}
                Err(error) => tracing::warn!(controller = name, %error, "the queue failed"),
            }
        })
        .await;
}

fn try_again<K: ResourceExt>(
    name: &'static str,
    object: &K,
    error: &visit::Error,
    ctx: &Context,
) -> Action {
    let (namespace, object_name) = (object.namespace().unwrap_or_default(), object.name_any());
    match error {
        visit::Error::Held(wait) => Action::requeue(*wait),
        visit::Error::Changed => {
            tracing::debug!(
                controller = name,
                namespace,
                name = object_name,
                "changed while it was visited"
            );
            Action::requeue(Duration::from_millis(200))
        }
        error => {
            tracing::warn!(controller = name, namespace, name = object_name, %error, "visit failed; it is tried again");
            ctx.retry(object)
        }
    }
}
