//! What Hasura's claims in a verified token grant.

use serde_json::{Map, Value, json};

use super::claims_set::ClaimsSet;
use crate::aeson::{self, Error};
use crate::jwt::claims::{
    ALLOWED_ROLES, Claims, ClaimsFormat, ClaimsMap, DEFAULT_ROLE, Mapped, Namespace, role,
};
use crate::jwt::json_path;
use crate::refusal::Refusal;
use crate::session::{Session, Variables, is_variable};

/// Hasura's claims, by their name in lower case.
type Found = Map<String, Value>;

/// The session of a token, in the role that the request names or else in the token's default one.
///
/// The default role need not be allowed as long as the request names one that is.
pub(crate) fn session(
    place: &Claims,
    claims: &ClaimsSet,
    requested: Option<String>,
) -> Result<Session, Refusal> {
    let mut found = match place {
        Claims::Namespace { namespace, format } => in_namespace(namespace, *format, claims)?,
        Claims::Map(map) => by_map(map, &claims.all)?,
    };
    let allowed = found
        .remove(ALLOWED_ROLES)
        .ok_or_else(|| missing(ALLOWED_ROLES))?;
    let allowed = aeson::list(&allowed, role)
        .map_err(|error| wrong(ALLOWED_ROLES, "should be a list of roles", &error))?;
    let default = found
        .remove(DEFAULT_ROLE)
        .ok_or_else(|| missing(DEFAULT_ROLE))?;
    let default = role(&default)
        .map_err(|error| wrong(DEFAULT_ROLE, "should be a single role name", &error))?;
    let role = requested.unwrap_or(default);
    if !allowed.contains(&role) {
        return Err(Refusal::bad_request(
            "access-denied",
            "Your requested role is not in allowed roles",
        ));
    }
    let texts = found
        .iter()
        .map(|(name, value)| Ok((name.clone(), aeson::plain_text(value)?)));
    let variables: Variables = texts
        .collect::<Result<_, Error>>()
        .map_err(|error| invalid(format!("x-hasura-* claims: {}", error.message())))?;
    Ok(Session::new(role, variables))
}

fn in_namespace(
    namespace: &Namespace,
    format: ClaimsFormat,
    claims: &ClaimsSet,
) -> Result<Found, Refusal> {
    let unregistered = claims.unregistered();
    let found = match namespace {
        Namespace::Key(key) => unregistered
            .get(key)
            .ok_or_else(|| invalid(format!("claims key: '{key}' not found"))),
        Namespace::Path(path) => json_path::find(path, &unregistered).ok_or_else(|| {
            invalid(format!(
                "claims not found at claims_namespace_path: '{}'",
                json_path::write(path)
            ))
        }),
    }?;
    let object = match (format, found) {
        (ClaimsFormat::Json, Value::Object(object)) => object.clone(),
        (ClaimsFormat::Json, _) => {
            return Err(invalid(
                "expecting a json object when claims_format is json".to_owned(),
            ));
        }
        (ClaimsFormat::StringifiedJson, Value::String(text)) => unstringified(namespace, text)?,
        (ClaimsFormat::StringifiedJson, _) => {
            return Err(invalid(
                "expecting a string when claims_format is stringified_json".to_owned(),
            ));
        }
    };
    let variables = object.into_iter().filter(|(name, _)| is_variable(name));
    Ok(variables
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect())
}

fn unstringified(namespace: &Namespace, text: &str) -> Result<Found, Refusal> {
    serde_json::from_str(text).map_err(|_| {
        let place = match namespace {
            Namespace::Key(key) => format!("claims_namespace {key}"),
            Namespace::Path(path) => format!("claims_namespace_path {}", json_path::write(path)),
        };
        invalid(format!(
            "expecting stringified json at: '{place}', but found: {text}"
        ))
    })
}

/// A null at the end of a path is a value of the wrong type, and does not make the default count.
fn by_map(map: &ClaimsMap, claims: &Value) -> Result<Found, Refusal> {
    let mut found = Found::new();
    let allowed = at(&map.allowed_roles, claims).ok_or_else(|| missing(ALLOWED_ROLES))?;
    aeson::list(&allowed, role)
        .map_err(|error| wrong(ALLOWED_ROLES, "should be a list of roles", &error))?;
    found.insert(ALLOWED_ROLES.to_owned(), allowed);
    let default = at(&map.default_role, claims).ok_or_else(|| missing(DEFAULT_ROLE))?;
    role(&default).map_err(|error| wrong(DEFAULT_ROLE, "should be a role", &error))?;
    found.insert(DEFAULT_ROLE.to_owned(), default);
    for (name, mapped) in &map.others {
        let value = at(mapped, claims)
            .ok_or_else(|| invalid(format!("JWT claim from claims_map, {name} not found")))?;
        found.insert(name.clone(), value);
    }
    Ok(found)
}

fn at<T: serde::Serialize>(mapped: &Mapped<T>, claims: &Value) -> Option<Value> {
    match mapped {
        Mapped::Literal(value) => Some(json!(value)),
        Mapped::Path { path, default } => json_path::find(path, claims)
            .cloned()
            .or_else(|| default.as_ref().map(|value| json!(value))),
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::bad_request("jwt-invalid-claims", message)
}

fn missing(claim: &str) -> Refusal {
    let message = format!("JWT claim does not contain {claim}");
    Refusal::bad_request("jwt-missing-role-claims", message)
}

fn wrong(claim: &str, hint: &str, error: &Error) -> Refusal {
    invalid(format!("invalid {claim}; {hint}: {}", error.message()))
}
