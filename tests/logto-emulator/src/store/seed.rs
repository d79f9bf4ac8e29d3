//! What a fresh OSS installation contains in the tenant `default`, and one machine-to-machine application.

use super::{
    ApplicationType, Resource, Role, RoleType, Scope, Store, TENANT_ID, Violation,
    applications::NewApplication, now_ms, random_id,
};

/// The id of the Management API's resource.
pub(crate) const MANAGEMENT_RESOURCE_ID: &str = "management-api";
/// The role that makes an application an administrator of the tenant.
pub(crate) const MANAGEMENT_API_ROLE: &str = "Logto Management API access";

const MANAGEMENT_INDICATOR: &str = "https://default.logto.app/api";
const MANAGEMENT_SCOPE_ID: &str = "management-api-all";

/// What can be chosen for a fresh tenant.
pub(crate) struct Seed<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: &'a str,
    pub(crate) token_ttl_seconds: i64,
}

impl Store {
    /// The data that packages/cli/src/commands/database/seed of Logto writes, as far as it is kept here, and the
    /// application of the recordings.
    pub(crate) fn seeded(seed: &Seed<'_>) -> Result<Self, Violation> {
        let mut store = Self::empty();
        store.seed_management_api(seed.token_ttl_seconds)?;
        let access_role = random_id(21);
        store.seed_role(
            "admin-role",
            "#internal:admin",
            "Internal admin role for Logto tenant.",
        )?;
        store.seed_role(
            &access_role,
            MANAGEMENT_API_ROLE,
            "This default role grants access to the Logto management API.",
        )?;
        store.insert_application_with_id(
            seed.client_id,
            NewApplication::named("hasura-operator", ApplicationType::MachineToMachine),
        )?;
        store.replace_secrets(seed.client_id, seed.client_secret);
        store.assign_to_application(seed.client_id, &access_role)?;
        Ok(store)
    }

    fn seed_management_api(&mut self, token_ttl_seconds: i64) -> Result<(), Violation> {
        self.resources.insert(Resource {
            tenant_id: TENANT_ID,
            id: MANAGEMENT_RESOURCE_ID.to_owned(),
            name: "Logto Management API".to_owned(),
            indicator: MANAGEMENT_INDICATOR.to_owned(),
            is_default: false,
            access_token_ttl: token_ttl_seconds,
        })?;
        self.scopes.insert(Scope {
            tenant_id: TENANT_ID,
            id: MANAGEMENT_SCOPE_ID.to_owned(),
            resource_id: MANAGEMENT_RESOURCE_ID.to_owned(),
            name: "all".to_owned(),
            description: Some(
                "Default scope for Management API, allows all permissions.".to_owned(),
            ),
            created_at: now_ms(),
        })
    }

    fn seed_role(&mut self, id: &str, name: &str, description: &str) -> Result<(), Violation> {
        self.roles.insert(Role {
            tenant_id: TENANT_ID,
            id: id.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            kind: RoleType::MachineToMachine,
            is_default: false,
        })?;
        self.attach_scope(id, MANAGEMENT_SCOPE_ID)
    }
}
