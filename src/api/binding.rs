//! HasuraRoleBinding: one Hasura role, its scope and its role in Logto.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Origin, Reference,
    policy::{AdoptionPolicy, ManagementPolicy, PlanStatus},
    schema,
};

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
    validation = Rule::new("self.logtoRole.type == oldSelf.logtoRole.type").message("spec.logtoRole.type can not be changed, as in Logto; make a new HasuraRoleBinding").field_path(".logtoRole.type"),
    validation = Rule::new("!has(self.subjects) || self.subjects.all(subject, (subject.kind == 'User') == (self.logtoRole.type == 'User'))").message("subjects of kind User go with logtoRole.type User, those of kind Application with MachineToMachine").field_path(".subjects")
)]
#[serde(rename_all = "camelCase")]
pub struct HasuraRoleBindingSpec {
    /// The HasuraInstance. Can not be changed.
    pub instance_ref: Reference,
    /// The role in Hasura, case-sensitive. Single spaces may stand inside it, as in `Sales Manager`. Can not be changed.
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_:.-]*( [A-Za-z0-9_:.-]+)*$")
    )]
    pub hasura_role: String,
    /// The scope of the instance's API resource.
    pub scope: Scope,
    /// The role in Logto that people and applications are given.
    #[serde(default)]
    pub logto_role: LogtoRole,
    /// Who is given the role, at most 100. What the binding assigned is taken back when the subject leaves this list;
    /// what somebody else assigned never is. Naming somebody twice is as naming him once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub subjects: Vec<Subject>,
    /// Whether the operator writes.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// Whether a scope and a role of these names that somebody else made may be taken over. A role that holds another
    /// scope than the binding's never is.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// What becomes of the scope and the role when the binding is deleted. What was taken over is never deleted, and the
    /// claims name the role no longer whatever is said here.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Hands off, at deletion too. Only its grant ends with it, where the instance is managed, and consent that is
    /// withdrawn still takes effect.
    #[serde(default)]
    pub suspend: bool,
}

/// What becomes of a scope and a role when their binding is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They are deleted, but a role that anybody holds stays, without the scope.
    #[default]
    DeleteUnused,
    /// They are deleted, and with the role everybody's hold of it.
    Delete,
    /// They stay as they are.
    Retain,
}

/// Somebody who is given the role: a user by `id`, `primaryEmail` or `username`, an application by `id` or `name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.id) ? 1 : 0) + (has(self.primaryEmail) ? 1 : 0) + (has(self.username) ? 1 : 0) + (has(self.name) ? 1 : 0) == 1").message("a subject is named by exactly one of id, primaryEmail, username (User) or id, name (Application)"),
    validation = Rule::new("self.kind != 'User' || !has(self.name)").message("a User is named by id, primaryEmail or username").field_path(".name"),
    validation = Rule::new("self.kind != 'Application' || (!has(self.primaryEmail) && !has(self.username))").message("an Application is named by id or name").field_path(".kind")
)]
pub struct Subject {
    /// What it is: `User` with a role of type User, `Application` with one of type MachineToMachine.
    pub kind: SubjectKind,
    /// Logto's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 21), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub id: Option<String>,
    /// A user's primary e-mail address, to the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // No separators, controls or invisible characters: the address is shown in the status.
    #[schemars(
        length(min = 5, max = 128),
        regex(pattern = r"^[^@\p{C}\p{Z}]+@[^@\p{C}\p{Z}]+\.[^@\p{C}\p{Z}]+$")
    )]
    pub primary_email: Option<String>,
    /// The username of an account that is there when it is named here, to the letter. An account that is registered
    /// under this name later is not meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$")
    )]
    pub username: Option<String>,
    /// An application's name, if only one has it, to the letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 256),
        regex(
            pattern = r"^[^\x00-\x1F\x7F\x{80}-\x{9F}\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]+$"
        )
    )]
    pub name: Option<String>,
}

/// What a subject is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum SubjectKind {
    /// Somebody who signs in.
    User,
    /// A machine-to-machine application.
    Application,
}

/// A scope (Logto's console says permission) of the instance's API resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.description) || !self.description.contains('[logto-hasura:')").message("description can not hold an ownership mark").field_path(".description")
)]
pub struct Scope {
    /// The scope's name, which a client asks for. A `*` in it, as in `messaging:message:*`, is a letter like any other and
    /// stands for nothing else. A new name renames the scope; roles keep it.
    #[schemars(
        length(min = 1, max = 256),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_:.*-]*$")
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
    validation = Rule::new("!has(self.isDefault) || !self.isDefault || self.type == 'User'").message("isDefault works for type User only: Logto ignores it for applications").field_path(".isDefault"),
    validation = Rule::new("!has(self.name) || self.name.lowerAscii() != 'admin'").message("name can not be admin, which is the superuser in Hasura").field_path(".name"),
    validation = Rule::new("!has(self.description) || !self.description.contains('[logto-hasura:')").message("description can not hold an ownership mark").field_path(".description")
)]
pub struct LogtoRole {
    /// The role's name, unique in the tenant. It starts with the instance's prefix. Absent: the prefix and the Hasura
    /// role. Can not be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_:.-]*( [A-Za-z0-9_:.-]+)*$")
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
    /// Whether everybody who registers from now on gets the role. Absent: left as it is in Logto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
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
    /// The generation of the spec that this status speaks of; -1 before the first visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// Ready, Accepted, RoleSynced, ClaimsPublished, SubjectsAssigned, ExtraScopes, InSync, GrantWithdrawn, and Reconciling or Stalled while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The LogtoTenant that the objects below are in, for cleaning up when the instance went first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<Reference>,
    /// The scope in Logto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeStatus>,
    /// The role in Logto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleStatus>,
    /// Who was given the role, and who could not be; also those that left the spec but were not taken back yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub subjects: Vec<SubjectStatus>,
    /// With policy Observe: what would be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
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
    /// Where it comes from, as its mark says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
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
    /// Where it comes from, as its mark says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What became of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectStatus {
    /// What it is.
    pub kind: SubjectKind,
    /// How the spec names it, as `username=alice`.
    #[schemars(length(max = 300))]
    pub named: String,
    /// Logto's id, once found. A name that later means somebody else is reported, never assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub id: Option<String>,
    /// What became of it.
    pub state: SubjectState,
    /// When the operator first saw it named. An account with this username has to be older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub named_since: Option<Time>,
}

/// What became of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SubjectState {
    /// It did not have the role, and the request that gives it is about to be sent or its answer was lost.
    Assigning,
    /// The binding gave it the role, and takes it back when the subject leaves the spec.
    Assigned,
    /// It had the role already, by somebody else's hand, and keeps it.
    HadRole,
    /// Somebody took the role away from it in Logto. It is not given again; name the subject anew for that.
    TakenAway,
    /// Nobody is named so; for a username: nobody who was there when it was named. Also somebody who was found, and has
    /// to wait because nobody may be given the role, as the condition SubjectsAssigned says.
    NotFound,
    /// More than one is named so; name it by id.
    Ambiguous,
    /// The name means somebody else than when the role was given. Nobody was changed; name it by id.
    Renamed,
    /// Logto refuses it: a suspended user, or an application that is no machine-to-machine application.
    Refused,
}
