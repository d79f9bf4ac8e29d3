//! Settings under keys of other names, and who may read them.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::super::delivered::{Delivered, read_as};
use super::super::diff::{Change, Finding, diff};
use super::super::entries::applied;
use super::super::env::DesiredAuth;
use super::super::env_from::{EnvFromKeys, SourceKind};
use super::super::hold::with_references;
use super::super::misread::misread;
use super::super::startup::{Proposal, judge};
use super::references::{JWT, holds, live, secret_ref, value};
use super::{ADMIN, admin_secret, deployment, desired, jwt, jwt_secret};
use crate::api::delivery::DeliveryKeys;

const ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";

/// The Secret as a chart wants it.
fn shop_auth() -> Delivered {
    Delivered {
        kind: SourceKind::Secret,
        name: "shop-auth".into(),
        keys: DeliveryKeys {
            jwt_secret: "jwt.secret".into(),
            ..DeliveryKeys::default()
        },
    }
}

fn by_default_names() -> Delivered {
    Delivered {
        keys: DeliveryKeys::default(),
        ..shop_auth()
    }
}

fn by_keys(desired: DesiredAuth) -> DesiredAuth {
    DesiredAuth {
        delivered: Some(shop_auth()),
        ..desired
    }
}

fn reads(variable: &str, key: &str) -> Value {
    json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": "shop-auth", "key": key}}})
}

fn changes(live: &Deployment) -> Result<Vec<Change>, Finding> {
    let wanted = by_keys(desired());
    diff(live, "graphql-engine", Some(&wanted)).map_err(|blocked| blocked.finding)
}

#[test]
fn a_reference_to_the_key_by_name_is_all_that_is_needed() {
    let env = json!([admin_secret(), reads(JWT, "jwt.secret")]);
    let theirs = live(json!({"env": env}), &[holds("helm", secret_ref())]);
    assert_eq!(changes(&theirs), Ok(vec![]));
    let wanted = by_keys(desired());
    let verdict = judge(&Proposal {
        deployment: &theirs,
        container: "graphql-engine",
        desired: Some(&wanted),
        bound_roles: &BTreeSet::new(),
        env_from: &EnvFromKeys::default(),
        rolls: false,
        allow_recreate: false,
    });
    assert_eq!(verdict, Ok(vec![]));
}

#[test]
fn a_reference_to_a_key_of_another_name_is_none_and_the_lines_name_the_key() {
    let whole = json!([{"secretRef": {"name": "shop-auth"}}]);
    for container in [
        json!({"env": [reads(JWT, JWT)]}),
        json!({"env": [admin_secret()]}),
        json!({"envFrom": whole}),
    ] {
        let live = live(container, &[]);
        let Err(Finding::NotReferenced { stanza, .. }) = changes(&live) else {
            panic!("{live:?}");
        };
        let lines: Vec<Value> = serde_saphyr::from_str(&stanza).unwrap();
        assert_eq!(lines, [reads(JWT, "jwt.secret")]);
    }
}

#[test]
fn our_own_entry_moves_to_the_key_in_one_apply() {
    let wanted = by_keys(desired());
    for (entry, held) in [(jwt_secret(), value()), (reads(JWT, JWT), secret_ref())] {
        let live = live(json!({"env": [entry]}), &[holds("logto-hasura", held)]);
        assert_eq!(changes(&live), Ok(vec![Change::Set(JWT)]));
        let body = applied(&live, "graphql-engine", &wanted);
        assert_eq!(body, [reads(JWT, "jwt.secret")]);
    }
}

#[test]
fn a_reference_to_be_held_at_a_switch_is_known_by_its_object_whatever_the_key() {
    let theirs = holds("helm", secret_ref());
    let live = live(json!({"env": [reads(JWT, "jwt.secret")]}), &[theirs]);
    let held = with_references(&live, "graphql-engine", &by_default_names(), &[JWT]);
    assert_eq!(held, Some(BTreeSet::from([JWT.to_owned()])));
}

#[test]
fn a_key_of_before_is_no_setting_any_more() {
    let env = json!([reads(JWT, "jwt.secret"), reads(ROLE, ROLE)]);
    let live = live(json!({"env": env}), &[]);
    let wanted = by_keys(jwt(None));
    let blocked = diff(&live, "graphql-engine", Some(&wanted)).unwrap_err();
    assert!(
        matches!(blocked.finding, Finding::StaleReference { .. }),
        "{blocked}"
    );
}

#[test]
fn what_a_container_reads_is_told_with_its_key() {
    let from = json!({"configMapKeyRef": {"name": "settings", "key": "role"}});
    let env = json!([reads(JWT, "jwt.secret"), {"name": ROLE, "valueFrom": from}]);
    let live = deployment(json!({"env": env}));
    let read = |variable| read_as(&live, "graphql-engine", variable);
    assert_eq!(read(JWT), Some(shop_auth()));
    let role = read(ROLE).unwrap();
    assert_eq!((role.kind, role.key(ROLE)), (SourceKind::ConfigMap, "role"));
    assert_eq!(read(ADMIN), None);
    let said = shop_auth().variable_read(&live);
    assert_eq!(said.as_deref(), Some(JWT));
    assert_eq!(shop_auth().keys_read_as(&live, JWT), ["jwt.secret"]);
}

/// Hasura's container as it should be, and another one, as a sidecar or before the others.
fn beside(other: Value, place: &str) -> Deployment {
    let mut all = deployment(json!({"env": [reads(JWT, "jwt.secret")]}));
    let mut pod = serde_json::to_value(&all).unwrap();
    let mut other = other;
    other["name"] = json!("other");
    let containers = &mut pod["spec"]["template"]["spec"][place];
    match containers.as_array_mut() {
        Some(containers) => containers.push(other),
        None => *containers = json!([other]),
    }
    all = serde_json::from_value(pod).unwrap();
    all
}

/// The operator's JSON can be guessed, so it would be an admin secret that everybody knows.
#[test]
fn whoever_reads_a_setting_as_another_variable_is_named() {
    let from = |prefix: &str| json!([{"prefix": prefix, "secretRef": {"name": "shop-auth"}}]);
    let sidecars = [
        (json!({"env": [reads(ADMIN, "jwt.secret")]}), ADMIN),
        (
            json!({"env": [reads("PGPASSWORD", "jwt.secret")]}),
            "PGPASSWORD",
        ),
        (json!({"env": [reads(ADMIN, ROLE)]}), ADMIN),
        // An old key may still hold a setting.
        (json!({"env": [reads(ADMIN, "old.key")]}), ADMIN),
        (json!({"env": [reads(JWT, ROLE)]}), JWT),
        (json!({"envFrom": from("")}), "jwt.secret"),
        (json!({"envFrom": from("X_")}), "X_jwt.secret"),
    ];
    for (sidecar, variable) in sidecars {
        for place in ["containers", "initContainers"] {
            let found = misread(&beside(sidecar.clone(), place), &shop_auth());
            let said = found.expect("it is misread").to_string();
            assert!(said.contains(r#"container "other""#), "{said}");
            assert!(said.contains(variable), "{said}");
            assert!(said.contains(r#"Secret "shop-auth""#), "{said}");
        }
    }
    let own = deployment(json!({"env": [reads(JWT, "jwt.secret"), reads(ADMIN, "jwt.secret")]}));
    assert!(misread(&own, &shop_auth()).is_some());
}

#[test]
fn a_value_that_has_a_setting_in_it_is_named() {
    let with = |value: &str| {
        let admin = json!({"name": ADMIN, "value": value});
        deployment(json!({"env": [reads(JWT, "jwt.secret"), admin]}))
    };
    for value in [
        "$(HASURA_GRAPHQL_JWT_SECRET)",
        "a-$$$(HASURA_GRAPHQL_JWT_SECRET)",
    ] {
        let found = misread(&with(value), &shop_auth());
        let said = found.expect("it is misread").to_string();
        assert!(said.contains(ADMIN), "{said}");
    }
    for value in ["$$(HASURA_GRAPHQL_JWT_SECRET)", "$(OTHER)"] {
        assert_eq!(misread(&with(value), &shop_auth()), None, "{value}");
    }
    // That of somebody else's.
    let value = json!({"name": ADMIN, "value": "$(HASURA_GRAPHQL_JWT_SECRET)"});
    let other = json!({"env": [jwt_secret(), value]});
    assert_eq!(misread(&deployment(other), &shop_auth()), None);
}

#[test]
fn a_prefix_can_make_an_admin_secret_of_a_key() {
    let mut object = shop_auth();
    object.keys.jwt_secret = "ADMIN_SECRET".into();
    let source = json!([{"prefix": "HASURA_GRAPHQL_", "secretRef": {"name": "shop-auth"}}]);
    let found = misread(&deployment(json!({"envFrom": source})), &object);
    let said = found.expect("it is misread").to_string();
    assert!(said.contains(ADMIN), "{said}");
}

#[test]
fn a_setting_that_is_read_as_what_it_is_is_well() {
    let same = json!({"env": [reads(JWT, "jwt.secret"), reads(ROLE, ROLE)]});
    assert_eq!(misread(&beside(same, "containers"), &shop_auth()), None);
    let others = json!({"env": [admin_secret()], "envFrom": [{"secretRef": {"name": "other"}}]});
    assert_eq!(misread(&beside(others, "containers"), &shop_auth()), None);
    let config_map = json!({"envFrom": [{"configMapRef": {"name": "shop-auth"}}]});
    assert_eq!(
        misread(&beside(config_map, "containers"), &shop_auth()),
        None
    );
    let whole = json!({"envFrom": [{"secretRef": {"name": "shop-auth"}}]});
    assert_eq!(misread(&deployment(whole), &by_default_names()), None);
    let mut short = by_default_names();
    short.keys = DeliveryKeys {
        jwt_secret: "JWT_SECRET".into(),
        unauthorized_role: "UNAUTHORIZED_ROLE".into(),
        auth_hook: "AUTH_HOOK".into(),
        auth_hook_mode: "AUTH_HOOK_MODE".into(),
    };
    let source = json!([{"prefix": "HASURA_GRAPHQL_", "secretRef": {"name": "shop-auth"}}]);
    let by_prefix = deployment(json!({"envFrom": source}));
    assert_eq!(misread(&by_prefix, &short), None);
    let wanted = DesiredAuth {
        delivered: Some(short),
        ..desired()
    };
    let by_prefix = diff(&by_prefix, "graphql-engine", Some(&wanted));
    assert_eq!(by_prefix, Ok(vec![]));
}
