//! Why Hasura ended at start-up.

/// The text that Hasura leaves on its output before it ends with [`Fatal::EXIT_CODE`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(String);

impl Fatal {
    /// The exit code of every fatal error in the settings.
    pub const EXIT_CODE: i32 = 1;

    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A value of the environment that could not be read.
    pub fn in_env(name: &str, reason: impl std::fmt::Display) -> Self {
        Self(format!(
            "Fatal Error:- Environment variable {name}: {reason}"
        ))
    }

    /// A value on the command line that could not be read.
    pub(crate) fn in_flag(flag: &str, reason: impl std::fmt::Display) -> Self {
        Self(format!("option --{flag}: {reason}"))
    }
}
