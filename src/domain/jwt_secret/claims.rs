use std::collections::BTreeMap;

use serde::Serialize;

use super::DEFAULT_CLAIMS_NAMESPACE;
use super::error::Invalid;
use super::json_path::JsonPath;
use super::text::NonEmptyText;

/// The session variable that lists the roles a caller may take.
pub const ALLOWED_ROLES: &str = "x-hasura-allowed-roles";
/// The session variable that names the role of a request without `x-hasura-role`.
pub const DEFAULT_ROLE: &str = "x-hasura-default-role";

/// Where in a token Hasura finds the session variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// In a top-level claim.
    Namespace {
        /// The claim's name.
        name: NonEmptyText,
        /// How the claim is written.
        format: ClaimsFormat,
    },
    /// At a path.
    NamespacePath {
        /// The path from the root of the claims.
        path: JsonPath,
        /// How the claim is written.
        format: ClaimsFormat,
    },
    /// Each at its own place. Hasura ignores namespace and format then.
    Map(ClaimsMap),
}

impl Default for Claims {
    fn default() -> Self {
        Self::Namespace {
            name: NonEmptyText::new(DEFAULT_CLAIMS_NAMESPACE).expect("the constant is not empty"),
            format: ClaimsFormat::Json,
        }
    }
}

/// How the claims stand in the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClaimsFormat {
    /// As a JSON object.
    #[default]
    Json,
    /// As a string that holds JSON.
    StringifiedJson,
}

/// One place for each session variable. The two that Hasura demands are fields, so they can not be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimsMap {
    /// `x-hasura-allowed-roles`.
    pub allowed_roles: Claim<Vec<NonEmptyText>>,
    /// `x-hasura-default-role`.
    pub default_role: Claim<NonEmptyText>,
    /// All others.
    pub others: BTreeMap<ClaimName, Claim<String>>,
}

/// Where the value of one session variable comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Claim<T> {
    /// From the token.
    Path {
        /// What is used when the token has nothing there. A null in the token is an error all the same.
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<T>,
        /// Where in the token.
        path: JsonPath,
    },
    /// The same for every token.
    Literal(T),
}

/// The name of a session variable other than the two obligatory ones, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimName(String);

impl ClaimName {
    /// # Errors
    /// [`Invalid::NotSessionVariable`] without the prefix `x-hasura-` (in any case), [`Invalid::ClaimTwice`] for one of the two
    /// names that have a field of their own.
    pub fn new(name: &str) -> Result<Self, Invalid> {
        let lower = name.to_lowercase();
        if !lower.starts_with("x-hasura-") {
            return Err(Invalid::NotSessionVariable(name.to_owned()));
        }
        if lower == ALLOWED_ROLES || lower == DEFAULT_ROLE {
            return Err(Invalid::ClaimTwice(lower));
        }
        Ok(Self(lower))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
