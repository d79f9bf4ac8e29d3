//! One LogtoTenant's connection: its client, and what the tenant holds as far as it was read and written.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use super::{
    Client, Error, Failure, Listing, NewResource, NewRole, NewScope, Operation, Patch,
    ResourceChanges, ResourceWithScopes, Role, RoleChanges, RoleType, RoleWithCounts, Scope,
    ScopeChanges,
};
use crate::{
    api,
    domain::{
        observed::{self, Change, Observed},
        ownership::Owner,
        plan::Step,
        release::Holders,
    },
};

/// A connected tenant. Everything remote goes through it.
pub struct Session {
    client: Client,
    owner: Owner,
    snapshot: RwLock<Snapshot>,
    /// Bindings, by uid, whose last write may or may not have happened.
    doubts: Mutex<HashSet<String>>,
    links_read: Mutex<HashMap<String, Instant>>,
    down: AtomicBool,
}

#[derive(Default)]
struct Snapshot {
    observed: Observed,
    roles_complete: bool,
    /// What was done since a listing began, to be done again on what it gives.
    since_listing: Option<Vec<Change>>,
}

impl Session {
    /// Lists the tenant for the first time.
    ///
    /// # Errors
    /// Those of the requests; see [`Error`].
    pub async fn open(client: Client, owner: Owner) -> Result<Self, Error> {
        let session = Self {
            client,
            owner,
            snapshot: RwLock::default(),
            doubts: Mutex::default(),
            links_read: Mutex::default(),
            down: AtomicBool::new(false),
        };
        session.list(&session.client).await?;
        Ok(session)
    }

    /// The client, for what is not about the snapshot.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Looks at what the tenant holds.
    pub fn observe<R>(&self, look: impl FnOnce(&Observed) -> R) -> R {
        look(&self.read().observed)
    }

    /// Whether the last listing of roles may have missed a row.
    pub fn roles_may_be_missing(&self) -> bool {
        !self.read().roles_complete
    }

    /// Whether requests are pointless until [`Session::refresh`] succeeds.
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Judges an error: one that speaks of the way to Logto stops everybody else from trying too.
    pub fn note(&self, error: &Error) {
        let unreachable = match error {
            Error::Retry {
                cause: Failure::Status(status),
                ..
            } => matches!(status, 502..=504),
            Error::Retry { .. } | Error::Credentials { .. } => true,
            _ => false,
        };
        if unreachable {
            self.down.store(true, Ordering::Relaxed);
        }
    }

    /// Notes that a binding's write may have happened.
    pub fn doubt(&self, uid: &str) {
        lock(&self.doubts).insert(uid.to_owned());
    }

    /// Whether a binding has to be read again before it is written, which settles the doubt.
    pub fn take_doubt(&self, uid: &str) -> bool {
        lock(&self.doubts).remove(uid)
    }

    /// Lists the tenant again with at most half of the budget.
    ///
    /// # Errors
    /// Those of the requests; the last snapshot stays.
    pub async fn refresh(&self) -> Result<(), Error> {
        self.list(&self.client.background()).await?;
        self.down.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn list(&self, client: &Client) -> Result<(), Error> {
        self.write(|snapshot| snapshot.since_listing = Some(Vec::new()));
        let listed = self.read_all(client).await;
        self.write(|snapshot| {
            let since = snapshot.since_listing.take().unwrap_or_default();
            let (mut observed, roles_complete) = listed?;
            for change in since {
                observed.apply(change);
            }
            *snapshot = Snapshot {
                observed,
                roles_complete,
                since_listing: None,
            };
            Ok(())
        })
    }

    async fn read_all(&self, client: &Client) -> Result<(Observed, bool), Error> {
        let resources = client.list_resources_with_scopes().await?;
        let Listing { rows, complete } = client.list_roles().await?;
        let mut observed = Observed {
            resources: resources.into_iter().map(resource).collect(),
            roles: rows
                .into_iter()
                .filter_map(|row: RoleWithCounts| role(row.role))
                .collect(),
        };
        for (name, known) in self.missing(&observed) {
            // A page can miss a row even when the count adds up, so only a read by id says that a role is gone.
            match client.get_role(&known.id).await {
                Ok(found) => observed.roles.extend(role(found)),
                Err(Error::NotFound { .. }) => {
                    tracing::debug!(role = name, "a role is gone from Logto")
                }
                Err(error) => return Err(error),
            }
        }
        self.read().observed.roles.values().for_each(|known| {
            if let Some(scopes) = &known.scopes {
                observed.apply(Change::SetRoleScopes(known.id.clone(), scopes.clone()));
            }
        });
        Ok((observed, complete))
    }

    /// Roles of ours that were known and are not in the listing.
    fn missing(&self, listed: &Observed) -> Vec<(String, observed::Role)> {
        let ids: BTreeSet<&str> = listed.roles.values().map(|role| role.id.as_str()).collect();
        let snapshot = self.read();
        let ours = |role: &observed::Role| role.mark().is_some_and(|mark| mark.is_of(&self.owner));
        let known = snapshot.observed.roles.iter();
        known
            .filter(|(_, role)| ours(role) && !ids.contains(role.id.as_str()))
            .map(|(name, role)| (name.clone(), role.clone()))
            .collect()
    }

    /// Reads which scopes a role holds.
    ///
    /// # Errors
    /// Those of the request; a role that is gone is forgotten and no error.
    pub async fn read_role_scopes(&self, client: &Client, role_id: &str) -> Result<(), Error> {
        let change = match client.list_role_scopes(role_id).await {
            Ok(scopes) => Change::SetRoleScopes(
                role_id.to_owned(),
                scopes.into_iter().map(|scope| scope.id).collect(),
            ),
            Err(Error::NotFound { .. } | Error::Reread { .. }) => {
                Change::RemoveRole(role_id.to_owned())
            }
            Err(error) => return Err(error),
        };
        lock(&self.links_read).insert(role_id.to_owned(), Instant::now());
        self.record(change);
        Ok(())
    }

    /// Roles of ours, those whose scopes were read longest ago first.
    pub fn roles_by_age_of_reading(&self) -> Vec<String> {
        let read = lock(&self.links_read);
        let ours = |role: &&observed::Role| role.mark().is_some_and(|mark| mark.is_of(&self.owner));
        let mut ids: Vec<String> = self.observe(|observed| {
            observed
                .roles
                .values()
                .filter(ours)
                .map(|role| role.id.clone())
                .collect()
        });
        ids.sort_by_key(|id| read.get(id).copied());
        ids
    }

    /// Counts who holds a role at this moment.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn holders(&self, role_name: &str) -> Result<Holders, Error> {
        let found = self.client.find_role(role_name).await?;
        let held = found.is_some_and(|row| row.users_count + row.applications_count > 0);
        Ok(if held {
            Holders::Somebody
        } else {
            Holders::Nobody
        })
    }

    /// Carries out one step and notes what it changed.
    ///
    /// # Errors
    /// Those of the request. [`Error::Reread`] and [`Error::NotFound`] want [`Session::reread_binding`] or
    /// [`Session::refresh`] before the next plan.
    pub async fn execute(&self, step: &Step) -> Result<(), Error> {
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
                if let Some((name, role)) = role(self.client.update_role(id, &patch).await?) {
                    self.record(Change::PutRole(name, role));
                }
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
        self.reread_role(role).await
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

    fn resource_id(&self, operation: Operation, indicator: &str) -> Result<String, Error> {
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

    fn record(&self, change: Change) {
        self.write(|snapshot| {
            if let Some(since) = &mut snapshot.since_listing {
                since.push(change.clone());
            }
            snapshot.observed.apply(change);
        });
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<R>(&self, change: impl FnOnce(&mut Snapshot) -> R) -> R {
        change(
            &mut self
                .snapshot
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        )
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put_resource(found: super::Resource) -> Change {
    let (indicator, resource) = resource(ResourceWithScopes {
        resource: found,
        scopes: Vec::new(),
    });
    Change::PutResource(indicator, resource)
}

fn put_scope(indicator: &str, found: Scope) -> Change {
    let (name, scope) = scope(found);
    Change::PutScope(indicator.to_owned(), name, scope)
}

fn resource(found: ResourceWithScopes) -> (String, observed::Resource) {
    let resource = observed::Resource {
        id: found.resource.id,
        name: found.resource.name,
        access_token_ttl: found.resource.access_token_ttl,
        scopes: scopes(found.scopes),
    };
    (found.resource.indicator, resource)
}

fn scopes(found: Vec<Scope>) -> BTreeMap<String, observed::Scope> {
    found.into_iter().map(scope).collect()
}

fn scope(found: Scope) -> (String, observed::Scope) {
    (
        found.name,
        observed::Scope {
            id: found.id,
            description: found.description.unwrap_or_default(),
        },
    )
}

/// None for a role of a type that this version does not know; creating one of its name is then refused by Logto.
fn role(found: Role) -> Option<(String, observed::Role)> {
    let type_ = match found.role_type {
        RoleType::User => api::binding::RoleType::User,
        RoleType::MachineToMachine => api::binding::RoleType::MachineToMachine,
        RoleType::Unknown => return None,
    };
    let role = observed::Role {
        id: found.id,
        description: found.description,
        type_,
        is_default: found.is_default,
        scopes: None,
    };
    Some((found.name, role))
}
