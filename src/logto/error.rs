//! Errors by what a caller can do about them.
//!
//! Their messages hold the operation in words, the HTTP status and Logto's own error code, never a remote body, an
//! address or a secret; the caller adds which object it was about.

use std::fmt;
use std::time::Duration;

use super::{Endpoint, Operation, PlanLimit};
use crate::fence::Closed;

/// Why a request did not do what was asked, by what the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No definite answer came: try again later, and read before a write is repeated.
    #[error("could not {operation}: {cause}")]
    Retry {
        /// What was asked.
        operation: Operation,
        /// What went wrong.
        cause: Failure,
    },
    /// Logto limits the rate; the tenant's whole queue is paused for `after` already.
    #[error("could not {operation}: Logto limits the rate (HTTP 429); the next request goes out in {} s", after.as_secs())]
    Wait {
        /// What was asked.
        operation: Operation,
        /// How long Logto wants to be left alone: 1 s to 5 min.
        after: Duration,
    },
    /// The plan of a Logto Cloud tenant allows no more: a retry helps once somebody took another plan.
    #[error("could not {operation}: {limit}")]
    Plan {
        /// What was asked.
        operation: Operation,
        /// What is used up.
        limit: PlanLimit,
    },
    /// Somebody else was there before, or what the request refers to is gone: read what is there now, then decide.
    #[error("could not {operation}: Logto answered {}; what is there is read again", status_and_code(*status, code.as_ref()))]
    Reread {
        /// What was asked.
        operation: Operation,
        /// The HTTP status: 400, 404 and 422 for a refusal, 500 for a creation that lost a race.
        status: u16,
        /// Logto's error code, when it gave one.
        code: Option<Code>,
    },
    /// The object itself does not exist.
    #[error("could not {operation}: it does not exist in Logto")]
    NotFound {
        /// What was asked.
        operation: Operation,
    },
    /// Nothing will work until the credentials, or what Logto lets them do, change.
    #[error("could not {operation}: {cause}")]
    Credentials {
        /// What was asked.
        operation: Operation,
        /// What is wrong with them.
        cause: CredentialsCause,
    },
    /// The same request would fail again.
    #[error("could not {operation}: {cause}")]
    Stop {
        /// What was asked.
        operation: Operation,
        /// Why.
        cause: StopCause,
    },
}

/// Why no definite answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The host name could not be resolved.
    #[error(
        "the host name of Logto's address could not be resolved; check the endpoint and the cluster's DNS"
    )]
    NoAddress,
    /// The operator's lease would not outlast the write.
    #[error("{0}")]
    NotLeading(Closed),
    /// No connection within five seconds, or it was refused.
    #[error(
        "no connection to Logto could be made; check the endpoint, network policies and proxies"
    )]
    NoConnection,
    /// The TLS certificate was not accepted.
    #[error(
        "Logto's TLS certificate was not accepted (unknown CA, other host name or out of date); if a private CA signed \
         it, name a ConfigMap or Secret that holds that CA in spec.caBundleRef of the LogtoTenant"
    )]
    Certificate,
    /// The request's total time was over.
    #[error("no answer came in time")]
    Timeout,
    /// The connection ended before the whole answer was there.
    #[error("the connection broke before the whole answer was there")]
    Broken,
    /// A server error (or 408), from Logto or from something in front of it.
    #[error("the answer was HTTP {0}")]
    Status(u16),
}

impl Failure {
    /// Whether the request can not have left this process.
    fn before_sending(self) -> bool {
        matches!(
            self,
            Self::NotLeading(_) | Self::NoAddress | Self::NoConnection | Self::Certificate
        )
    }
}

/// What is wrong with the credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsCause {
    /// `invalid_client`: unknown id or wrong secret.
    #[error(
        "Logto does not accept this client id and secret (invalid_client); compare clientId and clientSecret of the \
         credentials Secret with the machine-to-machine application in Logto"
    )]
    InvalidClient,
    /// `invalid_request`, which a well-formed request gets when its client secret has expired.
    #[error(
        "Logto refused the token request (invalid_request), most often because the client secret has expired; make a \
         new secret for the application in Logto and put it into the credentials Secret"
    )]
    Expired,
    /// `invalid_target`: this Logto has no such Management API.
    #[error(
        "this Logto has no Management API for the tenant id that was asked (invalid_target); a self-hosted Logto has \
         the tenant id `default`, Logto Cloud the one in its address"
    )]
    WrongTenant,
    /// The token request was refused for another reason.
    #[error("Logto refused the token request ({})", status_and_code(*status, code.as_ref()))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The OAuth error, when there was one.
        code: Option<Code>,
    },
    /// The token does not hold the scope `all`, or Logto says `auth.forbidden`.
    #[error(
        "the application lacks the role \"Logto Management API access\"; assign it in Logto's console under \
         Applications, the machine-to-machine application, Roles"
    )]
    MissingRole,
    /// Logto refuses tokens that it has just issued itself.
    #[error(
        "Logto refuses the token that it has just issued (HTTP 401); the ENDPOINT that Logto is started with has to be \
         its public URL, TRUST_PROXY_HEADER=1 set behind a proxy, and its clock right"
    )]
    TokenRejected,
}

/// Why the same request would fail again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopCause {
    /// A definite refusal by Logto.
    #[error("Logto refused it ({})", status_and_code(*status, code.as_ref()))]
    Refused {
        /// The HTTP status, 400 to 499.
        status: u16,
        /// Logto's error code, when it gave one.
        code: Option<Code>,
    },
    /// The answer is not one that Logto's API gives.
    #[error("the answer (HTTP {status}) {what}")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// What was wrong with it.
        what: Unexpected,
    },
    /// An id that Logto does not issue; nothing was sent.
    #[error(
        "the id is not one that Logto issues (1 to 64 letters, digits, `_` and `-`), so nothing was sent"
    )]
    IllFormedId,
    /// The discovery document names an address on another origin; nothing was sent there.
    #[error(
        "the {field} that Logto announces is not at {endpoint}, so nothing is sent there; the endpoint has to be an \
         address that Logto itself announces: check scheme, host and port, and set TRUST_PROXY_HEADER=1 on Logto if \
         TLS ends at a proxy"
    )]
    ForeignAddress {
        /// The field of the discovery document.
        field: &'static str,
        /// The endpoint that was asked.
        endpoint: Endpoint,
    },
    /// The host's name stands for addresses that are never connected to; nothing was sent.
    #[error(
        "every address that the host of Logto's endpoint stands for is a link-local, metadata or multicast one, which is \
         never connected to; name Logto's own host"
    )]
    ForbiddenAddress,
}

/// What was wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexpected {
    /// A redirect. Following it would hand credentials to whoever it names.
    #[error("is a redirect, which is never followed; the endpoint has to be Logto's final address")]
    Redirect,
    /// Not JSON: a proxy's page, or not Logto at all.
    #[error("is not JSON, so it did not come from Logto's API; check that the endpoint is Logto's")]
    NotJson,
    /// A page where an empty answer (204) was due.
    #[error(
        "is not the empty one that a deletion has, so it did not come from Logto's API; check that the endpoint is Logto's"
    )]
    NotEmpty,
    /// Larger than [`MAX_ANSWER_BYTES`](super::MAX_ANSWER_BYTES).
    #[error("is larger than 16 MiB and was not read")]
    TooLarge,
    /// JSON of another shape than this version knows.
    #[error("is not of the shape that this version of the operator knows")]
    Undecodable,
    /// A page of a list without the header that says how long the list is.
    #[error(
        "has no usable Total-Number header, so the list can not be read completely; check the proxies before Logto"
    )]
    NoTotal,
}

/// An error code of Logto's, like `role.name_in_use`: 1 to 64 of `a-z`, `0-9`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Code(String);

impl Code {
    /// Takes text from a remote body for a code only when it looks like one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.');
        ((1..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn status_and_code(status: u16, code: Option<&Code>) -> String {
    match code {
        Some(code) => format!("HTTP {status}, {code}"),
        None => format!("HTTP {status}"),
    }
}

impl Error {
    /// What was asked. For a failure to get a token it is [`Operation::FetchToken`].
    pub fn operation(&self) -> Operation {
        match self {
            Self::Retry { operation, .. }
            | Self::Wait { operation, .. }
            | Self::Plan { operation, .. }
            | Self::Reread { operation, .. }
            | Self::NotFound { operation }
            | Self::Credentials { operation, .. }
            | Self::Stop { operation, .. } => *operation,
        }
    }

    /// Whether the request may have changed the tenant all the same; false only when it surely has not.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Retry { operation, cause } => operation.writes() && !cause.before_sending(),
            Self::Reread {
                operation,
                status,
                code,
            } => *status >= 500 || made_before_refused(*operation, code.as_ref()),
            Self::Stop { operation, cause } => match cause {
                StopCause::Refused { code, .. } => made_before_refused(*operation, code.as_ref()),
                StopCause::Unexpected { status, .. } => {
                    operation.writes() && !(400..500).contains(status)
                }
                StopCause::IllFormedId
                | StopCause::ForeignAddress { .. }
                | StopCause::ForbiddenAddress => false,
            },
            Self::Plan { operation, limit } => {
                *operation == Operation::CreateRole && !limit.counts_roles()
            }
            Self::Wait { .. } | Self::NotFound { .. } | Self::Credentials { .. } => false,
        }
    }
}

/// POST /api/roles inserts the role before it looks at `scopeIds`, so most of its refusals leave a role without scopes
/// behind (logto-io/logto packages/core/src/routes/role.ts; seen on 1.42).
fn made_before_refused(operation: Operation, code: Option<&Code>) -> bool {
    operation == Operation::CreateRole
        && !matches!(
            code.map(Code::as_str),
            Some("role.name_in_use" | "guard.invalid_input")
        )
}
