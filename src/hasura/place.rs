//! Where a container of Hasura's takes a setting from.

use std::fmt;

use super::env_from::SourceKind;

/// Where a setting is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A flag, without dashes.
    Flag(&'static str),
    /// An env entry with its value.
    Entry(&'static str),
    /// An env entry that takes its value from elsewhere.
    Reference {
        /// The variable.
        name: &'static str,
        /// What it refers to, where that is an object.
        object: Option<(SourceKind, String)>,
    },
    /// A source of `envFrom`.
    EnvFrom {
        /// The variable.
        name: &'static str,
        /// The source's kind and name.
        source: (SourceKind, String),
    },
    /// What the shell or program is told that starts Hasura: it names the variable or flag.
    Command(&'static str),
}

impl Place {
    /// Whether a change of it is seen: the Deployment is watched, and the objects that it refers to are not.
    pub const fn is_watched(&self) -> bool {
        match self {
            Self::Flag(_) | Self::Entry(_) | Self::Command(_) => true,
            Self::Reference { .. } | Self::EnvFrom { .. } => false,
        }
    }

    /// Whether its value stands in a Secret, and is not for all to read.
    pub(super) const fn is_in_secret(&self) -> bool {
        matches!(
            self,
            Self::Reference {
                object: Some((SourceKind::Secret, _)),
                ..
            } | Self::EnvFrom {
                source: (SourceKind::Secret, _),
                ..
            }
        )
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "the flag --{name}"),
            Self::Entry(name) | Self::Reference { name, object: None } => {
                write!(f, "the env entry {name}")
            }
            Self::Reference {
                name,
                object: Some((kind, object)),
            } => write!(f, "the env entry {name} (from {kind} {object})"),
            Self::EnvFrom {
                name,
                source: (kind, source),
            } => write!(f, "{name} from envFrom {kind} {source}"),
            Self::Command(name) => write!(f, "{name} in the container's command or args"),
        }
    }
}
