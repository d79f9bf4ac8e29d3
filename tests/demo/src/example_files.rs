//! The files that people copy are what the types say.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace, Secret},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    manifests::{self, Manifest},
    play::{INDICATOR, NAMESPACE},
};

fn examples() -> Vec<Manifest> {
    manifests::read(&manifests::folder("examples/quickstart")).unwrap()
}

/// The fields of an object that its type does not know or reads as something else.
fn unknown_fields<T: DeserializeOwned + Serialize>(object: &Value) -> Vec<String> {
    let typed: T = serde_json::from_value(object.clone()).unwrap();
    let mut unknown = Vec::new();
    compare(
        "",
        object,
        &serde_json::to_value(typed).unwrap(),
        &mut unknown,
    );
    unknown
}

fn compare(path: &str, written: &Value, read: &Value, unknown: &mut Vec<String>) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (name, value) in written {
                let path = format!("{path}.{name}");
                let read = read.get(name).unwrap_or(&Value::Null);
                compare(&path, value, read, unknown);
            }
        }
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => {
            for (index, value) in written.iter().enumerate() {
                compare(&format!("{path}[{index}]"), value, &read[index], unknown);
            }
        }
        _ if written == read => {}
        _ => unknown.push(path.to_owned()),
    }
}

fn unknown_fields_of(manifest: &Manifest) -> Vec<String> {
    let object = &manifest.object;
    match manifest.kind() {
        "Namespace" => unknown_fields::<Namespace>(object),
        "Secret" => unknown_fields::<Secret>(object),
        "Deployment" => unknown_fields::<Deployment>(object),
        "LogtoTenant" => unknown_fields::<LogtoTenant>(object),
        "HasuraInstance" => unknown_fields::<HasuraInstance>(object),
        "HasuraRoleBinding" => unknown_fields::<HasuraRoleBinding>(object),
        kind => panic!("{}: no type for {kind}", manifest.file),
    }
}

#[test]
fn the_example_holds_every_object_of_the_way_from_logto_to_hasura() {
    let titles: Vec<_> = examples().iter().map(Manifest::title).collect();
    assert_eq!(
        titles,
        [
            "Namespace shop",
            "Secret logto-m2m",
            "LogtoTenant main",
            "Secret hasura",
            "Deployment hasura",
            "HasuraInstance shop",
            "HasuraRoleBinding user-reader",
            "HasuraRoleBinding user-maintainer",
        ]
    );
}

#[test]
fn the_example_files_hold_no_field_that_their_kinds_do_not_know() {
    for manifest in examples() {
        let none: [String; 0] = [];
        assert_eq!(unknown_fields_of(&manifest), none, "{}", manifest.file);
    }
}

#[test]
fn a_misspelt_field_would_be_found() {
    let mut examples = examples();
    let binding = examples.last_mut().unwrap();
    binding.object["spec"]["scope"]["desription"] = json!("misspelt");
    assert_eq!(unknown_fields_of(binding), [".spec.scope.desription"]);
}

#[test]
fn the_example_is_for_a_real_cluster_and_needs_no_plain_http() {
    let examples = examples();
    let object = |title: &str| {
        let found = examples.iter().find(|manifest| manifest.title() == title);
        &found.unwrap().object
    };
    let endpoint = &object("Secret logto-m2m")["stringData"]["endpoint"];
    assert!(
        endpoint.as_str().unwrap().starts_with("https://"),
        "{endpoint}"
    );
    let tenant = &object("LogtoTenant main")["spec"];
    assert!(tenant.get("allowPlainHttp").is_none(), "{tenant}");
}

#[test]
fn the_demo_looks_where_the_example_is() {
    for manifest in examples() {
        let namespace = &manifest.object["metadata"]["namespace"];
        let is_there =
            *namespace == NAMESPACE || manifest.title() == format!("Namespace {NAMESPACE}");
        assert!(is_there, "{}", manifest.title());
        if manifest.kind() == "HasuraInstance" {
            assert_eq!(
                manifest.object["spec"]["apiResource"]["indicator"],
                INDICATOR
            );
        }
    }
}
