//! The status of a HasuraInstance.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{Origin, delivery::DeliveredStatus, policy::PlanStatus, schema};

/// What the operator found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HasuraInstanceStatus {
    /// The generation of the spec that this status speaks of; -1 before the first visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// Ready, ApiResourceSynced, AuthConfigured, RolledOut, UserEditableClaim, SettingsUnseen, AdminSecretExposed, NoReadinessProbe, ContainerAmbiguous, InSync, GrantWithdrawn, and Reconciling or Stalled while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The API resource in Logto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_resource: Option<ApiResourceStatus>,
    /// The Deployment as the operator last wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentStatus>,
    /// Deployments that `spec.deploymentRef` named before and that the settings have not left yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub previous_deployments: Vec<DeploymentStatus>,
    /// The Secret or ConfigMap that was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<DeliveredStatus>,
    /// With policy Observe: what would be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The last value of the reconcile annotation that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}

/// The API resource in Logto. The id says where to look, and the origin what becomes of it. They prove nothing by
/// themselves; with a valid proof they count as a mark does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiResourceStatus {
    /// Logto's id; absent while it is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub id: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// Since when it is being made. The intent is good for ten minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub creating_since: Option<Time>,
    /// Proves that the operator wrote the rest of this for this very object: an HMAC-SHA-256 as base64url, with a key that
    /// is derived from the tenant's client secret. Absent where nothing shows whose the resource is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 43))]
    pub proof: Option<String>,
}

/// A Deployment as the operator last wrote it. It says where to look, and proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentStatus {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub name: Option<String>,
    /// The container that has the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub container: Option<String>,
    /// The container that would be taken by default now, empty when none can be told; absent when the spec names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub default_container: Option<String>,
    /// The Deployment's uid; another one means that it was made anew.
    #[schemars(length(max = 64))]
    pub uid: String,
    /// A hash of the env entries that were written; empty before.
    #[schemars(length(max = 64))]
    pub auth_hash: String,
    /// Whether every replica was seen to run with them. Later rollouts, of a new image for example, do not undo this.
    pub rolled_out: bool,
    /// The manager that an env entry was taken from by force, so that taking ours away would leave nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub forced_from: Option<String>,
}
