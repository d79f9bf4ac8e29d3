//! Keeps Hasura roles, Logto scopes and Logto roles the same, and tells Hasura whom to trust.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
pub mod cli;
