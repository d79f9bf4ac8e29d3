//! A typed client of Logto's Management API.
//!
//! [`Client::connect`] takes [`Credentials`] from a Secret, reads the [`Discovery`] document of their [`Endpoint`] and
//! gives a [`Client`]; every call passes one rate limit, one token and one cap of concurrent requests, and answers with
//! an [`Error`] that says what the caller can do. Nothing is retried here, except once after a token was refused.

mod address;
mod applications;
mod client;
mod credentials;
mod custom_jwt;
mod discovery;
mod endpoint;
mod error;
mod exchange;
mod hosts;
mod issuer;
mod jwks;
mod limiter;
mod operation;
mod pages;
mod plan;
mod refresh;
mod refusal;
mod resources;
mod retry_after;
mod roles;
mod scopes;
pub mod session;
mod sign_in;
mod token;
mod transport;
mod types;
mod users;

#[cfg(test)]
mod tests;

pub use client::{Client, ClientConfig};
pub use credentials::{Credentials, CredentialsError};
pub use custom_jwt::{CustomJwts, DryRunResult};
pub use discovery::{Discovery, jwk_url};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{Code, CredentialsCause, Error, Failure, StopCause, Unexpected};
pub use exchange::{Exchanged, Observer};
pub use hosts::{AllowedHosts, HostPattern, NotAHost};
pub use issuer::Doubt;
pub use jwks::{Jwks, KeySet};
pub use limiter::RateLimit;
pub use operation::{Effect, Operation, Outcome};
pub use pages::Listing;
pub use plan::{PlanLimit, Quota};
pub use refresh::Refresh;
pub use resources::{NewResource, ResourceChanges};
pub use roles::{NewRole, RoleChanges};
pub use scopes::{NewScope, ScopeChanges};
pub use session::Session;
pub use sign_in::SignInDoubt;
pub use token::management_api_resource;
pub use transport::{MAX_ANSWER_BYTES, Transport, TransportError};
pub use types::{
    Application, Patch, Resource, ResourceWithScopes, Role, RoleType, RoleWithCounts, Scope, User,
};
