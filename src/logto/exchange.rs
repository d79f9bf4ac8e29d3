//! One request of a tenant: its turn, its answer, its mark in the metrics.

use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use tokio::time::Instant;
use tracing::{Instrument, Span, field::Empty};

use super::error::{Error, Failure};
use super::limiter::{Limiter, Priority};
use super::operation::{Operation, Outcome};
use super::refusal::refusal;
use super::transport::{Answer, Transport};
use crate::{fence::Fence, writes};

/// A request that was answered or failed.
#[derive(Clone, Copy, Debug)]
pub struct Exchanged {
    /// What was asked.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status, where an answer came.
    pub status: Option<u16>,
    /// The wait for its turn.
    pub waited: Duration,
    /// From its turn to the end of its answer.
    pub took: Duration,
}

/// Is told of every request.
pub type Observer = Arc<dyn Fn(Exchanged) + Send + Sync>;

/// What all requests of a tenant pass.
pub(super) struct Exchange {
    transport: Transport,
    limiter: Limiter,
    fence: Fence,
    observer: Observer,
}

impl Exchange {
    pub(super) fn new(
        transport: Transport,
        limiter: Limiter,
        fence: Fence,
        observer: Observer,
    ) -> Self {
        Self {
            transport,
            limiter,
            fence,
            observer,
        }
    }

    /// Builds requests; only [`Exchange::send`] sends them.
    pub(super) fn requests(&self) -> &reqwest::Client {
        self.transport.requests()
    }

    /// Sends a request in its turn. `Ok` is an answer with a status of 2xx; a 429 has paused the tenant's queue.
    pub(super) async fn send(
        &self,
        operation: Operation,
        priority: Priority,
        request: RequestBuilder,
    ) -> Result<Answer, Error> {
        let span = span(operation);
        let (asked, turn) = (Instant::now(), self.limiter.acquire(priority));
        let _permit = turn.instrument(span.clone()).await;
        let started = Instant::now();
        let request = self.bounded(operation, request)?;
        if operation.writes() {
            writes::to_logto();
        }
        let sent = self.transport.send(operation, request);
        let answer = sent.instrument(span.clone()).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let result = match answer {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
            Ok(answer) => Err(refusal(operation, &answer)),
            Err(error) => Err(error),
        };
        if let Err(Error::Wait { after, .. }) = &result {
            self.limiter.pause(*after);
        }
        let outcome = Outcome::of(&result);
        span.record("outcome", outcome.name());
        span.record("http.response.status_code", status);
        let waited = started - asked;
        span.record("waited_seconds", waited.as_secs_f64());
        (self.observer)(Exchanged {
            operation,
            outcome,
            status,
            waited,
            took: started.elapsed(),
        });
        result
    }

    /// A write has no more time than the lease; it is looked at only now, since the turn may have been long in coming.
    fn bounded(
        &self,
        operation: Operation,
        request: RequestBuilder,
    ) -> Result<RequestBuilder, Error> {
        if !operation.writes() {
            return Ok(request);
        }
        match self.fence.time_for_a_write(self.transport.timeout()) {
            Ok(time) => Ok(request.timeout(time)),
            Err(closed) => Err(Error::Retry {
                operation,
                cause: Failure::NotLeading(closed),
            }),
        }
    }
}

/// By the names of OpenTelemetry, where it has one. No address is in it, and nothing of what is sent or answered.
fn span(operation: Operation) -> Span {
    tracing::debug_span!(
        "logto",
        otel.name = operation.name(),
        otel.kind = "client",
        outcome = Empty,
        http.response.status_code = Empty,
        waited_seconds = Empty
    )
}
