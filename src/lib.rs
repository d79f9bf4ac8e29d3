//! Keeps Hasura roles, Logto scopes and Logto roles the same, and tells Hasura whom to trust.
//!
//! Data flows one way, and so do the modules: [`cli`] → [`controller`] → [`logto`], [`hasura`] → [`domain`] → [`api`].
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
pub mod cli;
pub mod controller;
pub mod domain;
pub mod fence;
pub mod hasura;
pub mod leader;
pub mod logto;
pub mod metrics;
pub mod pulse;
pub mod server;
pub mod telemetry;
pub mod writes;
