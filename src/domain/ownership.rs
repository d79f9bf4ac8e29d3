//! The ownership mark at the end of a scope's or role's description.
//!
//! Logto has no labels on scopes and roles, so the mark lives in the description, as external-dns keeps its registry
//! beside the records. It holds 128 bits of a hash: 32 bits were forged in seconds.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::api::Origin;

/// Longest owner id, in characters. With it a mark takes 55 of the 128 characters of a role's description.
pub const MAX_OWNER: usize = 16;

/// Longest text that a user may give a role's description: 128 (Logto) less the longest mark and its space.
pub const MAX_ROLE_TEXT: usize = 73;

const OPEN: &str = "[logto-hasura:";

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
    pub fn marks(&self, namespace: &str, name: &str) -> Marks {
        Marks {
            created: self.mark(&format!("{namespace}/{name}")),
            // No name in Kubernetes has a space.
            adopted: self.mark(&format!("adopted {namespace}/{name}")),
        }
    }

    fn mark(&self, text: &str) -> Mark {
        let digest = Sha256::digest(text);
        let hash = URL_SAFE_NO_PAD.encode(&digest[..16]);
        Mark(format!("{OPEN}{}/{hash}]", self.0))
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
        } else if mark == &self.adopted {
            Some(Origin::Adopted)
        } else {
            None
        }
    }

    /// Where an object with this description comes from; none when no mark of these ends it.
    pub fn origin_of(&self, description: &str) -> Option<Origin> {
        // Looked at for each object of a tenant: taking all descriptions apart takes twenty times as long.
        let ends_it = |mark: &Mark| description.ends_with(mark.0.as_str());
        if !ends_it(&self.created) && !ends_it(&self.adopted) {
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
}

/// `[logto-hasura:<owner>/<22 base64url characters>]`, which says whose an object is.
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
            .is_some_and(|rest| rest.starts_with('/'))
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
    let Some((owner, hash)) = inner.and_then(|inner| inner.split_once('/')) else {
        return false;
    };
    let base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    Owner::new(owner).is_ok() && hash.len() == 22 && hash.chars().all(base64url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner::new("a1b2c3d4").unwrap()
    }

    #[test]
    fn a_mark_is_found_again_behind_any_text() {
        let mark = owner().marks("shop", "user-reader").adopted;
        for text in [
            "",
            "Reads users",
            "[logto-hasura:",
            "ends with ]",
            "Ü 🔒",
            "[logto-hasura:x/y]",
        ] {
            let put = mark.put(text);
            assert_eq!(split(&put), (text, Some(mark.clone())), "{put}");
        }
    }

    #[test]
    fn the_longest_mark_leaves_73_of_128_characters() {
        let mark = Owner::new("x".repeat(MAX_OWNER))
            .unwrap()
            .marks("shop", "user-reader")
            .created;
        assert_eq!(mark.put(&"x".repeat(MAX_ROLE_TEXT)).len(), 128);
    }

    #[test]
    fn marks_differ_by_owner_namespace_and_name_and_never_change() {
        assert_eq!(
            owner().marks("shop", "user-reader").created.to_string(),
            "[logto-hasura:a1b2c3d4/_gzZnkWpSnAHocANCNVZhQ]"
        );
        let of = |owner: Owner, namespace, name| {
            let Marks { created, adopted } = owner.marks(namespace, name);
            [created, adopted]
        };
        let marks: Vec<Mark> = [
            of(owner(), "shop", "user-reader"),
            of(owner(), "shop", "user-maintainer"),
            of(owner(), "shop2", "user-reader"),
            of(Owner::new("other").unwrap(), "shop", "user-reader"),
        ]
        .concat();
        for (i, a) in marks.iter().enumerate() {
            assert!(marks.iter().skip(i + 1).all(|b| a != b));
        }
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        for text in [
            "[logto-hasura:a1b2c3d4/short]",
            "[logto-hasura:a1b2c3d4/nrBZQoXKpRdtWSSdKzFoQQ] and more",
            "[logto-hasura:UPPER/nrBZQoXKpRdtWSSdKzFoQQ]",
            "[logto-hasura:a1b2c3d4/nrBZQoXKpRdtWSSdKzFo??]",
        ] {
            assert_eq!(split(text), (text, None));
        }
    }

    #[test]
    fn an_owner_is_told_from_one_whose_id_starts_the_same() {
        let mark = Owner::new("prod-2").unwrap().marks("shop", "r").created;
        assert!(mark.is_of(&Owner::new("prod-2").unwrap()));
        assert!(!mark.is_of(&Owner::new("prod").unwrap()));
    }

    #[test]
    fn owner_ids_that_would_break_a_mark_are_refused() {
        for id in [
            "",
            "UPPER",
            "with/slash",
            "with]",
            "-a",
            "a-",
            "12345678901234567",
            "ü",
        ] {
            assert!(Owner::new(id).is_err(), "{id}");
        }
    }
}
