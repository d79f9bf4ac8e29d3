//! `crds/` is what the types say.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use logto_hasura::{api, cli::crds};

#[test]
fn the_committed_definitions_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for crd in api::crds() {
        let name = crds::file_name(&crd);
        let committed = fs::read_to_string(folder.join(&name)).unwrap();
        assert_eq!(
            committed,
            crds::yaml(&crd).unwrap(),
            "crds/{name} is out of date: run `make crds`"
        );
    }
    assert_eq!(
        fs::read_dir(folder).unwrap().count(),
        api::crds().len(),
        "crds/ holds another file"
    );
}

#[test]
fn every_text_list_and_number_of_a_schema_is_bounded() {
    for crd in api::crds() {
        for version in &crd.spec.versions {
            let schema = serde_json::to_value(version.schema.as_ref().unwrap()).unwrap();
            let unbounded = unbounded(&schema["openAPIV3Schema"], "");
            assert!(
                unbounded.is_empty(),
                "{}: {unbounded:?}",
                crd.spec.names.kind
            );
        }
    }
}

fn unbounded(schema: &serde_json::Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let bounded = match schema["type"].as_str() {
        Some("string") => schema.get("maxLength").is_some() || schema.get("enum").is_some(),
        Some("integer") if path.ends_with("bservedGeneration") => true,
        Some("integer") => schema.get("minimum").is_some() && schema.get("maximum").is_some(),
        Some("array") => schema.get("maxItems").is_some(),
        Some("object") if schema.get("additionalProperties").is_some() => {
            schema.get("maxProperties").is_some()
        }
        _ => true,
    };
    if !bounded {
        found.push(path.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.extend(unbounded(property, &format!("{path}.{name}")));
    }
    for all in ["items", "additionalProperties"] {
        if schema.get(all).is_some() {
            found.extend(unbounded(&schema[all], &format!("{path}[]")));
        }
    }
    found
}
