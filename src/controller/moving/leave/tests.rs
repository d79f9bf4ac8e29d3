use serde_json::{Value, json};

use super::*;
use crate::{
    api::HasuraInstanceStatus,
    controller::status::Verdict,
    hasura::{
        Target,
        diff::{Blocked, Finding},
        refusal::{Refusal, Refused},
    },
};

const INDICATOR: &str = "https://shop.example.com/";
const JWT: &str = "HASURA_GRAPHQL_JWT_SECRET";

fn instance(spec: &Value) -> HasuraInstance {
    let mut all = json!({
        "tenantRef": {"name": "main"},
        "apiResource": {"indicator": INDICATOR, "name": "Shop"},
        "deploymentRef": {"name": "new"},
    });
    for (field, value) in spec.as_object().unwrap() {
        all[field] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraInstance",
        "metadata": {"name": "shop", "namespace": "shop"}, "spec": all,
    }))
    .unwrap()
}

/// A Deployment with this env entry in a container, which this manager applied.
fn live(name: &str, entry: &Value, manager: &str) -> Deployment {
    let key = |name: &Value| format!("k:{}", json!({"name": name}));
    let fields =
        json!({".": {}, "f:name": {}, "f:value": {}, "f:valueFrom": {"f:secretKeyRef": {}}});
    let entries = json!({key(&entry["name"]): fields});
    let containers = json!({key(&json!("hasura")): {"f:env": entries}});
    serde_json::from_value(json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": "1",
            "managedFields": [{
                "manager": manager, "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}},
            }],
        },
        "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "hasura", "env": [entry]}]}}},
    }))
    .unwrap()
}

fn secret(audience: &Value) -> Value {
    let text = json!({"jwk_url": "https://logto.example.com/oidc/jwks", "audience": audience});
    json!({"name": JWT, "value": text.to_string()})
}

fn fate_of(spec: &Value, uid: &str, live: Option<Deployment>, other: Option<&str>) -> &'static str {
    let before = DeploymentStatus {
        name: Some("old".into()),
        uid: uid.into(),
        ..DeploymentStatus::default()
    };
    let instance = instance(spec);
    let policy = instance.spec.deletion_policy;
    match fate(&instance, &before, live, other.map(str::to_owned), policy) {
        Fate::Nothing => "nothing",
        Fate::Another(_) => "another",
        Fate::Foreign => "foreign",
        Fate::Stays => "stays",
        Fate::Goes(_) => "goes",
    }
}

fn delete() -> Value {
    json!({"deletionPolicy": "Delete"})
}

#[test]
fn what_was_written_for_this_instance_goes_or_stays_by_its_policy() {
    let hook = format!("https://logto.example.com/api/authn/hasura?resource={INDICATOR}");
    let reference = json!({"secretKeyRef": {"name": "shop-auth", "key": JWT}});
    for entry in [
        secret(&json!(INDICATOR)),
        secret(&json!([INDICATOR])),
        json!({"name": "HASURA_GRAPHQL_AUTH_HOOK", "value": hook}),
        json!({"name": JWT, "valueFrom": reference}),
    ] {
        let live = Some(live("old", &entry, "logto-hasura"));
        let secret_mode = json!({"mode": "Secret"});
        let spec = json!({"deletionPolicy": "Delete", "delivery": secret_mode});
        assert_eq!(fate_of(&spec, "1", live.clone(), None), "goes", "{entry}");
        let spec = json!({"delivery": secret_mode});
        assert_eq!(fate_of(&spec, "1", live, None), "stays", "{entry}");
    }
}

#[test]
fn an_instance_that_never_came_to_the_new_deployment_has_the_last_one_to_leave() {
    let mut shop = instance(&json!({}));
    let at = |name: &str| DeploymentStatus {
        name: Some(name.into()),
        ..DeploymentStatus::default()
    };
    let mut status = HasuraInstanceStatus {
        deployment: Some(at("old")),
        previous_deployments: vec![at("older")],
        ..HasuraInstanceStatus::default()
    };
    shop.status = Some(status.clone());
    assert_eq!(previous(&shop), [at("older"), at("old")]);
    status.deployment = Some(at("new"));
    shop.status = Some(status);
    assert_eq!(previous(&shop), [at("older")]);
}

#[test]
fn what_a_forged_status_names_is_left_alone() {
    let ours = || Some(live("old", &secret(&json!(INDICATOR)), "logto-hasura"));
    // Another object of the name, and one that the spec names itself.
    assert_eq!(fate_of(&delete(), "2", ours(), None), "nothing");
    let named = json!({"deletionPolicy": "Delete", "deploymentRef": {"name": "old"}});
    assert_eq!(fate_of(&named, "1", ours(), None), "nothing");
    // Entries of another manager.
    let theirs = live("old", &secret(&json!(INDICATOR)), "helm");
    assert_eq!(fate_of(&delete(), "1", Some(theirs), None), "nothing");
    // Entries for another API resource, through whatever they come.
    let reference = json!({"secretKeyRef": {"name": "billing-auth", "key": JWT}});
    for entry in [
        secret(&json!("https://billing.example.com/")),
        secret(&json!(["https://billing.example.com/"])),
        secret(&Value::Null),
        json!({"name": JWT, "value": "no JSON"}),
        json!({"name": JWT, "valueFrom": reference}),
        json!({"name": "HASURA_GRAPHQL_AUTH_HOOK", "value": "https://a/?resource=https%3A%2F%2Fbilling"}),
        json!({"name": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "value": "anonymous"}),
    ] {
        let live = Some(live("old", &entry, "logto-hasura"));
        assert_eq!(fate_of(&delete(), "1", live, None), "foreign", "{entry}");
    }
}

#[test]
fn one_that_another_instance_names_is_left_to_it_and_one_that_is_gone_is_forgotten() {
    let live = live("old", &secret(&json!(INDICATOR)), "logto-hasura");
    assert_eq!(fate_of(&delete(), "1", Some(live), Some("b")), "another");
    assert_eq!(fate_of(&delete(), "1", None, None), "nothing");
}

/// What a Deployment comes to that this was found in the way of.
fn done_of(error: JudgedApplyError) -> Done {
    let deployment = "old".to_owned();
    done("old", Some(Stays::Mendable { deployment, error }))
}

#[test]
fn what_can_be_mended_is_waited_for_with_words_of_what_to_do_and_is_not_forgotten() {
    let target = Target {
        deployment: "shop/old".into(),
        container: "hasura".into(),
    };
    let strategy = Refusal::StrategyStopsAllPods {
        strategy: "Recreate".into(),
    };
    let refused = Refused {
        target: target.clone(),
        refusals: vec![strategy],
        unwatched: false,
    };
    let name = JWT.to_owned();
    let finding = Finding::ValueTakenOver { name };
    let blocked = Blocked { target, finding };
    for (error, expected, words) in [
        (refused.into(), "StrategyStopsAllPods", "Recreate"),
        (blocked.into(), "ValueTakenOver", "remove the entry by hand"),
    ] {
        let Done::InTheWay { reason, why } = done_of(error) else {
            panic!("{expected} was taken for final");
        };
        assert_eq!(reason, expected);
        let wait = Duration::from_secs(30);
        let outcome = to_mend(reason, &why, wait);
        assert_eq!(outcome.next, Next::After(wait));
        assert!(matches!(outcome.verdict, Verdict::Stalled(found, _) if found == expected));
        for words in [words, "\"old\"", "spec.deletionPolicy"] {
            assert!(outcome.message().contains(words), "{}", outcome.message());
        }
    }
}

#[test]
fn what_was_taken_by_force_stays_for_good() {
    let deployment = "old".to_owned();
    let done = done("old", Some(Stays::Forced { deployment }));
    assert!(matches!(done, Done::LeftBehind(why) if why.contains("Force")));
}
