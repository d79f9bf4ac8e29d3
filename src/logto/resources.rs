//! API resources.

use serde::Serialize;

use super::client::gone;
use super::{Client, Error, Operation, Patch, Resource, ResourceWithScopes};

/// A resource to be made.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewResource<'a> {
    /// The name in the console.
    pub name: &'a str,
    /// The `aud` of its tokens.
    pub indicator: &'a str,
    /// Seconds; without it Logto takes 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_ttl: Option<i64>,
}

/// What to change on a resource; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceChanges {
    /// The name in the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_ttl: Option<i64>,
}

impl Client {
    /// All resources of the tenant with all their scopes, in one request: without page parameters Logto gives
    /// everything.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn list_resources_with_scopes(&self) -> Result<Vec<ResourceWithScopes>, Error> {
        let operation = Operation::ListResources;
        let mut url = self.url(operation, &["resources"])?;
        url.set_query(Some("includeScopes=true"));
        self.call(operation, |http| http.get(url.clone()))
            .await?
            .decode(operation)
    }

    /// One resource.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of that id.
    pub async fn get_resource(&self, id: &str) -> Result<Resource, Error> {
        let operation = Operation::GetResource;
        let url = self.url(operation, &["resources", id])?;
        self.call(operation, |http| http.get(url.clone()))
            .await?
            .decode(operation)
    }

    /// Makes a resource.
    ///
    /// # Errors
    /// [`Error::Reread`] when the indicator is taken or may just have been.
    pub async fn create_resource(&self, new: &NewResource<'_>) -> Result<Resource, Error> {
        let operation = Operation::CreateResource;
        let url = self.url(operation, &["resources"])?;
        self.call(operation, |http| http.post(url.clone()).json(new))
            .await?
            .decode(operation)
    }

    /// Changes a resource and gives it back as it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of that id.
    pub async fn update_resource(
        &self,
        id: &str,
        patch: &Patch<ResourceChanges>,
    ) -> Result<Resource, Error> {
        let operation = Operation::UpdateResource;
        let url = self.url(operation, &["resources", id])?;
        self.call(operation, |http| http.patch(url.clone()).json(patch))
            .await?
            .decode(operation)
    }

    /// Deletes a resource with its scopes, from every role that holds one; no further tokens are issued for it. `Ok`
    /// also when it was gone.
    ///
    /// # Errors
    /// No definite answer, or a refusal.
    pub async fn delete_resource(&self, id: &str) -> Result<(), Error> {
        let operation = Operation::DeleteResource;
        let url = self.url(operation, &["resources", id])?;
        let result = self.call(operation, |http| http.delete(url.clone())).await;
        gone(operation, result)
    }
}
