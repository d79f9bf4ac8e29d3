//! HASURA_GRAPHQL_JWT_SECRET.

pub(crate) mod claims;
pub(crate) mod config;
pub(crate) mod json_path;
mod key;
mod pem;
