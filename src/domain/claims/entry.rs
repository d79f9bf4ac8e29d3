//! The data: one JSON text for each instance and kind of token, in an environment variable of the script.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::program::KEY_PREFIX;
use crate::api::RoleSource;
use crate::domain::ownership::Owner;

/// The version of the layout.
const VERSION: u32 = 1;

/// Longest text of an entry, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// Most bound roles of an entry.
pub const MAX_ROLES: usize = 500;

/// What one instance's API resource means in the tokens of one kind.
///
/// Sets keep the text the same for the same data, whatever order it came in: a text that differs is a write to Logto.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of this layout, 1.
    v: u32,
    /// The indicator of the API resource, which is the token's audience.
    pub aud: String,
    /// The claims namespace: the claim that Hasura reads.
    pub ns: String,
    /// The operator's own client id: the tokens it gets for itself are left alone.
    pub client: String,
    /// Roles of everybody who comes through a first-party application.
    pub everyone: BTreeSet<String>,
    /// The role of a request that names none.
    pub default: Option<String>,
    /// What says that somebody has a role.
    pub source: RoleSource,
    /// Hasura role and name of the scope that stands for it.
    pub roles: BTreeSet<(String, String)>,
    /// Session variable and path of its value.
    pub vars: BTreeSet<(String, String)>,
    /// Session variable and path of the list that becomes an array literal. Left out where there is none, so that the
    /// text of an entry without lists stays as it was.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lists: BTreeSet<(String, String)>,
}

/// An entry that Logto would take, but that would leave too little for others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Its text is too long.
    #[error(
        "the claims of {indicator} take {bytes} bytes, of {MAX_BYTES} that one instance may have; use fewer bindings or shorter names"
    )]
    Bytes {
        /// The API resource.
        indicator: String,
        /// Length of its text.
        bytes: usize,
    },
    /// It names too many roles.
    #[error(
        "{indicator} has {roles} bound roles, of {MAX_ROLES} that one instance may have; remove bindings"
    )]
    Roles {
        /// The API resource.
        indicator: String,
        /// How many it names.
        roles: usize,
    },
}

impl Entry {
    /// An entry that grants nothing yet.
    pub fn new(
        indicator: impl Into<String>,
        namespace: impl Into<String>,
        client: impl Into<String>,
    ) -> Self {
        Self {
            v: VERSION,
            aud: indicator.into(),
            ns: namespace.into(),
            client: client.into(),
            everyone: BTreeSet::new(),
            default: None,
            source: RoleSource::default(),
            roles: BTreeSet::new(),
            vars: BTreeSet::new(),
            lists: BTreeSet::new(),
        }
    }

    /// Reads a text that [`Entry::text`] could have given; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        let entry: Self = serde_json::from_str(text).ok()?;
        (entry.text() == text && entry.v == VERSION).then_some(entry)
    }

    /// The JSON text.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("strings and lists always have a JSON form")
    }

    /// The name of its variable, when it is published by this owner.
    pub fn key(&self, owner: &Owner) -> String {
        key(owner, &self.aud)
    }

    /// Checks the limits.
    ///
    /// # Errors
    /// [`TooLarge`] beyond [`MAX_ROLES`] or [`MAX_BYTES`].
    pub fn check(&self) -> Result<(), TooLarge> {
        let (bytes, roles) = (self.text().len(), self.roles.len());
        let indicator = || self.aud.clone();
        if roles > MAX_ROLES {
            Err(TooLarge::Roles {
                indicator: indicator(),
                roles,
            })
        } else if bytes > MAX_BYTES {
            Err(TooLarge::Bytes {
                indicator: indicator(),
                bytes,
            })
        } else {
            Ok(())
        }
    }
}

/// The name of the variable that holds an owner's entry for an API resource: letters, digits and `_`.
pub fn key(owner: &Owner, indicator: &str) -> String {
    let digest = Sha256::digest(indicator);
    let mut key = owners_prefix(owner);
    for byte in &digest[..16] {
        write!(key, "{byte:02x}").expect("a String takes any text");
    }
    key
}

/// Whether a variable is this owner's: his prefix and nothing but a hash after it, so `prod` is not taken for `prod-2`.
pub fn is_key_of(owner: &Owner, key: &str) -> bool {
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    key.strip_prefix(&owners_prefix(owner))
        .is_some_and(|hash| hash.len() == 32 && hash.bytes().all(hex))
}

/// An owner's id has no `_`, so that two owners never share a prefix and hash.
fn owners_prefix(owner: &Owner) -> String {
    format!("{KEY_PREFIX}{}_", owner.as_str().replace('-', "_"))
}
