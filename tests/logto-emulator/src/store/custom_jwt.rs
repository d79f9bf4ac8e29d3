//! The Custom JWT scripts: one row of logto_configs for each kind of token.

use serde_json::{Map, Value};

use super::{Store, Violation};

/// The kinds of access tokens that have a Custom JWT script of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenKind {
    /// Tokens of users.
    AccessToken,
    /// Tokens of machines.
    ClientCredentials,
}

impl TokenKind {
    /// Both kinds, in the order of their keys.
    pub const ALL: [Self; 2] = [Self::AccessToken, Self::ClientCredentials];

    /// The kind as paths name it: `access-token`, `client-credentials`.
    pub fn path(self) -> &'static str {
        match self {
            Self::AccessToken => "access-token",
            Self::ClientCredentials => "client-credentials",
        }
    }

    /// The key of its row: `jwt.accessToken`, `jwt.clientCredentials`.
    pub fn key(self) -> &'static str {
        match self {
            Self::AccessToken => "jwt.accessToken",
            Self::ClientCredentials => "jwt.clientCredentials",
        }
    }

    pub(crate) fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.path() == path)
    }
}

impl Store {
    /// The script of that kind with all that is kept beside it.
    pub(crate) fn custom_jwt(&self, kind: TokenKind) -> Option<&Map<String, Value>> {
        self.custom_jwt.get(&kind)
    }

    /// Puts this in place of what was there; says whether anything was.
    pub(crate) fn set_custom_jwt(&mut self, kind: TokenKind, value: Map<String, Value>) -> bool {
        self.custom_jwt.insert(kind, value).is_some()
    }

    pub(crate) fn delete_custom_jwt(&mut self, kind: TokenKind) -> Result<(), Violation> {
        let removed = self.custom_jwt.remove(&kind);
        removed.map(drop).ok_or(Violation::Missing)
    }
}
