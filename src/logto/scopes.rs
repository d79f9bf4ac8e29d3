//! Scopes of a resource. Logto checks that the resource exists, but not that a scope is of that resource: a caller has
//! to know that before it changes or deletes one.

use serde::Serialize;
use url::Url;

use super::client::gone;
use super::{Client, Error, Listing, Operation, Patch, Scope};

/// A scope to be made.
#[derive(Clone, Debug, Serialize)]
pub struct NewScope<'a> {
    /// 1 to 256 characters without white space.
    pub name: &'a str,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
}

/// What to change on a scope; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ScopeChanges {
    /// The name; roles keep the scope when it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free text; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Client {
    /// The scope of this very name (case-sensitive) in a resource.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn find_scope(&self, resource_id: &str, name: &str) -> Result<Option<Scope>, Error> {
        let operation = Operation::FindScope;
        let url = self.url(operation, &["resources", resource_id, "scopes"])?;
        let url = search_by_name(url, name);
        let found: Vec<Scope> = self
            .call(operation, |http| http.get(url.clone()))
            .await?
            .decode(operation)?;
        Ok(found
            .into_iter()
            .find(|scope| scope.name == name && scope.resource_id == resource_id))
    }

    /// All scopes of a resource; of a resource that does not exist, none.
    ///
    /// # Errors
    /// No usable answer for one of the pages.
    pub async fn list_scopes(&self, resource_id: &str) -> Result<Listing<Scope>, Error> {
        let operation = Operation::ListScopes;
        let url = self.url(operation, &["resources", resource_id, "scopes"])?;
        self.list_pages(operation, url, |scope: &Scope| &scope.id)
            .await
    }

    /// Makes a scope.
    ///
    /// # Errors
    /// [`Error::Reread`] when the name is taken or may just have been, or the resource is gone.
    pub async fn create_scope(
        &self,
        resource_id: &str,
        new: &NewScope<'_>,
    ) -> Result<Scope, Error> {
        let operation = Operation::CreateScope;
        let url = self.url(operation, &["resources", resource_id, "scopes"])?;
        self.call(operation, |http| http.post(url.clone()).json(new))
            .await?
            .decode(operation)
    }

    /// Changes a scope and gives it back as it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`] when scope or resource are gone, [`Error::Reread`] when the new name is taken.
    pub async fn update_scope(
        &self,
        resource_id: &str,
        id: &str,
        patch: &Patch<ScopeChanges>,
    ) -> Result<Scope, Error> {
        let operation = Operation::UpdateScope;
        let url = self.url(operation, &["resources", resource_id, "scopes", id])?;
        self.call(operation, |http| http.patch(url.clone()).json(patch))
            .await?
            .decode(operation)
    }

    /// Deletes a scope, from every role that holds it too. `Ok` also when scope or resource were gone.
    ///
    /// # Errors
    /// No definite answer, or a refusal.
    pub async fn delete_scope(&self, resource_id: &str, id: &str) -> Result<(), Error> {
        let operation = Operation::DeleteScope;
        let url = self.url(operation, &["resources", resource_id, "scopes", id])?;
        let result = self.call(operation, |http| http.delete(url.clone())).await;
        gone(operation, result)
    }
}

/// An exact search; Logto's default is a LIKE pattern that ignores case. Two different `search.*` keys would leak rows of
/// other resources, so there is only this one.
pub(super) fn search_by_name(mut url: Url, name: &str) -> Url {
    url.query_pairs_mut()
        .append_pair("search.name", name)
        .append_pair("mode.name", "exact")
        .append_pair("isCaseSensitive", "true");
    url
}
