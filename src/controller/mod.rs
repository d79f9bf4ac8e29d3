//! Three controllers, one for each kind, and one way of data: tenant → instance → binding.
//!
//! `run` starts them. A visit ends with a status (`visit`, `status`); what changes wakes what depends on it
//! (`triggers`); who holds what several ask for is told by `rivals`, and who stands for a tenant by `issuer`; a tenant is
//! compared as a whole (`resync`).

mod accept;
mod access;
mod announced;
mod anonymous;
mod api_resource;
mod auth;
mod backoff;
mod binding;
mod ca_bundle;
mod census;
mod claims;
mod connect;
mod context;
mod control;
mod delivery;
mod events;
mod force;
mod gone;
mod index;
mod instance;
mod instance_end;
mod instance_status;
mod issuer;
mod keys;
mod lasting;
mod made_of;
mod moving;
mod namespaces;
mod observe;
mod pods;
mod policy;
mod recheck;
mod registry;
mod release;
mod resync;
mod rivals;
mod role_sync;
mod rollout;
mod run;
mod sign_in;
mod status;
mod stores;
mod subjects;
mod tenant;
mod triggers;
mod turns;
mod visit;
mod watch;
mod webhook;
mod withdrawal;

pub use context::Clocks;
pub use delivery::{NotLeft, leave};
pub use run::{RunError, Settings, run};
