//! The client against small servers on loopback.

mod answers;
mod calls;
mod connecting;
mod fuzz;
mod issuer;
mod limits;
mod lists;
mod server;
mod session;
mod sign_in;
mod signer;
mod subjects;
mod tls;
mod tokens;
