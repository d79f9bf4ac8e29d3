//! Roles, and who and what is linked to them.

use super::{Application, Role, RoleType, Scope, Store, TENANT_ID, User, Violation, random_id};

/// Makes or removes the link between two ids.
type Linking = fn(&mut Store, &str, &str) -> Result<(), Violation>;

impl Store {
    /// One INSERT of several links: one that breaks a constraint leaves the others out as well.
    pub(crate) fn insert_links(
        &mut self,
        pairs: &[(&str, &str)],
        insert: Linking,
        remove: Linking,
    ) -> Result<(), Violation> {
        for (index, (left, right)) in pairs.iter().enumerate() {
            if let Err(violation) = insert(self, left, right) {
                for (left, right) in &pairs[..index] {
                    remove(self, left, right)?;
                }
                return Err(violation);
            }
        }
        Ok(())
    }

    pub(crate) fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter()
    }

    pub(crate) fn role(&self, id: &str) -> Option<&Role> {
        self.roles.get(id)
    }

    pub(crate) fn role_by_name(&self, name: &str) -> Option<&Role> {
        self.roles.by_key(name)
    }

    pub(crate) fn insert_role(
        &mut self,
        name: &str,
        description: &str,
        kind: RoleType,
        is_default: bool,
    ) -> Result<Role, Violation> {
        let role = Role {
            tenant_id: TENANT_ID,
            id: random_id(21),
            name: name.to_owned(),
            description: description.to_owned(),
            kind,
            is_default,
        };
        self.roles.insert(role.clone())?;
        Ok(role)
    }

    pub(crate) fn update_role(
        &mut self,
        id: &str,
        edit: impl FnOnce(&mut Role),
    ) -> Result<Role, Violation> {
        let mut role = self.roles.get(id).ok_or(Violation::Missing)?.clone();
        let kind = role.kind;
        edit(&mut role);
        role.id = id.to_owned();
        role.kind = kind;
        self.roles.update(role.clone())?;
        Ok(role)
    }

    /// Deletes a role and, without a word, every link to it.
    pub(crate) fn delete_role(&mut self, id: &str) -> Result<(), Violation> {
        self.roles.remove(id).ok_or(Violation::Missing)?;
        self.role_scopes.remove_left(id);
        self.user_roles.remove_right(id);
        self.application_roles.remove_right(id);
        Ok(())
    }

    pub(crate) fn scopes_of_role(&self, role_id: &str) -> impl Iterator<Item = &Scope> {
        self.role_scopes
            .rights_of(role_id)
            .iter()
            .filter_map(|id| self.scopes.get(id))
    }

    pub(crate) fn role_holds(&self, role_id: &str, scope_id: &str) -> bool {
        self.role_scopes.contains(role_id, scope_id)
    }

    pub(crate) fn attach_scope(&mut self, role_id: &str, scope_id: &str) -> Result<(), Violation> {
        if self.roles.get(role_id).is_none() || self.scopes.get(scope_id).is_none() {
            return Err(Violation::ForeignKey);
        }
        self.role_scopes.insert(role_id, scope_id)
    }

    pub(crate) fn detach_scope(&mut self, role_id: &str, scope_id: &str) -> Result<(), Violation> {
        self.role_scopes.remove(role_id, scope_id)
    }

    pub(crate) fn users_of_role(&self, role_id: &str) -> impl Iterator<Item = &User> {
        self.user_roles
            .lefts_of(role_id)
            .iter()
            .filter_map(|id| self.users.get(id))
    }

    pub(crate) fn user_holds(&self, user_id: &str, role_id: &str) -> bool {
        self.user_roles.contains(user_id, role_id)
    }

    /// The ids of a user's roles in the order of their giving.
    pub(crate) fn role_ids_of_user(&self, user_id: &str) -> &[String] {
        self.user_roles.rights_of(user_id)
    }

    pub(crate) fn assign_to_user(&mut self, user_id: &str, role_id: &str) -> Result<(), Violation> {
        if self.users.get(user_id).is_none() {
            return Err(Violation::ForeignKey);
        }
        self.check_type(role_id, RoleType::User)?;
        self.user_roles.insert(user_id, role_id)
    }

    pub(crate) fn unassign_from_user(
        &mut self,
        user_id: &str,
        role_id: &str,
    ) -> Result<(), Violation> {
        self.user_roles.remove(user_id, role_id)
    }

    pub(crate) fn applications_of_role(&self, role_id: &str) -> impl Iterator<Item = &Application> {
        self.application_roles
            .lefts_of(role_id)
            .iter()
            .filter_map(|id| self.applications.get(id))
    }

    pub(crate) fn application_holds(&self, application_id: &str, role_id: &str) -> bool {
        self.application_roles.contains(application_id, role_id)
    }

    /// The ids of an application's roles in the order of their giving.
    pub(crate) fn role_ids_of_application(&self, application_id: &str) -> &[String] {
        self.application_roles.rights_of(application_id)
    }

    pub(crate) fn assign_to_application(
        &mut self,
        application_id: &str,
        role_id: &str,
    ) -> Result<(), Violation> {
        if self.applications.get(application_id).is_none() {
            return Err(Violation::ForeignKey);
        }
        self.check_type(role_id, RoleType::MachineToMachine)?;
        self.application_roles.insert(application_id, role_id)
    }

    pub(crate) fn unassign_from_application(
        &mut self,
        application_id: &str,
        role_id: &str,
    ) -> Result<(), Violation> {
        self.application_roles.remove(application_id, role_id)
    }

    fn check_type(&self, role_id: &str, kind: RoleType) -> Result<(), Violation> {
        match self.roles.get(role_id) {
            None => Err(Violation::ForeignKey),
            Some(role) if role.kind != kind => Err(Violation::Check),
            Some(_) => Ok(()),
        }
    }
}
