//! One request of a tenant: its turn, its answer, its mark in the metrics.

use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use tokio::time::Instant;

use super::error::{Error, Failure};
use super::limiter::{Limiter, Priority};
use super::operation::{Operation, Outcome};
use super::refusal::refusal;
use super::transport::{Answer, Transport};
use crate::fence::Fence;

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
        let asked = Instant::now();
        let _permit = self.limiter.acquire(priority).await;
        let started = Instant::now();
        let request = self.bounded(operation, request)?;
        let answer = self.transport.send(operation, request).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let result = match answer {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
            Ok(answer) => Err(refusal(operation, &answer)),
            Err(error) => Err(error),
        };
        if let Err(Error::Wait { after, .. }) = &result {
            self.limiter.pause(*after);
        }
        (self.observer)(Exchanged {
            operation,
            outcome: Outcome::of(&result),
            status,
            waited: started - asked,
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
