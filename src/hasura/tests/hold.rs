//! What is held or given up of an entry that a manifest has too.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::super::apply::Apis;
use super::super::delivered::Delivered;
use super::super::env_from::SourceKind;
use super::super::hold::{hold, with_references, without_shared_values};
use super::references::{JWT, holds, live, reference, secret_ref, value};
use super::{FakeApi, Seen, jwt_secret};
use crate::api::delivery::DeliveryKeys;

fn shop_auth() -> Delivered {
    Delivered {
        kind: SourceKind::Secret,
        name: "shop-auth".into(),
        keys: DeliveryKeys::default(),
    }
}

fn referring(managers: &[Value]) -> Deployment {
    live(json!({"env": [reference(JWT)]}), managers)
}

fn of(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_reference_to_the_object_of_before_is_held_once() {
    let theirs = holds("kubectl", secret_ref());
    let names = |live: &Deployment, object: &Delivered| {
        with_references(live, "graphql-engine", object, &[JWT])
    };
    let alone = referring(std::slice::from_ref(&theirs));
    assert_eq!(names(&alone, &shop_auth()), Some(of(&[JWT])));
    let both = referring(&[theirs, holds("logto-hasura", secret_ref())]);
    assert_eq!(names(&both, &shop_auth()), None);
    let other = Delivered {
        name: "other".into(),
        ..shop_auth()
    };
    assert_eq!(names(&alone, &other), None);
}

#[test]
fn only_a_value_that_another_manager_holds_too_is_given_up() {
    let ours = holds("logto-hasura", value());
    let theirs = holds("argocd-controller", value());
    let on = |managers: &[Value]| {
        let live = live(json!({"env": [jwt_secret()]}), managers);
        without_shared_values(&live, "graphql-engine")
    };
    assert_eq!(on(&[ours.clone(), theirs.clone()]), Some(of(&[])));
    assert_eq!(on(std::slice::from_ref(&ours)), None);
    assert_eq!(on(&[theirs]), None);
    // Who holds the name alone would be left with an empty entry.
    assert_eq!(on(&[ours, holds("kubectl", json!({}))]), None);
}

async fn held(live: &Deployment, dry_run: &Deployment, names: &[&str]) -> Vec<Seen> {
    let answer = || (200, serde_json::to_value(dry_run).unwrap());
    let fake = FakeApi::answering([answer(), answer()]);
    let apis = Apis::new(&fake.client(), "shop");
    hold(&apis, live, "graphql-engine", &of(names))
        .await
        .unwrap();
    fake.seen()
}

#[tokio::test]
async fn an_entry_is_held_as_it_is_after_a_dry_run() {
    let live = referring(&[holds("kubectl", secret_ref())]);
    let seen = held(&live, &live, &[JWT]).await;
    assert_eq!(seen.len(), 2);
    assert!(seen[0].line.contains("dryRun=All") && !seen[1].line.contains("dryRun"));
    assert!(!seen[1].line.contains("force=true"), "{}", seen[1].line);
    for request in seen {
        let pod = &request.body["spec"]["template"]["spec"];
        let container = json!({"name": "graphql-engine", "env": [reference(JWT)]});
        assert_eq!(*pod, json!({"containers": [container]}));
        assert_eq!(request.body["metadata"]["resourceVersion"], "230");
    }
}

#[tokio::test]
async fn what_would_change_the_pods_is_not_written() {
    let managers = [holds("logto-hasura", value()), holds("argocd", value())];
    let before = live(json!({"env": [jwt_secret()]}), &managers);
    let without = live(json!({"env": []}), &[]);
    let seen = held(&before, &without, &[]).await;
    assert_eq!(seen.len(), 1, "only the dry run");
    assert!(seen[0].body.get("spec").is_none(), "{}", seen[0].body);
}
