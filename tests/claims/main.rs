//! The claims programs in a JavaScript engine, beside the plain rule.
#![allow(clippy::unwrap_used)]

mod attacks;
mod cases;
mod names;
mod owners;
mod plans;
mod proofs;
mod rule;
mod table;
mod world;
mod wrapping;
