//! The environment variables that the operator sets, and the one field manager that it sets them with.

pub use crate::api::FIELD_MANAGER;

/// How Hasura verifies access tokens, as JSON.
pub const JWT_SECRET: &str = "HASURA_GRAPHQL_JWT_SECRET";
/// The role of a request without a token.
pub const UNAUTHORIZED_ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";
/// The webhook that Hasura asks instead of verifying tokens itself.
pub const AUTH_HOOK: &str = "HASURA_GRAPHQL_AUTH_HOOK";
/// `GET` or `POST`, for the webhook.
pub const AUTH_HOOK_MODE: &str = "HASURA_GRAPHQL_AUTH_HOOK_MODE";

/// What the container's environment shall say in JWT mode. There is no `Debug`, for a JWT secret may hold a shared key.
#[derive(Clone, PartialEq, Eq)]
pub struct DesiredEnv {
    /// The canonical JSON of the JWT secret.
    pub jwt_secret: String,
    /// The role of requests without a token; nothing leaves the variable to others.
    pub unauthorized_role: Option<String>,
}

impl DesiredEnv {
    /// The entries by name and value.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let role = self.unauthorized_role.as_deref();
        std::iter::once((JWT_SECRET, self.jwt_secret.as_str()))
            .chain(role.map(|role| (UNAUTHORIZED_ROLE, role)))
    }
}
