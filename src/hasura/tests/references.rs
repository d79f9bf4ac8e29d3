//! Settings in a Secret or ConfigMap that the container refers to.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::super::delivered::Delivered;
use super::super::diff::{Change, Finding, diff};
use super::super::entries::applied;
use super::super::env::DesiredAuth;
use super::super::env_from::{EnvFromKeys, Keys, Source, SourceKind};
use super::super::refusal::{Note, Refusal};
use super::super::startup::{Proposal, judge};
use super::{admin_secret, deployment, desired, hook_entries, jwt, jwt_secret, webhook};
use crate::api::delivery::DeliveryKeys;

pub(super) const JWT: &str = "HASURA_GRAPHQL_JWT_SECRET";
const ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";

fn by_secret(desired: DesiredAuth) -> DesiredAuth {
    let delivered = Some(Delivered {
        kind: SourceKind::Secret,
        name: "shop-auth".into(),
        keys: DeliveryKeys::default(),
    });
    DesiredAuth {
        delivered,
        ..desired
    }
}

pub(super) fn reference(variable: &str) -> Value {
    json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": "shop-auth", "key": variable}}})
}

/// What a manager holds of the JWT secret's entry, as kube-apiserver 1.36 writes it.
pub(super) fn holds(manager: &str, mut fields: Value) -> Value {
    let parts = fields.as_object_mut().unwrap();
    parts.extend([
        (".".to_owned(), json!({})),
        ("f:name".to_owned(), json!({})),
    ]);
    let env = json!({format!(r#"k:{{"name":"{JWT}"}}"#): fields});
    let container = json!({".": {}, "f:name": {}, "f:env": env});
    let containers = json!({r#"k:{"name":"graphql-engine"}"#: container});
    json!({
        "manager": manager, "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}},
    })
}

pub(super) fn value() -> Value {
    json!({"f:value": {}})
}

pub(super) fn secret_ref() -> Value {
    json!({"f:valueFrom": {".": {}, "f:secretKeyRef": {}}})
}

pub(super) fn live(container: Value, managers: &[Value]) -> Deployment {
    let mut live = deployment(container);
    live.metadata.managed_fields = serde_json::from_value(json!(managers)).unwrap();
    live
}

fn changes(live: &Deployment, desired: Option<&DesiredAuth>) -> Result<Vec<Change>, Finding> {
    diff(live, "graphql-engine", desired).map_err(|blocked| blocked.finding)
}

fn body(live: &Deployment) -> Vec<Value> {
    applied(live, "graphql-engine", &by_secret(desired()))
}

#[test]
fn what_the_manifest_refers_to_needs_no_write() {
    let theirs = holds("kubectl", secret_ref());
    let env_from = json!({"envFrom": [{"secretRef": {"name": "shop-auth"}}]});
    for live in [
        live(json!({"env": [reference(JWT)]}), &[theirs]),
        live(env_from, &[]),
    ] {
        assert_eq!(changes(&live, Some(&by_secret(desired()))), Ok(vec![]));
        assert_eq!(body(&live), Vec::<Value>::new());
    }
}

#[test]
fn our_own_value_becomes_a_reference_in_one_apply() {
    let live = live(
        json!({"env": [jwt_secret()]}),
        &[holds("logto-hasura", value())],
    );
    let wanted = by_secret(desired());
    assert_eq!(changes(&live, Some(&wanted)), Ok(vec![Change::Set(JWT)]));
    assert_eq!(body(&live), [reference(JWT)]);
}

#[test]
fn our_own_reference_is_kept_until_the_manifest_has_it() {
    let ours = holds("logto-hasura", secret_ref());
    let alone = live(
        json!({"env": [reference(JWT)]}),
        std::slice::from_ref(&ours),
    );
    let wanted = by_secret(desired());
    assert_eq!(changes(&alone, Some(&wanted)), Ok(vec![]));
    assert_eq!(body(&alone), [reference(JWT)]);
    let both = live(
        json!({"env": [reference(JWT)]}),
        &[ours, holds("kubectl", secret_ref())],
    );
    assert_eq!(
        changes(&both, Some(&wanted)),
        Ok(vec![Change::Drop(JWT.into())])
    );
    assert_eq!(body(&both), Vec::<Value>::new());
}

#[test]
fn our_own_reference_becomes_a_value_and_that_of_others_is_said() {
    let ours = holds("logto-hasura", secret_ref());
    let alone = live(
        json!({"env": [reference(JWT)]}),
        std::slice::from_ref(&ours),
    );
    assert_eq!(
        changes(&alone, Some(&desired())),
        Ok(vec![Change::Set(JWT)])
    );
    assert_eq!(changes(&alone, None), Ok(vec![Change::Drop(JWT.into())]));
    let theirs = holds("kubectl", secret_ref());
    for managers in [vec![ours, theirs.clone()], vec![theirs]] {
        let live = live(json!({"env": [reference(JWT)]}), &managers);
        let blocked = changes(&live, Some(&desired()));
        assert_eq!(blocked, Err(Finding::EnvUsesValueFrom { name: JWT.into() }));
    }
}

#[test]
fn who_does_not_refer_to_it_is_told_the_lines_to_put_in() {
    let theirs = holds("helm", value());
    let other = json!({"name": JWT, "valueFrom": {"secretKeyRef": {"name": "other", "key": JWT}}});
    let prefixed = json!([{"prefix": "X_", "secretRef": {"name": "shop-auth"}}]);
    let shadowed =
        json!({"env": [jwt_secret()], "envFrom": [{"secretRef": {"name": "shop-auth"}}]});
    for live in [
        live(json!({"env": [admin_secret()]}), &[]),
        live(
            json!({"env": [jwt_secret()]}),
            std::slice::from_ref(&theirs),
        ),
        // A value that another manager holds as well would stay beside a reference.
        live(
            json!({"env": [jwt_secret()]}),
            &[theirs, holds("logto-hasura", value())],
        ),
        live(json!({"env": [other]}), &[]),
        live(json!({"envFrom": prefixed}), &[]),
        live(shadowed, &[]),
    ] {
        let wanted = by_secret(jwt(Some("anonymous")));
        let blocked = diff(&live, "graphql-engine", Some(&wanted)).unwrap_err();
        assert_eq!(blocked.finding.reason(), "NotReferenced");
        let said = blocked.to_string();
        let line = "- {name: HASURA_GRAPHQL_JWT_SECRET, valueFrom: {secretKeyRef: {name: shop-auth, key: HASURA_GRAPHQL_JWT_SECRET}}}";
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn only_the_lines_that_are_missing_are_told_and_they_are_yaml() {
    let live = live(json!({"env": [reference(JWT)]}), &[]);
    let wanted = by_secret(jwt(Some("anonymous")));
    let Err(Finding::NotReferenced { stanza, .. }) = changes(&live, Some(&wanted)) else {
        panic!("it has no reference for the role");
    };
    let lines: Vec<Value> = serde_saphyr::from_str(&stanza).unwrap();
    assert_eq!(lines, [reference(ROLE)]);
    let config_map = Delivered {
        kind: SourceKind::ConfigMap,
        name: "auth".into(),
        keys: DeliveryKeys::default(),
    };
    let lines: Vec<Value> = serde_saphyr::from_str(&config_map.stanza([JWT])).unwrap();
    let from = json!({"configMapKeyRef": {"name": "auth", "key": JWT}});
    assert_eq!(lines, [json!({"name": JWT, "valueFrom": from})]);
}

#[test]
fn an_entry_for_a_key_that_is_no_setting_any_more_is_said() {
    let env = json!([reference(JWT), reference(ROLE)]);
    let blocked = changes(&live(json!({"env": env}), &[]), Some(&by_secret(desired())));
    let Err(finding @ Finding::StaleReference { .. }) = blocked else {
        panic!("{blocked:?}");
    };
    assert_eq!(finding.reason(), "NotReferenced");
    assert!(finding.to_string().contains(ROLE), "{finding}");
}

/// The verdict on a container that takes its settings from the Secret, with these sources in envFrom.
fn judged(
    container: Value,
    desired: &DesiredAuth,
    sources: Vec<Source>,
) -> Result<Vec<Note>, Vec<Refusal>> {
    judge(&Proposal {
        deployment: &deployment(container),
        container: "graphql-engine",
        desired: Some(desired),
        bound_roles: &BTreeSet::from(["editor".into()]),
        env_from: &EnvFromKeys {
            sources,
            referenced_role: None,
        }
        .with(desired),
        rolls: true,
        allow_recreate: false,
    })
    .map_err(|refused| refused.refusals)
}

fn secret(name: &str, keys: Keys) -> Source {
    Source {
        kind: SourceKind::Secret,
        name: name.into(),
        prefix: String::new(),
        keys,
        role: None,
    }
}

fn missing(name: &str) -> Source {
    secret(name, Keys::Missing { optional: false })
}

#[test]
fn the_start_up_rules_see_the_values_behind_the_references() {
    let by_entries = json!({"env": [admin_secret(), reference(JWT), reference(ROLE)]});
    let env_from = json!([{"secretRef": {"name": "shop-auth"}}]);
    let by_source = json!({"env": [admin_secret()], "envFrom": env_from});
    // The Secret is not there yet: it is written before the patch, so what it will hold counts.
    for (container, sources) in [
        (by_entries, vec![]),
        (by_source, vec![missing("shop-auth")]),
    ] {
        let verdict = |role| {
            let wanted = by_secret(jwt(Some(role)));
            judged(container.clone(), &wanted, sources.clone())
        };
        assert_eq!(verdict("anonymous"), Ok(vec![]));
        let refused = verdict("admin").unwrap_err();
        assert_eq!(refused[0].reason(), "UnauthorizedRoleInvalid");
    }
}

#[test]
fn a_later_source_that_wins_is_refused() {
    let sources = json!([{"secretRef": {"name": "shop-auth"}}, {"secretRef": {"name": "theirs"}}]);
    let container = json!({"env": [admin_secret()], "envFrom": sources});
    let theirs = secret("theirs", Keys::Known([JWT.to_owned()].into()));
    let refused = judged(
        container,
        &by_secret(desired()),
        vec![missing("shop-auth"), theirs],
    );
    assert_eq!(refused, Err(vec![Refusal::EntryNotKept { name: JWT }]));
}

#[test]
fn a_hook_by_reference_is_no_hook_of_somebody_else() {
    let [hook, method] = hook_entries().map(|entry| reference(entry["name"].as_str().unwrap()));
    let env = json!([admin_secret(), hook, method]);
    let wanted = by_secret(webhook());
    assert_eq!(judged(json!({"env": env}), &wanted, vec![]), Ok(vec![]));
    let with_jwt = json!({"env": [admin_secret(), hook, method, reference(JWT)]});
    let refused = judged(with_jwt, &wanted, vec![]).unwrap_err();
    assert_eq!(refused[0].reason(), "JwtSecretSet");
}
