//! Schemas that are written by hand because deriving them would leave them without bounds.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::NOT_OBSERVED;

/// The conditions of a status, with the bounds that `metav1.Condition` documents.
///
/// Source: kubernetes/apimachinery `pkg/apis/meta/v1/types.go`, type `Condition`.
pub fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 12,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {"type": "string", "maxLength": 316},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
                "lastTransitionTime": {"type": "string", "format": "date-time", "maxLength": 64},
                "reason": {
                    "type": "string", "minLength": 1, "maxLength": 128,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                },
                "message": {"type": "string", "maxLength": 4096}
            }
        }
    })
}

/// A set of Hasura roles; list-type set, so that a role named twice is refused.
pub fn hasura_roles(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 20,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z][A-Za-z0-9_:.-]*( [A-Za-z0-9_:.-]+)*$"}
    })
}

/// Names of namespaces, at least one: an empty list would be a selector that selects nothing.
pub fn namespace_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 64,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
    })
}

/// Labels, at least one: none at all would select every namespace.
///
/// A null that the schema forbids is dropped before anything is checked, so that `{team: null, stage: a}` would select
/// more than it says; nulls are let through to a rule that refuses them. A schema can not bound keys, so another does. Source: kubernetes/apimachinery `pkg/api/validate/content`, `IsLabelKey`.
pub fn match_labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 16,
        "x-kubernetes-validations": [{
            "rule": "self.all(key, size(key) <= 317 && key.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$'))",
            "message": "a key of matchLabels is a label's key, such as example.com/team"
        }, {
            "rule": "self.all(key, dyn(self[key]) != null)",
            "message": "a value of matchLabels is a text, an empty one for a label without a value"
        }],
        "additionalProperties": {"type": "string", "nullable": true, "maxLength": 63, "pattern": "^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$"}
    })
}

/// Patterns of roles, at least one: a name, or the beginning of one and `*`. No role's name holds a `*`.
pub fn role_patterns(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 64,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^([A-Za-z][A-Za-z0-9_:.-]*( [A-Za-z0-9_:.-]+)*( ?[*])?|[*])$"}
    })
}

/// Resource indicators, or the beginnings of some, at least one. No `*`, which would look like a pattern and be none.
pub fn indicators(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "minLength": 4, "maxLength": 256, "pattern": "^[a-z][a-z0-9+.-]*:[A-Za-z0-9._~:/?@!$'()+,;=-]+$"}
    })
}

/// Origins, at most eight; list-type set, so that one named twice is refused.
pub fn origins(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 8,
        "x-kubernetes-list-type": "set",
        "items": {"type": "string", "minLength": 8, "maxLength": 256, "pattern": "^https?://[A-Za-z0-9._:\\[\\]-]+/?$"}
    })
}

/// A moment, to the second.
pub fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "maxLength": 64})
}

/// The definition with no field nullable: a `null` then means absent, as the API conventions ask, and gets the default.
///
/// Source: kubernetes.io "Extend the Kubernetes API with CustomResourceDefinitions", section "Defaulting and Nullable".
pub fn without_nullable(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    schemas(&mut crd).for_each(strip_nullable);
    crd
}

/// The definition with a status for what no operator has seen yet, that kstatus takes for work in progress; it takes an object
/// without a status for done, though the operator may be away.
///
/// Source: kubernetes-sigs/cli-utils `pkg/kstatus/status/generic.go`; Flux gives its kinds the same default.
pub fn unseen_at_first(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for schema in schemas(&mut crd) {
        let properties = schema.properties.as_mut();
        if let Some(status) = properties.and_then(|properties| properties.get_mut("status")) {
            status.default = Some(JSON(json!({"observedGeneration": NOT_OBSERVED})));
        }
    }
    crd
}

fn schemas(crd: &mut CustomResourceDefinition) -> impl Iterator<Item = &mut JSONSchemaProps> {
    let versions = crd.spec.versions.iter_mut();
    versions.filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut())
}

fn strip_nullable(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
        .for_each(strip_nullable);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        strip_nullable(items);
    }
}
