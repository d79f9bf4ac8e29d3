//! HasuraRoleBinding: one Hasura role, its scope and its role in Logto.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LocalRef, schema};

/// One Hasura role = one Logto scope = one Logto role.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "logto-hasura.dev",
    version = "v1alpha1",
    kind = "HasuraRoleBinding",
    plural = "hasurarolebindings",
    shortname = "hrb",
    category = "logto-hasura",
    namespaced,
    status = "HasuraRoleBindingStatus",
    derive = "PartialEq",
    doc = "One Hasura role = one Logto scope = one Logto role.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.hasuraRole"),
    printcolumn(name = "Scope", type_ = "string", json_path = ".spec.scope.name"),
    printcolumn(
        name = "Instance",
        type_ = "string",
        json_path = ".spec.instanceRef.name"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(
    validation = Rule::new("self.instanceRef == oldSelf.instanceRef").message("spec.instanceRef can not be changed; make a new HasuraRoleBinding").field_path(".instanceRef"),
    validation = Rule::new("self.hasuraRole == oldSelf.hasuraRole").message("spec.hasuraRole can not be changed; make a new HasuraRoleBinding").field_path(".hasuraRole"),
    validation = Rule::new("self.hasuraRole.lowerAscii() != 'admin'").message("spec.hasuraRole can not be admin, which is the superuser in Hasura").field_path(".hasuraRole"),
    validation = Rule::new("has(self.logtoRole.name) == has(oldSelf.logtoRole.name) && (!has(self.logtoRole.name) || self.logtoRole.name == oldSelf.logtoRole.name)").message("spec.logtoRole.name can not be changed; make a new HasuraRoleBinding").field_path(".logtoRole.name"),
    validation = Rule::new("self.logtoRole.type == oldSelf.logtoRole.type").message("spec.logtoRole.type can not be changed, as in Logto; make a new HasuraRoleBinding").field_path(".logtoRole.type")
)]
#[serde(rename_all = "camelCase")]
pub struct HasuraRoleBindingSpec {
    /// The HasuraInstance of this namespace. Can not be changed.
    pub instance_ref: LocalRef,
    /// The role in Hasura, case-sensitive. Can not be changed.
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_:.-]*$")
    )]
    pub hasura_role: String,
    /// The scope of the instance's API resource.
    pub scope: Scope,
    /// The role in Logto that people and applications are given.
    #[serde(default)]
    pub logto_role: LogtoRole,
}

/// A scope (Logto's console says permission) of the instance's API resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.description) || !self.description.contains('[logto-hasura:')").message("description can not hold an ownership mark").field_path(".description")
)]
pub struct Scope {
    /// The scope's name, which a client asks for. A new name renames the scope; roles keep it.
    #[schemars(
        length(min = 1, max = 256),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_:.-]*$")
    )]
    pub name: String,
    /// What people read in Logto's console. Absent: only the ownership mark at its end is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        regex(
            pattern = r"^[^\x00-\x1F\x7F\x{80}-\x{9F}\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]*$"
        )
    )]
    pub description: Option<String>,
}

/// A role in Logto.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.name) || self.name.lowerAscii() != 'admin'").message("name can not be admin, which is the superuser in Hasura").field_path(".name"),
    validation = Rule::new("!has(self.description) || !self.description.contains('[logto-hasura:')").message("description can not hold an ownership mark").field_path(".description")
)]
pub struct LogtoRole {
    /// The role's name, unique in the tenant. It starts with the instance's prefix. Absent: the prefix and the Hasura
    /// role. Can not be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_:.-]*$")
    )]
    pub name: Option<String>,
    /// Who can hold it. Can not be changed.
    #[serde(default, rename = "type")]
    pub type_: RoleType,
    /// What people read in Logto's console, at most 73 characters: Logto allows 128, and the ownership mark needs the
    /// rest. Absent: only the mark is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 73),
        regex(
            pattern = r"^[^\x00-\x1F\x7F\x{80}-\x{9F}\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]*$"
        )
    )]
    pub description: Option<String>,
}

/// Who can hold a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RoleType {
    /// People.
    #[default]
    User,
    /// Applications that sign in with their own credentials.
    MachineToMachine,
}

/// What the operator found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HasuraRoleBindingStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, Accepted, RoleSynced, and Reconciling or Stalled while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The LogtoTenant that the objects below are in, for cleaning up when the instance went first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<LocalRef>,
    /// The scope in Logto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeStatus>,
    /// The role in Logto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleStatus>,
    /// The last value of the reconcile annotation that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}

/// The scope in Logto. The ids say where to look; they prove nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScopeStatus {
    /// Logto's id of the scope.
    #[schemars(length(max = 64))]
    pub id: String,
    /// Logto's id of the API resource that it belongs to.
    #[schemars(length(max = 64))]
    pub resource_id: String,
}

/// The role in Logto. The id says where to look; it proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleStatus {
    /// Logto's id of the role.
    #[schemars(length(max = 64))]
    pub id: String,
    /// The role's name in Logto.
    #[schemars(length(max = 128))]
    pub name: String,
}
