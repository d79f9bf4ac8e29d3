//! The documentation says what the code says.
#![allow(clippy::unwrap_used)]

mod conditions;
mod links;
mod reference;
