//! The keys that verify tokens: one in the settings, or a set that is fetched and refreshed.

mod expiry;
mod fetch;
mod key;
mod set;
mod store;

pub(crate) use fetch::fetch;
pub use key::Key;
pub(crate) use store::KeyStore;
