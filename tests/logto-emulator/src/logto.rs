//! Everything that a request can read or change.

use std::{collections::BTreeSet, sync::Arc};

use crate::{call::Call, keys::KeyRing, store::Store, switches::Switches};

/// The state of the emulated server.
pub(crate) struct Logto {
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    /// The `iss` of every token that is not asked for at a custom domain.
    pub(crate) issuer: String,
    /// Host names of their own issuers.
    pub(crate) custom_domains: BTreeSet<String>,
    pub(crate) switches: Arc<Switches>,
}

impl Logto {
    /// The issuer for a request: in Logto Cloud that of the custom domain that was asked, else the same for all
    /// (packages/core/src/utils/tenant.ts and env-set/index.ts of Logto).
    pub(crate) fn issuer_for(&self, call: &Call) -> String {
        let name = call.host.split(':').next().unwrap_or_default();
        if self.custom_domains.contains(name) {
            return format!("{}/oidc", call.origin());
        }
        self.issuer.clone()
    }
}
