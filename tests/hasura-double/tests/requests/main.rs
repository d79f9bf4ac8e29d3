//! Who a request is to Hasura, or why it is refused, with the engine's own codes and words.
#![allow(clippy::unwrap_used)]

mod admin_secret;
mod bed;
mod claims;
mod endpoints;
mod rotation;
mod servers;
mod signatures;
mod signer;
mod tokens;
mod webhook;
