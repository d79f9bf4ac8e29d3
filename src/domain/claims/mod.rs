//! Hasura's claims in Logto's tokens: the two Custom JWT programs, their data, and what they give.
//!
//! Logto has one script for all tokens of people and one for those of machines. Ours is a constant program ([`program`],
//! [`script`]); what differs between tenants is data in the script's environment variables ([`entry`]), so that no name
//! that a user chose ever stands in code. [`plan`] says what to write, [`model`] is the same rule in Rust, and [`proof`]
//! gives made-up tokens on which the two have to agree before anything is deployed.

pub mod entry;
pub mod model;
mod number;
pub mod plan;
pub mod program;
pub mod proof;
pub mod script;

#[cfg(test)]
mod tests;
