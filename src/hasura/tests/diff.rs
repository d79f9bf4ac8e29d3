use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::super::diff::{Change, Finding, diff};
use super::super::env::DesiredAuth;
use super::super::owned_key_hash;
use super::{deployment, desired, hook_entries, jwt, jwt_secret, webhook};

const JWT: &str = "HASURA_GRAPHQL_JWT_SECRET";
const ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";

/// The managedFields entry of a manager, as kube-apiserver 1.36 writes it.
fn managed(manager: &str, operation: &str, container: &str, entries: Value) -> Value {
    let containers = json!({format!(r#"k:{{"name":"{container}"}}"#): {".": {}, "f:env": entries, "f:name": {}}});
    json!({
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}},
    })
}

fn whole(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| {
            let key = format!(r#"k:{{"name":"{name}"}}"#);
            (key, json!({".": {}, "f:name": {}, "f:value": {}}))
        })
        .collect()
}

fn live(env: Value, managers: Value) -> Deployment {
    let mut live = deployment(json!({"env": env}));
    live.metadata.managed_fields = serde_json::from_value(managers).unwrap();
    live
}

fn ours(names: &[&str]) -> Value {
    json!([managed(
        "logto-hasura",
        "Apply",
        "graphql-engine",
        whole(names)
    )])
}

fn changes(live: &Deployment, desired: Option<&DesiredAuth>) -> Result<Vec<Change>, Finding> {
    diff(live, "graphql-engine", desired).map_err(|blocked| blocked.finding)
}

fn role(name: &str) -> Value {
    json!({"name": ROLE, "value": name})
}

fn with_role() -> DesiredAuth {
    jwt(Some("anonymous"))
}

fn with_hash(hash: &str) -> DesiredAuth {
    DesiredAuth {
        key_hash: Some(hash.into()),
        ..desired()
    }
}

const HASH: &str = "logto-hasura.dev/auth-hash";

/// A Deployment with our JWT secret and this annotation, which the manager applied.
fn annotated(hash: &str, manager: &str) -> Deployment {
    let mut live = live(json!([jwt_secret()]), ours(&[JWT]));
    let fields = json!({"f:spec": {"f:template": {"f:metadata": {"f:annotations": {format!("f:{HASH}"): {}}}}}});
    let entry = json!({"manager": manager, "operation": "Apply", "fieldsV1": fields});
    let managers = live.metadata.managed_fields.get_or_insert_default();
    managers.push(serde_json::from_value(entry).unwrap());
    let template = &mut live.spec.as_mut().unwrap().template;
    template.metadata = serde_json::from_value(json!({"annotations": {HASH: hash}})).unwrap();
    live
}

#[test]
fn our_own_value_needs_no_write() {
    let one = live(json!([jwt_secret()]), ours(&[JWT]));
    assert_eq!(changes(&one, Some(&desired())), Ok(vec![]));
    let both = live(json!([role("anonymous"), jwt_secret()]), ours(&[JWT, ROLE]));
    assert_eq!(changes(&both, Some(&with_role())), Ok(vec![]));
}

#[test]
fn an_absent_or_different_value_is_set() {
    let none = live(json!([]), json!([]));
    assert_eq!(
        changes(&none, Some(&with_role())),
        Ok(vec![Change::Set(JWT), Change::Set(ROLE)])
    );
    let other = live(json!([{"name": JWT, "value": "old"}]), ours(&[JWT]));
    assert_eq!(
        changes(&other, Some(&desired())),
        Ok(vec![Change::Set(JWT)])
    );
}

#[test]
fn an_equal_value_of_somebody_else_is_made_ours_too() {
    let managers = [
        managed(
            "argocd-controller",
            "Apply",
            "graphql-engine",
            whole(&[JWT]),
        ),
        // The same name with another operation is not our apply.
        managed("logto-hasura", "Update", "graphql-engine", whole(&[JWT])),
    ];
    for manager in managers {
        let theirs = live(json!([jwt_secret()]), json!([manager]));
        assert_eq!(
            changes(&theirs, Some(&desired())),
            Ok(vec![Change::Own(JWT)])
        );
    }
}

#[test]
fn an_entry_that_is_no_longer_wanted_is_dropped() {
    let both = live(json!([role("anonymous"), jwt_secret()]), ours(&[JWT, ROLE]));
    assert_eq!(
        changes(&both, Some(&desired())),
        Ok(vec![Change::Drop(ROLE.into())])
    );
    let all = vec![Change::Drop(JWT.into()), Change::Drop(ROLE.into())];
    assert_eq!(changes(&both, None), Ok(all));
}

#[test]
fn what_others_made_is_never_dropped() {
    let theirs = json!([managed(
        "helm",
        "Update",
        "graphql-engine",
        whole(&[JWT, ROLE])
    )]);
    let live = live(json!([role("anonymous"), jwt_secret()]), theirs);
    assert_eq!(changes(&live, None), Ok(vec![]));
}

#[test]
fn an_entry_whose_value_somebody_else_took_over_is_not_dropped() {
    let taken = json!({format!(r#"k:{{"name":"{ROLE}"}}"#): {".": {}, "f:name": {}}});
    let managers = json!([managed("logto-hasura", "Apply", "graphql-engine", taken)]);
    let live = live(json!([role("guest")]), managers);
    assert_eq!(
        changes(&live, None),
        Err(Finding::ValueTakenOver { name: ROLE.into() })
    );
    // It is still wanted: the apply is tried, and the API server names who took it.
    let wanted = changes(&live, Some(&with_role()));
    assert_eq!(wanted, Ok(vec![Change::Set(JWT), Change::Set(ROLE)]));
}

#[test]
fn a_value_that_was_taken_over_and_is_equal_again_is_made_ours_again() {
    let taken = json!({format!(r#"k:{{"name":"{JWT}"}}"#): {".": {}, "f:name": {}}});
    let managers = json!([managed("logto-hasura", "Apply", "graphql-engine", taken)]);
    let live = live(json!([jwt_secret()]), managers);
    assert_eq!(changes(&live, Some(&desired())), Ok(vec![Change::Own(JWT)]));
}

#[test]
fn an_entry_with_value_from_blocks_and_says_so() {
    let from = json!({"name": JWT, "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}});
    let live = live(json!([from]), json!([]));
    let blocked = diff(&live, "graphql-engine", Some(&desired())).unwrap_err();
    assert_eq!(blocked.finding.reason(), "EnvUsesValueFrom");
    assert_eq!(
        blocked.to_string(),
        "Deployment shop/hasura, container graphql-engine: the env entry HASURA_GRAPHQL_JWT_SECRET uses valueFrom; \
         remove it, so that its value can be set"
    );
    assert_eq!(changes(&live, None), Ok(vec![]));
}

#[test]
fn two_entries_of_our_name_block() {
    let live = live(json!([jwt_secret(), jwt_secret()]), ours(&[JWT]));
    assert_eq!(
        changes(&live, Some(&desired())),
        Err(Finding::EnvDuplicated { name: JWT.into() })
    );
}

#[test]
fn entries_in_another_container_go_in_the_same_apply_that_sets_those_of_this_one() {
    let managers = json!([managed("logto-hasura", "Apply", "second", whole(&[JWT]))]);
    let live = live(json!([]), managers);
    let leave = Change::Leave {
        container: "second".into(),
        name: JWT.into(),
    };
    assert_eq!(
        changes(&live, Some(&desired())),
        Ok(vec![Change::Set(JWT), leave.clone()])
    );
    assert_eq!(changes(&live, None), Ok(vec![leave]));
}

#[test]
fn an_entry_of_another_container_that_somebody_else_took_over_is_named_with_that_container() {
    let taken = json!({format!(r#"k:{{"name":"{JWT}"}}"#): {".": {}, "f:name": {}}});
    let managers = json!([managed("logto-hasura", "Apply", "second", taken)]);
    let live = live(json!([]), managers);
    let blocked = diff(&live, "graphql-engine", Some(&desired())).unwrap_err();
    assert_eq!(blocked.target.container, "second");
    assert_eq!(blocked.finding.reason(), "ValueTakenOver");
}

#[test]
fn strange_managed_fields_are_no_ground_to_panic() {
    for fields in [
        json!(null),
        json!([]),
        json!({"f:spec": 1}),
        json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:nope": {}, "v:1": {}, "k:{\"id\":1}": {}, ".": {}}}}}}),
    ] {
        let managers =
            json!([{"manager": "logto-hasura", "operation": "Apply", "fieldsV1": fields}]);
        let live = live(json!([jwt_secret()]), managers);
        assert_eq!(changes(&live, Some(&desired())), Ok(vec![Change::Own(JWT)]));
    }
    assert_eq!(
        changes(&Deployment::default(), Some(&desired())),
        Ok(vec![Change::Set(JWT)])
    );
}

#[test]
fn a_switch_between_the_modes_sets_and_drops_all_at_once() {
    let hook = "HASURA_GRAPHQL_AUTH_HOOK";
    let method = "HASURA_GRAPHQL_AUTH_HOOK_MODE";
    let one = live(json!([jwt_secret()]), ours(&[JWT]));
    let to_webhook = vec![
        Change::Set(hook),
        Change::Set(method),
        Change::Drop(JWT.into()),
    ];
    assert_eq!(changes(&one, Some(&webhook())), Ok(to_webhook));
    let other = live(json!(hook_entries()), ours(&[hook, method]));
    assert_eq!(changes(&other, Some(&webhook())), Ok(vec![]));
    let back = vec![
        Change::Set(JWT),
        Change::Drop(hook.into()),
        Change::Drop(method.into()),
    ];
    assert_eq!(changes(&other, Some(&desired())), Ok(back));
}

#[test]
fn our_annotation_is_written_when_the_keys_change_and_not_else() {
    let none = live(json!([jwt_secret()]), ours(&[JWT]));
    assert_eq!(
        changes(&none, Some(&with_hash("a"))),
        Ok(vec![Change::Set(HASH)])
    );
    let ours = annotated("a", "logto-hasura");
    assert_eq!(owned_key_hash(&ours), Some("a"));
    assert_eq!(changes(&ours, Some(&with_hash("a"))), Ok(vec![]));
    assert_eq!(
        changes(&ours, Some(&with_hash("b"))),
        Ok(vec![Change::Set(HASH)])
    );
    assert_eq!(
        changes(&ours, Some(&desired())),
        Ok(vec![Change::Drop(HASH.into())])
    );
}

#[test]
fn an_annotation_of_somebody_else_is_not_ours_to_drop() {
    let theirs = annotated("a", "kubectl");
    assert_eq!(owned_key_hash(&theirs), None);
    assert_eq!(changes(&theirs, Some(&desired())), Ok(vec![]));
    assert_eq!(
        changes(&theirs, Some(&with_hash("a"))),
        Ok(vec![Change::Own(HASH)])
    );
    // The apply is tried, and the API server names who holds it.
    assert_eq!(
        changes(&theirs, Some(&with_hash("b"))),
        Ok(vec![Change::Set(HASH)])
    );
}
