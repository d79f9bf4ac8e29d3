use serde_json::json;

use super::super::env_from::EnvFromKeys;
use super::super::refusal::{Note, Refusal};
use super::startup::{entry, judged, on};
use super::{admin_secret, deployment, desired, jwt, jwt_secret};

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
        let place = "the env entry HASURA_GRAPHQL_UNAUTHORIZED_ROLE".into();
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
    let place = "the env entry HASURA_GRAPHQL_UNAUTHORIZED_ROLE";
    let bound = Refusal::UnauthorizedRoleBound {
        place: place.into(),
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
