//! Where a tenant's credentials are.

use std::fmt;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The label of a Secret whose keys LogtoTenants may name. Whoever can put it on could write the Secret too, so it is the
/// Secret's own consent.
pub const CREDENTIALS_LABEL: &str = "logto-hasura.dev/credentials";

/// The Secret with the credentials, of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsRef {
    /// Name of the Secret.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// The names of its keys, where they are others. A Secret of which other keys are named needs the label
    /// `logto-hasura.dev/credentials: "true"`: without it whoever may write LogtoTenants could send what stands in any
    /// Secret to an address in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<CredentialsKeys>,
}

/// The keys of a Secret that holds credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.endpoint != self.clientId && self.endpoint != self.clientSecret && self.clientId != self.clientSecret").message("endpoint, clientId and clientSecret are three different keys")
)]
pub struct CredentialsKeys {
    /// The key of Logto's address.
    #[serde(default = "endpoint")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub endpoint: String,
    /// The key of the application's id.
    #[serde(default = "client_id")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub client_id: String,
    /// The key of the application's secret.
    #[serde(default = "client_secret")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub client_secret: String,
}

impl Default for CredentialsKeys {
    fn default() -> Self {
        Self {
            endpoint: endpoint(),
            client_id: client_id(),
            client_secret: client_secret(),
        }
    }
}

impl CredentialsKeys {
    /// Whether one of them is another than by default.
    pub fn are_named(&self) -> bool {
        *self != Self::default()
    }
}

impl fmt::Display for CredentialsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            client_id,
            client_secret,
        } = self;
        write!(f, "{endpoint}, {client_id} and {client_secret}")
    }
}

fn endpoint() -> String {
    "endpoint".to_owned()
}

fn client_id() -> String {
    "clientId".to_owned()
}

fn client_secret() -> String {
    "clientSecret".to_owned()
}
