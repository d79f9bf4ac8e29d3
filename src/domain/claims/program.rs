//! The programs, one for each kind of token. They are plain ES2020 without globals, since Logto up to 1.42 has none.

/// Version of both programs. It grows with each change of a program's text or of the marks around a wrapped one, and a
/// program that understands less never replaces one that understands more.
pub const VERSION: u32 = 2;

/// How the variables that the programs read begin, whoever put them there. The programs hold the same text.
pub const KEY_PREFIX: &str = "LOGTO_HASURA_";

/// Whose tokens a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// People's.
    Users,
    /// Machine-to-machine applications', by the client credentials grant.
    Machines,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Users, Self::Machines];

    /// The name in Logto's API: the last part of `/api/configs/jwt-customizer/…`, and the dry run's `tokenType`.
    pub fn token_type(self) -> &'static str {
        match self {
            Self::Users => "access-token",
            Self::Machines => "client-credentials",
        }
    }

    /// The name in a script's first line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Machines => "machines",
        }
    }

    /// The program's text, without the line that makes it Logto's entry point.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Users => concat!(
                include_str!("program/shared.js"),
                include_str!("program/user.js")
            ),
            Self::Machines => concat!(
                include_str!("program/shared.js"),
                include_str!("program/machine.js")
            ),
        }
    }
}
