//! Everything that a request can read or change.

use std::sync::Arc;

use crate::{keys::KeyRing, store::Store, switches::Switches};

/// The state of the emulated server.
pub(crate) struct Logto {
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    /// The `iss` of every token, whatever host is called.
    pub(crate) issuer: String,
    pub(crate) switches: Arc<Switches>,
}
