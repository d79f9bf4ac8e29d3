//! A client of the API server that writes only while the lease lasts.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
};
use tower::{BoxError, Layer, Service};

use crate::fence::Fence;

/// The longest that a write of the API server may take: its own limit for requests that are no watch is 60 s
/// (`--request-timeout`, <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>).
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client whose writes pass the fence; reads always pass.
///
/// # Errors
/// When the client can not be built.
pub fn fenced(config: Config, fence: Fence) -> Result<Client, kube::Error> {
    let layer = FenceLayer(fence);
    Ok(ClientBuilder::try_from(config)?.with_layer(&layer).build())
}

struct FenceLayer(Fence);

impl<S> Layer<S> for FenceLayer {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced {
            inner,
            fence: self.0.clone(),
        }
    }
}

struct Fenced<S> {
    inner: S,
    fence: Fence,
}

impl<S, R> Service<http::Request<Body>> for Fenced<S>
where
    S: Service<http::Request<Body>, Response = R, Error = BoxError>,
    S::Future: Send + 'static,
    R: Send + 'static,
{
    type Response = R;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<R, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.method().is_safe() {
            return self.inner.call(request).boxed();
        }
        match self.fence.time_for_a_write(TIMEOUT) {
            Err(closed) => async move { Err(closed.into()) }.boxed(),
            Ok(time) => {
                let call = self.inner.call(request);
                async move { tokio::time::timeout(time, call).await? }.boxed()
            }
        }
    }
}
