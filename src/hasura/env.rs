//! What the operator sets on a Deployment, and the one field manager that it sets it with.

pub use crate::api::FIELD_MANAGER;

use super::delivered::Delivered;

/// Annotation on a pod template: a hash of the keys of a tenant whose key set a running Hasura would never read again, and
/// of the settings where the container takes them from a Secret or ConfigMap.
pub const AUTH_HASH: &str = "logto-hasura.dev/auth-hash";

/// How Hasura verifies access tokens, as JSON.
pub const JWT_SECRET: &str = "HASURA_GRAPHQL_JWT_SECRET";
/// The role of a request without a token.
pub const UNAUTHORIZED_ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";
/// The webhook that Hasura asks instead of verifying tokens itself.
pub const AUTH_HOOK: &str = "HASURA_GRAPHQL_AUTH_HOOK";
/// `GET` or `POST`, for the webhook.
pub const AUTH_HOOK_MODE: &str = "HASURA_GRAPHQL_AUTH_HOOK_MODE";

/// All of them.
pub(super) const VARIABLES: [&str; 4] = [JWT_SECRET, UNAUTHORIZED_ROLE, AUTH_HOOK, AUTH_HOOK_MODE];

/// Logto reads the headers of a GET; a POST would bring them in a body.
const HOOK_METHOD: &str = "GET";

/// What the Deployment shall say. There is no `Debug`, for a JWT secret may hold a shared key.
#[derive(Clone, PartialEq, Eq)]
pub struct DesiredAuth {
    /// The env entries of Hasura's container.
    pub env: AuthEnv,
    /// The annotation [`AUTH_HASH`] of the pod template.
    pub key_hash: Option<String>,
    /// The object that has the entries as its keys; nothing when their values stand in the container itself.
    pub delivered: Option<Delivered>,
}

/// The env entries: those of one mode, never of both.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthEnv {
    /// Hasura verifies access tokens itself.
    Jwt {
        /// The canonical JSON of the JWT secret.
        secret: String,
        /// The role of requests without a token; nothing leaves the variable to others.
        unauthorized_role: Option<String>,
    },
    /// Hasura asks a webhook by GET at each request.
    Webhook {
        /// Its address.
        url: String,
    },
}

impl DesiredAuth {
    /// The env entries by name and value.
    pub fn entries(&self) -> Vec<(&'static str, &str)> {
        match &self.env {
            AuthEnv::Jwt {
                secret,
                unauthorized_role,
            } => {
                let role = unauthorized_role.as_deref();
                let role = role.map(|role| (UNAUTHORIZED_ROLE, role));
                [(JWT_SECRET, secret.as_str())]
                    .into_iter()
                    .chain(role)
                    .collect()
            }
            AuthEnv::Webhook { url } => {
                vec![(AUTH_HOOK, url.as_str()), (AUTH_HOOK_MODE, HOOK_METHOD)]
            }
        }
    }
}
