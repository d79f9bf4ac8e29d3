//! Single objects, read again before something is decided about them.

use super::{
    super::{Error, Operation},
    Session,
    convert::{put_resource, put_scope, resource, role, scopes},
    lock,
};
use crate::domain::observed::Change;

impl Session {
    /// Reads all resources and scopes again, and one by its id before it is taken for gone.
    ///
    /// # Errors
    /// Those of the requests.
    pub async fn reread_resources(
        &self,
        indicator: &str,
        known_id: Option<&str>,
    ) -> Result<(), Error> {
        let listed = self.client.list_resources_with_scopes().await?;
        let found = listed.iter().any(|row| row.resource.indicator == indicator);
        for row in listed {
            let (indicator, resource) = resource(row);
            let scopes = resource.scopes.clone();
            self.record(Change::PutResource(indicator.clone(), resource));
            self.record(Change::SetScopes(indicator, scopes));
        }
        if found {
            return Ok(());
        }
        let by_id = match known_id {
            Some(id) => self.client.get_resource(id).await,
            None => Err(Error::NotFound {
                operation: Operation::GetResource,
            }),
        };
        match by_id {
            Ok(found) if found.indicator == indicator => self.record(put_resource(found)),
            Ok(_) | Err(Error::NotFound { .. }) => {
                self.record(Change::RemoveResource(indicator.to_owned()))
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Reads one binding's scope and role again, by name, and by id before either is taken for gone.
    ///
    /// # Errors
    /// Those of the requests.
    pub async fn reread_binding(
        &self,
        indicator: &str,
        scope: &str,
        role: &str,
    ) -> Result<(), Error> {
        if let Ok(resource_id) = self.resource_id(Operation::FindScope, indicator) {
            match self.client.find_scope(&resource_id, scope).await? {
                Some(found) => self.record(put_scope(indicator, found)),
                None => self.reread_scopes(indicator, &resource_id).await?,
            }
        }
        self.reread_role(role).await?;
        lock(&self.unsure).retain(|name| name != scope && name != role);
        Ok(())
    }

    async fn reread_scopes(&self, indicator: &str, resource_id: &str) -> Result<(), Error> {
        // Logto answers an empty list for a resource that is gone.
        match self.client.get_resource(resource_id).await {
            Ok(found) => self.record(put_resource(found)),
            Err(Error::NotFound { .. }) => {
                self.record(Change::RemoveResource(indicator.to_owned()));
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let listed = self.client.list_scopes(resource_id).await?.rows;
        self.record(Change::SetScopes(indicator.to_owned(), scopes(listed)));
        Ok(())
    }

    /// Reads one role again, by name, and by id before it is taken for gone.
    ///
    /// # Errors
    /// Those of the requests.
    pub async fn reread_role(&self, name: &str) -> Result<(), Error> {
        let known = self.observe(|observed| observed.roles.get(name).map(|role| role.id.clone()));
        let found = match (self.client.find_role(name).await?, known) {
            (Some(found), _) => Some(found.role),
            (None, Some(id)) => match self.client.get_role(&id).await {
                Ok(found) => Some(found),
                Err(Error::NotFound { .. }) => {
                    self.record(Change::RemoveRole(id));
                    None
                }
                Err(error) => return Err(error),
            },
            (None, None) => None,
        };
        let Some((name, role)) = found.and_then(role) else {
            return Ok(());
        };
        let id = role.id.clone();
        self.record(Change::PutRole(name, role));
        self.read_role_scopes(&self.client, &id).await
    }
}
