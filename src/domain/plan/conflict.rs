//! What stands in the way of a plan, and what would mend it.

use std::fmt;

use crate::{
    api::{HasuraRoleBindingStatus, binding::RoleType},
    domain::{
        adoption::Permission,
        ownership::{Mark, Marks, Owner},
        words,
    },
};

/// Something in Logto stands in the way, and is not ours to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The indicator is in use.
    #[error(
        "an API resource with the indicator {indicator:?} exists in Logto (id {id}), {whose}: choose another indicator, or delete that resource in Logto if nothing uses it{}",
        mend.of("its indicator in indicators")
    )]
    Resource {
        /// The natural key.
        indicator: String,
        /// Logto's id of what is in the way.
        id: String,
        /// Whose it is, in words.
        whose: Whose,
        /// What would let it be taken over.
        mend: Mend,
    },
    /// The scope's name is in use.
    #[error(
        "a scope {name:?} exists in the API resource (id {id}), {whose}: choose another spec.scope.name, or delete that scope in Logto if nothing uses it{}",
        mend.of(Marked::Scope.entry())
    )]
    Scope {
        /// The natural key.
        name: String,
        /// Logto's id of what is in the way.
        id: String,
        /// Whose it is, in words.
        whose: Whose,
        /// What would let it be taken over.
        mend: Mend,
    },
    /// The role's name is in use.
    #[error(
        "a role {name:?} exists in Logto (id {id}), {whose}: make a HasuraRoleBinding with another spec.logtoRole.name, or delete that role in Logto if nobody needs it{}",
        mend.of(Marked::Role.entry())
    )]
    Role {
        /// The natural key.
        name: String,
        /// Logto's id of what is in the way.
        id: String,
        /// Whose it is, in words.
        whose: Whose,
        /// What would let it be taken over.
        mend: Mend,
    },
    /// The very scope or role that the status names bears no mark any more, and what it is linked to shows nothing either.
    #[error(
        "the mark that shows it as ours is gone from the {kind} {name:?} in Logto (id {id}, which this status names), and {}: put the mark back at the end of its description: {mark}{}",
        kind.unlinked(), mend.of(kind.entry())
    )]
    MarkGone {
        /// What it is.
        kind: Marked,
        /// The natural key.
        name: String,
        /// Logto's id of it.
        id: String,
        /// The mark that it bore, as far as the status tells.
        mark: Mark,
        /// What would let it be taken over.
        mend: Mend,
    },
    /// The role is ours, or could be, but is of the other type, which Logto can not change.
    #[error(
        "the role {name:?} in Logto (id {id}) is of type {found:?}, and Logto can not change a type: delete that role in Logto, or make a HasuraRoleBinding with another spec.logtoRole.name"
    )]
    RoleType {
        /// The natural key.
        name: String,
        /// Logto's id of the role.
        id: String,
        /// Its type.
        found: RoleType,
    },
}

impl Conflict {
    /// The conflict as it is told where a status is known: what bears no mark but is the very object that the status names
    /// is not called somebody else's. No more comes of it, since a status proves nothing.
    pub fn knowing(self, status: Option<&HasuraRoleBindingStatus>, marks: &Marks) -> Self {
        let named = |found: &str| {
            let scope = status.and_then(|status| status.scope.as_ref());
            let role = status.and_then(|status| status.role.as_ref());
            let scope = scope.filter(|scope| scope.id == found);
            let role = role.filter(|role| role.id == found);
            let origin = scope.map(|scope| scope.origin);
            origin.or(role.map(|role| role.origin))
        };
        let kind = match self {
            Self::Scope { .. } => Marked::Scope,
            _ => Marked::Role,
        };
        match self {
            Self::Scope {
                name,
                id,
                whose: Whose::Foreign,
                mend,
            }
            | Self::Role {
                name,
                id,
                whose: Whose::Foreign,
                mend,
            } if mend.is_known() && named(&id).is_some() => Self::MarkGone {
                kind,
                mark: marks.of(named(&id).flatten()).clone(),
                name,
                id,
                mend,
            },
            other => other,
        }
    }
}

/// What bears a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// A scope.
    Scope,
    /// A role.
    Role,
}

impl Marked {
    /// What the tenant's list would have to name.
    fn entry(self) -> &'static str {
        match self {
            Self::Scope => "the resource's indicator in indicators",
            Self::Role => "the role in roles",
        }
    }

    /// Why what it is linked to does not show whose it is.
    fn unlinked(self) -> &'static str {
        match self {
            Self::Scope => "no role that was made for this binding holds it",
            Self::Role => "it holds no scope that was made for this binding",
        }
    }
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scope => "scope",
            Self::Role => "role",
        })
    }
}

/// What would let an object be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Nothing: it bears somebody else's mark, or the place is taken.
    Nothing,
    /// Consent, which is missing as this says.
    Permission(Permission),
    /// Its scopes have to be read before it can be told.
    ReadItsScopes,
    /// It holds these other scopes, in words, which its holders would keep.
    TakeOff(Vec<String>),
    /// Its description is so many UTF-16 units too long to have the mark beside it.
    Shorten(usize),
}

impl Mend {
    /// Whether it is known what would let the object be taken over, which its place may be free for.
    fn is_known(&self) -> bool {
        !matches!(self, Self::Nothing | Self::ReadItsScopes)
    }

    fn of(&self, entry: &str) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Permission(Permission::NotAsked) => format!(
                ". To take it over, set spec.adoptionPolicy: Adopt here, and let spec.adoption of the LogtoTenant name this namespace and {entry}"
            ),
            Self::Permission(Permission::NotListed | Permission::Given) => format!(
                ". To take it over, let spec.adoption of the LogtoTenant name this namespace and {entry}"
            ),
            Self::ReadItsScopes => ". It may be taken over once its scopes were read".to_owned(),
            Self::TakeOff(scopes) => format!(
                ". To take it over, take its other scopes off it in Logto ({}), which whoever holds it would keep",
                words::listed(scopes)
            ),
            Self::Shorten(units) => format!(
                ". To take it over, shorten its description in Logto by {units} characters, so that the ownership mark fits beside it, or give spec.logtoRole.description"
            ),
        }
    }
}

/// Whose an object in the way is, as far as its mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// It bears no mark.
    Foreign,
    /// It bears the mark of this operator for another binding.
    OtherBinding,
    /// It bears the mark of another operator.
    OtherOwner,
    /// An API resource that only a status knows.
    Unproved,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "made by somebody else",
            Self::OtherBinding => {
                "made for another HasuraRoleBinding, or for this one when it had another Hasura role or instance (if that one is still there, perhaps in another namespace, delete it first)"
            }
            Self::OtherOwner => "made by another installation of this operator",
            Self::Unproved => {
                "of which nothing but the status says that it is this instance's, and it is not as the spec says"
            }
        })
    }
}

pub(super) fn whose(mark: Option<Mark>, owner: &Owner) -> Whose {
    match mark {
        None => Whose::Foreign,
        Some(mark) if mark.is_of(owner) => Whose::OtherBinding,
        Some(_) => Whose::OtherOwner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        Origin,
        binding::{RoleStatus, ScopeStatus},
    };

    fn marks() -> Marks {
        let spec = serde_json::json!({
            "instanceRef": {"name": "shop"}, "hasuraRole": "reader", "scope": {"name": "read"},
        });
        let spec = serde_json::from_value(spec).unwrap();
        Owner::new("one").unwrap().marks("shop", "reader", &spec)
    }

    fn status(scope: &str, role: &str, origin: Option<Origin>) -> HasuraRoleBindingStatus {
        HasuraRoleBindingStatus {
            scope: Some(ScopeStatus {
                id: scope.into(),
                resource_id: "r1".into(),
                origin,
            }),
            role: Some(RoleStatus {
                id: role.into(),
                name: "reader".into(),
                origin,
            }),
            ..HasuraRoleBindingStatus::default()
        }
    }

    fn role(whose: Whose, mend: Mend) -> Conflict {
        Conflict::Role {
            name: "reader".into(),
            id: "role1".into(),
            whose,
            mend,
        }
    }

    fn scope(mend: Mend) -> Conflict {
        Conflict::Scope {
            name: "read".into(),
            id: "scope1".into(),
            whose: Whose::Foreign,
            mend,
        }
    }

    const NOT_ASKED: Mend = Mend::Permission(Permission::NotAsked);

    #[test]
    fn a_mark_that_is_gone_is_said_with_the_mark_and_the_two_ways_out() {
        let made = status("scope1", "role1", Some(Origin::Created));
        for (conflict, kind) in [
            (role(Whose::Foreign, NOT_ASKED), "role"),
            (scope(NOT_ASKED), "scope"),
        ] {
            let message = conflict.knowing(Some(&made), &marks()).to_string();
            for word in [
                "the mark that shows it as ours is gone",
                &format!("the {kind} \"read"),
                &marks().created.to_string(),
                "spec.adoptionPolicy: Adopt",
            ] {
                assert!(message.contains(word), "{message}");
            }
            assert!(!message.contains("somebody else"), "{message}");
        }
    }

    #[test]
    fn the_mark_to_put_back_says_no_more_than_the_status() {
        for origin in [None, Some(Origin::Adopted), Some(Origin::Creating)] {
            let status = status("scope1", "role1", origin);
            let told = role(Whose::Foreign, NOT_ASKED).knowing(Some(&status), &marks());
            let message = told.to_string();
            assert!(
                message.contains(&marks().adopted.to_string()),
                "{message}: what was not made is not called made"
            );
        }
    }

    #[test]
    fn what_the_status_does_not_name_or_another_mark_claims_stays_what_it_is() {
        let made = status("scope1", "role1", Some(Origin::Created));
        let other = status("scope2", "role2", Some(Origin::Created));
        let foreign = || role(Whose::Foreign, NOT_ASKED);
        let same = [
            (foreign(), None),
            (foreign(), Some(&other)),
            (scope(NOT_ASKED), Some(&other)),
            (role(Whose::OtherBinding, NOT_ASKED), Some(&made)),
            (role(Whose::OtherOwner, NOT_ASKED), Some(&made)),
            // One that bears the mark is there beside it, so a second mark would not help.
            (role(Whose::Foreign, Mend::Nothing), Some(&made)),
            // Whoever plans reads on.
            (role(Whose::Foreign, Mend::ReadItsScopes), Some(&made)),
        ];
        for (conflict, status) in same {
            assert_eq!(conflict.clone().knowing(status, &marks()), conflict);
        }
    }
}
