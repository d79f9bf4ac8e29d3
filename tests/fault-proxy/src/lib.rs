//! An HTTP proxy on loopback that records and numbers writes, holds them, and answers in a server's place.
//!
//! A [`Proxy`] stands before one server: the API server, or Logto. Proxies that share a [`Record`] number their writes in
//! one row, so that "the seventh write of the operator" means something whoever it goes to. A test says what happens by
//! [`Record::hold`], which stops one write before or after its effect, and by [`Record::fail`], which spoils answers.
//!
//! | module | what it holds |
//! |---|---|
//! | `proxy` | from a connection to the server and back |
//! | `record` | what went through, the numbers, who is held |
//! | `fault` | what can happen to an exchange |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod fault;
mod proxy;
mod record;

pub use fault::{Answer, Effect, Fault, Matches, Rule};
pub use proxy::{Proxy, Upstream};
pub use record::{Exchange, Held, Moment, Record};
