//! What Logto keeps, as far as the operator looks at it; unknown fields are ignored.

use serde::{Deserialize, Serialize};

/// An API resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Logto's id.
    pub id: String,
    /// The name in the console.
    pub name: String,
    /// The `aud` of its tokens; unique in a tenant, immutable.
    pub indicator: String,
    /// Whether tokens are for it when the client names no resource.
    pub is_default: bool,
    /// Seconds; Logto checks no range, so it may be negative.
    pub access_token_ttl: i64,
}

/// An API resource and all its scopes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ResourceWithScopes {
    /// The resource.
    #[serde(flatten)]
    pub resource: Resource,
    /// Its scopes, in no order.
    pub scopes: Vec<Scope>,
}

/// A scope (permission) of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Logto's id.
    pub id: String,
    /// The resource that it belongs to.
    pub resource_id: String,
    /// Unique in its resource, case-sensitive.
    pub name: String,
    /// Free text; Logto makes an empty one absent.
    pub description: Option<String>,
}

/// Whom a role can be given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleType {
    /// Users.
    User,
    /// Machine-to-machine applications.
    MachineToMachine,
    /// A type that this version does not know: one such role must not spoil the list of all.
    #[serde(other)]
    Unknown,
}

/// A role of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Logto's id.
    pub id: String,
    /// Unique in a tenant over both types, case-sensitive.
    pub name: String,
    /// 1 to 128 characters.
    pub description: String,
    /// Whom it can be given to; immutable.
    #[serde(rename = "type")]
    pub role_type: RoleType,
    /// Whether every user who is created from now on gets it.
    pub is_default: bool,
}

/// A row of the list of roles.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleWithCounts {
    /// The role.
    #[serde(flatten)]
    pub role: Role,
    /// How many users hold it.
    pub users_count: u64,
    /// How many applications hold it.
    pub applications_count: u64,
}

impl RoleWithCounts {
    /// How many users and applications hold it.
    pub fn holders(&self) -> u64 {
        self.users_count.saturating_add(self.applications_count)
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Logto's id.
    pub id: String,
    /// Unique in a tenant, case-sensitive.
    pub username: Option<String>,
    /// Unique in a tenant.
    pub primary_email: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at: i64,
    /// Whether signing in is forbidden.
    pub is_suspended: bool,
}

/// An application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Application {
    /// Logto's id, which is the OAuth client id.
    pub id: String,
    /// Not unique.
    pub name: String,
    /// `MachineToMachine`, or a type of those that people use.
    #[serde(rename = "type")]
    pub application_type: String,
}

/// Changes with at least one key in them: Logto answers 422 to an empty PATCH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Patch<T>(T);

impl<T: Default + PartialEq> Patch<T> {
    /// The changes as a PATCH; nothing when there is nothing to change.
    pub fn new(changes: T) -> Option<Self> {
        (changes != T::default()).then_some(Self(changes))
    }
}
