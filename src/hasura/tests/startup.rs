use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::super::env::DesiredAuth;
use super::super::env_from::{EnvFromKeys, Keys, Source, SourceKind};
use super::super::place::Place;
use super::super::refusal::{Note, Refusal, Refused};
use super::super::startup::{Proposal, judge};
use super::{admin_secret, deployment, desired, jwt_secret};

pub(super) fn source(keys: Keys) -> EnvFromKeys {
    with_prefix(keys, "")
}

fn with_prefix(keys: Keys, prefix: &str) -> EnvFromKeys {
    EnvFromKeys {
        sources: vec![Source {
            kind: SourceKind::Secret,
            name: "hasura-env".into(),
            prefix: prefix.into(),
            keys,
            role: None,
        }],
        referenced_role: None,
    }
}

pub(super) fn known(keys: &[&str]) -> Keys {
    Keys::Known(
        keys.iter()
            .map(|key| (*key).to_owned())
            .collect::<BTreeSet<_>>(),
    )
}

/// The place of a variable in [`source`].
pub(super) fn from_env_from(name: &'static str) -> Place {
    Place::EnvFrom {
        name,
        source: (SourceKind::Secret, "hasura-env".into()),
    }
}

pub(super) fn judged(
    deployment: &Deployment,
    desired: Option<&DesiredAuth>,
    env_from: &EnvFromKeys,
) -> Result<Vec<Note>, Refused> {
    judge(&Proposal {
        deployment,
        container: "graphql-engine",
        desired,
        bound_roles: &BTreeSet::from(["editor".to_owned()]),
        env_from,
        rolls: true,
        allow_recreate: false,
    })
}

/// The verdict in JWT mode on a container with this env and these words, without envFrom.
pub(super) fn on(env: Value, args: Value) -> Result<Vec<Note>, Vec<Refusal>> {
    let deployment = deployment(json!({"env": env, "args": args}));
    judged(&deployment, Some(&desired()), &EnvFromKeys::default()).map_err(|r| r.refusals)
}

pub(super) fn entry(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

#[test]
fn an_ordinary_hasura_passes_without_a_word() {
    assert_eq!(
        on(json!([admin_secret(), jwt_secret()]), json!([])),
        Ok(vec![])
    );
    let args = json!(["graphql-engine", "serve", "--server-port", "8080"]);
    assert_eq!(on(json!([admin_secret(), jwt_secret()]), args), Ok(vec![]));
}

#[test]
fn an_admin_secret_is_found_wherever_hasura_would_read_it() {
    let by_flag = |flag: &str| on(json!([jwt_secret()]), json!(["serve", flag]));
    assert_eq!(by_flag("--admin-secret=x"), Ok(vec![]));
    assert_eq!(by_flag("--access-key=x"), Ok(vec![]));
    let legacy = entry("HASURA_GRAPHQL_ACCESS_KEY", "x");
    assert_eq!(on(json!([legacy, jwt_secret()]), json!(null)), Ok(vec![]));
    for key in [super::ADMIN, "HASURA_GRAPHQL_ACCESS_KEY"] {
        let hasura = deployment(json!({"env": [jwt_secret()]}));
        assert_eq!(
            judged(&hasura, Some(&desired()), &source(known(&[key]))),
            Ok(vec![])
        );
        let rest = key.strip_prefix("HASURA_").unwrap();
        let prefixed = with_prefix(known(&[rest]), "HASURA_");
        assert_eq!(judged(&hasura, Some(&desired()), &prefixed), Ok(vec![]));
        let other = with_prefix(known(&[key]), "HASURA_");
        assert!(judged(&hasura, Some(&desired()), &other).is_err());
    }
}

#[test]
fn without_an_admin_secret_nothing_is_applied_and_nothing_removed() {
    assert_eq!(
        on(json!([jwt_secret()]), json!(null)),
        Err(vec![Refusal::AdminSecretMissing])
    );
    let open = deployment(json!({}));
    let refused = judged(&open, None, &EnvFromKeys::default()).unwrap_err();
    assert_eq!(refused.refusals, [Refusal::AdminSecretMissing]);
    assert_eq!(
        refused.to_string(),
        "Deployment shop/hasura, container graphql-engine: Hasura has no admin secret; \
         set HASURA_GRAPHQL_ADMIN_SECRET from a Secret in the container's env"
    );
    assert_eq!(refused.reason(), "AdminSecretMissing");
}

#[test]
fn an_empty_admin_secret_is_none() {
    let empty = |place| Err(vec![Refusal::AdminSecretEmpty { place }]);
    assert_eq!(
        on(json!([{"name": super::ADMIN}, jwt_secret()]), json!(null)),
        empty(Place::Entry("HASURA_GRAPHQL_ADMIN_SECRET"))
    );
    // The flag wins over the entry, so it is what counts.
    assert_eq!(
        on(
            json!([admin_secret(), jwt_secret()]),
            json!(["serve", "--admin-secret="])
        ),
        empty(Place::Flag("admin-secret"))
    );
}

#[test]
fn an_admin_secret_that_can_not_be_seen_is_not_believed() {
    let unknown =
        |result: Result<_, Refused>, part: &str| match result.unwrap_err().refusals.as_slice() {
            [Refusal::AdminSecretUnknown { why }] => assert!(why.contains(part), "{why}"),
            other => panic!("{other:?}"),
        };
    let none = EnvFromKeys::default();
    let hasura = deployment(json!({"env": [jwt_secret()]}));
    unknown(
        judged(&hasura, Some(&desired()), &source(Keys::Unknown)),
        "may not read envFrom Secret hasura-env",
    );
    let mut optional = admin_secret();
    optional["valueFrom"]["secretKeyRef"]["optional"] = json!(true);
    let hasura = deployment(json!({"env": [optional, jwt_secret()]}));
    unknown(judged(&hasura, Some(&desired()), &none), "optional");
    let plural = entry("HASURA_GRAPHQL_ADMIN_SECRETS", "[\"a\"]");
    let hasura = deployment(json!({"env": [plural, jwt_secret()]}));
    unknown(judged(&hasura, Some(&desired()), &none), "Enterprise");
}

#[test]
fn a_source_that_can_not_hold_an_admin_secret_is_no_excuse() {
    let hasura = deployment(json!({"env": [jwt_secret()]}));
    for keys in [
        with_prefix(Keys::Unknown, "PG_"),
        source(Keys::Missing { optional: true }),
        source(known(&["X"])),
    ] {
        let refused = judged(&hasura, Some(&desired()), &keys).unwrap_err();
        assert_eq!(refused.refusals, [Refusal::AdminSecretMissing]);
    }
}

#[test]
fn a_disabled_admin_secret_passes_only_while_something_else_authenticates() {
    let disabled = entry("HASURA_GRAPHQL_DISABLE_ADMIN_SECRET", "True");
    assert_eq!(
        on(json!([disabled, jwt_secret()]), json!(null)),
        Ok(vec![Note::AdminSecretDisabled])
    );
    assert_eq!(
        on(
            json!([jwt_secret()]),
            json!(["serve", "--disable-admin-secret"])
        ),
        Ok(vec![Note::AdminSecretDisabled])
    );
    // Taking the JWT secret away would leave nothing, even beside an admin secret.
    let hasura = deployment(json!({"env": [disabled, admin_secret()]}));
    let refused = judged(&hasura, None, &EnvFromKeys::default()).unwrap_err();
    assert_eq!(refused.reason(), "NothingAuthenticates");
    let off = entry("HASURA_GRAPHQL_DISABLE_ADMIN_SECRET", "false");
    assert_eq!(
        on(json!([off, jwt_secret()]), json!(null)),
        Err(vec![Refusal::AdminSecretMissing])
    );
}

#[test]
fn a_webhook_beside_the_jwt_secret_is_refused_wherever_it_is_set() {
    let refused = |place| Err(vec![Refusal::AuthHookSet { place }]);
    let hook = entry("HASURA_GRAPHQL_AUTH_HOOK", "");
    assert_eq!(
        on(json!([admin_secret(), hook, jwt_secret()]), json!(null)),
        refused(Place::Entry("HASURA_GRAPHQL_AUTH_HOOK"))
    );
    assert_eq!(
        on(
            json!([admin_secret(), jwt_secret()]),
            json!(["serve", "--auth-hook", "http://x"])
        ),
        refused(Place::Flag("auth-hook"))
    );
    let hasura = deployment(json!({"env": [admin_secret(), jwt_secret()]}));
    let from = source(known(&["HASURA_GRAPHQL_AUTH_HOOK"]));
    assert_eq!(
        judged(&hasura, Some(&desired()), &from).map_err(|r| r.refusals),
        refused(from_env_from("HASURA_GRAPHQL_AUTH_HOOK"))
    );
}

#[test]
fn a_webhook_may_stay_when_the_jwt_secret_goes() {
    let hook = entry("HASURA_GRAPHQL_AUTH_HOOK", "http://x");
    let hasura = deployment(json!({"env": [admin_secret(), hook]}));
    assert_eq!(judged(&hasura, None, &EnvFromKeys::default()), Ok(vec![]));
}

#[test]
fn flags_that_win_over_the_entries_are_refused() {
    for flag in ["jwt-secret", "jwt-secrets", "unauthorized-role"] {
        let word = format!("--{flag}=anonymous");
        assert_eq!(
            on(
                json!([admin_secret(), jwt_secret()]),
                json!(["serve", word])
            ),
            Err(vec![Refusal::FlagWins { flag }])
        );
    }
}

#[test]
fn the_plural_secret_is_refused_wherever_it_is_set() {
    let hasura = deployment(json!({"env": [admin_secret(), jwt_secret()]}));
    let from = source(known(&["HASURA_GRAPHQL_JWT_SECRETS"]));
    let refused = judged(&hasura, Some(&desired()), &from).unwrap_err();
    assert_eq!(refused.reason(), "PluralSecretWins");
    let plural = entry("HASURA_GRAPHQL_JWT_SECRETS", "[]");
    assert_eq!(
        on(json!([admin_secret(), jwt_secret(), plural]), json!(null)),
        Err(vec![Refusal::PluralWins {
            place: Place::Entry("HASURA_GRAPHQL_JWT_SECRETS")
        }])
    );
}

#[test]
fn an_entry_that_would_not_hold_its_value_is_refused() {
    let not_kept = Err(vec![Refusal::EntryNotKept {
        name: "HASURA_GRAPHQL_JWT_SECRET",
    }]);
    let other = entry("HASURA_GRAPHQL_JWT_SECRET", "other");
    assert_eq!(on(json!([admin_secret()]), json!(null)), not_kept);
    assert_eq!(on(json!([admin_secret(), other]), json!(null)), not_kept);
    assert_eq!(
        on(json!([admin_secret(), jwt_secret(), other]), json!(null)),
        not_kept
    );
    assert_eq!(
        on(json!([admin_secret(), other, jwt_secret()]), json!(null)),
        not_kept
    );
}

#[test]
fn what_can_not_be_seen_is_a_note_once_the_admin_secret_is_there() {
    let hasura = deployment(
        json!({"env": [admin_secret(), jwt_secret()], "command": ["sh", "-c", "exec graphql-engine serve"]}),
    );
    let source_name = || "Secret hasura-env".to_owned();
    let cases = [
        (
            Keys::Unknown,
            vec![Note::EnvFromUnread {
                source_name: source_name(),
            }],
        ),
        (
            Keys::Missing { optional: false },
            vec![Note::EnvFromMissing {
                source_name: source_name(),
            }],
        ),
        (Keys::Missing { optional: true }, vec![]),
    ];
    for (keys, mut notes) in cases {
        notes.insert(0, Note::CommandUnreadable);
        assert_eq!(judged(&hasura, Some(&desired()), &source(keys)), Ok(notes));
    }
}

#[test]
fn a_rollout_that_stops_all_pods_is_refused_unless_allowed_or_no_pod_is_replaced() {
    let mut hasura = deployment(json!({"env": [admin_secret(), jwt_secret()]}));
    let strategy = json!({"type": "Recreate"});
    hasura.spec.as_mut().unwrap().strategy = serde_json::from_value(strategy).unwrap();
    let verdict = |rolls, allow_recreate| {
        judge(&Proposal {
            deployment: &hasura,
            container: "graphql-engine",
            desired: Some(&desired()),
            bound_roles: &BTreeSet::new(),
            env_from: &EnvFromKeys::default(),
            rolls,
            allow_recreate,
        })
    };
    assert_eq!(
        verdict(true, false).unwrap_err().reason(),
        "StrategyStopsAllPods"
    );
    assert_eq!(verdict(true, true), Ok(vec![]));
    assert_eq!(verdict(false, false), Ok(vec![]));
}

#[test]
fn a_missing_readiness_probe_is_said() {
    let hasura = super::with_containers(json!([
        {"name": "graphql-engine", "env": [admin_secret(), jwt_secret()]}
    ]));
    assert_eq!(
        judged(&hasura, Some(&desired()), &EnvFromKeys::default()),
        Ok(vec![Note::NoReadinessProbe])
    );
}

#[test]
fn all_causes_are_told_and_the_weightiest_gives_the_reason() {
    let hook = entry("HASURA_GRAPHQL_AUTH_HOOK", "http://x");
    let hasura =
        deployment(json!({"env": [hook, jwt_secret()], "args": ["serve", "--jwt-secret={}"]}));
    let refused = judged(&hasura, Some(&desired()), &EnvFromKeys::default()).unwrap_err();
    let reasons: Vec<_> = refused.refusals.iter().map(Refusal::reason).collect();
    assert_eq!(reasons, ["AdminSecretMissing", "AuthHookSet", "FlagWins"]);
    assert_eq!(refused.reason(), "AdminSecretMissing");
}

#[test]
fn other_containers_are_none_of_hasuras_business() {
    let sidecar = json!({"name": "proxy", "env": [admin_secret()]});
    let hasura = json!({"name": "graphql-engine", "env": [jwt_secret()]});
    let both = super::with_containers(json!([sidecar, hasura]));
    let refused = judged(&both, Some(&desired()), &EnvFromKeys::default()).unwrap_err();
    assert_eq!(refused.refusals, [Refusal::AdminSecretMissing]);
    let without = super::with_containers(json!([{"name": "proxy"}]));
    assert_eq!(judged(&without, None, &EnvFromKeys::default()), Ok(vec![]));
}
