//! A client of the API server that waits for no answer for ever, and writes only while the lease lasts.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::{Method, Request};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
};
use tower::{BoxError, Layer, Service};
use tracing::{Instrument, Span};

use crate::{
    fence::{Closed, Fence},
    pulse::Pulse,
    writes,
};

/// A client whose requests are answered within `timeout` or fail, and whose writes pass the fence and are counted. Watches go
/// on for as long as they were asked for. Each request is a beat of the pulse.
///
/// # Errors
/// When the client can not be built.
pub fn fenced(
    config: Config,
    fence: Fence,
    timeout: Duration,
    pulse: Pulse,
) -> Result<Client, kube::Error> {
    let layer = FenceLayer {
        fence,
        timeout,
        pulse,
    };
    Ok(ClientBuilder::try_from(config)?.with_layer(&layer).build())
}

#[derive(Clone)]
struct FenceLayer {
    fence: Fence,
    timeout: Duration,
    pulse: Pulse,
}

impl<S> Layer<S> for FenceLayer {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced {
            inner,
            limits: self.clone(),
        }
    }
}

impl FenceLayer {
    /// How long a request may take.
    fn time_for(&self, request: &Request<Body>) -> Result<Duration, Closed> {
        match *request.method() {
            Method::GET => Ok(self.timeout),
            _ => self.fence.time_for_a_write(self.timeout),
        }
    }
}

struct Fenced<S> {
    inner: S,
    limits: FenceLayer,
}

impl<S, R> Service<Request<Body>> for Fenced<S>
where
    S: Service<Request<Body>, Response = R, Error = BoxError>,
    S::Future: Send + 'static,
    R: Send + 'static,
{
    type Response = R;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<R, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    /// The answer's head has to come in time; a watch's goes on after it.
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.limits.pulse.beat();
        match self.limits.time_for(&request) {
            Err(closed) => async move { Err(closed.into()) }.boxed(),
            Ok(time) => {
                let (span, changes) = (span(&request), changes(&request));
                let call = self.inner.call(request);
                // Not before it is awaited: only then is it the task of who asked.
                let answer = async move {
                    if changes {
                        writes::to_cluster();
                    }
                    tokio::time::timeout(time, call).await?
                };
                answer.instrument(span).boxed()
            }
        }
    }
}

/// Whether something is changed, if all goes well.
fn changes(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() != Method::GET && !query.contains("dryRun=")
}

/// A request of a visit; watches and the lease's would be spans of their own for ever.
fn span(request: &Request<Body>) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::debug_span!(
        "kubernetes",
        otel.name = %request.method(),
        otel.kind = "client",
        url.path = request.uri().path()
    )
}
