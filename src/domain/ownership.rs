//! The ownership mark at the end of a scope's or role's description.
//!
//! Logto has no labels on scopes and roles, so the mark lives in the description, as external-dns keeps its registry
//! beside the records. It holds 128 bits of a hash: 32 bits were forged in seconds.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::api::{HasuraRoleBindingSpec, Origin};

/// Longest owner id, in characters. With it a mark takes 55 of the 128 characters of a role's description.
pub const MAX_OWNER: usize = 16;

/// Longest text that a user may give a role's description: 128 (Logto) less the longest mark and its space.
pub const MAX_ROLE_TEXT: usize = 73;

const OPEN: &str = "[logto-hasura:";

/// Between owner and hash: what was made for the binding.
const CREATED: char = '/';

/// Between owner and hash: what was there before it, and what was added to that.
const ADOPTED: [(char, Added); 4] = [
    ('~', Added::new(false, false)),
    ('+', Added::new(true, false)),
    ('!', Added::new(false, true)),
    ('*', Added::new(true, true)),
];

/// All that may stand between owner and hash.
const KINDS: [char; 5] = [CREATED, '~', '+', '!', '*'];

/// Characters of the hash.
const HASH: usize = 22;

/// Who keeps marks in a tenant: one installation of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner(String);

/// An owner id that can not stand in a mark.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "owner id {0:?}: use 1 to {MAX_OWNER} characters out of a-z, 0-9 and '-', starting and ending with a letter or digit"
)]
pub struct InvalidOwner(String);

impl Owner {
    /// Checks an owner id.
    ///
    /// # Errors
    /// When it is empty, longer than [`MAX_OWNER`], or holds other characters than a DNS label may.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidOwner> {
        let id = id.into();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (1..=MAX_OWNER).contains(&id.len())
            && id.chars().all(|c| plain(c) || c == '-')
            && id.starts_with(plain)
            && id.ends_with(plain);
        if fits {
            Ok(Self(id))
        } else {
            Err(InvalidOwner(id))
        }
    }

    /// The default: the first 8 hex digits of the kube-system namespace's uid, which tells clusters apart.
    ///
    /// # Errors
    /// When the uid does not start with 8 characters that can stand in a mark.
    pub fn from_cluster_uid(uid: &str) -> Result<Self, InvalidOwner> {
        Self::new(uid.chars().take(8).collect::<String>())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The marks of the binding `namespace/name`.
    ///
    /// The hash stands for what can not change in a binding: one that is made again under the same name for another
    /// instance or another Hasura role is another binding, or who holds the old role would come to hold the new one.
    pub fn marks(&self, namespace: &str, name: &str, spec: &HasuraRoleBindingSpec) -> Marks {
        let instance = &spec.instance_ref;
        let instance_namespace = instance.namespace.as_deref().unwrap_or(namespace);
        // No name in Kubernetes has a space, so that the first two end the names; the rest is the Hasura role, which may
        // have some.
        let text = format!(
            "{namespace}/{name} {instance_namespace}/{} {}",
            instance.name, spec.hasura_role
        );
        let digest = Sha256::digest(text);
        let hash = URL_SAFE_NO_PAD.encode(&digest[..16]);
        let mark = |origin| Mark(format!("{OPEN}{}{origin}{hash}]", self.0));
        Marks {
            created: mark(CREATED),
            adopted: mark(ADOPTED[0].0),
        }
    }
}

/// What was added to a role that was there before, and is taken away again with the binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// The binding's scope.
    pub scope: bool,
    /// That every new user gets it.
    pub default: bool,
}

impl Added {
    const fn new(scope: bool, default: bool) -> Self {
        Self { scope, default }
    }
}

/// The two marks of one binding. Which one stands on an object says where the object comes from, so that it is known
/// when the status is lost, and no status has to be believed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Marks {
    /// On what was made for it, and is deleted with it.
    pub created: Mark,
    /// On what was there before it, and stays.
    pub adopted: Mark,
}

impl Marks {
    /// Where an object with this mark comes from; none when the mark is somebody else's.
    pub fn origin(&self, mark: &Mark) -> Option<Origin> {
        if mark == &self.created {
            Some(Origin::Created)
        } else if mark.is_like(&self.adopted) {
            Some(Origin::Adopted)
        } else {
            None
        }
    }

    /// Where an object with this description comes from; none when no mark of these ends it.
    pub fn origin_of(&self, description: &str) -> Option<Origin> {
        // Looked at for each object of a tenant: taking all descriptions apart takes twenty times as long. The hash, with
        // the bracket after it, ends all marks of one binding.
        let (_, hash) = self.created.0.rsplit_once(CREATED)?;
        if !description.ends_with(hash) {
            return None;
        }
        self.origin(&split(description).1?)
    }

    /// The mark that keeps an origin. Of what bears none any more it can not be told who made it, and what is adopted is
    /// never deleted.
    pub fn of(&self, origin: Option<Origin>) -> &Mark {
        match origin {
            Some(Origin::Created) => &self.created,
            Some(Origin::Adopted | Origin::Creating) | None => &self.adopted,
        }
    }

    /// The same for a role, to which something may have been added.
    pub fn of_role(&self, origin: Option<Origin>, added: Added) -> Mark {
        match origin {
            Some(Origin::Created) => self.created.clone(),
            _ => self.adopted.with(added),
        }
    }
}

/// `[logto-hasura:<owner>/<22 base64url characters>]`, which says whose an object is. Another character in place of the
/// `/` says that it was there before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark(String);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Mark {
    /// The description with this mark at its end.
    pub fn put(&self, text: &str) -> String {
        if text.is_empty() {
            self.0.clone()
        } else {
            format!("{text} {}", self.0)
        }
    }

    /// Whether the mark was put by this owner.
    pub fn is_of(&self, owner: &Owner) -> bool {
        self.0[OPEN.len()..]
            .strip_prefix(owner.as_str())
            .is_some_and(|rest| rest.starts_with(KINDS))
    }

    /// Whether this owner made the object that bears it; what it took over bears one as well.
    pub fn was_made_by(&self, owner: &Owner) -> bool {
        self.0[OPEN.len()..]
            .strip_prefix(owner.as_str())
            .is_some_and(|rest| rest.starts_with(CREATED))
    }

    /// What was added to the object that bears it.
    pub fn added(&self) -> Added {
        let (_, rest) = self.0.split_at(self.kind_at());
        let kind = ADOPTED.iter().find(|(kind, _)| rest.starts_with(*kind));
        kind.map(|(_, added)| *added).unwrap_or_default()
    }

    /// The mark of something that was there before, to which this was added.
    fn with(&self, added: Added) -> Self {
        let kind = ADOPTED.iter().find(|(_, other)| *other == added);
        let (before, rest) = self.0.split_at(self.kind_at());
        let kind = kind.map_or(ADOPTED[0].0, |(kind, _)| *kind);
        Self(format!("{before}{kind}{}", &rest[1..]))
    }

    /// Whether it is this mark of something that was there before, whatever was added to that.
    fn is_like(&self, adopted: &Self) -> bool {
        let at = self.kind_at();
        self.0.len() == adopted.0.len()
            && self.0[..at] == adopted.0[..at]
            && self.0[at + 1..] == adopted.0[at + 1..]
            && !self.0[at..].starts_with(CREATED)
    }

    /// Where the one character stands between owner and hash.
    fn kind_at(&self) -> usize {
        self.0.len() - "]".len() - HASH - 1
    }
}

/// A description's text, and the mark at its end if there is one.
///
/// Only a mark that is well-formed and ends the description counts; anything else is text.
pub fn split(description: &str) -> (&str, Option<Mark>) {
    let Some(start) = description.rfind(OPEN) else {
        return (description, None);
    };
    let (text, mark) = description.split_at(start);
    if is_mark(mark) {
        (text.trim_end(), Some(Mark(mark.to_owned())))
    } else {
        (description, None)
    }
}

fn is_mark(text: &str) -> bool {
    let inner = text
        .strip_prefix(OPEN)
        .and_then(|rest| rest.strip_suffix(']'));
    let Some((owner, hash)) = inner.and_then(|inner| inner.split_once(KINDS)) else {
        return false;
    };
    let base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    Owner::new(owner).is_ok() && hash.len() == HASH && hash.chars().all(base64url)
}

#[cfg(test)]
mod tests;
