//! The rows, which are also what the Management API answers and what [`crate::Tenant`] gives.

use serde::Serialize;
use serde_json::{Map, Value};

use super::table::Row;

/// Every row carries the id of its tenant; there is only this one here.
pub(crate) const TENANT_ID: &str = "default";

/// An API resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Always `default`.
    pub tenant_id: &'static str,
    /// 21 characters, but `management-api` for the Management API itself.
    pub id: String,
    /// For people; not unique.
    pub name: String,
    /// The audience of its tokens; unique, and any text is taken.
    pub indicator: String,
    /// At most one resource is the default.
    pub is_default: bool,
    /// The life of its access tokens in seconds.
    pub access_token_ttl: i64,
}

/// A scope (Logto's console says permission) of a resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Always `default`.
    pub tenant_id: &'static str,
    /// 21 characters, but `management-api-all` for the Management API's scope.
    pub id: String,
    /// The resource that it belongs to.
    pub resource_id: String,
    /// Unique in its resource, case-sensitive, without white space.
    pub name: String,
    /// Never empty: an empty text is stored as none.
    pub description: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
}

/// Whom a role can be given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum RoleType {
    /// To users.
    User,
    /// To machine-to-machine applications.
    MachineToMachine,
}

/// A role of the tenant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Always `default`.
    pub tenant_id: &'static str,
    /// 21 characters, but `admin-role` for the hidden internal role.
    pub id: String,
    /// Unique in the tenant across both types, case-sensitive, at most 128 characters.
    pub name: String,
    /// 1 to 128 characters.
    pub description: String,
    /// Fixed when the role is made.
    #[serde(rename = "type")]
    pub kind: RoleType,
    /// Users made later get the role.
    pub is_default: bool,
}

/// A user of the tenant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// 12 characters.
    pub id: String,
    /// Unique, case-sensitive.
    pub username: Option<String>,
    /// Unique.
    pub primary_email: Option<String>,
    /// Unique.
    pub primary_phone: Option<String>,
    /// Written by the user himself.
    pub name: Option<String>,
    /// Written by the user himself.
    pub avatar: Option<String>,
    /// Any JSON object.
    pub custom_data: Map<String, Value>,
    /// Linked social accounts; always empty here.
    pub identities: Map<String, Value>,
    /// Milliseconds since the epoch; nobody signs in here.
    pub last_sign_in_at: Option<u64>,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub updated_at: u64,
    /// Standard OpenID profile claims.
    pub profile: Map<String, Value>,
    /// The application of the first sign-in; none here.
    pub application_id: Option<String>,
    /// None here.
    pub cimd_client_id: Option<String>,
    /// A suspended user can not sign in.
    pub is_suspended: bool,
    /// Always false here.
    pub has_password: bool,
}

/// The kinds of applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ApplicationType {
    /// A native app.
    Native,
    /// A single-page app.
    #[serde(rename = "SPA")]
    Spa,
    /// A web application with a server.
    Traditional,
    /// A machine; the only kind that gets tokens by client credentials.
    MachineToMachine,
}

/// An application of the tenant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Always `default`.
    pub tenant_id: &'static str,
    /// 21 characters; the OAuth client id.
    pub id: String,
    /// Not unique.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Fixed when the application is made.
    #[serde(rename = "type")]
    pub kind: ApplicationType,
    /// Redirect addresses.
    pub oidc_client_metadata: Map<String, Value>,
    /// Switches such as `allowTokenExchange`.
    pub custom_client_metadata: Map<String, Value>,
    /// Only for protected applications, which are not here.
    pub protected_app_metadata: Option<Map<String, Value>>,
    /// Any JSON object.
    pub custom_data: Map<String, Value>,
    /// Of somebody else: its users are asked what it may do for them.
    pub is_third_party: bool,
    /// Always false here.
    pub app_level_access_control_enabled: bool,
    /// Milliseconds since the epoch.
    pub created_at: u64,
}

/// An organization of the tenant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// 12 characters.
    pub id: String,
    /// Not unique.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Any JSON object.
    pub custom_data: Map<String, Value>,
}

/// A client secret of an application. It has no `Debug`, so that a secret stays out of logs.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSecret {
    /// Always `default`.
    pub tenant_id: &'static str,
    /// Whose secret it is.
    pub application_id: String,
    /// Unique in its application.
    pub name: String,
    /// The secret in plain text, as Logto stores and shows it.
    pub value: String,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch; none is for ever.
    pub expires_at: Option<u64>,
}

/// The unique key of a scope.
pub(crate) fn scope_key(resource_id: &str, name: &str) -> String {
    // An id holds no line break, so two pairs never give the same key.
    format!("{resource_id}\n{name}")
}

impl Row for Resource {
    fn id(&self) -> &str {
        &self.id
    }

    fn unique_key(&self) -> Option<String> {
        Some(self.indicator.clone())
    }
}

impl Row for Scope {
    fn id(&self) -> &str {
        &self.id
    }

    fn unique_key(&self) -> Option<String> {
        Some(scope_key(&self.resource_id, &self.name))
    }
}

impl Row for Role {
    fn id(&self) -> &str {
        &self.id
    }

    fn unique_key(&self) -> Option<String> {
        Some(self.name.clone())
    }
}

impl Row for User {
    fn id(&self) -> &str {
        &self.id
    }

    // Usernames and addresses are compared one by one in `Store::insert_user`: each may be missing.
    fn unique_key(&self) -> Option<String> {
        None
    }
}

impl Row for Application {
    fn id(&self) -> &str {
        &self.id
    }

    fn unique_key(&self) -> Option<String> {
        None
    }
}
