use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::claims::{
    ALLOWED_ROLES, Claim, ClaimName, Claims, ClaimsFormat, ClaimsMap, DEFAULT_ROLE,
};
use super::error::Invalid;
use super::json_path::JsonPath;
use super::key::{JwkUrl, Key, KeySource, KeyType};
use super::mistake::Mistake;
use super::text::{NonEmptyText, StringOrUri};
use super::{JwtSecret, RequiredClaim, TokenLocation};

/// All fields that Hasura reads.
const FIELDS: [&str; 12] = [
    "allowed_skew",
    "audience",
    "claims_format",
    "claims_map",
    "claims_namespace",
    "claims_namespace_path",
    "extra_required_claims",
    "header",
    "issuer",
    "jwk_url",
    "key",
    "type",
];

type Fields = Map<String, Value>;

/// What an existing value says, and what is wrong with it although Hasura takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The value.
    pub secret: JwtSecret,
    /// What Hasura lets pass.
    pub mistakes: Vec<Mistake>,
}

impl JwtSecret {
    /// Reads an existing value of `HASURA_GRAPHQL_JWT_SECRET` as Hasura does: a null is an absent field, unknown fields are
    /// ignored.
    ///
    /// # Errors
    /// [`Invalid`] where Hasura would not start. No error repeats the key.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let fields = object(text)?;
        Ok(Self {
            keys: key_source(&fields)?,
            claims: claims(&fields)?,
            audience: audience(&fields)?,
            issuer: text_field(&fields, "issuer")?
                .map(StringOrUri::new)
                .transpose()
                .map_err(Invalid::Issuer)?,
            allowed_skew: allowed_skew(&fields)?,
            header: header(&fields)?,
            extra_required_claims: required_claims(&fields)?,
        })
    }

    /// Reads an existing value and also tells the mistakes in it.
    ///
    /// # Errors
    /// As [`JwtSecret::parse`].
    pub fn review(text: &str) -> Result<Review, Invalid> {
        let secret = Self::parse(text)?;
        let fields = object(text)?;
        let mut mistakes: Vec<_> = fields
            .keys()
            .filter(|name| !FIELDS.contains(&name.as_str()))
            .map(|name| Mistake::UnknownField(name.clone()))
            .collect();
        if matches!(secret.keys, KeySource::JwkUrl(_)) && present(&fields, "type").is_some() {
            mistakes.push(Mistake::TypeIgnored);
        }
        if matches!(secret.claims, Claims::Map(_)) {
            mistakes.extend(
                ["claims_namespace", "claims_namespace_path", "claims_format"]
                    .into_iter()
                    .filter(|name| present(&fields, name).is_some())
                    .map(Mistake::ClaimsFieldIgnored),
            );
        }
        mistakes.extend(secret.mistakes());
        Ok(Review { secret, mistakes })
    }
}

fn object(text: &str) -> Result<Fields, Invalid> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(Invalid::NotAnObject(kind(&other))),
        Err(error) => Err(Invalid::NotJson {
            line: error.line(),
            column: error.column(),
        }),
    }
}

fn key_source(fields: &Fields) -> Result<KeySource, Invalid> {
    let key = text_field(fields, "key")?;
    let jwk_url = text_field(fields, "jwk_url")?;
    match (key, jwk_url) {
        (Some(_), Some(_)) => Err(Invalid::KeyAndUrl),
        (None, None) => Err(Invalid::NoKeyNorUrl),
        (None, Some(url)) => Ok(KeySource::JwkUrl(JwkUrl::parse(url)?)),
        (Some(key), None) => {
            let name = text_field(fields, "type")?.ok_or(Invalid::TypeMissing)?;
            Key::new(KeyType::parse(name)?, key.to_owned()).map(KeySource::Key)
        }
    }
}

fn claims(fields: &Fields) -> Result<Claims, Invalid> {
    let format = match text_field(fields, "claims_format")? {
        None | Some("json") => ClaimsFormat::Json,
        Some("stringified_json") => ClaimsFormat::StringifiedJson,
        Some(other) => return Err(Invalid::ClaimsFormat(other.to_owned())),
    };
    let namespace = text_field(fields, "claims_namespace")?;
    let path = text_field(fields, "claims_namespace_path")?;
    // Hasura looks at namespace and path even when a claims map makes it ignore them.
    let by_namespace = match (namespace, path) {
        (Some(_), Some(_)) => return Err(Invalid::NamespaceAndPath),
        (None, None) => Claims::default().with_format(format),
        (Some(name), None) => Claims::Namespace {
            name: NonEmptyText::new(name).ok_or(Invalid::Empty("claims_namespace"))?,
            format,
        },
        (None, Some(path)) => Claims::NamespacePath {
            path: JsonPath::new(path)?,
            format,
        },
    };
    match present(fields, "claims_map") {
        None => Ok(by_namespace),
        Some(Value::Object(entries)) => claims_map(entries).map(Claims::Map),
        Some(other) => Err(wrong("claims_map", "an object", other)),
    }
}

impl Claims {
    fn with_format(mut self, new: ClaimsFormat) -> Self {
        if let Self::Namespace { format, .. } | Self::NamespacePath { format, .. } = &mut self {
            *format = new;
        }
        self
    }
}

fn claims_map(entries: &Fields) -> Result<ClaimsMap, Invalid> {
    let obligatory = |name| entries.get(name).ok_or(Invalid::ClaimMissing(name));
    let allowed_roles = obligatory(ALLOWED_ROLES)?;
    let default_role = obligatory(DEFAULT_ROLE)?;
    let mut others = BTreeMap::new();
    for (name, value) in entries {
        if name == ALLOWED_ROLES || name == DEFAULT_ROLE {
            continue;
        }
        let name = ClaimName::new(name)?;
        let claim = claim(value, |value| {
            text(value, "a session variable in claims_map")
        })?;
        if others.insert(name.clone(), claim).is_some() {
            return Err(Invalid::ClaimTwice(name.as_str().to_owned()));
        }
    }
    Ok(ClaimsMap {
        allowed_roles: claim(allowed_roles, |value| list(value, ALLOWED_ROLES, role))?,
        default_role: claim(default_role, |value| role(value, DEFAULT_ROLE))?,
        others,
    })
}

/// An object is a path with or without a default; everything else is the value itself.
fn claim<T>(
    value: &Value,
    read: impl Fn(&Value) -> Result<T, Invalid>,
) -> Result<Claim<T>, Invalid> {
    let Value::Object(place) = value else {
        return read(value).map(Claim::Literal);
    };
    let path =
        text_field(place, "path")?.ok_or_else(|| wrong("path", "a JSON path", &Value::Null))?;
    Ok(Claim::Path {
        path: JsonPath::new(path)?,
        default: present(place, "default").map(read).transpose()?,
    })
}

fn role(value: &Value, field: &'static str) -> Result<NonEmptyText, Invalid> {
    NonEmptyText::new(text(value, field)?).ok_or(Invalid::Empty(field))
}

fn audience(fields: &Fields) -> Result<BTreeSet<StringOrUri>, Invalid> {
    let one =
        |value: &Value, field| StringOrUri::new(text(value, field)?).map_err(Invalid::Audience);
    match present(fields, "audience") {
        None => Ok(BTreeSet::new()),
        // Hasura takes an empty list, and then refuses every token that has an audience.
        Some(Value::Array(items)) if items.is_empty() => Err(Invalid::Empty("audience")),
        Some(value @ Value::Array(_)) => Ok(list(value, "audience", one)?.into_iter().collect()),
        Some(value) => Ok(BTreeSet::from([one(value, "audience")?])),
    }
}

fn allowed_skew(fields: &Fields) -> Result<u32, Invalid> {
    match present(fields, "allowed_skew") {
        None => Ok(0),
        Some(Value::Number(seconds)) => seconds
            .as_f64()
            .filter(|seconds| {
                seconds.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(seconds)
            })
            .map(|seconds| seconds as u32)
            .ok_or(Invalid::Skew),
        Some(other) => Err(wrong("allowed_skew", "a number of seconds", other)),
    }
}

fn header(fields: &Fields) -> Result<TokenLocation, Invalid> {
    let place = match present(fields, "header") {
        None => return Ok(TokenLocation::Authorization),
        Some(Value::Object(place)) => place,
        Some(other) => return Err(wrong("header", "an object", other)),
    };
    let header_type = text_field(place, "type")?.unwrap_or_default();
    let name = || {
        let name = text_field(place, "name")?.unwrap_or_default();
        NonEmptyText::new(name).ok_or(Invalid::Empty("the name in header"))
    };
    match header_type.to_ascii_lowercase().as_str() {
        "authorization" => Ok(TokenLocation::Authorization),
        "cookie" => name().map(TokenLocation::Cookie),
        "customheader" => name().map(TokenLocation::CustomHeader),
        _ => Err(Invalid::HeaderType(header_type.to_owned())),
    }
}

fn required_claims(fields: &Fields) -> Result<BTreeSet<RequiredClaim>, Invalid> {
    const FIELD: &str = "extra_required_claims";
    let one = |value: &Value, field| match text(value, field)?.as_str() {
        "audience" => Ok(RequiredClaim::Audience),
        "issuer" => Ok(RequiredClaim::Issuer),
        other => Err(Invalid::RequiredClaim(other.to_owned())),
    };
    match present(fields, FIELD) {
        None => Ok(BTreeSet::new()),
        Some(value) => Ok(list(value, FIELD, one)?.into_iter().collect()),
    }
}

/// The field's value; a null counts as absent, as Hasura's parser has it.
fn present<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn text_field<'a>(fields: &'a Fields, name: &'static str) -> Result<Option<&'a str>, Invalid> {
    match present(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(name, "a string", other)),
    }
}

fn text(value: &Value, field: &'static str) -> Result<String, Invalid> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(wrong(field, "a string", other)),
    }
}

fn list<T>(
    value: &Value,
    field: &'static str,
    read: impl Fn(&Value, &'static str) -> Result<T, Invalid>,
) -> Result<Vec<T>, Invalid> {
    match value {
        Value::Array(items) => items.iter().map(|item| read(item, field)).collect(),
        other => Err(wrong(field, "a list of strings", other)),
    }
}

fn wrong(field: &'static str, expected: &'static str, found: &Value) -> Invalid {
    Invalid::WrongType {
        field,
        expected,
        found: kind(found),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
