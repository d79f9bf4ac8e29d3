//! Who a request is: its role and its session variables.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};

pub(crate) const ROLE: &str = "x-hasura-role";
pub(crate) const ADMIN_SECRET: &str = "x-hasura-admin-secret";
const ACCESS_KEY: &str = "x-hasura-access-key";

/// Session variables by their name in lower case.
pub(crate) type Variables = BTreeMap<String, String>;

/// Who a request is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) role: String,
    pub(crate) variables: Variables,
    /// What the webhook wants to be set in the client.
    pub(crate) cookies: Vec<HeaderValue>,
}

impl Session {
    /// The variables always name the role, and never hold the admin secret.
    pub(crate) fn new(role: String, mut variables: Variables) -> Self {
        variables.remove(ADMIN_SECRET);
        variables.remove(ACCESS_KEY);
        variables.insert(ROLE.to_owned(), role.clone());
        Self {
            role,
            variables,
            cookies: Vec::new(),
        }
    }

    /// The role that the variables name, else `admin`.
    pub(crate) fn of_admin(variables: Variables) -> Self {
        let role = requested_role(&variables).unwrap_or_else(|| "admin".to_owned());
        Self::new(role, variables)
    }

    /// The name is all that makes a role the superuser (hasura/graphql-engine#4613).
    pub(crate) fn is_admin(&self) -> bool {
        self.role == "admin"
    }
}

/// The role that a request names; an empty name counts as none.
pub(crate) fn requested_role(variables: &Variables) -> Option<String> {
    variables.get(ROLE).filter(|role| !role.is_empty()).cloned()
}

pub(crate) fn is_variable(name: &str) -> bool {
    name.to_lowercase().starts_with("x-hasura-")
}

/// What the client itself says in its `x-hasura-*` headers; nothing of it is to be trusted.
pub(crate) fn from_headers(headers: &HeaderMap) -> Variables {
    headers
        .iter()
        .filter(|(name, _)| is_variable(name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

pub(crate) fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
