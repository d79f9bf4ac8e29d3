//! LogtoTenant: the way into one Logto tenant, owned by whoever holds its credentials.

mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    credentials::CredentialsRef,
    policy::{ManagementPolicy, Namespaces},
    schema,
};
pub use status::{
    KeyRefresh, KeySetStatus, LogtoTenantStatus, RetainedResource, SignInEndpoint, SigningKey,
};

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
    validation = Rule::new("!has(self.endpointForHasura) || size(self.endpointForHasura) == 0 || self.endpointForHasura.startsWith('https://') || self.allowPlainHttp").message("spec.endpointForHasura has to be https unless spec.allowPlainHttp is true").field_path(".endpointForHasura"),
    validation = Rule::new("!has(self.signInEndpoints) || self.allowPlainHttp || self.signInEndpoints.all(origin, origin.startsWith('https://'))").message("each of spec.signInEndpoints has to be https unless spec.allowPlainHttp is true").field_path(".signInEndpoints")
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
    /// A Secret of this namespace with the keys `endpoint`, `clientId` and `clientSecret`, or those that `keys` names, of a
    /// machine-to-machine application that holds the role "Logto Management API access".
    pub credentials_secret_ref: CredentialsRef,
    /// Logto as Hasura's pods reach it, when that is not the Secret's endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        regex(pattern = r"^(https?://[A-Za-z0-9._:\[\]-]+/?)?$")
    )]
    pub endpoint_for_hasura: Option<String>,
    /// Where people sign in, when that is not the Secret's endpoint: Logto Cloud's custom domains have issuers of their own.
    /// An origin counts only if it shows the tenant's keys. Name the Secret's endpoint too where machines, or people, get
    /// tokens there. Of several issuers Hasura can check none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::origins")]
    pub sign_in_endpoints: Vec<String>,
    /// Lets the endpoints be http. Only for networks that nobody else can read or write.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// The CAs that Logto's certificate may be signed by, instead of the system's. For the operator alone: where Hasura
    /// reaches Logto by a certificate of theirs, its pods have to be given them too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_ref: Option<CaBundleRef>,
    /// Whether the keys at the address that Hasura will use are fetched and compared with the tenant's.
    #[serde(default)]
    pub jwks_check: JwksCheck,
    /// Instances of other namespaces that may use the tenant. Those of its own namespace always may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub allowed_instances: Vec<AllowedInstances>,
    /// What may be taken over that somebody else made in Logto, and from where. Default: nothing. An instance or binding
    /// has to ask for it too, with `adoptionPolicy: Adopt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub adoption: Vec<Adoptable>,
    /// Whether instances may use mode Webhook, in which every role of the tenant works in Hasura by its name alone.
    #[serde(default)]
    pub webhook_mode: WebhookMode,
    /// The Custom JWT scripts that put Hasura's claims into access tokens.
    #[serde(default)]
    pub custom_claims: CustomClaims,
    /// How many requests the operator may send to this tenant.
    #[serde(default)]
    pub rate_limit: RateLimit,
    /// How often the tenant is compared with what it should be, in seconds.
    #[serde(default = "default_resync_period")]
    #[schemars(range(min = 60, max = 86400))]
    pub resync_period_seconds: i32,
    /// Whether the operator writes, here and in all that uses this tenant.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// Hands off, at deletion too, here and in all that uses this tenant. Only consent that is withdrawn still takes
    /// effect.
    #[serde(default)]
    pub suspend: bool,
}

/// Instances of other namespaces that may use the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedInstances {
    /// Where they are.
    pub namespaces: Namespaces,
    /// The indicators that they may have. One that ends with `/` or `:` stands for all that start with it, any other for
    /// itself alone.
    #[schemars(schema_with = "schema::indicators")]
    pub indicator_prefixes: Vec<String>,
}

/// What may be taken over from some namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.indicators) || has(self.roles)").message("name indicators, roles, or both")
)]
pub struct Adoptable {
    /// Where the instances and bindings are that may take over.
    pub namespaces: Namespaces,
    /// API resources, by their indicators to the letter, and the scopes in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::indicators")]
    pub indicators: Option<Vec<String>>,
    /// Roles, by their names in Logto; a `*` at the end stands for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::role_patterns")]
    pub roles: Option<Vec<String>>,
}

/// A key of a ConfigMap or Secret of the same namespace that holds CA certificates as PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaBundleRef {
    /// What it is.
    pub kind: CaBundleKind,
    /// Its name.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// The key of the certificates.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// What CA certificates are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CaBundleKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
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

/// Whether instances of the tenant may use mode Webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WebhookMode {
    /// They may not.
    #[default]
    Forbid,
    /// One instance may, and then it is the only one of the tenant.
    Allow,
}

/// The Custom JWT scripts that put Hasura's claims into access tokens. Logto has one script for the tokens of people and
/// one for those of machines; each is shared by all that is in the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomClaims {
    /// The script for the tokens of people.
    #[serde(default = "manage")]
    pub users: ClaimsPolicy,
    /// The script for the tokens of machines. Needed by bindings of `logtoRole.type: MachineToMachine`.
    #[serde(default = "ignore")]
    pub machines: ClaimsPolicy,
    /// What to do with a script that somebody else wrote.
    #[serde(default)]
    pub existing_script: ExistingScript,
}

impl Default for CustomClaims {
    fn default() -> Self {
        Self {
            users: manage(),
            machines: ignore(),
            existing_script: ExistingScript::default(),
        }
    }
}

/// Whether a script is the operator's to deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClaimsPolicy {
    /// The operator deploys it and keeps it.
    Manage,
    /// The operator neither reads nor writes it; somebody else has to give the claims.
    Ignore,
}

/// What to do with a script that somebody else wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExistingScript {
    /// Leave it, and say so; no claims are deployed.
    #[default]
    Refuse,
    /// Keep it to the letter inside the operator's, which calls it; restored when the last instance goes.
    Wrap,
    /// Put the operator's in its place, and keep the old text in a ConfigMap.
    Replace,
}

fn manage() -> ClaimsPolicy {
    ClaimsPolicy::Manage
}

fn ignore() -> ClaimsPolicy {
    ClaimsPolicy::Ignore
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
