//! Steps become requests, and what they changed is noted.

use std::time::Instant;

use super::{
    super::{
        Error, NewResource, NewRole, NewScope, Operation, Patch, ResourceChanges, RoleChanges,
        RoleType, ScopeChanges,
    },
    Session,
    convert::{put_resource, put_scope, role},
    lock,
};
use crate::{
    api,
    domain::{
        observed::{self, Change},
        plan::Step,
    },
};

impl Session {
    /// Carries out one step and notes what it changed.
    ///
    /// # Errors
    /// Those of the request. [`Error::Reread`] and [`Error::NotFound`] want [`Session::reread_binding`] or
    /// [`Session::refresh`] before the next plan.
    pub async fn execute(&self, step: &Step) -> Result<(), Error> {
        let result = self.send(step).await;
        if let (Err(error), Some(name)) = (&result, made(step))
            && error.may_have_happened()
        {
            lock(&self.unsure).insert(name.to_owned());
        }
        result
    }

    /// Whether a step makes what an earlier attempt may have made already; [`Session::reread_binding`] tells.
    pub fn is_unsure_of(&self, steps: &[Step]) -> bool {
        let unsure = lock(&self.unsure);
        steps
            .iter()
            .filter_map(made)
            .any(|name| unsure.contains(name))
    }

    async fn send(&self, step: &Step) -> Result<(), Error> {
        let change = match step {
            Step::CreateResource {
                indicator,
                name,
                access_token_ttl,
            } => {
                let new = NewResource {
                    name,
                    indicator,
                    access_token_ttl: Some(*access_token_ttl),
                };
                put_resource(self.client.create_resource(&new).await?)
            }
            Step::UpdateResource {
                id,
                name,
                access_token_ttl,
            } => {
                let changes = ResourceChanges {
                    name: name.clone(),
                    access_token_ttl: *access_token_ttl,
                };
                let Some(patch) = Patch::new(changes) else {
                    return Ok(());
                };
                put_resource(self.client.update_resource(id, &patch).await?)
            }
            Step::CreateScope {
                indicator,
                name,
                description,
            } => {
                let new = NewScope {
                    name,
                    description: Some(description),
                };
                put_scope(
                    indicator,
                    self.client
                        .create_scope(&self.resource_id(Operation::CreateScope, indicator)?, &new)
                        .await?,
                )
            }
            Step::UpdateScope {
                indicator,
                id,
                name,
                description,
            } => {
                let changes = ScopeChanges {
                    name: name.clone(),
                    description: description.clone(),
                };
                let Some(patch) = Patch::new(changes) else {
                    return Ok(());
                };
                let resource = self.resource_id(Operation::UpdateScope, indicator)?;
                put_scope(
                    indicator,
                    self.client.update_scope(&resource, id, &patch).await?,
                )
            }
            Step::DeleteScope { indicator, id } => {
                let resource = self.resource_id(Operation::DeleteScope, indicator)?;
                self.client.delete_scope(&resource, id).await?;
                Change::RemoveScope(id.clone())
            }
            Step::DeleteResource { indicator, id } => {
                self.client.delete_resource(id).await?;
                Change::RemoveResource(indicator.clone())
            }
            _ => return self.execute_on_role(step).await,
        };
        self.record(change);
        Ok(())
    }

    async fn execute_on_role(&self, step: &Step) -> Result<(), Error> {
        match step {
            Step::CreateRole {
                name,
                type_,
                description,
                indicator,
                scope,
            } => {
                let scope_ids = [self.scope_id(Operation::CreateRole, indicator, scope)?];
                let role_type = match type_ {
                    api::binding::RoleType::User => RoleType::User,
                    api::binding::RoleType::MachineToMachine => RoleType::MachineToMachine,
                };
                let new = NewRole {
                    name,
                    description,
                    role_type,
                    scope_ids: &scope_ids,
                };
                let made = self.client.create_role(&new).await?;
                lock(&self.links_read).insert(made.id.clone(), Instant::now());
                if let Some((name, role)) = role(made) {
                    self.record(Change::PutRole(
                        name,
                        observed::Role {
                            scopes: Some(scope_ids.into()),
                            ..role
                        },
                    ));
                }
            }
            Step::UpdateRole {
                id,
                name,
                description,
                is_default,
            } => {
                let changes = RoleChanges {
                    name: name.clone(),
                    description: description.clone(),
                    is_default: *is_default,
                };
                let Some(patch) = Patch::new(changes) else {
                    return Ok(());
                };
                let updated = self.client.update_role(id, &patch).await;
                if let Err(Error::NotFound { .. }) = updated {
                    self.record(Change::RemoveRole(id.clone()));
                }
                if let Some((name, role)) = role(updated?) {
                    self.record(Change::PutRole(name, role));
                }
            }
            Step::DetachScope {
                role,
                indicator,
                scope,
            } => {
                let scope = self.scope_id(Operation::RemoveRoleScope, indicator, scope)?;
                self.client.remove_role_scope(role, &scope).await?;
                self.record(Change::TakeRoleScope(role.clone(), scope));
            }
            Step::AttachScope {
                role,
                indicator,
                scope,
            } => {
                let scope = self.scope_id(Operation::AddRoleScope, indicator, scope)?;
                self.client.add_role_scope(role, &scope).await?;
                self.record(Change::AddRoleScope(role.clone(), scope));
            }
            Step::DeleteRole { id } => {
                self.client.delete_role(id).await?;
                self.record(Change::RemoveRole(id.clone()));
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn resource_id(
        &self,
        operation: Operation,
        indicator: &str,
    ) -> Result<String, Error> {
        self.observe(|observed| {
            observed
                .resources
                .get(indicator)
                .map(|resource| resource.id.clone())
        })
        .ok_or(vanished(operation))
    }

    fn scope_id(&self, operation: Operation, indicator: &str, name: &str) -> Result<String, Error> {
        self.observe(|observed| {
            Some(
                observed
                    .resources
                    .get(indicator)?
                    .scopes
                    .get(name)?
                    .id
                    .clone(),
            )
        })
        .ok_or(vanished(operation))
    }
}

/// The name of the scope or role that a step makes.
fn made(step: &Step) -> Option<&str> {
    match step {
        Step::CreateScope { name, .. } | Step::CreateRole { name, .. } => Some(name),
        _ => None,
    }
}

/// Something that the plan counted on is no longer in the snapshot.
fn vanished(operation: Operation) -> Error {
    Error::Reread {
        operation,
        status: 404,
        code: None,
    }
}
