//! The tenant's data, read and edited directly, as somebody in Logto's console would.

mod applications;
mod custom_jwt;
mod users;

use std::sync::Arc;

use crate::{
    server::App,
    store::{Resource, Role, RoleType, Scope, Violation},
};

/// A handle on the tenant's data. Nothing that it does counts as a request.
///
/// A change that the database refuses fails with its [`Violation`].
#[derive(Clone)]
pub struct Tenant {
    app: Arc<App>,
    client_id: String,
}

impl Tenant {
    pub(crate) fn new(app: Arc<App>, client_id: String) -> Self {
        Self { app, client_id }
    }

    /// Every resource, the Management API among them.
    pub fn resources(&self) -> Vec<Resource> {
        self.app.logto().store.resources().cloned().collect()
    }

    /// The scopes of a resource.
    pub fn scopes(&self, resource_id: &str) -> Vec<Scope> {
        let logto = self.app.logto();
        let scopes = logto.store.scopes();
        scopes
            .filter(|scope| scope.resource_id == resource_id)
            .cloned()
            .collect()
    }

    /// Every role, the hidden internal one among them.
    pub fn roles(&self) -> Vec<Role> {
        self.app.logto().store.roles().cloned().collect()
    }

    /// The role of exactly that name.
    pub fn role_by_name(&self, name: &str) -> Option<Role> {
        self.app.logto().store.role_by_name(name).cloned()
    }

    /// The scopes that a role holds, in the order in which it got them.
    pub fn scopes_of_role(&self, role_id: &str) -> Vec<Scope> {
        let logto = self.app.logto();
        logto.store.scopes_of_role(role_id).cloned().collect()
    }

    /// Makes a resource.
    ///
    /// # Errors
    /// The indicator is taken.
    pub fn create_resource(&self, name: &str, indicator: &str) -> Result<Resource, Violation> {
        let mut logto = self.app.logto();
        logto.store.insert_resource(name, indicator, None)
    }

    /// Makes a scope.
    ///
    /// # Errors
    /// There is no such resource, or its scope of that name is there already.
    pub fn create_scope(
        &self,
        resource_id: &str,
        name: &str,
        description: Option<&str>,
    ) -> Result<Scope, Violation> {
        let mut logto = self.app.logto();
        logto.store.insert_scope(resource_id, name, description)
    }

    /// Makes a role that holds these scopes.
    ///
    /// # Errors
    /// The name is taken, or there is no such scope; then there is a role without it.
    pub fn create_role(
        &self,
        name: &str,
        description: &str,
        kind: RoleType,
        scope_ids: &[&str],
    ) -> Result<Role, Violation> {
        let mut logto = self.app.logto();
        let role = logto.store.insert_role(name, description, kind, false)?;
        for scope_id in scope_ids {
            logto.store.attach_scope(&role.id, scope_id)?;
        }
        Ok(role)
    }

    /// Changes a resource's name, indicator or token life; its id stays.
    ///
    /// # Errors
    /// There is no such resource, or the new indicator is taken.
    pub fn edit_resource(
        &self,
        id: &str,
        edit: impl FnOnce(&mut Resource),
    ) -> Result<Resource, Violation> {
        self.app.logto().store.update_resource(id, edit)
    }

    /// Changes a scope's name or description; its id and resource stay.
    ///
    /// # Errors
    /// There is no such scope, or the new name is taken.
    pub fn edit_scope(&self, id: &str, edit: impl FnOnce(&mut Scope)) -> Result<Scope, Violation> {
        self.app.logto().store.update_scope(id, edit)
    }

    /// Changes a role's name, description or default; its id and type stay.
    ///
    /// # Errors
    /// There is no such role, or the new name is taken.
    pub fn edit_role(&self, id: &str, edit: impl FnOnce(&mut Role)) -> Result<Role, Violation> {
        self.app.logto().store.update_role(id, edit)
    }

    /// Deletes a resource with its scopes.
    ///
    /// # Errors
    /// There is no such resource.
    pub fn delete_resource(&self, id: &str) -> Result<(), Violation> {
        self.app.logto().store.delete_resource(id)
    }

    /// Deletes a scope; roles lose it.
    ///
    /// # Errors
    /// There is no such scope.
    pub fn delete_scope(&self, id: &str) -> Result<(), Violation> {
        self.app.logto().store.delete_scope(id)
    }

    /// Deletes a role; users and applications lose it.
    ///
    /// # Errors
    /// There is no such role.
    pub fn delete_role(&self, id: &str) -> Result<(), Violation> {
        self.app.logto().store.delete_role(id)
    }

    /// Gives a role a scope.
    ///
    /// # Errors
    /// One of them is not there, or the role holds the scope already.
    pub fn attach_scope(&self, role_id: &str, scope_id: &str) -> Result<(), Violation> {
        self.app.logto().store.attach_scope(role_id, scope_id)
    }

    /// Takes a scope from a role.
    ///
    /// # Errors
    /// The role does not hold it.
    pub fn detach_scope(&self, role_id: &str, scope_id: &str) -> Result<(), Violation> {
        self.app.logto().store.detach_scope(role_id, scope_id)
    }
}
