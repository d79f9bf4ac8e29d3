//! HasuraInstance: one Hasura Deployment and its API resource in Logto.

mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Reference,
    delivery::Delivery,
    policy::{AdoptionPolicy, ManagementPolicy, Namespaces},
    schema,
};
pub use status::{ApiResourceStatus, DeploymentStatus, HasuraInstanceStatus};

/// One Hasura Deployment of this namespace, and the API resource in Logto that its tokens are for.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "logto-hasura.dev",
    version = "v1alpha1",
    kind = "HasuraInstance",
    plural = "hasurainstances",
    shortname = "hi",
    category = "logto-hasura",
    namespaced,
    status = "HasuraInstanceStatus",
    derive = "PartialEq",
    doc = "One Hasura Deployment of this namespace, and the API resource in Logto that its tokens are for.",
    validation = Rule::new("!has(self.spec) || self.spec.delivery.mode == 'PatchEnv' || has(self.spec.delivery.name) || size(self.metadata.name) <= 248").message("spec.delivery.name is needed: the instance's name and -auth would be longer than 253 characters").field_path(".spec.delivery.name"),
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
    printcolumn(
        name = "Indicator",
        type_ = "string",
        json_path = ".spec.apiResource.indicator"
    ),
    printcolumn(
        name = "Deployment",
        type_ = "string",
        json_path = ".spec.deploymentRef.name"
    ),
    printcolumn(
        name = "Tenant",
        type_ = "string",
        json_path = ".spec.tenantRef.name",
        priority = 1
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
    validation = Rule::new("self.tenantRef == oldSelf.tenantRef").message("spec.tenantRef can not be changed; make a new HasuraInstance").field_path(".tenantRef"),
    validation = Rule::new("self.apiResource.indicator == oldSelf.apiResource.indicator").message("spec.apiResource.indicator can not be changed, as in Logto; make a new HasuraInstance").field_path(".apiResource.indicator"),
    validation = Rule::new("has(self.deploymentRef) == has(oldSelf.deploymentRef)").message("spec.deploymentRef can not be added or taken away, only changed; make a new HasuraInstance").field_path(".deploymentRef"),
    validation = Rule::new("self.logtoRoleNamePrefix == oldSelf.logtoRoleNamePrefix").message("spec.logtoRoleNamePrefix can not be changed: roles would be renamed under their holders").field_path(".logtoRoleNamePrefix"),
    validation = Rule::new("self.auth.mode != 'JWT' || oldSelf.auth.mode != 'JWT' || (has(self.auth.jwt) ? self.auth.jwt.claimsNamespace : 'https://hasura.io/jwt/claims') == (has(oldSelf.auth.jwt) ? oldSelf.auth.jwt.claimsNamespace : 'https://hasura.io/jwt/claims')").message("spec.auth.jwt.claimsNamespace can not be changed: tokens that are out would be refused").field_path(".auth.jwt.claimsNamespace"),
    validation = Rule::new("self.auth.mode != 'Webhook' || self.logtoRoleNamePrefix == ''").message("spec.logtoRoleNamePrefix has to be empty in mode Webhook, where Logto compares the role's name with the Hasura role").field_path(".logtoRoleNamePrefix"),
    validation = Rule::new("self.auth.mode != 'Webhook' || !has(self.allowedBindings) || size(self.allowedBindings) == 0").message("spec.allowedBindings has to be empty in mode Webhook, where a role works by its name in the whole tenant").field_path(".allowedBindings"),
    validation = Rule::new("has(self.deploymentRef) || self.delivery.mode != 'PatchEnv'").message("spec.deploymentRef can be left out with delivery.mode Secret or ConfigMap only").field_path(".deploymentRef")
)]
#[serde(rename_all = "camelCase")]
pub struct HasuraInstanceSpec {
    /// The LogtoTenant that signs people in. Can not be changed.
    pub tenant_ref: Reference,
    /// The API resource in Logto that stands for this Hasura.
    pub api_resource: ApiResource,
    /// What the names of this instance's roles start with. Role names are unique in a Logto tenant, so `shop-` keeps
    /// two instances' `editor` apart; only one instance of a tenant may leave it empty. It may end with a space, as in
    /// `"Shop "`, which needs the quotes. Can not be changed.
    #[serde(default)]
    #[schemars(
        length(max = 63),
        regex(pattern = r"^([A-Za-z][A-Za-z0-9_:.-]*( [A-Za-z0-9_:.-]+)* ?)?$")
    )]
    pub logto_role_name_prefix: String,
    /// The Deployment of this namespace that runs Hasura. Left out for a Hasura that runs elsewhere; `delivery.mode` is
    /// then Secret or ConfigMap. Can not be added or taken away later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_ref: Option<DeploymentRef>,
    /// How Hasura recognises its callers.
    #[serde(default)]
    pub auth: Auth,
    /// How the settings reach Hasura.
    #[serde(default)]
    pub delivery: Delivery,
    /// Bindings of other namespaces that the instance takes. Those of its own namespace it always takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub allowed_bindings: Vec<AllowedBindings>,
    /// Whether the operator writes, for the instance and its bindings.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// Whether an API resource of this indicator that somebody else made may be taken over.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// What becomes of the API resource, the claims and the settings of Hasura when the instance is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Hands off, at deletion too, for the instance and its bindings. Only consent that is withdrawn still takes effect.
    #[serde(default)]
    pub suspend: bool,
}

/// Bindings of other namespaces that an instance takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedBindings {
    /// Where they are.
    pub namespaces: Namespaces,
    /// The Hasura roles that they may bind; a `*` at the end stands for anything. A `logtoRole.name` of theirs has to
    /// match too, behind the prefix.
    #[schemars(schema_with = "schema::role_patterns")]
    pub hasura_roles: Vec<String>,
    /// Whether they may say who is given the role.
    #[serde(default)]
    pub subjects: SubjectsPolicy,
}

/// Whether a binding of another namespace may say who is given the role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SubjectsPolicy {
    /// It may have neither `subjects` nor `logtoRole.isDefault: true`.
    #[default]
    Forbid,
    /// It may.
    Allow,
}

/// What becomes of what an instance made when it is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// All of it stays as it is.
    #[default]
    Retain,
    /// The settings are taken from Hasura, the claims from the tokens, and the API resource is deleted if the operator
    /// made it and nothing of somebody else's is in it.
    Delete,
}

/// An API resource as Logto knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!self.indicator.matches('^https://[^.]+[.]logto[.]app/api$')").message("indicator names a Logto Management API, which Logto could never change or delete again").field_path(".indicator"),
    validation = Rule::new("!self.indicator.startsWith('urn:logto:')").message("indicator: urn:logto: is reserved by Logto").field_path(".indicator"),
    validation = Rule::new("!self.indicator.matches('^(https://[^/?]*:443|http://[^/?]*:80)([/?].*)?$')").message("indicator: no token can be asked for an address that states the default port").field_path(".indicator"),
    validation = Rule::new("!self.indicator.matches('^https?://[^/?]*[A-Z]')").message("indicator: the host has to be lower case, since the audience is compared to the letter").field_path(".indicator")
)]
pub struct ApiResource {
    /// The resource indicator: an absolute URI, by custom the address of the GraphQL endpoint. It becomes the token's
    /// audience, to the letter. Can not be changed.
    #[schemars(
        length(min = 4, max = 256),
        regex(pattern = r"^[a-z][a-z0-9+.-]*:[A-Za-z0-9._~:/?@!$'()*+,;=-]+$")
    )]
    pub indicator: String,
    /// The name that people see in Logto's console.
    #[schemars(
        length(min = 1, max = 128),
        regex(
            pattern = r"^[^\x00-\x1F\x7F\x{80}-\x{9F}\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]+$"
        )
    )]
    pub name: String,
    /// How long an access token lives, in seconds. A role that is taken away works until then. Absent: 3600 for a resource
    /// that is made, and left as it is afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 86400))]
    pub access_token_ttl_seconds: Option<i32>,
}

/// A Deployment of the same namespace, and its container that runs Hasura.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentRef {
    /// Name of the Deployment. When it is changed, the new one gets the settings first; once it is rolled out, they leave
    /// the old one as `deletionPolicy` says.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub name: String,
    /// The container that runs Hasura. Absent: `graphql-engine` if there is one, else the only one whose image or command
    /// is graphql-engine, else the only one. When it is changed, the settings move in one rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub container: Option<String>,
}

/// How Hasura recognises its callers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.unauthorizedRole) || self.unauthorizedRole.lowerAscii() != 'admin'").message("unauthorizedRole can not be admin, which is the superuser in Hasura").field_path(".unauthorizedRole"),
    validation = Rule::new("self.mode != 'Webhook' || !has(self.jwt)").message("jwt belongs to mode JWT: leave it out with mode Webhook").field_path(".jwt"),
    validation = Rule::new("!has(self.unauthorizedRole) || !has(self.jwt) || ((!has(self.jwt.defaultRole) || self.jwt.defaultRole != self.unauthorizedRole) && (!has(self.jwt.everyoneRoles) || !(self.unauthorizedRole in self.jwt.everyoneRoles)))").message("unauthorizedRole can not be a role of signed-in users: callers without a token choose their own session variables").field_path(".unauthorizedRole")
)]
pub struct Auth {
    /// `JWT`: Hasura checks access tokens by itself. `Webhook`: it asks Logto at each request.
    #[serde(default)]
    pub mode: AuthMode,
    /// The role of callers that bring no token (HASURA_GRAPHQL_UNAUTHORIZED_ROLE). They choose their own session
    /// variables, so no binding may name it. Absent: such callers are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_:.-]*( [A-Za-z0-9_:.-]+)*$")
    )]
    pub unauthorized_role: Option<String>,
    /// Settings of mode JWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
}

/// How Hasura recognises its callers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthMode {
    /// By HASURA_GRAPHQL_JWT_SECRET.
    #[default]
    #[serde(rename = "JWT")]
    Jwt,
    /// By HASURA_GRAPHQL_AUTH_HOOK, which asks Logto. It compares role names across the whole tenant, for people only.
    Webhook,
}

/// Settings of mode JWT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.everyoneRoles) || self.everyoneRoles.all(role, role.lowerAscii() != 'admin')").message("everyoneRoles can not hold admin, which is the superuser in Hasura").field_path(".everyoneRoles"),
    validation = Rule::new("!has(self.defaultRole) || self.defaultRole.lowerAscii() != 'admin'").message("defaultRole can not be admin, which is the superuser in Hasura").field_path(".defaultRole")
)]
pub struct Jwt {
    /// The claim of the token that holds Hasura's own claims. It contains `://`, so it can not be a standard claim.
    /// Can not be changed while the mode is JWT.
    #[serde(default = "default_claims_namespace")]
    #[schemars(
        length(min = 5, max = 256),
        regex(pattern = r"^[a-z][a-z0-9+.-]*://[A-Za-z0-9._~:/?@!$'()*+,;=-]+$")
    )]
    pub claims_namespace: String,
    /// How far Hasura's clock and Logto's may be apart, in seconds.
    #[serde(default = "default_allowed_skew")]
    #[schemars(range(min = 0, max = 300))]
    pub allowed_skew_seconds: i32,
    /// Hasura roles that everybody has who signs in with an application of your own; third-party applications get none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::hasura_roles")]
    pub everyone_roles: Vec<String>,
    /// The role of a request that names none, if its token has that role. Somebody who has another single role gets that
    /// one; else such a request is refused, and the header `x-hasura-role` has to name a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_:.-]*( [A-Za-z0-9_:.-]+)*$")
    )]
    pub default_role: Option<String>,
    /// What says that somebody has a role.
    #[serde(default)]
    pub role_source: RoleSource,
    /// Further claims that permissions in Hasura can refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub session_variables: Vec<SessionVariable>,
}

/// What says that somebody has a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RoleSource {
    /// The Logto roles that the user has when the token is made, whatever scopes the client asked for.
    #[default]
    AssignedRoles,
    /// Only those of them whose scope is in the token, because the client asked for it.
    GrantedScopes,
}

/// A further claim that permissions in Hasura can refer to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(self.name in ['x-hasura-role', 'x-hasura-allowed-roles', 'x-hasura-default-role', 'x-hasura-user-id', 'x-hasura-admin-secret', 'x-hasura-access-key'])").message("name is one that Hasura or the operator sets").field_path(".name"),
    validation = Rule::new("self.userEditable || self.from in ['user.id', 'user.primaryEmail', 'user.primaryPhone', 'organization.id']").message("a user can write this about himself at any sign-in, so it proves nothing: use it only where that is harmless, and say so with userEditable: true").field_path(".from"),
    validation = Rule::new("self.__as__ != 'List' || self.from.startsWith('user.customData.')").message("only user.customData.… can hold a list: leave as out, or read the value from there").field_path(".as")
)]
pub struct SessionVariable {
    /// Its name, which starts with `x-hasura-`, in lower case.
    #[schemars(
        length(min = 10, max = 64),
        regex(pattern = r"^x-hasura-[a-z0-9]([a-z0-9_-]*[a-z0-9])?$")
    )]
    pub name: String,
    /// Where the value comes from: `user.id`, `user.primaryEmail`, `user.primaryPhone`, `organization.id`; or, with
    /// `userEditable`, `user.name`, `user.username`, `user.avatar`, `user.profile.…` or `user.customData.…`, at most
    /// five parts. What is there is read as `as` says; anything else, or nothing, gives no claim.
    #[schemars(
        length(min = 1, max = 256),
        regex(
            pattern = r"^(organization\.id|user\.(id|primaryEmail|primaryPhone|name|username|avatar|(profile|customData)(\.[A-Za-z0-9_-]{1,64}){1,3}))$"
        )
    )]
    pub from: String,
    /// Says that it is known that a user can choose the value himself.
    #[serde(default)]
    pub user_editable: bool,
    /// What the value has to be, and what becomes of it.
    #[serde(default, rename = "as")]
    pub as_: ValueForm,
}

/// What a session variable's value has to be, and what becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ValueForm {
    /// A text, a number or a boolean becomes text; a list gives no claim.
    #[default]
    Text,
    /// A list of texts, numbers and booleans becomes PostgreSQL's array literal, each element in quotes, as
    /// `{"a","b"}`, which Hasura's `_in` takes. At most 100 elements and 4,096 characters; a longer list, one with
    /// anything else in it, and whatever is no list give no claim.
    List,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            claims_namespace: default_claims_namespace(),
            allowed_skew_seconds: default_allowed_skew(),
            everyone_roles: Vec::new(),
            default_role: None,
            role_source: RoleSource::default(),
            session_variables: Vec::new(),
        }
    }
}

fn default_claims_namespace() -> String {
    "https://hasura.io/jwt/claims".to_owned()
}

fn default_allowed_skew() -> i32 {
    60
}
