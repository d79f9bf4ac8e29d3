//! What all kinds have in common: who decides, who may refer to whom, and what would be done.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// A reference to an object of our own kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Name of the object.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Its namespace; absent: the same. Another one has to allow it, and one that does not is as one that is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub namespace: Option<String>,
}

/// Whether the operator writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManagementPolicy {
    /// It does what the spec asks for.
    #[default]
    Manage,
    /// It writes nothing to Logto or to a Deployment, at deletion neither; `status.plan` says what it would do. Only the
    /// grant of a binding ends with it, where the instance is managed.
    Observe,
}

/// Whether what is there already, made by somebody else, may be taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// It is a conflict.
    #[default]
    Never,
    /// It is taken over where `spec.adoption` of the LogtoTenant allows it too, and never deleted.
    Adopt,
}

/// Namespaces, by their names or by their labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.names) != has(self.matchLabels)").message("namespaces are given by exactly one of names and matchLabels")
)]
pub struct Namespaces {
    /// Their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::namespace_names")]
    pub names: Option<Vec<String>>,
    /// Labels that they all have. The operator needs the right to list and watch namespaces for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::match_labels")]
    pub match_labels: Option<BTreeMap<String, String>>,
}

/// What the operator would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// In this order, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub steps: Vec<PlannedStep>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub left_out: i32,
}

/// Skips a count of nothing.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_zero(count: &i32) -> bool {
    *count == 0
}

/// One thing that the operator would do, or would not touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// What kind of change it is.
    pub action: PlannedAction,
    /// The object and the change, in words.
    #[schemars(length(max = 1024))]
    pub what: String,
}

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PlannedAction {
    /// Make what is not there.
    Create,
    /// Take over what somebody else made.
    Adopt,
    /// Change what is there.
    Change,
    /// Take away what the operator made.
    Delete,
    /// Nothing: it is somebody else's and stands in the way.
    Foreign,
}
