//! How a spec names a subject.

use std::fmt;

use super::Account;
use crate::api::binding::Subject;

/// What a subject is named by, to the letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Logto's id of a user or an application.
    Id(String),
    /// A user's primary e-mail address.
    PrimaryEmail(String),
    /// A user's username.
    Username(String),
    /// An application's name.
    Application(String),
}

impl Name {
    /// The name of a subject; none for one without any, which the API server does not let in.
    pub fn of(subject: &Subject) -> Option<Self> {
        let by_id = subject.id.clone().map(Self::Id);
        by_id
            .or_else(|| subject.primary_email.clone().map(Self::PrimaryEmail))
            .or_else(|| subject.username.clone().map(Self::Username))
            .or_else(|| subject.name.clone().map(Self::Application))
    }

    /// Whether an account bears this name.
    pub fn means(&self, account: &Account) -> bool {
        match self {
            Self::Id(id) => account.id == *id,
            Self::PrimaryEmail(email) => account.primary_email.as_ref() == Some(email),
            Self::Username(username) => account.username.as_ref() == Some(username),
            Self::Application(name) => account.name.as_ref() == Some(name),
        }
    }
}

/// As in a status: `username=alice`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id={id}"),
            Self::PrimaryEmail(email) => write!(f, "primaryEmail={email}"),
            Self::Username(username) => write!(f, "username={username}"),
            Self::Application(name) => write!(f, "name={name}"),
        }
    }
}
