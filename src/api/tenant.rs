//! LogtoTenant: the way into one Logto tenant, owned by whoever holds its credentials.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// One Logto tenant and the credentials for its Management API.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "logto-hasura.dev",
    version = "v1alpha1",
    kind = "LogtoTenant",
    plural = "logtotenants",
    shortname = "ltn",
    category = "logto-hasura",
    namespaced,
    status = "LogtoTenantStatus",
    derive = "PartialEq",
    doc = "One Logto tenant and the credentials for its Management API.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Tenant", type_ = "string", json_path = ".spec.tenantId"),
    printcolumn(
        name = "Issuer",
        type_ = "string",
        json_path = ".status.issuer",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(
    validation = Rule::new("self.tenantId == oldSelf.tenantId").message("spec.tenantId can not be changed; make a new LogtoTenant").field_path(".tenantId"),
    validation = Rule::new("!has(self.endpointForHasura) || size(self.endpointForHasura) == 0 || self.endpointForHasura.startsWith('https://') || self.allowPlainHttp").message("spec.endpointForHasura has to be https unless spec.allowPlainHttp is true").field_path(".endpointForHasura")
)]
#[serde(rename_all = "camelCase")]
pub struct LogtoTenantSpec {
    /// The tenant's id, which names its Management API resource `https://<tenantId>.logto.app/api`.
    /// Self-hosted Logto: `default`. Can not be changed.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub tenant_id: String,
    /// A Secret of this namespace with the keys `endpoint`, `clientId` and `clientSecret` of a machine-to-machine
    /// application that holds the role "Logto Management API access".
    pub credentials_secret_ref: SecretRef,
    /// Logto as Hasura's pods reach it, when that is not the Secret's endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        regex(pattern = r"^(https?://[A-Za-z0-9._:\[\]-]+/?)?$")
    )]
    pub endpoint_for_hasura: Option<String>,
    /// Lets the endpoints be http. Only for networks that nobody else can read or write.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Whether the keys at the address that Hasura will use are fetched and compared with the tenant's.
    #[serde(default)]
    pub jwks_check: JwksCheck,
    /// How many requests the operator may send to this tenant.
    #[serde(default)]
    pub rate_limit: RateLimit,
    /// How often the tenant is compared with what it should be, in seconds.
    #[serde(default = "default_resync_period")]
    #[schemars(range(min = 60, max = 86400))]
    pub resync_period_seconds: i32,
}

/// A Secret of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
}

/// Whether the key set is checked before Hasura is told to use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum JwksCheck {
    /// The key set has to answer at `endpointForHasura` and equal the one at the Secret's endpoint.
    #[default]
    Require,
    /// For an address that only Hasura's pods can reach.
    Skip,
}

/// A budget of requests, shared by everything that the operator does with the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests a second, in the long run. Logto Cloud allows a tenant about 20, sign-ins included.
    #[serde(default = "default_requests_per_second")]
    #[schemars(range(min = 1, max = 1000))]
    pub requests_per_second: i32,
    /// How many requests may be sent at once after a quiet time.
    #[serde(default = "default_burst")]
    #[schemars(range(min = 1, max = 1000))]
    pub burst: i32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            requests_per_second: default_requests_per_second(),
            burst: default_burst(),
        }
    }
}

fn default_requests_per_second() -> i32 {
    10
}

fn default_burst() -> i32 {
    20
}

fn default_resync_period() -> i32 {
    600
}

/// What the operator found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogtoTenantStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, Connected, and Reconciling or Stalled while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The issuer of the tenant's tokens, from its discovery document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub issuer: Option<String>,
    /// The key set's address that Hasura is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub jwk_url: Option<String>,
    /// The last value of the reconcile annotation that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}
