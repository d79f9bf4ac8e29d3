//! Users, what they hold, and the organizations that they are in.

use serde_json::Map;

use super::Tenant;
use crate::store::{Organization, Role, User, Violation};

impl Tenant {
    /// Makes a user and gives its id; it gets every default role.
    ///
    /// # Errors
    /// The username is taken.
    pub fn create_user(&self, username: &str) -> Result<String, Violation> {
        self.insert_user(username, None)
    }

    /// Makes a user with an address and gives its id.
    ///
    /// # Errors
    /// The username or the address is taken.
    pub fn create_user_with_email(&self, username: &str, email: &str) -> Result<String, Violation> {
        self.insert_user(username, Some(email))
    }

    /// Somebody signs up: as if an administrator made the user.
    ///
    /// # Errors
    /// The username is taken.
    pub fn register(&self, username: &str) -> Result<String, Violation> {
        self.insert_user(username, None)
    }

    fn insert_user(&self, username: &str, email: Option<&str>) -> Result<String, Violation> {
        let mut logto = self.app.logto();
        let username = Some(username.to_owned());
        let email = email.map(ToOwned::to_owned);
        let user = logto.store.insert_user(username, email, None, Map::new())?;
        Ok(user.id)
    }

    /// Changes what is known of a user: name, custom data and so on; its id stays.
    ///
    /// # Errors
    /// There is no such user, or the new username or address is taken.
    pub fn edit_user(&self, id: &str, edit: impl FnOnce(&mut User)) -> Result<User, Violation> {
        self.app.logto().store.update_user(id, edit)
    }

    /// Deletes a user; roles lose it.
    ///
    /// # Errors
    /// There is no such user.
    pub fn delete_user(&self, id: &str) -> Result<(), Violation> {
        self.app.logto().store.delete_user(id)
    }

    /// Every user, the newest first.
    pub fn users(&self) -> Vec<User> {
        let logto = self.app.logto();
        logto.store.users().into_iter().cloned().collect()
    }

    /// The user of that id.
    pub fn user(&self, id: &str) -> Option<User> {
        self.app.logto().store.user(id).cloned()
    }

    /// Gives a user a role.
    ///
    /// # Errors
    /// One of them is not there, the role is for machines, or the user holds it already.
    pub fn assign_role(&self, user_id: &str, role_id: &str) -> Result<(), Violation> {
        self.app.logto().store.assign_to_user(user_id, role_id)
    }

    /// Takes a role from a user.
    ///
    /// # Errors
    /// The user does not hold it.
    pub fn unassign_role(&self, user_id: &str, role_id: &str) -> Result<(), Violation> {
        self.app.logto().store.unassign_from_user(user_id, role_id)
    }

    /// The users that hold a role, in the order in which they got it.
    pub fn users_of_role(&self, role_id: &str) -> Vec<User> {
        let logto = self.app.logto();
        logto.store.users_of_role(role_id).cloned().collect()
    }

    /// The roles of a user, in the order in which it got them.
    pub fn roles_of_user(&self, user_id: &str) -> Vec<Role> {
        let logto = self.app.logto();
        let ids = logto.store.role_ids_of_user(user_id).iter();
        ids.filter_map(|id| logto.store.role(id)).cloned().collect()
    }

    /// Makes an organization.
    pub fn create_organization(&self, name: &str) -> Organization {
        self.app.logto().store.insert_organization(name)
    }

    /// Makes the user a member of the organization with a role of that name, which holds these scopes of API
    /// resources.
    ///
    /// # Errors
    /// The user, the organization or a scope is not there.
    pub fn give_organization_role(
        &self,
        user_id: &str,
        organization_id: &str,
        role_name: &str,
        scope_ids: &[&str],
    ) -> Result<(), Violation> {
        let mut logto = self.app.logto();
        logto
            .store
            .insert_organization_role(user_id, organization_id, role_name, scope_ids)
    }
}
