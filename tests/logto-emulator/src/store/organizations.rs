//! Organizations, as far as they reach into tokens for an API resource.

use serde_json::Map;

use super::{Organization, Scope, Store, Violation, random_id};

/// A role that a user holds in one organization.
///
/// In Logto the role is a row of its own, the same for every organization; here it is part of its assignment.
#[derive(Clone)]
pub(crate) struct OrganizationRole {
    pub(crate) organization_id: String,
    pub(crate) user_id: String,
    pub(crate) role_id: String,
    pub(crate) role_name: String,
    /// Scopes of API resources.
    pub(crate) scope_ids: Vec<String>,
}

impl Store {
    pub(crate) fn insert_organization(&mut self, name: &str) -> Organization {
        let organization = Organization {
            id: random_id(12),
            name: name.to_owned(),
            description: None,
            custom_data: Map::new(),
        };
        self.organizations.push(organization.clone());
        organization
    }

    pub(crate) fn organization(&self, id: &str) -> Option<&Organization> {
        self.organizations.iter().find(|row| row.id == id)
    }

    /// Makes the user a member of the organization with a role that holds these scopes.
    pub(crate) fn insert_organization_role(
        &mut self,
        user_id: &str,
        organization_id: &str,
        role_name: &str,
        scope_ids: &[&str],
    ) -> Result<(), Violation> {
        let has_scope = |id: &&str| self.scopes.get(id).is_some();
        if self.users.get(user_id).is_none()
            || self.organization(organization_id).is_none()
            || !scope_ids.iter().all(has_scope)
        {
            return Err(Violation::ForeignKey);
        }
        self.organization_roles.push(OrganizationRole {
            organization_id: organization_id.to_owned(),
            user_id: user_id.to_owned(),
            role_id: random_id(21),
            role_name: role_name.to_owned(),
            scope_ids: scope_ids.iter().map(|id| (*id).to_owned()).collect(),
        });
        Ok(())
    }

    /// The roles of a user in that organization; without one, in all.
    pub(crate) fn organization_roles_of<'a>(
        &'a self,
        user_id: &'a str,
        organization_id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a OrganizationRole> {
        self.organization_roles.iter().filter(move |role| {
            role.user_id == user_id && organization_id.is_none_or(|id| role.organization_id == id)
        })
    }

    /// The organizations of which a user is a member.
    pub(crate) fn organizations_of(&self, user_id: &str) -> Vec<&Organization> {
        let is_member = |row: &&Organization| {
            let mut roles = self.organization_roles_of(user_id, Some(&row.id));
            roles.next().is_some()
        };
        self.organizations.iter().filter(is_member).collect()
    }

    /// The scopes of all resources that an organization's role holds.
    pub(crate) fn scopes_of_organization_role<'a>(
        &'a self,
        role: &'a OrganizationRole,
    ) -> impl Iterator<Item = &'a Scope> {
        role.scope_ids.iter().filter_map(|id| self.scopes.get(id))
    }
}
