//! A tenant in small: one API resource, users and applications, and the tokens that Logto would make.

use std::collections::BTreeMap;

use logto_hasura::domain::claims::{entry::Entry, model::granted, program::Kind, script::assemble};
use script_runner::{Failure, Worker, run};
use serde_json::{Value, json};

pub const AUD: &str = "https://shop.example.com/v1/graphql";
pub const ELSEWHERE: &str = "https://other.example.com/";
pub const NS: &str = "https://hasura.io/jwt/claims";
pub const OPERATOR: &str = "operatorclient";
pub const MANAGEMENT: &str = "https://default.logto.app/api";

pub type Variables = BTreeMap<String, String>;

pub fn pair(first: &str, second: &str) -> (String, String) {
    (first.to_owned(), second.to_owned())
}

/// Two bound roles and one of everybody.
pub fn entry() -> Entry {
    let mut entry = Entry::new(AUD, NS, OPERATOR);
    entry.everyone = ["user".to_owned()].into();
    entry.default = Some("user".to_owned());
    entry.roles = [pair("editor", "edit"), pair("reader", "read")].into();
    entry
}

pub fn variables(entries: &[(&str, &Entry)]) -> Variables {
    let named = |(name, entry): &(&str, &Entry)| (format!("LOGTO_HASURA_{name}"), entry.text());
    entries.iter().map(named).collect()
}

pub fn role(name: &str, indicator: &str, scopes: &[&str]) -> Value {
    let scope = |name: &&str| json!({"name": name, "resource": {"indicator": indicator}});
    json!({"name": name, "scopes": scopes.iter().map(scope).collect::<Vec<_>>()})
}

pub fn user(roles: &[Value]) -> Value {
    json!({"id": "u1", "roles": roles})
}

/// The context of a token that one of our own applications asked for.
pub fn first_party(user: Value) -> Value {
    json!({"user": user, "application": {"id": "web", "isThirdParty": false}})
}

pub fn token(scope: &str) -> Value {
    json!({"jti": "j", "aud": AUD, "scope": scope, "clientId": "web", "kind": "AccessToken"})
}

pub fn payload(variables: &Variables, token: &Value, context: &Value) -> Value {
    json!({"token": token, "context": context, "environmentVariables": variables})
}

/// What a script has to give by the model, when nothing is wrapped.
pub fn expected(kind: Kind, variables: &Variables, token: &Value, context: &Value) -> Value {
    match granted(kind, variables, token, context) {
        Some(claims) => json!({ claims.namespace.clone(): claims.value() }),
        None => json!({}),
    }
}

/// The script in both of Logto's runners, which have to agree; in the one that keeps scripts loaded, three times.
pub fn in_both(script: &str, payload: &Value) -> Result<Value, Failure> {
    let once = run(script, payload);
    match Worker::new(script) {
        Err(failure) => assert_eq!(once, Err(failure), "{script}"),
        Ok(worker) => {
            for time in 1..=3 {
                assert_eq!(
                    worker.run(payload),
                    once,
                    "run {time} in the worker: {script}"
                );
            }
        }
    }
    once
}

/// Our program without anything wrapped, in both runners.
pub fn ours(kind: Kind, payload: &Value) -> Value {
    in_both(&assemble(kind, None, None), payload).unwrap()
}
