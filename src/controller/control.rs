//! One controller: its queue, its visits, and what becomes of one that failed.

use std::{
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, future::BoxFuture, stream};
use kube::{
    Resource, ResourceExt,
    runtime::{
        Controller,
        controller::{self, Action},
        reflector::{ObjectRef, Store},
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field::Empty};

use super::{
    context::Context,
    turns::{in_turn, key},
    visit,
};
use crate::writes::{self, Writes};

/// Visits that one controller makes at the same time; the tenant's own cap of concurrent requests is lower.
const CONCURRENCY: u16 = 16;

/// No visit lasts longer, whatever hangs.
const VISIT_TIMEOUT: Duration = Duration::from_secs(120);

/// A controller's visit to one object.
pub type Visit<K> = fn(Arc<K>, Arc<Context>) -> BoxFuture<'static, Result<Action, visit::Error>>;

/// Visits what is asked for in the queue, several objects at the same time and each namespace in its turn, until it is stopped;
/// what is under way then ends first.
pub async fn control<K>(
    name: &'static str,
    ctx: &Arc<Context>,
    store: Store<K>,
    queue: UnboundedReceiver<ObjectRef<K>>,
    stop: CancellationToken,
    reconcile: Visit<K>,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (end, ended) = unbounded_channel();
    let metrics = Arc::clone(&ctx.metrics);
    let queue = in_turn(queue, ended, CONCURRENCY.into(), move |waiting| {
        metrics.waiting(name, waiting);
    });
    ctx.metrics.controller(name, CONCURRENCY);
    let visit = move |object: Arc<K>, ctx: Arc<Context>| async move {
        let start = Instant::now();
        ctx.metrics.begins(name);
        let span = span(name, &*object);
        let visited = Arc::clone(&object);
        let visit = tokio::time::timeout(VISIT_TIMEOUT, reconcile(object, Arc::clone(&ctx)));
        let (result, writes) = writes::counted(visit.instrument(span.clone())).await;
        let result = result.unwrap_or(Err(visit::Error::Timeout(VISIT_TIMEOUT)));
        let (word, took) = (in_one_word(&result), start.elapsed());
        span.record("result", word);
        ctx.metrics.reconciled(name, word, took);
        tell(name, &*visited, word, took, writes);
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
        .for_each(|result| {
            let ended = match result {
                Ok((object, _)) => Some(key(object)),
                // Somebody asked for a visit to what is gone by now.
                Err(controller::Error::ObjectNotFound(object))
                | Err(controller::Error::ReconcilerFailed(_, object)) => Some(key(*object)),
                Err(error) => {
                    tracing::warn!(controller = name, %error, "the queue failed");
                    None
                }
            };
            if let Some(key) = ended {
                // When the queue is closed, the controller is ending.
                let _ = end.send(key);
            }
            std::future::ready(())
        })
        .await;
}

fn span<K: ResourceExt>(controller: &'static str, object: &K) -> Span {
    tracing::debug_span!(
        "reconcile",
        controller,
        namespace = object.namespace(),
        name = object.name_any(),
        result = Empty
    )
}

/// One line for each visit that wrote something; the others are for who looks closely.
fn tell<K: ResourceExt>(
    controller: &'static str,
    object: &K,
    result: &'static str,
    took: Duration,
    Writes { logto, cluster }: Writes,
) {
    // Names are made only where the line is wanted.
    if logto + cluster > 0 {
        tracing::info!(
            controller,
            namespace = object.namespace(),
            name = object.name_any(),
            result,
            seconds = took.as_secs_f64(),
            logto_writes = logto,
            cluster_writes = cluster,
            "reconciled"
        );
    } else {
        tracing::debug!(
            controller,
            namespace = object.namespace(),
            name = object.name_any(),
            result,
            seconds = took.as_secs_f64(),
            "visited"
        );
    }
}

/// In the words of controller-runtime.
fn in_one_word(result: &Result<Action, visit::Error>) -> &'static str {
    match result {
        Ok(action) if *action == Action::await_change() => "success",
        // Waiting is not failing: the object changed, or its deletion waits for something.
        Ok(_) | Err(visit::Error::Held(_) | visit::Error::Changed) => "requeue_after",
        Err(_) => "error",
    }
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
            ctx.metrics.retried(name);
            ctx.retry(object)
        }
    }
}
