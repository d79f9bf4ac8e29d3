//! The rule that the programs follow, in Rust, written from the design and not from the programs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::number::in_javascript;
use super::program::{KEY_PREFIX, Kind};
use crate::domain::jwt_secret::{ALLOWED_ROLES, DEFAULT_ROLE};

/// The default role of a token that has several roles and none to prefer. No role can have this name.
pub const NO_DEFAULT: &str = "(none)";

/// Most elements of a list that becomes an array literal.
pub const MAX_ELEMENTS: usize = 100;

/// Longest array literal, in UTF-16 units: with one of this length a token still fits into a request's headers.
pub const MAX_LITERAL: usize = 4096;

const USER_ID: &str = "x-hasura-user-id";
const ROLE: &str = "x-hasura-role";

/// Hasura's claims in one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The claim that holds them.
    pub namespace: String,
    /// The roles granted, in the order of JavaScript's strings; at least one.
    pub allowed_roles: Vec<String>,
    /// The role of a request that names none.
    pub default_role: String,
    /// The user's id, or a machine's client id.
    pub user_id: Option<String>,
    /// Further session variables.
    pub variables: BTreeMap<String, String>,
}

impl Claims {
    /// The value of the claim [`Claims::namespace`].
    pub fn value(&self) -> Value {
        let text = |text: &String| Value::from(text.as_str());
        let mut value: Map<String, Value> = self
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        value.insert(ALLOWED_ROLES.to_owned(), self.allowed_roles.clone().into());
        value.insert(DEFAULT_ROLE.to_owned(), text(&self.default_role));
        if let Some(id) = &self.user_id {
            value.insert(USER_ID.to_owned(), text(id));
        }
        Value::Object(value)
    }
}

/// The claims that a script with these environment variables gives to a token; `None` when it gives none.
///
/// Variables, token and context are as Logto hands them to the script. Anything malformed grants nothing.
pub fn granted(
    kind: Kind,
    variables: &BTreeMap<String, String>,
    token: &Value,
    context: &Value,
) -> Option<Claims> {
    if kind == Kind::Machines && is_operators_own(variables, token) {
        return None;
    }
    let audience = audience(token)?;
    let entry = entry_for(variables, audience)?;
    let namespace = entry.get("ns")?.as_str()?;
    if entry.get("v")?.as_f64() != Some(1.0) || namespace.find("://").unwrap_or(0) == 0 {
        return None;
    }
    let roles = match kind {
        Kind::Users => user_roles(&entry, audience, token, context)?,
        Kind::Machines => machine_roles(&entry, token),
    };
    if roles.is_empty() {
        return None;
    }
    let user_id = match kind {
        Kind::Users => context["user"]["id"].as_str(),
        Kind::Machines => token["clientId"].as_str(),
    };
    Some(Claims {
        namespace: namespace.to_owned(),
        default_role: default_role(&entry, &roles),
        allowed_roles: in_javascript_order(roles),
        user_id: user_id.map(str::to_owned),
        variables: session_variables(kind, &entry, context),
    })
}

/// Whether a machine's token is one that an operator asked for itself. The program leaves those alone, and does not even
/// call a script that it wraps.
pub fn is_operators_own(variables: &BTreeMap<String, String>, token: &Value) -> bool {
    let tenant = audience(token)
        .and_then(|aud| aud.strip_prefix("https://"))
        .and_then(|aud| aud.strip_suffix(".logto.app/api"));
    let client = token["clientId"].as_str().filter(|id| !id.is_empty());
    tenant.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('.'))
        && client.is_some()
        && entries(variables).any(|entry| entry["client"].as_str() == client)
}

fn audience(token: &Value) -> Option<&str> {
    let aud = match &token["aud"] {
        Value::Array(list) if list.len() == 1 => &list[0],
        other => other,
    };
    aud.as_str().filter(|aud| !aud.is_empty())
}

fn entries(variables: &BTreeMap<String, String>) -> impl Iterator<Item = Value> {
    variables
        .iter()
        .filter(|(key, _)| key.starts_with(KEY_PREFIX))
        .filter_map(|(_, text)| serde_json::from_str::<Value>(text).ok())
        .filter(Value::is_object)
}

/// The entry for an audience, if there is exactly one.
fn entry_for(variables: &BTreeMap<String, String>, audience: &str) -> Option<Value> {
    let mut matching = entries(variables).filter(|entry| entry["aud"].as_str() == Some(audience));
    let entry = matching.next()?;
    matching.next().is_none().then_some(entry)
}

fn user_roles(
    entry: &Value,
    audience: &str,
    token: &Value,
    context: &Value,
) -> Option<BTreeSet<String>> {
    let user = context.get("user").filter(|user| user.is_object())?;
    let first_party = context["application"]["isThirdParty"].as_bool() == Some(false);
    let by_scope = match entry["source"].as_str()? {
        "AssignedRoles" => !first_party,
        "GrantedScopes" => true,
        _ => return None,
    };
    let held = held_scopes(user, audience);
    let bound = pairs(&entry["roles"])
        .filter(|(_, scope)| held.contains(scope))
        .filter(|(_, scope)| !by_scope || in_scope(token, scope))
        .map(|(role, _)| role);
    let everyone = texts(&entry["everyone"]).filter(|_| first_party);
    Some(
        bound
            .chain(everyone)
            .filter(|r| is_role(r))
            .map(str::to_owned)
            .collect(),
    )
}

/// Scopes of the API resource that the user's roles hold.
fn held_scopes<'a>(user: &'a Value, audience: &str) -> BTreeSet<&'a str> {
    let roles = items(&user["roles"]).filter(|role| {
        let name = role["name"].as_str();
        name.is_some_and(|name| !name.starts_with("#internal:"))
    });
    roles
        .flat_map(|role| items(&role["scopes"]))
        .filter(|scope| scope["resource"]["indicator"].as_str() == Some(audience))
        .filter_map(|scope| scope["name"].as_str())
        .filter(|name| !name.is_empty())
        .collect()
}

fn machine_roles(entry: &Value, token: &Value) -> BTreeSet<String> {
    pairs(&entry["roles"])
        .filter(|(role, scope)| is_role(role) && in_scope(token, scope))
        .map(|(role, _)| role.to_owned())
        .collect()
}

fn in_scope(token: &Value, scope: &str) -> bool {
    let granted = token["scope"].as_str().unwrap_or_default();
    !scope.is_empty() && granted.split(' ').any(|granted| granted == scope)
}

/// Admin is the superuser in Hasura, and no data may name it.
fn is_role(name: &str) -> bool {
    !name.is_empty() && name.to_lowercase() != "admin"
}

fn default_role(entry: &Value, roles: &BTreeSet<String>) -> String {
    let wanted = entry["default"].as_str().filter(|role| is_role(role));
    match (wanted, roles.first()) {
        (Some(wanted), _) if roles.contains(wanted) => wanted.to_owned(),
        (_, Some(only)) if roles.len() == 1 => only.clone(),
        _ => wanted.unwrap_or(NO_DEFAULT).to_owned(),
    }
}

fn session_variables(kind: Kind, entry: &Value, context: &Value) -> BTreeMap<String, String> {
    let given = |pairs, text_of: fn(&Value) -> Option<String>| {
        self::pairs(pairs)
            .filter(|(name, path)| is_session_variable(name) && is_readable(kind, path))
            .filter_map(move |(name, path)| {
                let text = text_of(value_at(context, path)?)?;
                Some((name.to_owned(), text))
            })
    };
    given(&entry["vars"], text)
        .chain(given(&entry["lists"], array_literal))
        .collect()
}

fn is_session_variable(name: &str) -> bool {
    let reserved = [ROLE, ALLOWED_ROLES, DEFAULT_ROLE, USER_ID];
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    !reserved.contains(&name)
        && name
            .strip_prefix("x-hasura-")
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain))
}

fn is_readable(kind: Kind, path: &str) -> bool {
    let segments: Vec<&str> = path.split('.').collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_plain = segments
        .iter()
        .all(|segment| !segment.is_empty() && segment.chars().all(plain));
    let listed = match (kind, segments.as_slice()) {
        (_, ["organization", "id"]) => true,
        (Kind::Machines, _) => false,
        (Kind::Users, ["user", field]) => matches!(
            *field,
            "id" | "primaryEmail" | "primaryPhone" | "name" | "username" | "avatar"
        ),
        (Kind::Users, ["user", "profile" | "customData", ..]) => segments.len() <= 5,
        (Kind::Users, _) => false,
    };
    is_plain && listed
}

fn value_at<'a>(context: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(context, |value, segment| value.as_object()?.get(segment))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Number(number) => number.as_f64().map(in_javascript),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// PostgreSQL's literal of an array. With every element in quotes none is taken for NULL, and none ends early.
///
/// Source: postgresql.org "Arrays", section "Array Input and Output Syntax".
fn array_literal(value: &Value) -> Option<String> {
    let elements = value.as_array().filter(|list| list.len() <= MAX_ELEMENTS)?;
    let quoted = |element| {
        let text = text(element)?.replace('\\', "\\\\").replace('"', "\\\"");
        Some(format!("\"{text}\""))
    };
    let elements: Vec<String> = elements.iter().map(quoted).collect::<Option<_>>()?;
    let literal = format!("{{{}}}", elements.join(","));
    (literal.encode_utf16().count() <= MAX_LITERAL).then_some(literal)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    items(list).filter_map(Value::as_str)
}

fn pairs(list: &Value) -> impl Iterator<Item = (&str, &str)> {
    items(list).filter_map(|pair| match pair.as_array()?.as_slice() {
        [first, second] => Some((first.as_str()?, second.as_str()?)),
        _ => None,
    })
}

/// JavaScript compares strings by UTF-16 code units, which differs from Unicode's order beyond U+FFFF.
fn in_javascript_order(roles: BTreeSet<String>) -> Vec<String> {
    let mut roles: Vec<String> = roles.into_iter().collect();
    roles.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    roles
}
