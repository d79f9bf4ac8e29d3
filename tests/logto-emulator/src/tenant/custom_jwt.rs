//! The Custom JWT scripts.

use serde_json::{Map, Value};

use super::Tenant;
use crate::store::{TokenKind, Violation};

impl Tenant {
    /// The script of that kind with all that is kept beside it, such as `environmentVariables`.
    pub fn custom_jwt(&self, kind: TokenKind) -> Option<Map<String, Value>> {
        self.app.logto().store.custom_jwt(kind).cloned()
    }

    /// Puts this in place of what was there. Nothing is checked.
    pub fn set_custom_jwt(&self, kind: TokenKind, value: Map<String, Value>) {
        self.app.logto().store.set_custom_jwt(kind, value);
    }

    /// Deletes the script and all that is kept beside it.
    ///
    /// # Errors
    /// There is none.
    pub fn delete_custom_jwt(&self, kind: TokenKind) -> Result<(), Violation> {
        self.app.logto().store.delete_custom_jwt(kind)
    }
}
