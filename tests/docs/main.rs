//! The documentation says what the code says.
#![allow(clippy::unwrap_used)]

mod attacks;
mod conditions;
mod links;
mod reference;
