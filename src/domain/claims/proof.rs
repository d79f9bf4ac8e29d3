//! Made-up tokens for Logto's dry run: what the program gives there is compared with the model before it is deployed.

use serde_json::{Map, Value, json};

use super::entry::Entry;
use super::model::granted;
use super::plan::Stored;
use super::program::{KEY_PREFIX, Kind};
use crate::domain::ownership::Owner;

const CLIENT: &str = "made-up-client";
/// The profile fields that Logto's guard of a dry run knows; it strips others.
const PROFILE: [&str; 11] = [
    "familyName",
    "givenName",
    "middleName",
    "nickname",
    "preferredUsername",
    "profile",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
];
const ADDRESS: [&str; 6] = [
    "formatted",
    "streetAddress",
    "locality",
    "region",
    "postalCode",
    "country",
];

/// A dry run and what has to come of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Whose token it is, for messages.
    pub whose: &'static str,
    /// The body of `POST /api/configs/jwt-customizer/test`.
    pub request: Value,
    /// The claim that Hasura reads.
    pub namespace: String,
    /// What it has to hold; `None` when it has to be absent.
    pub expected: Option<Value>,
}

impl Example {
    /// Whether a dry run answered as it has to. Other claims, of a wrapped script, are its own business.
    pub fn agrees(&self, answer: &Value) -> bool {
        answer.is_object() && answer.get(&self.namespace) == self.expected.as_ref()
    }
}

/// The dry runs for one entry of `deployed`, which is about to be written.
///
/// They carry that entry alone, with the variables of others: all of a tenant's entries beside a user with 500 roles would
/// pass the 1 MB that Logto takes.
pub fn examples(kind: Kind, owner: &Owner, entry: &Entry, deployed: &Stored) -> Vec<Example> {
    let mut variables = deployed.variables.clone();
    variables.retain(|key, _| !key.starts_with(KEY_PREFIX));
    variables.insert(entry.key(owner), entry.text());
    let tokens = match kind {
        Kind::Users => users(entry),
        Kind::Machines => machines(entry),
    };
    tokens
        .into_iter()
        .map(|(whose, token, context)| Example {
            whose,
            expected: granted(kind, &variables, &token, &context).map(|claims| claims.value()),
            request: json!({
                "tokenType": kind.token_type(),
                "script": deployed.script,
                "environmentVariables": variables,
                "token": token,
                "context": context,
            }),
            namespace: entry.ns.clone(),
        })
        .collect()
}

type Token = (&'static str, Value, Value);

fn users(entry: &Entry) -> Vec<Token> {
    let all = scopes(entry).join(" ");
    let first = scopes(entry).first().copied().unwrap_or_default();
    let elsewhere = format!("{}#elsewhere", entry.aud);
    vec![
        (
            "a user who holds every bound role",
            user_token(entry, &all),
            user_context(entry, &entry.aud, false),
        ),
        (
            "a user who holds none of them, but scopes of the same names elsewhere",
            user_token(entry, &all),
            user_context(entry, &elsewhere, false),
        ),
        (
            "a third-party application of a user who holds every bound role",
            user_token(entry, first),
            user_context(entry, &entry.aud, true),
        ),
    ]
}

fn machines(entry: &Entry) -> Vec<Token> {
    let context = json!({"application": {"id": CLIENT, "name": "Made up"}});
    let all = scopes(entry).join(" ");
    vec![
        (
            "a machine that was granted every bound scope",
            machine_token(entry, &all),
            context.clone(),
        ),
        (
            "a machine that was granted no scope",
            machine_token(entry, ""),
            context,
        ),
    ]
}

fn scopes(entry: &Entry) -> Vec<&str> {
    let mut scopes: Vec<&str> = entry
        .roles
        .iter()
        .map(|(_, scope)| scope.as_str())
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// Logto's guard refuses any other key than these.
fn user_token(entry: &Entry, scope: &str) -> Value {
    json!({
        "jti": "made-up-token",
        "aud": entry.aud,
        "scope": scope,
        "clientId": CLIENT,
        "accountId": "made-up-user",
        "expiresWithSession": false,
        "grantId": "made-up-grant",
        "gty": "authorization_code",
        "kind": "AccessToken",
    })
}

fn machine_token(entry: &Entry, scope: &str) -> Value {
    json!({"jti": "made-up-token", "aud": entry.aud, "scope": scope, "clientId": CLIENT, "kind": "ClientCredentials"})
}

fn user_context(entry: &Entry, indicator: &str, third_party: bool) -> Value {
    json!({
        "application": {"id": CLIENT, "name": "Made up", "isThirdParty": third_party},
        "user": {
            "id": "made-up-user",
            "username": "made_up",
            "primaryEmail": "made-up@example.com",
            "primaryPhone": "15550100",
            "name": "Made Up",
            "avatar": "https://example.com/made-up.png",
            "customData": custom_data(entry),
            "identities": {},
            "lastSignInAt": null,
            "createdAt": 1,
            "updatedAt": 1,
            "profile": profile(),
            "applicationId": null,
            "isSuspended": false,
            "hasPassword": false,
            "ssoIdentities": [],
            "mfaVerificationFactors": [],
            "organizations": [],
            "organizationRoles": [],
            "roles": [role(entry, indicator)],
        },
    })
}

/// One role that holds all scopes: Logto's roles hold one each, but a scope counts whichever role holds it.
fn role(entry: &Entry, indicator: &str) -> Value {
    let resource = json!({
        "tenantId": "made-up",
        "id": "made-up-resource",
        "name": "Made up",
        "indicator": indicator,
        "isDefault": false,
        "accessTokenTtl": 3600,
    });
    let scopes: Vec<Value> = scopes(entry)
        .into_iter()
        .map(|name| json!({"id": "made-up-scope", "name": name, "description": null, "resourceId": "made-up-resource", "resource": resource}))
        .collect();
    json!({"id": "made-up-role", "name": "Made up", "description": "Made up", "scopes": scopes})
}

fn profile() -> Value {
    let texts = |names: &[&str]| -> Map<String, Value> {
        let text = |name: &&str| ((*name).to_owned(), json!(format!("made up {name}")));
        names.iter().map(text).collect()
    };
    let mut profile = texts(&PROFILE);
    profile.insert("address".to_owned(), texts(&ADDRESS).into());
    profile.into()
}

/// Something at each path that a session variable reads.
fn custom_data(entry: &Entry) -> Value {
    let mut data = Map::new();
    let texts = entry.vars.iter().map(|(_, path)| (path, json!("made up")));
    let lists = entry.lists.iter().map(|(_, path)| (path, list()));
    for (path, value) in texts.chain(lists) {
        let Some(path) = path.strip_prefix("user.customData.") else {
            continue;
        };
        let names: Vec<&str> = path.split('.').collect();
        if let Some((last, parents)) = names.split_last() {
            put(&mut data, parents, last, value);
        }
    }
    data.into()
}

/// All that a list may hold, and what would end an array literal early.
fn list() -> Value {
    json!(["made up", "a \"quoted\" \\ one, {too}", "", 1.5, true])
}

fn put(data: &mut Map<String, Value>, parents: &[&str], name: &str, value: Value) {
    match parents.split_first() {
        None => {
            data.entry(name).or_insert(value);
        }
        Some((parent, rest)) => {
            let inner = data.entry(*parent).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, name, value);
            }
        }
    }
}
