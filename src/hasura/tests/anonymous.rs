use serde_json::{Value, json};

use super::super::env_from::{EnvFromKeys, Keys, Referenced};
use super::super::place::Place;
use super::super::refusal::{Note, Refusal, Refused};
use super::startup::{entry, from_env_from, judged, known, on, source};
use super::{admin_secret, deployment, desired, jwt, jwt_secret, webhook};

const ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";

#[test]
fn an_unauthorized_role_that_is_admin_or_empty_is_refused() {
    for role in ["", "admin", "Admin"] {
        let by_env = on(
            json!([
                admin_secret(),
                jwt_secret(),
                entry("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", role)
            ]),
            json!(null),
        );
        let place = Place::Entry(ROLE);
        assert_eq!(
            by_env,
            Err(vec![Refusal::UnauthorizedRoleInvalid {
                place,
                role: role.into()
            }])
        );
    }
}

#[test]
fn an_unauthorized_role_of_somebody_else_is_said_and_ours_is_not() {
    let hasura = deployment(json!({
        "env": [admin_secret(), jwt_secret(), entry("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "anonymous")],
    }));
    let none = EnvFromKeys::default();
    let role = Some("anonymous".to_owned());
    let note = Note::UnauthorizedRoleUnmanaged { role: role.clone() };
    assert_eq!(judged(&hasura, Some(&desired()), &none), Ok(vec![note]));
    let ours = jwt(role.as_deref());
    assert_eq!(judged(&hasura, Some(&ours), &none), Ok(vec![]));
}

#[test]
fn a_role_of_somebody_else_for_anonymous_callers_is_never_a_signed_in_users() {
    let env = |role| {
        json!([
            admin_secret(),
            jwt_secret(),
            entry("HASURA_GRAPHQL_UNAUTHORIZED_ROLE", role)
        ])
    };
    let bound = Refusal::UnauthorizedRoleBound {
        place: Place::Entry(ROLE),
        role: "editor".into(),
    };
    assert_eq!(bound.reason(), "UnauthorizedRoleBound");
    assert_eq!(on(env("editor"), json!(null)), Err(vec![bound]));
    assert!(
        on(env("Editor"), json!(null)).is_ok(),
        "Hasura tells case apart"
    );
    // Removing what the operator wrote makes nothing worse.
    let hasura = deployment(json!({"env": env("editor")}));
    assert!(judged(&hasura, None, &EnvFromKeys::default()).is_ok());
    // The operator's own is compared with the bindings, each of which is refused by itself.
    let ours = judged(&hasura, Some(&jwt(Some("editor"))), &EnvFromKeys::default());
    assert_eq!(ours, Ok(vec![]));
}

/// A source of envFrom that gives callers without a token this role.
fn giving(role: &str) -> EnvFromKeys {
    let mut sources = source(known(&[ROLE]));
    sources.sources[0].role = Some(role.into());
    sources
}

/// What a reference of the role's env entry gives.
fn referring(role: Referenced) -> EnvFromKeys {
    EnvFromKeys {
        referenced_role: Some(role),
        ..EnvFromKeys::default()
    }
}

fn reference(optional: bool) -> Value {
    let from = json!({"name": "roles", "key": "anonymous", "optional": optional});
    json!({"name": ROLE, "valueFrom": {"configMapKeyRef": from}})
}

/// The verdict in mode JWT on a container with these further env entries.
fn with(env: &[Value], sources: &EnvFromKeys) -> Result<Vec<Note>, Refused> {
    let env = [&[admin_secret(), jwt_secret()][..], env].concat();
    judged(&deployment(json!({"env": env})), Some(&desired()), sources)
}

fn reason(result: Result<Vec<Note>, Refused>) -> Option<&'static str> {
    result.err().map(|refused| refused.reason())
}

#[test]
fn a_role_by_env_from_is_refused_as_a_literal_is() {
    let refused = with(&[], &giving("editor")).unwrap_err();
    let place = from_env_from(ROLE);
    let role = "editor".into();
    assert_eq!(
        refused.refusals,
        [Refusal::UnauthorizedRoleBound { place, role }]
    );
    assert!(refused.unwatched, "the source is not watched");
    for role in ["admin", "ADMIN", ""] {
        assert_eq!(
            reason(with(&[], &giving(role))),
            Some("UnauthorizedRoleInvalid")
        );
    }
    // What stands in a Secret is not shown.
    let note = Note::UnauthorizedRoleUnmanaged { role: None };
    assert_eq!(with(&[], &giving("guest")), Ok(vec![note]));
    // The container's own entry wins, and so does that of the spec.
    assert!(with(&[entry(ROLE, "guest")], &giving("editor")).is_ok());
    let env = json!([admin_secret(), jwt_secret(), entry(ROLE, "guest")]);
    let ours = deployment(json!({"env": env}));
    let judged = judged(&ours, Some(&jwt(Some("guest"))), &giving("admin"));
    assert_eq!(judged, Ok(vec![]));
}

#[test]
fn our_entries_stay_where_a_role_comes_back_with_which_hasura_is_not_safe() {
    let without = deployment(json!({"env": [admin_secret()]}));
    for role in ["admin", ""] {
        let refused = judged(&without, None, &giving(role)).unwrap_err();
        assert_eq!(refused.reason(), "UnauthorizedRoleInvalid");
    }
    let refused = judged(&without, None, &giving("editor")).unwrap_err();
    assert_eq!(refused.reason(), "UnauthorizedRoleBound");
    assert!(judged(&without, None, &giving("guest")).is_ok());
}

#[test]
fn the_last_source_of_env_from_is_what_counts() {
    let two = |first: &str, last: &str| EnvFromKeys {
        sources: [giving(first).sources, giving(last).sources].concat(),
        referenced_role: None,
    };
    assert!(with(&[], &two("editor", "guest")).is_ok());
    assert_eq!(
        reason(with(&[], &two("guest", "editor"))),
        Some("UnauthorizedRoleBound")
    );
}

#[test]
fn a_role_by_reference_is_refused_by_its_value_and_unread_for_what_it_may_be() {
    let by = |found| with(&[reference(false)], &referring(found));
    let refused = by(Referenced::Value("editor".into())).unwrap_err();
    assert_eq!(refused.reason(), "UnauthorizedRoleBound");
    assert!(refused.unwatched);
    assert!(
        refused.to_string().contains("(from ConfigMap roles)"),
        "{refused}"
    );
    assert!(by(Referenced::Value("guest".into())).is_ok());
    // No pod starts before the object is there.
    assert!(by(Referenced::Absent).is_ok());
    let unread = by(Referenced::Unread).unwrap_err();
    assert_eq!(unread.reason(), "UnauthorizedRoleUnknown");
    assert!(unread.unwatched && unread.to_string().contains("spec.auth.unauthorizedRole"));
    // An optional one that is not there leaves the variable to envFrom.
    let absent = EnvFromKeys {
        referenced_role: Some(Referenced::Absent),
        ..giving("editor")
    };
    assert_eq!(
        reason(with(&[reference(true)], &absent)),
        Some("UnauthorizedRoleBound")
    );
}

#[test]
fn a_role_that_is_made_of_other_variables_is_worked_out_or_not_believed() {
    let none = EnvFromKeys::default();
    let made = |before: Value, text: &str| reason(with(&[before, entry(ROLE, text)], &none));
    let kind = || entry("KIND", "edit");
    assert_eq!(made(kind(), "$(KIND)or"), Some("UnauthorizedRoleBound"));
    assert_eq!(made(kind(), "$$(KIND)or"), None, "that is $(KIND)or");
    assert_eq!(made(kind(), "$(OTHER)editor"), None, "an unknown one stays");
    let hidden = json!({"name": "KIND", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}});
    assert_eq!(made(hidden, "$(KIND)"), Some("UnauthorizedRoleUnknown"));
    let of_itself = entry(ROLE, "$(KIND)");
    for sources in [source(known(&["KIND"])), source(Keys::Unknown)] {
        let judged = with(std::slice::from_ref(&of_itself), &sources);
        assert_eq!(reason(judged), Some("UnauthorizedRoleUnknown"));
    }
    let many = "$(KIND)".repeat(1000);
    let long = entry("KIND", &"x".repeat(1000));
    assert_eq!(made(long, &many), Some("UnauthorizedRoleUnknown"));
}

#[test]
fn of_several_entries_for_the_role_the_last_counts_with_what_stands_before_it() {
    let none = EnvFromKeys::default();
    let bound = Some("UnauthorizedRoleBound");
    let (first, kind) = (entry(ROLE, "guest"), entry("KIND", "editor"));
    let by_kind = entry(ROLE, "$(KIND)");
    let of = |entries: &[Value]| reason(with(entries, &none));
    assert_eq!(of(&[first.clone(), kind.clone(), by_kind.clone()]), bound);
    assert_eq!(of(&[kind.clone(), first.clone(), by_kind.clone()]), bound);
    assert_eq!(of(&[kind.clone(), by_kind.clone(), first.clone()]), None);
    // What comes after it is no value of it: that is the text $(KIND).
    assert_eq!(of(&[first.clone(), by_kind, kind]), None);
    let of_itself = entry(ROLE, "$(HASURA_GRAPHQL_UNAUTHORIZED_ROLE)");
    assert_eq!(of(&[entry(ROLE, "editor"), of_itself.clone()]), bound);
    assert_eq!(of(&[first.clone(), of_itself]), None);
    // An optional reference to nothing leaves the variable to the entry before.
    let judged = with(&[first, reference(true)], &referring(Referenced::Absent));
    assert_eq!(reason(judged), Some("UnauthorizedRoleUnknown"));
}

#[test]
fn a_source_that_may_not_be_read_is_no_sign_of_a_role_and_a_shells_text_is() {
    let unread = with(&[], &source(Keys::Unknown));
    assert!(unread.is_ok(), "the condition SettingsUnseen says it");
    let shell = |text: &str, desired| {
        let env = json!([admin_secret(), jwt_secret(), entry(ROLE, "guest")]);
        let hasura = deployment(json!({"env": env, "command": ["sh", "-c", text]}));
        judged(&hasura, Some(&desired), &EnvFromKeys::default())
    };
    for text in [
        "export HASURA_GRAPHQL_UNAUTHORIZED_ROLE=editor; graphql-engine serve",
        "graphql-engine serve --unauthorized-role \"$ROLE\"",
    ] {
        // It wins over the operator's entry too.
        for desired in [desired(), jwt(Some("guest"))] {
            let refused = shell(text, desired).unwrap_err();
            assert_eq!(refused.reason(), "UnauthorizedRoleUnknown", "{text}");
            assert!(!refused.unwatched, "the Deployment is watched");
        }
    }
    assert!(shell("graphql-engine serve", desired()).is_ok());
    // A webhook beside any such role keeps Hasura from starting.
    let env = [&super::hook_entries()[..], &[admin_secret()]].concat();
    let text = "export HASURA_GRAPHQL_UNAUTHORIZED_ROLE=x; graphql-engine serve";
    let hasura = deployment(json!({"env": env, "command": ["sh", "-c", text]}));
    let refused = judged(&hasura, Some(&webhook()), &EnvFromKeys::default()).unwrap_err();
    assert!(matches!(
        refused.refusals[..],
        [Refusal::UnauthorizedRoleBesideHook { .. }]
    ));
}
