//! The client against small servers on loopback.

mod answers;
mod calls;
mod connecting;
mod limits;
mod lists;
mod server;
mod session;
mod subjects;
mod tokens;
