//! What should be, what is, and the steps between: pure, with no client, no clock and no I/O.
//!
//! [`desired`] turns specs into what Logto should hold, [`observed`] is what Logto was seen to hold, [`plan`] gives the
//! steps from one to the other, [`ownership`] says what is ours, [`provenance`] proves what a status says of that,
//! [`precedence`] says who holds what several ask for, [`subjects`] who is given a role.

pub mod adoption;
pub mod auth_hook;
pub mod claims;
pub mod consent;
pub mod desired;
pub mod jwt_secret;
pub mod moves;
pub mod observed;
pub mod ownership;
pub mod plan;
pub mod precedence;
pub mod provenance;
pub mod release;
pub mod retained;
pub mod sign_in;
pub mod standing;
pub mod subjects;
pub mod words;

#[cfg(test)]
mod fuzz;
