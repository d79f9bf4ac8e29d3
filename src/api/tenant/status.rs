//! The status of a LogtoTenant.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{policy::PlanStatus, schema};

/// What the operator found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogtoTenantStatus {
    /// The generation of the spec that this status speaks of; -1 before the first visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// Ready, Connected, ClaimsDeployed, JwksCacheable, IssuerUnchecked, InSync, and Reconciling or Stalled while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The issuer that the discovery document at the Secret's endpoint announces. Without `signInEndpoints` all tokens have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub issuer: Option<String>,
    /// The issuer before it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub previous_issuer: Option<String>,
    /// With `signInEndpoints`: each origin, and the issuer of its tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub sign_in_endpoints: Vec<SignInEndpoint>,
    /// The key set's address that Hasura is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub jwk_url: Option<String>,
    /// The keys that sign the tenant's tokens, as Hasura is told of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_set: Option<KeySetStatus>,
    /// The API resources that the operator made and that stay in Logto after their instances. An instance of the same
    /// namespace and name finds its own by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub retained: Vec<RetainedResource>,
    /// With policy Observe: what would be done to the Custom JWT scripts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The last value of the reconcile annotation that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}

/// An API resource that the operator made and that stays in Logto after its instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetainedResource {
    /// The instance's namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// The instance's name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// The resource's indicator.
    #[schemars(length(max = 256))]
    pub indicator: String,
    /// Logto's id of it.
    #[schemars(length(max = 64))]
    pub id: String,
    /// Proves that the operator wrote the rest of this: an HMAC-SHA-256 as base64url, with a key that is derived from the
    /// tenant's client secret.
    #[schemars(length(max = 43))]
    pub proof: String,
}

/// An origin at which people sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignInEndpoint {
    /// The origin.
    #[schemars(length(max = 256))]
    pub endpoint: String,
    /// The issuer that it announces; absent when the origin does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub issuer: Option<String>,
}

/// The keys that sign the tenant's tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeySetStatus {
    /// The keys, in the order of their ids.
    #[schemars(length(max = 16))]
    pub keys: Vec<SigningKey>,
    /// How a running Hasura learns of new keys, from the Cache-Control and Expires headers of the key set.
    pub refresh: KeyRefresh,
    /// With `AfterMaxAge`: how long Hasura keeps the keys, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 315_360_000))]
    pub max_age_seconds: Option<i64>,
}

/// One key of the set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningKey {
    /// Its id (`kid`).
    #[schemars(length(max = 128))]
    pub id: String,
    /// The algorithm of the tokens that it signs, as `ES384`.
    #[schemars(length(max = 16))]
    pub algorithm: String,
}

/// How a running Hasura learns of new keys.
///
/// Source: hasura/graphql-engine `server/src-lib/Hasura/Server/Auth.hs`, `updateJwkFromUrl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyRefresh {
    /// It never does: the key set comes without a caching header. The operator rolls the Deployment when keys change.
    Never,
    /// At each tick, a second before Hasura 2.41 and a minute since: the header forbids to keep the keys.
    EachTick,
    /// When the time that the header states is over.
    AfterMaxAge,
}
