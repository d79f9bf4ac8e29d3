//! Starts the watches and the controllers, and ends when any of them does.

use std::{fmt::Debug, hash::Hash, sync::Arc};

use futures::FutureExt;
use k8s_openapi::{NamespaceResourceScope, api::apps::v1::Deployment};
use kube::{Client, Resource, core::PartialObjectMeta};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    anonymous::AnonymousRoles,
    backoff::Backoff,
    binding,
    census::Census,
    context::{Clocks, Context},
    control::control,
    events::Events,
    force::Fights,
    gone::Gone,
    index::Index,
    instance,
    namespaces::Namespaces,
    registry::Registry,
    stores::Stores,
    subjects::Checks,
    tenant,
    triggers::{Queues, Triggers},
    watch::Watch,
};
use crate::{
    api::{HasuraInstance, HasuraRoleBinding, LogtoTenant},
    domain::ownership::Owner,
    fence::Fence,
    logto::AllowedHosts,
    metrics::Metrics,
    server::Readiness,
};

/// How the controllers run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose marks are ours.
    pub owner: Owner,
    /// The namespaces that are watched; all when there are none.
    pub namespaces: Vec<String>,
    /// The hosts that tenants may name.
    pub allowed_hosts: AllowedHosts,
    /// How long to wait for what.
    pub clocks: Clocks,
    /// Until when writes are allowed.
    pub fence: Fence,
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
    let watched = Watched::default();
    let (stores, unlisted) = (watched.stores(&settings.clocks), watched.unlisted());
    let (triggers, queues) = Triggers::new();
    let ctx = context(&client, &settings, stores, triggers, Arc::clone(&metrics));
    metrics.take_census_of(Arc::new(Census(Arc::downgrade(&ctx))));
    let mut watches = watched.watch(&ctx, &settings.namespaces);
    let control = controllers(&ctx, queues, unlisted, readiness, stop.clone());
    let result = tokio::select! {
        () = control => Ok(()),
        ended = watches.join_next() => match ended {
            Some(Ok(name)) => Err(RunError::Ended(name)),
            Some(Err(error)) => Err(error.into()),
            None => Err(RunError::Ended("the watches")),
        },
    };
    watches.shutdown().await;
    if result.is_ok() && !stop.is_cancelled() {
        return Err(RunError::Ended("a controller"));
    }
    result
}

/// What is watched from the start.
struct Watched {
    tenants: Watch<LogtoTenant>,
    instances: Watch<HasuraInstance>,
    bindings: Watch<HasuraRoleBinding>,
    deployments: Watch<PartialObjectMeta<Deployment>>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            tenants: Watch::new(),
            instances: Watch::new(),
            bindings: Watch::new(),
            deployments: Watch::new(),
        }
    }
}

impl Watched {
    fn stores(&self, clocks: &Clocks) -> Stores {
        Stores {
            tenants: self.tenants.store.clone(),
            instances: self.instances.store.clone(),
            bindings: self.bindings.store.clone(),
            index: Index::default(),
            namespaces: Namespaces::default(),
            anonymous_roles: AnonymousRoles::default(),
            gone: Gone::new(clocks.release_after),
        }
    }

    /// In how many namespaces each of our kinds was not listed yet.
    fn unlisted(&self) -> [watch::Receiver<usize>; 3] {
        [
            self.tenants.unlisted(),
            self.instances.unlisted(),
            self.bindings.unlisted(),
        ]
    }

    /// Watches, and wakes what each change asks for.
    fn watch(self, ctx: &Arc<Context>, namespaces: &[String]) -> JoinSet<&'static str> {
        let mut watches = Watches {
            tasks: JoinSet::new(),
            ctx: Arc::clone(ctx),
            namespaces: namespaces.into(),
        };
        watches.spawn(
            "the watch of LogtoTenants",
            self.tenants,
            |ctx, before, after| {
                ctx.stores.tenant_changed(&ctx.triggers, before, after);
            },
        );
        watches.spawn(
            "the watch of HasuraInstances",
            self.instances,
            |ctx, before, after| {
                ctx.stores.instance_changed(&ctx.triggers, before, after);
            },
        );
        watches.spawn(
            "the watch of HasuraRoleBindings",
            self.bindings,
            |ctx, before, after| {
                ctx.stores.index.note(before, after);
                ctx.stores.binding_changed(&ctx.triggers, before, after);
            },
        );
        watches.spawn(
            "the watch of Deployments",
            self.deployments,
            |ctx, before, after| {
                if let Some(deployment) = after.or(before) {
                    ctx.stores.deployment_changed(&ctx.triggers, deployment);
                }
            },
        );
        watches.spawn_namespaces();
        watches.tasks
    }
}

fn context(
    client: &Client,
    settings: &Settings,
    stores: Stores,
    triggers: Triggers,
    metrics: Arc<Metrics>,
) -> Arc<Context> {
    Arc::new(Context {
        client: client.clone(),
        owner: settings.owner.clone(),
        allowed_hosts: settings.allowed_hosts.clone(),
        clocks: settings.clocks.clone(),
        fence: settings.fence.clone(),
        stores,
        registry: Registry::default(),
        triggers,
        backoff: Backoff::new(settings.clocks.longest_backoff),
        metrics,
        events: Events::new(client.clone()),
        rereads: std::sync::Mutex::default(),
        fights: Fights::default(),
        subjects: Checks::default(),
    })
}

/// The tasks that watch.
struct Watches {
    tasks: JoinSet<&'static str>,
    ctx: Arc<Context>,
    namespaces: Arc<[String]>,
}

impl Watches {
    fn spawn<K>(
        &mut self,
        name: &'static str,
        watch: Watch<K>,
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
        let (ctx, namespaces) = (Arc::clone(&self.ctx), Arc::clone(&self.namespaces));
        self.tasks.spawn(async move {
            let (client, metrics) = (ctx.client.clone(), Arc::clone(&ctx.metrics));
            let changed = |before: Option<&K>, after: Option<&K>| on_change(&ctx, before, after);
            let timeout = ctx.clocks.watch_timeout;
            watch
                .run(client, &namespaces, timeout, metrics, changed)
                .await;
            name
        });
    }

    /// The labels of namespaces, once something selects by them.
    fn spawn_namespaces(&mut self) {
        let ctx = Arc::clone(&self.ctx);
        self.tasks.spawn(async move {
            let namespaces = ctx.stores.namespaces.clone();
            let changed = || ctx.stores.namespaces_changed(&ctx.triggers);
            let timeout = ctx.clocks.watch_timeout;
            namespaces
                .watch(&ctx.client, timeout, &ctx.metrics, changed)
                .await;
            "the watch of Namespaces"
        });
    }
}

/// The three controllers; ends when all have ended.
async fn controllers(
    ctx: &Arc<Context>,
    queues: Queues,
    unlisted: [watch::Receiver<usize>; 3],
    readiness: Readiness,
    stop: CancellationToken,
) {
    let stores = &ctx.stores;
    let all_read = async {
        for mut unlisted in unlisted {
            if unlisted.wait_for(|count| *count == 0).await.is_err() {
                return false;
            }
        }
        stores.namespaces.wait_until_known().await;
        true
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
            queues.tenants,
            stop.clone(),
            |object, ctx| tenant::reconcile(object, ctx).boxed()
        ),
        control(
            "instance",
            ctx,
            stores.instances.clone(),
            queues.instances,
            stop.clone(),
            |object, ctx| instance::reconcile(object, ctx).boxed()
        ),
        control(
            "binding",
            ctx,
            stores.bindings.clone(),
            queues.bindings,
            stop.clone(),
            |object, ctx| binding::reconcile(object, ctx).boxed()
        ),
    );
}
