//! Roles of the tenant, and the scopes that they hold.

use serde::Serialize;
use serde_json::json;

use super::client::gone;
use super::scopes::search_by_name;
use super::{Client, Error, Listing, Operation, Patch, Role, RoleType, RoleWithCounts, Scope};

/// A role to be made.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRole<'a> {
    /// 1 to 128 characters, unique in the tenant.
    pub name: &'a str,
    /// 1 to 128 characters.
    pub description: &'a str,
    /// Whom it can be given to.
    #[serde(rename = "type")]
    pub role_type: RoleType,
    /// Ids of the scopes that it holds from the beginning; an empty list is not sent, as Logto would refuse it after
    /// the role is made.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub scope_ids: &'a [String],
}

/// What to change on a role; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleChanges {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 1 to 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether every user who is created from now on gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
}

impl Client {
    /// All roles of the tenant but those whose names begin with `#internal:`, which Logto hides.
    ///
    /// # Errors
    /// No usable answer for one of the pages.
    pub async fn list_roles(&self) -> Result<Listing<RoleWithCounts>, Error> {
        let operation = Operation::ListRoles;
        let url = self.url(operation, &["roles"])?;
        self.list_pages(operation, url, |row: &RoleWithCounts| &row.role.id)
            .await
    }

    /// One role.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of that id.
    pub async fn get_role(&self, id: &str) -> Result<Role, Error> {
        let operation = Operation::GetRole;
        let url = self.url(operation, &["roles", id])?;
        self.call(operation, |http| http.get(url.clone()))
            .await?
            .decode(operation)
    }

    /// The role of this very name (case-sensitive), and how many hold it at this moment.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn find_role(&self, name: &str) -> Result<Option<RoleWithCounts>, Error> {
        let operation = Operation::FindRole;
        let url = search_by_name(self.url(operation, &["roles"])?, name);
        let found: Vec<RoleWithCounts> = self
            .call(operation, |http| http.get(url.clone()))
            .await?
            .decode(operation)?;
        Ok(found.into_iter().find(|row| row.role.name == name))
    }

    /// Makes a role. Logto does this in two steps: most refusals leave the role behind, without its scopes, and
    /// [`Error::may_have_happened`] says so.
    ///
    /// # Errors
    /// [`Error::Reread`] when the name is taken or may just have been, or a scope is gone.
    pub async fn create_role(&self, new: &NewRole<'_>) -> Result<Role, Error> {
        let operation = Operation::CreateRole;
        let url = self.url(operation, &["roles"])?;
        self.call(operation, |http| http.post(url.clone()).json(new))
            .await?
            .decode(operation)
    }

    /// Changes a role and gives it back as it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is gone, [`Error::Reread`] when the new name is taken.
    pub async fn update_role(&self, id: &str, patch: &Patch<RoleChanges>) -> Result<Role, Error> {
        let operation = Operation::UpdateRole;
        let url = self.url(operation, &["roles", id])?;
        self.call(operation, |http| http.patch(url.clone()).json(patch))
            .await?
            .decode(operation)
    }

    /// Deletes a role and with it, without a way back, who holds it. `Ok` also when it was gone.
    ///
    /// # Errors
    /// No definite answer, or a refusal.
    pub async fn delete_role(&self, id: &str) -> Result<(), Error> {
        let operation = Operation::DeleteRole;
        let url = self.url(operation, &["roles", id])?;
        let result = self.call(operation, |http| http.delete(url.clone())).await;
        gone(operation, result)
    }

    /// All scopes that a role holds, of whatever resource.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such role.
    pub async fn list_role_scopes(&self, role_id: &str) -> Result<Vec<Scope>, Error> {
        let operation = Operation::ListRoleScopes;
        let url = self.url(operation, &["roles", role_id, "scopes"])?;
        self.call(operation, |http| http.get(url.clone()))
            .await?
            .decode(operation)
    }

    /// Gives a role a scope, and gives back all scopes that it holds then.
    ///
    /// # Errors
    /// [`Error::Reread`] when it holds the scope already (`role.scope_exists`) or may just have got it, and when role
    /// or scope are gone.
    pub async fn add_role_scope(&self, role_id: &str, scope_id: &str) -> Result<Vec<Scope>, Error> {
        let operation = Operation::AddRoleScope;
        let url = self.url(operation, &["roles", role_id, "scopes"])?;
        let body = json!({ "scopeIds": [scope_id] });
        self.call(operation, |http| http.post(url.clone()).json(&body))
            .await?
            .decode(operation)
    }

    /// Takes a scope from a role. `Ok` also when it did not hold it, or is gone.
    ///
    /// # Errors
    /// No definite answer, or a refusal.
    pub async fn remove_role_scope(&self, role_id: &str, scope_id: &str) -> Result<(), Error> {
        let operation = Operation::RemoveRoleScope;
        let url = self.url(operation, &["roles", role_id, "scopes", scope_id])?;
        let result = self.call(operation, |http| http.delete(url.clone())).await;
        gone(operation, result)
    }
}
