//! Subject tokens: each is exchanged once for an access token of its user.

use serde_json::{Map, Value};

use super::{Store, Violation, now_ms, random_id};

/// How long a subject token can be exchanged.
pub(crate) const SUBJECT_TOKEN_LIFE_SECONDS: u64 = 600;

/// What Logto remembers of a subject token.
pub(crate) struct SubjectToken {
    pub(crate) user_id: String,
    /// What its maker wants a script to know.
    pub(crate) context: Map<String, Value>,
    /// Milliseconds since the epoch.
    pub(crate) expires_at: u64,
    pub(crate) is_consumed: bool,
}

impl Store {
    /// Makes a subject token for a user and gives its text.
    pub(crate) fn insert_subject_token(
        &mut self,
        user_id: &str,
        context: Map<String, Value>,
    ) -> Result<String, Violation> {
        if self.users.get(user_id).is_none() {
            return Err(Violation::ForeignKey);
        }
        let text = format!("sub_{}", random_id(21));
        let token = SubjectToken {
            user_id: user_id.to_owned(),
            context,
            expires_at: now_ms() + SUBJECT_TOKEN_LIFE_SECONDS * 1000,
            is_consumed: false,
        };
        self.subject_tokens.insert(text.clone(), token);
        Ok(text)
    }

    pub(crate) fn subject_token(&self, text: &str) -> Option<&SubjectToken> {
        self.subject_tokens.get(text)
    }

    /// From now on the token can not be exchanged any more.
    pub(crate) fn consume_subject_token(&mut self, text: &str) {
        if let Some(token) = self.subject_tokens.get_mut(text) {
            token.is_consumed = true;
        }
    }
}
