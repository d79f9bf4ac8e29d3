//! The three kinds as users write them, and the names that are frozen with them.
//!
//! Types and schema only: what a field does lives in [`crate::domain`] and [`crate::controller`].
#![allow(
    clippy::duplicated_attributes,
    reason = "the lint does not know that kube's printcolumn is given once for each column"
)]

pub mod binding;
pub mod conditions;
pub mod credentials;
pub mod delivery;
pub mod instance;
pub mod policy;
mod schema;
pub mod tenant;

pub use binding::{HasuraRoleBinding, HasuraRoleBindingSpec, HasuraRoleBindingStatus};
pub use instance::{HasuraInstance, HasuraInstanceSpec, HasuraInstanceStatus, RoleSource};
pub use policy::Reference;
pub use tenant::{ExistingScript, LogtoTenant, LogtoTenantSpec, LogtoTenantStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The field manager of every write to the API server.
pub const FIELD_MANAGER: &str = "logto-hasura";

/// Held on each of our objects while something outside Kubernetes may have to be cleaned up.
pub const FINALIZER: &str = "logto-hasura.dev/cleanup";

/// Annotation on our kinds: any new value asks for one re-read of that object, at most once in ten seconds.
pub const RECONCILE_REQUESTED_AT: &str = "logto-hasura.dev/reconcile-requested-at";

/// The `observedGeneration` of what no operator has seen yet.
pub const NOT_OBSERVED: i64 = -1;

/// Where an object in Logto comes from, as far as the operator has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Origin {
    /// It was absent, and the request that makes it is about to be sent or its answer was lost.
    Creating,
    /// The operator made it.
    Created,
    /// It was there when the operator came; it is never deleted.
    Adopted,
}

/// The definitions of all kinds.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [
        LogtoTenant::crd(),
        HasuraInstance::crd(),
        HasuraRoleBinding::crd(),
    ]
    .map(schema::without_nullable)
    .map(schema::unseen_at_first)
    .into()
}
