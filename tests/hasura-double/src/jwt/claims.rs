//! Where in a token Hasura's claims are: `claims_namespace`, `claims_namespace_path` or `claims_map`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json_path::{self, PathElement};
use crate::aeson::{self, Error};

/// Where Hasura's claims are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claims {
    /// In one object of the token.
    Namespace {
        /// Where the object is.
        namespace: Namespace,
        /// How it is written.
        format: ClaimsFormat,
    },
    /// Each at its own place; when given, namespace and format are ignored (hasura/graphql-engine#7081).
    Map(ClaimsMap),
}

/// Where the object with Hasura's claims is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespace {
    /// Under this top-level key.
    Key(String),
    /// At the end of this path; no element is the root.
    Path(Vec<PathElement>),
}

/// How the object with Hasura's claims is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClaimsFormat {
    /// As an object.
    #[default]
    Json,
    /// As a string that holds the object.
    StringifiedJson,
}

/// `claims_map`: where each claim is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimsMap {
    /// `x-hasura-allowed-roles`.
    pub allowed_roles: Mapped<Vec<String>>,
    /// `x-hasura-default-role`.
    pub default_role: Mapped<String>,
    /// All other session variables, by their name in lower case.
    pub others: BTreeMap<String, Mapped<String>>,
}

/// The value of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped<T> {
    /// Taken from the token.
    Path {
        /// Where; no element is the root.
        path: Vec<PathElement>,
        /// What holds when nothing is there.
        default: Option<T>,
    },
    /// The same for every token.
    Literal(T),
}

const DEFAULT_NAMESPACE: &str = "https://hasura.io/jwt/claims";
pub(crate) const ALLOWED_ROLES: &str = "x-hasura-allowed-roles";
pub(crate) const DEFAULT_ROLE: &str = "x-hasura-default-role";

pub(crate) fn namespace(key: Option<String>, path: Option<String>) -> Result<Namespace, Error> {
    match (key, path) {
        (Some(_), Some(_)) => Err(Error::new(
            "claims_namespace and claims_namespace_path both cannot be set",
        )),
        (None, Some(path)) => json_path::parse(&path)
            .map(Namespace::Path)
            .map_err(|reason| {
                Error::new(format!(
                    "invalid JSON path claims_namespace_path error: {reason}"
                ))
            }),
        (Some(key), None) => Ok(Namespace::Key(key)),
        (None, None) => Ok(Namespace::Key(DEFAULT_NAMESPACE.to_owned())),
    }
}

pub(crate) fn format(value: &Value) -> Result<ClaimsFormat, Error> {
    const TYPE: &str = "Hasura.Server.Auth.JWT.JWTClaimsFormat";
    match aeson::text(TYPE, value)?.as_str() {
        "json" => Ok(ClaimsFormat::Json),
        "stringified_json" => Ok(ClaimsFormat::StringifiedJson),
        other => Err(aeson::unknown_tag(
            TYPE,
            &["json", "stringified_json"],
            other,
        )),
    }
}

/// The two roles are looked for first, and by their exact lower-case names.
pub(crate) fn map(value: &Value) -> Result<ClaimsMap, Error> {
    let object = aeson::object("JWTClaimsMap", value)?;
    let mandatory = |name: &str| {
        object
            .get(name)
            .ok_or_else(|| Error::new(format!("{name} is expected but not found")))
    };
    let allowed_roles = mapped(mandatory(ALLOWED_ROLES)?, |roles| aeson::list(roles, role))?;
    let default_role = mapped(mandatory(DEFAULT_ROLE)?, role)?;
    let mut others = BTreeMap::new();
    for (key, value) in object {
        let name = key.to_lowercase();
        if name == ALLOWED_ROLES || name == DEFAULT_ROLE {
            continue;
        }
        if !name.starts_with("x-hasura-") {
            return Err(Error::new(format!(
                "\"{key}\" is not a Hasura session variable"
            )));
        }
        others.insert(name, mapped(value, aeson::plain_text)?);
    }
    Ok(ClaimsMap {
        allowed_roles,
        default_role,
        others,
    })
}

fn mapped<T>(
    value: &Value,
    parse: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Mapped<T>, Error> {
    let Some(object) = value.as_object() else {
        return parse(value).map(Mapped::Literal);
    };
    let path = aeson::required(object, "path", aeson::plain_text)?;
    let path = json_path::parse(&path).map_err(Error::new)?;
    let default = aeson::optional(object, "default", parse)?;
    Ok(Mapped::Path { path, default })
}

/// The name of a role: any text but the empty one.
pub(crate) fn role(value: &Value) -> Result<String, Error> {
    let role = aeson::text("NonEmptyText", value)?;
    if role.is_empty() {
        Err(Error::new("empty string not allowed"))
    } else {
        Ok(role)
    }
}
