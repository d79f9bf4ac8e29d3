use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::env_from::{EnvFromKeys, Keys, Source, SourceKind};
use super::super::place::Place;
use super::super::refusal::{Note, Refusal};
use super::super::startup::{Proposal, judge};
use super::startup::from_env_from;
use super::{admin_secret, deployment, hook_entries, webhook};

/// The verdict in mode Webhook on a container with this env beside ours, these words, and these keys of a Secret in
/// envFrom.
fn with(env: &[Value], args: &[&str], keys: &[&str]) -> Result<Vec<Note>, Vec<Refusal>> {
    let env = [&hook_entries()[..], env].concat();
    let source = Source {
        kind: SourceKind::Secret,
        name: "hasura-env".into(),
        prefix: String::new(),
        keys: Keys::Known(keys.iter().map(|key| (*key).to_owned()).collect()),
        role: None,
    };
    let words: Vec<_> = ["graphql-engine", "serve"].iter().chain(args).collect();
    judge(&Proposal {
        deployment: &deployment(json!({"env": env, "command": words})),
        container: "graphql-engine",
        desired: Some(&webhook()),
        bound_roles: &BTreeSet::new(),
        env_from: &EnvFromKeys {
            sources: vec![source],
            referenced_role: None,
        },
        rolls: true,
        allow_recreate: false,
    })
    .map_err(|refused| refused.refusals)
}

fn entry(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

fn refused(refusal: Refusal) -> Result<Vec<Note>, Vec<Refusal>> {
    Err(vec![refusal])
}

#[test]
fn an_ordinary_hasura_passes_without_a_word() {
    assert_eq!(with(&[admin_secret()], &[], &[]), Ok(vec![]));
    let keys = ["HASURA_GRAPHQL_ADMIN_SECRET", "HASURA_GRAPHQL_JWT"];
    assert_eq!(with(&[], &[], &keys), Ok(vec![]));
}

#[test]
fn an_admin_secret_is_needed_unless_it_is_disabled() {
    assert_eq!(with(&[], &[], &[]), refused(Refusal::AdminSecretMissing));
    let disabled = entry("HASURA_GRAPHQL_DISABLE_ADMIN_SECRET", "true");
    assert_eq!(
        with(&[disabled], &[], &[]),
        Ok(vec![Note::AdminSecretDisabled])
    );
}

#[test]
fn a_jwt_secret_of_somebody_else_is_refused_wherever_it_is_set() {
    let set = |place| refused(Refusal::JwtSecretSet { place });
    for name in ["HASURA_GRAPHQL_JWT_SECRET", "HASURA_GRAPHQL_JWT_SECRETS"] {
        let by_env = with(&[admin_secret(), entry(name, "")], &[], &[]);
        assert_eq!(by_env, set(Place::Entry(name)));
        let by_source = with(&[admin_secret()], &[], &[name]);
        assert_eq!(by_source, set(from_env_from(name)));
    }
    for flag in ["jwt-secret", "jwt-secrets"] {
        let by_flag = with(&[admin_secret()], &[&format!("--{flag}={{}}")], &[]);
        assert_eq!(by_flag, set(Place::Flag(flag)));
    }
    let place = Place::Flag("jwt-secret");
    assert_eq!(Refusal::JwtSecretSet { place }.reason(), "JwtSecretSet");
}

#[test]
fn a_role_for_requests_without_a_token_is_refused_wherever_it_is_set() {
    let set = |place| refused(Refusal::UnauthorizedRoleBesideHook { place });
    let name = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";
    let by_env = with(&[admin_secret(), entry(name, "anonymous")], &[], &[]);
    assert_eq!(by_env, set(Place::Entry(name)));
    let by_source = with(&[admin_secret()], &[], &[name]);
    assert_eq!(by_source, set(from_env_from(name)));
    let by_flag = with(
        &[admin_secret()],
        &["--unauthorized-role", "anonymous"],
        &[],
    );
    assert_eq!(by_flag, set(Place::Flag("unauthorized-role")));
}

#[test]
fn flags_that_win_over_the_entries_are_refused() {
    for flag in ["auth-hook", "auth-hook-mode"] {
        let by_flag = with(&[admin_secret()], &[&format!("--{flag}=POST")], &[]);
        assert_eq!(by_flag, refused(Refusal::FlagWins { flag }));
    }
}

#[test]
fn the_older_name_of_the_method_yields_but_must_be_readable() {
    let name = "HASURA_GRAPHQL_AUTH_HOOK_TYPE";
    assert_eq!(
        with(&[admin_secret(), entry(name, "POST")], &[], &[]),
        Ok(vec![])
    );
    let invalid = Refusal::HookTypeInvalid {
        place: Place::Entry(name),
        value: "post".into(),
    };
    let lower = with(&[admin_secret(), entry(name, "post")], &[], &[]);
    assert_eq!(lower, refused(invalid));
}

#[test]
fn an_entry_that_would_not_hold_its_value_is_refused() {
    let name = "HASURA_GRAPHQL_AUTH_HOOK_MODE";
    let twice = with(&[admin_secret(), entry(name, "POST")], &[], &[]);
    assert_eq!(twice, refused(Refusal::EntryNotKept { name }));
}
