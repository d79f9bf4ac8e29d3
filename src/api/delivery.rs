//! How an instance's settings reach Hasura.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the settings reach Hasura.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.mode != 'PatchEnv' || !has(self.name)").message("name belongs to mode Secret and ConfigMap").field_path(".name"),
    validation = Rule::new("self.mode != 'PatchEnv' || !has(self.keys)").message("keys belongs to mode Secret and ConfigMap").field_path(".keys"),
    validation = Rule::new("self.mode != 'PatchEnv' || self.rollout != 'None'").message("rollout None belongs to mode Secret and ConfigMap: a changed env entry always rolls the Deployment").field_path(".rollout"),
    validation = Rule::new("self.mode == 'PatchEnv' || self.conflictPolicy != 'Force'").message("conflictPolicy Force belongs to mode PatchEnv").field_path(".conflictPolicy")
)]
pub struct Delivery {
    /// `PatchEnv`: as env entries of the Deployment's container. `Secret`, `ConfigMap`: as keys of an object that the
    /// Deployment refers to by your hand.
    #[serde(default)]
    pub mode: DeliveryMode,
    /// Name of the Secret or ConfigMap; default the instance's name and `-auth`. The operator makes it; one that is there
    /// already is never taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub name: Option<String>,
    /// The names of the keys in the Secret or ConfigMap, for a chart whose reference names others; default: those of the
    /// variables. Nothing else of the Deployment may read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<DeliveryKeys>,
    /// Whether the pods are started anew when the Secret or ConfigMap changes; running ones never read it again.
    #[serde(default)]
    pub rollout: RolloutPolicy,
    /// What to do when somebody else set an env entry to another value.
    #[serde(default)]
    pub conflict_policy: ConflictPolicy,
    /// Lets a Deployment with strategy Recreate be patched. Its old pods end before the new ones are seen to work.
    #[serde(default)]
    pub allow_recreate: bool,
}

/// How the settings reach Hasura.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeliveryMode {
    /// As env entries of the Deployment's container, by server-side apply.
    #[default]
    PatchEnv,
    /// As a Secret of this namespace, its keys named as the variables, or as `keys` says.
    Secret,
    /// As a ConfigMap of this namespace, its keys named as the variables, or as `keys` says. Nothing in them is secret.
    ConfigMap,
}

/// The keys of the settings. By `envFrom` a key is a variable of its name, so none may have the name of another setting of
/// Hasura.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[self.jwtSecret, self.unauthorizedRole, self.authHook, self.authHookMode].all(key, [self.jwtSecret, self.unauthorizedRole, self.authHook, self.authHookMode].exists_one(other, other == key))").message("jwtSecret, unauthorizedRole, authHook and authHookMode are four different keys"),
    validation = Rule::new("self.jwtSecret == 'HASURA_GRAPHQL_JWT_SECRET' || !self.jwtSecret.startsWith('HASURA_GRAPHQL_')").message("jwtSecret has the name of another setting of Hasura").field_path(".jwtSecret"),
    validation = Rule::new("self.unauthorizedRole == 'HASURA_GRAPHQL_UNAUTHORIZED_ROLE' || !self.unauthorizedRole.startsWith('HASURA_GRAPHQL_')").message("unauthorizedRole has the name of another setting of Hasura").field_path(".unauthorizedRole"),
    validation = Rule::new("self.authHook == 'HASURA_GRAPHQL_AUTH_HOOK' || !self.authHook.startsWith('HASURA_GRAPHQL_')").message("authHook has the name of another setting of Hasura").field_path(".authHook"),
    validation = Rule::new("self.authHookMode == 'HASURA_GRAPHQL_AUTH_HOOK_MODE' || !self.authHookMode.startsWith('HASURA_GRAPHQL_')").message("authHookMode has the name of another setting of Hasura").field_path(".authHookMode")
)]
pub struct DeliveryKeys {
    /// The key of HASURA_GRAPHQL_JWT_SECRET.
    #[serde(default = "jwt_secret")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$")
    )]
    pub jwt_secret: String,
    /// The key of HASURA_GRAPHQL_UNAUTHORIZED_ROLE.
    #[serde(default = "unauthorized_role")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$")
    )]
    pub unauthorized_role: String,
    /// The key of HASURA_GRAPHQL_AUTH_HOOK.
    #[serde(default = "auth_hook")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$")
    )]
    pub auth_hook: String,
    /// The key of HASURA_GRAPHQL_AUTH_HOOK_MODE.
    #[serde(default = "auth_hook_mode")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$")
    )]
    pub auth_hook_mode: String,
}

impl Default for DeliveryKeys {
    fn default() -> Self {
        Self {
            jwt_secret: jwt_secret(),
            unauthorized_role: unauthorized_role(),
            auth_hook: auth_hook(),
            auth_hook_mode: auth_hook_mode(),
        }
    }
}

fn jwt_secret() -> String {
    "HASURA_GRAPHQL_JWT_SECRET".to_owned()
}

fn unauthorized_role() -> String {
    "HASURA_GRAPHQL_UNAUTHORIZED_ROLE".to_owned()
}

fn auth_hook() -> String {
    "HASURA_GRAPHQL_AUTH_HOOK".to_owned()
}

fn auth_hook_mode() -> String {
    "HASURA_GRAPHQL_AUTH_HOOK_MODE".to_owned()
}

/// Whether pods are started anew when what they read changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RolloutPolicy {
    /// By an annotation on the Deployment's pod template.
    #[default]
    Annotation,
    /// They are yours to start. An annotation that is there already stays until the instance goes.
    None,
}

/// What to do when somebody else set an env entry to another value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConflictPolicy {
    /// Leave it, and say so.
    #[default]
    Fail,
    /// Set it all the same, at most five times in ten minutes. At deletion it stays.
    Force,
}

/// The Secret or ConfigMap that was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveredStatus {
    /// Which kind it is.
    pub kind: DeliveredKind,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// The names of its keys, where they are others than the variables'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<DeliveryKeys>,
    /// A hash of the settings that were written.
    #[schemars(length(max = 64))]
    pub auth_hash: String,
}

/// What the settings are delivered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeliveredKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}
