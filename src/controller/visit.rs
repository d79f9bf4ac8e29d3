//! What all three controllers do around a visit: the first status, the last one, its event, and when to come again.

use std::{fmt::Debug, time::Duration};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    ResourceExt,
    runtime::{controller::Action, events::EventType, finalizer},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    context::{Context, Reread},
    status::{self, HasStatus, Verdict},
};
use crate::{
    api::{
        RECONCILE_REQUESTED_AT,
        conditions::{reasons, types},
    },
    logto,
};

/// A visit that could not end with a status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server failed or refused.
    #[error("the API server: {0}")]
    Kube(#[from] Box<kube::Error>),
    /// The object changed while it was visited; the change brings the next visit.
    #[error("the object changed meanwhile")]
    Changed,
    /// A deletion waits for something; its status says for what.
    #[error("the deletion waits")]
    Held(Duration),
    /// The visit took too long.
    #[error("the visit took more than {} s", .0.as_secs())]
    Timeout(Duration),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.is_conflict() || status.is_not_found() => {
                Self::Changed
            }
            _ => Self::Kube(Box::new(error)),
        }
    }
}

impl From<finalizer::Error<Error>> for Error {
    fn from(error: finalizer::Error<Error>) -> Self {
        match error {
            finalizer::Error::ApplyFailed(error) | finalizer::Error::CleanupFailed(error) => error,
            // A JSON patch with a test: a stale cache fails it, and the change brings the next visit.
            finalizer::Error::AddFinalizer(kube::Error::Api(status))
            | finalizer::Error::RemoveFinalizer(kube::Error::Api(status))
                if status.is_invalid() || status.is_conflict() || status.is_not_found() =>
            {
                Self::Changed
            }
            finalizer::Error::AddFinalizer(error) | finalizer::Error::RemoveFinalizer(error) => {
                error.into()
            }
            finalizer::Error::UnnamedObject | finalizer::Error::InvalidFinalizer => Self::Changed,
        }
    }
}

/// When to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// When something changes.
    Change,
    /// After a wait that grows with the failures in a row.
    Backoff,
    /// After this time.
    After(Duration),
}

impl Next {
    /// The sooner of two; a failure's backoff goes before a set time.
    pub fn sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::Backoff, _) | (_, Self::Backoff) => Self::Backoff,
            (Self::After(one), Self::After(another)) => Self::After(one.min(another)),
            (Self::Change, next) | (next, Self::Change) => next,
        }
    }
}

/// What a visit came to, and when to come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For the status.
    pub verdict: Verdict,
    /// For the queue.
    pub next: Next,
}

impl Outcome {
    /// Nothing to do until something changes.
    pub fn waiting(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Waiting(reason, message.into()),
            next: Next::Change,
        }
    }

    /// Nothing to do until somebody changes something.
    pub fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Stalled(reason, message.into()),
            next: Next::Change,
        }
    }

    /// To be tried again.
    pub fn retry(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Waiting(reason, message.into()),
            next: Next::Backoff,
        }
    }

    /// What it says to people.
    pub fn message(&self) -> &str {
        match &self.verdict {
            Verdict::Ready(message)
            | Verdict::Observed(message)
            | Verdict::Waiting(_, message)
            | Verdict::Stalled(_, message) => message,
            Verdict::Starting | Verdict::Suspended => "",
        }
    }

    /// What an error of Logto's comes to.
    pub fn of(error: &logto::Error) -> Self {
        let message = error.to_string();
        match error {
            logto::Error::Wait { after, .. } => Self {
                next: Next::After(*after),
                ..Self::retry(reasons::LOGTO_THROTTLED, message)
            },
            logto::Error::Retry { .. } => Self::retry(reasons::LOGTO_UNREACHABLE, message),
            logto::Error::Credentials { .. } => Self::retry(reasons::CREDENTIALS_REFUSED, message),
            logto::Error::Reread { .. } | logto::Error::NotFound { .. } => {
                Self::retry(reasons::PROGRESSING_WITH_RETRY, message)
            }
            logto::Error::Plan { .. } => Self::stalled(reasons::PLAN_LIMIT, message),
            logto::Error::Stop { .. } => Self::stalled(reasons::LOGTO_REFUSED, message),
        }
    }
}

/// Says at the first visit that nothing was looked at yet, before anything remote is done: kstatus takes an object
/// without a Ready condition for done.
pub async fn begin<K>(
    ctx: &Context,
    object: &K,
    with: fn(Vec<Condition>, i64) -> K::Status,
) -> Result<K, Error>
where
    K: HasStatus + Clone + Debug + Serialize + DeserializeOwned,
{
    if object.observed_generation().is_some() {
        return Ok(object.clone());
    }
    let generation = object.meta().generation.unwrap_or_default();
    let conditions = status::conditions(&[], generation, &Verdict::Starting, vec![]);
    Ok(status::write(&ctx.client, object, with(conditions, generation)).await?)
}

/// The value of the reconcile annotation that was acted on by now.
pub fn handled<K: HasStatus>(object: &K, reread: Reread) -> Option<String> {
    match reread {
        Reread::Now => object.annotations().get(RECONCILE_REQUESTED_AT).cloned(),
        Reread::No | Reread::After(_) => object.last_handled().map(str::to_owned),
    }
}

/// Writes the status, publishes an event when Ready or its reason changed, and says when to come again.
pub async fn end<K>(
    ctx: &Context,
    object: &K,
    status: K::Status,
    outcome: &Outcome,
) -> Result<Action, Error>
where
    K: HasStatus + Clone + Debug + Serialize + DeserializeOwned,
{
    let written = status::write(&ctx.client, object, status).await?;
    let (before, after) = (ready(object.conditions()), ready(written.conditions()));
    if before != after
        && let Some((_, reason, message)) = &after
    {
        let type_ = if matches!(outcome.verdict, Verdict::Stalled(..)) {
            EventType::Warning
        } else {
            EventType::Normal
        };
        tracing::info!(
            kind = %K::kind(&()), namespace = %object.namespace().unwrap_or_default(), name = %object.name_any(),
            reason, detail = message, "status changed"
        );
        // Each new binding goes through it for some seconds, and another event follows: it would be one write in six.
        if reason != reasons::CLAIMS_PENDING {
            ctx.event(object, type_, reason, message).await;
        }
    }
    if outcome.verdict.is_ready() && outcome.next != Next::Backoff {
        ctx.backoff.forget(&object.uid().unwrap_or_default());
    }
    Ok(match outcome.next {
        Next::Backoff => ctx.retry(object),
        Next::After(wait) => Action::requeue(wait),
        Next::Change => {
            ctx.backoff.forget(&object.uid().unwrap_or_default());
            Action::await_change()
        }
    })
}

fn ready(conditions: &[Condition]) -> Option<(String, String, String)> {
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == types::READY)?;
    let message = if ready.status == "True" {
        String::new()
    } else {
        ready.message.clone()
    };
    Some((ready.status.clone(), ready.reason.clone(), message))
}
