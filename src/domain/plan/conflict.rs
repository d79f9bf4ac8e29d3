//! What stands in the way of a plan, and what would mend it.

use std::fmt;

use crate::{
    api::binding::RoleType,
    domain::{
        adoption::Permission,
        ownership::{Mark, Owner},
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
        mend.of("the resource's indicator in indicators")
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
        mend.of("the role in roles")
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
