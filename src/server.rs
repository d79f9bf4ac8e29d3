//! Probes and metrics over HTTP.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::{net::TcpListener, sync::watch};

use crate::{metrics::Metrics, pulse::Pulse};

/// How far the operator is. Clones share it.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<Stage>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not everything was read yet.
    Reading,
    /// Another replica leads; this one can take over at any time.
    StandingBy,
    /// The controllers work.
    Working,
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::Reading)))
    }
}

impl Readiness {
    /// From now on `/readyz` says yes: everything was read.
    pub fn set(&self) {
        self.0.send_replace(Stage::Working);
    }

    /// From now on `/readyz` says yes: another replica leads, and this one waits for its turn. Gives whether that is news.
    pub fn stand_by(&self) -> bool {
        self.0.send_replace(Stage::StandingBy) != Stage::StandingBy
    }
}

/// Serves `/livez`, `/readyz` and `/metrics` until the process ends.
///
/// # Errors
/// When the address can not be bound, or the listener fails.
pub async fn serve(
    address: SocketAddr,
    pulse: Pulse,
    readiness: Readiness,
    metrics: Arc<Metrics>,
) -> std::io::Result<()> {
    let router = router(pulse, readiness, metrics);
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving probes and metrics");
    axum::serve(listener, router).await
}

/// All that is served; none of it changes anything.
fn router(pulse: Pulse, readiness: Readiness, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/livez", get(livez).with_state(pulse))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(print_metrics).with_state(metrics))
}

async fn livez(State(pulse): State<Pulse>) -> (StatusCode, String) {
    match pulse.stopped_for() {
        None => (StatusCode::OK, "ok".to_owned()),
        Some(still) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("nothing has moved for {} s", still.as_secs()),
        ),
    }
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, &'static str) {
    match *readiness.0.borrow() {
        Stage::Working => (StatusCode::OK, "ok"),
        Stage::StandingBy => (StatusCode::OK, "ok, standing by: another replica leads"),
        Stage::Reading => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the first reading of all objects is not done yet",
        ),
    }
}

async fn print_metrics(
    State(metrics): State<Arc<Metrics>>,
) -> ([(&'static str, &'static str); 1], String) {
    let kind = (
        "content-type",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    ([kind], metrics.text())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn answer(method: &str, path: &str) -> StatusCode {
        let pulse = Pulse::new(Duration::from_secs(60));
        let router = router(pulse, Readiness::default(), Arc::default());
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn nothing_can_be_changed_over_http_and_nothing_but_probes_and_metrics_is_served() {
        for path in ["/livez", "/readyz", "/metrics"] {
            assert_ne!(answer("GET", path).await, StatusCode::NOT_FOUND, "{path}");
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let status = answer(method, path).await;
                assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            }
        }
        for path in [
            "/",
            "/log",
            "/loglevel",
            "/debug/flags/v",
            "/debug/pprof/",
            "/metrics/reset",
        ] {
            for method in ["GET", "POST", "PUT"] {
                let status = answer(method, path).await;
                assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
            }
        }
    }
}
