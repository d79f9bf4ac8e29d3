//! Applications, as far as they are given roles.

use serde_json::json;

use super::client::{done, gone};
use super::scopes::search_by_name;
use super::{Application, Client, Error, Listing, Operation};

impl Client {
    /// One application; none when there is none of that id.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn get_application(&self, id: &str) -> Result<Option<Application>, Error> {
        let operation = Operation::GetApplication;
        let url = self.url(operation, &["applications", id])?;
        match self.call(operation, |http| http.get(url.clone())).await {
            Ok(answer) => answer.decode(operation).map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The applications of this very name, of whatever type.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn find_applications(&self, name: &str) -> Result<Vec<Application>, Error> {
        let operation = Operation::FindApplications;
        let url = search_by_name(self.url(operation, &["applications"])?, name);
        self.call(operation, |http| http.get(url.clone()))
            .await?
            .decode(operation)
    }

    /// The machine-to-machine applications that hold a role. Logto has no search in this list (packages/core
    /// `src/routes/role.application.ts`).
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such role.
    pub async fn list_role_applications(
        &self,
        role_id: &str,
    ) -> Result<Listing<Application>, Error> {
        let operation = Operation::ListRoleApplications;
        let url = self.url(operation, &["roles", role_id, "applications"])?;
        self.list_pages(operation, url, |row: &Application| &row.id)
            .await
    }

    /// Gives applications a role: all of them, or on any error but a lost answer none. Logto does not check their type.
    ///
    /// # Errors
    /// [`Error::Reread`] when one of them holds it already (`role.application_exists`) or may just have got it, and when
    /// role or application are gone.
    pub async fn assign_applications(&self, role_id: &str, ids: &[String]) -> Result<(), Error> {
        let operation = Operation::AssignApplications;
        let url = self.url(operation, &["roles", role_id, "applications"])?;
        let body = json!({ "applicationIds": ids });
        let result = self.call(operation, |http| http.post(url.clone()).json(&body));
        done(operation, result.await)
    }

    /// Takes a role from an application. `Ok` also when it did not hold it, or is gone.
    ///
    /// # Errors
    /// No definite answer, or a refusal.
    pub async fn unassign_application(&self, role_id: &str, id: &str) -> Result<(), Error> {
        let operation = Operation::UnassignApplication;
        let url = self.url(operation, &["roles", role_id, "applications", id])?;
        let result = self.call(operation, |http| http.delete(url.clone())).await;
        gone(operation, result)
    }
}
