//! Resources and their scopes.

use super::{Resource, Scope, Store, TENANT_ID, Violation, now_ms, random_id, scope_key};

/// Logto's own default for the life of an access token.
const DEFAULT_TOKEN_TTL_SECONDS: i64 = 3600;

impl Store {
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.iter()
    }

    pub(crate) fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.get(id)
    }

    pub(crate) fn resource_by_indicator(&self, indicator: &str) -> Option<&Resource> {
        self.resources.by_key(indicator)
    }

    pub(crate) fn insert_resource(
        &mut self,
        name: &str,
        indicator: &str,
        ttl_seconds: Option<i64>,
    ) -> Result<Resource, Violation> {
        let resource = Resource {
            tenant_id: TENANT_ID,
            id: random_id(21),
            name: name.to_owned(),
            indicator: indicator.to_owned(),
            is_default: false,
            access_token_ttl: ttl_seconds.unwrap_or(DEFAULT_TOKEN_TTL_SECONDS),
        };
        self.resources.insert(resource.clone())?;
        Ok(resource)
    }

    pub(crate) fn update_resource(
        &mut self,
        id: &str,
        edit: impl FnOnce(&mut Resource),
    ) -> Result<Resource, Violation> {
        let mut resource = self.resources.get(id).ok_or(Violation::Missing)?.clone();
        edit(&mut resource);
        resource.id = id.to_owned();
        self.resources.update(resource.clone())?;
        Ok(resource)
    }

    /// Makes the resource the default or takes that from it; there is at most one default.
    pub(crate) fn set_default_resource(
        &mut self,
        id: &str,
        is_default: bool,
    ) -> Result<Resource, Violation> {
        if self.resources.get(id).is_none() {
            return Err(Violation::Missing);
        }
        let other = self.default_resource().map(|old| old.id.clone());
        if let Some(old) = other.filter(|_| is_default) {
            self.update_resource(&old, |row| row.is_default = false)?;
        }
        self.update_resource(id, |row| row.is_default = is_default)
    }

    pub(crate) fn default_resource(&self) -> Option<&Resource> {
        self.resources.iter().find(|row| row.is_default)
    }

    /// Deletes a resource, its scopes, and their links to roles.
    pub(crate) fn delete_resource(&mut self, id: &str) -> Result<(), Violation> {
        self.resources.remove(id).ok_or(Violation::Missing)?;
        let scopes: Vec<String> = self
            .scopes
            .iter()
            .filter(|scope| scope.resource_id == id)
            .map(|scope| scope.id.clone())
            .collect();
        scopes.iter().try_for_each(|scope| self.delete_scope(scope))
    }

    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter()
    }

    pub(crate) fn scope(&self, id: &str) -> Option<&Scope> {
        self.scopes.get(id)
    }

    pub(crate) fn scope_by_name(&self, resource_id: &str, name: &str) -> Option<&Scope> {
        self.scopes.by_key(&scope_key(resource_id, name))
    }

    pub(crate) fn insert_scope(
        &mut self,
        resource_id: &str,
        name: &str,
        description: Option<&str>,
    ) -> Result<Scope, Violation> {
        if self.resources.get(resource_id).is_none() {
            return Err(Violation::ForeignKey);
        }
        let scope = Scope {
            tenant_id: TENANT_ID,
            id: random_id(21),
            resource_id: resource_id.to_owned(),
            name: name.to_owned(),
            description: not_empty(description),
            created_at: now_ms(),
        };
        self.scopes.insert(scope.clone())?;
        Ok(scope)
    }

    pub(crate) fn update_scope(
        &mut self,
        id: &str,
        edit: impl FnOnce(&mut Scope),
    ) -> Result<Scope, Violation> {
        let mut scope = self.scopes.get(id).ok_or(Violation::Missing)?.clone();
        let resource_id = scope.resource_id.clone();
        edit(&mut scope);
        scope.id = id.to_owned();
        scope.resource_id = resource_id;
        scope.description = not_empty(scope.description.as_deref());
        self.scopes.update(scope.clone())?;
        Ok(scope)
    }

    /// Deletes a scope and its links to roles.
    pub(crate) fn delete_scope(&mut self, id: &str) -> Result<(), Violation> {
        self.scopes.remove(id).ok_or(Violation::Missing)?;
        self.role_scopes.remove_right(id);
        self.consent_scopes.remove_right(id);
        for role in &mut self.organization_roles {
            role.scope_ids.retain(|held| held != id);
        }
        Ok(())
    }
}

// Logto stores an empty text in a nullable column as NULL (packages/core/src/utils/sql.ts).
fn not_empty(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}
