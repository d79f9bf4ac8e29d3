//! Logto's tables as the planner's steps change them, with Logto's constraints: a step that Logto would refuse panics.

use std::collections::BTreeSet;

use logto_hasura::{
    api::binding::RoleType,
    domain::{
        observed::{Change, Observed, Resource, Role, Scope},
        plan::Step,
    },
};

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub observed: Observed,
    made: usize,
}

impl Model {
    fn id(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    fn scope_id(&self, indicator: &str, name: &str) -> String {
        self.observed.resources[indicator].scopes[name].id.clone()
    }

    pub fn apply_all(&mut self, steps: Vec<Step>) -> usize {
        let count = steps.len();
        for step in steps {
            self.apply(step);
        }
        count
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::CreateResource {
                indicator,
                name,
                access_token_ttl,
            } => {
                let resource = Resource {
                    id: self.id("resource"),
                    name,
                    access_token_ttl,
                    scopes: Default::default(),
                };
                assert!(
                    self.observed
                        .resources
                        .insert(indicator, resource)
                        .is_none(),
                    "indicator in use"
                );
            }
            Step::UpdateResource {
                id,
                name,
                access_token_ttl,
            } => {
                let resource = self
                    .observed
                    .resources
                    .values_mut()
                    .find(|resource| resource.id == id)
                    .unwrap();
                resource.name = name.unwrap_or(resource.name.clone());
                resource.access_token_ttl = access_token_ttl.unwrap_or(resource.access_token_ttl);
            }
            Step::CreateScope {
                indicator,
                name,
                description,
            } => {
                let scope = Scope {
                    id: self.id("scope"),
                    description,
                };
                let resource = self.observed.resources.get_mut(&indicator).unwrap();
                assert!(
                    resource.scopes.insert(name, scope).is_none(),
                    "scope name in use"
                );
            }
            Step::UpdateScope {
                indicator,
                id,
                name,
                description,
            } => {
                let scopes = &self.observed.resources[&indicator].scopes;
                let (old_name, old) = scopes.iter().find(|(_, scope)| scope.id == id).unwrap();
                let name = name.unwrap_or(old_name.clone());
                let taken = scopes.get(&name).is_some_and(|other| other.id != id);
                assert!(!taken, "scope name in use");
                let scope = Scope {
                    description: description.unwrap_or(old.description.clone()),
                    id,
                };
                self.observed
                    .apply(Change::PutScope(indicator, name, scope));
            }
            Step::CreateRole {
                name,
                type_,
                description,
                indicator,
                scope,
            } => {
                let scopes = Some(BTreeSet::from([self.scope_id(&indicator, &scope)]));
                assert!((1..=128).contains(&description.encode_utf16().count()));
                let role = Role {
                    id: self.id("role"),
                    description,
                    type_,
                    is_default: false,
                    scopes,
                };
                assert!(
                    self.observed.roles.insert(name, role).is_none(),
                    "role name in use"
                );
            }
            Step::UpdateRole {
                id,
                name,
                description,
                is_default,
            } => {
                let (old_name, old) = self
                    .observed
                    .roles
                    .iter()
                    .find(|(_, role)| role.id == id)
                    .unwrap();
                let name = name.unwrap_or(old_name.clone());
                let taken = self
                    .observed
                    .roles
                    .get(&name)
                    .is_some_and(|other| other.id != id);
                assert!(!taken, "role name in use");
                let role = Role {
                    description: description.unwrap_or(old.description.clone()),
                    is_default: is_default.unwrap_or(old.is_default),
                    ..old.clone()
                };
                self.observed.apply(Change::PutRole(name, role));
            }
            Step::AttachScope {
                role,
                indicator,
                scope,
            } => {
                let scope = self.scope_id(&indicator, &scope);
                assert!(
                    self.role(&role).scopes.as_mut().unwrap().insert(scope),
                    "scope already held"
                );
            }
            Step::DetachScope {
                role,
                indicator,
                scope,
            } => {
                let scope = self.scope_id(&indicator, &scope);
                assert!(
                    self.role(&role).scopes.as_mut().unwrap().remove(&scope),
                    "scope not held"
                );
            }
            Step::DeleteResource { indicator, .. } => {
                let names: Vec<String> = self.observed.resources[&indicator]
                    .scopes
                    .values()
                    .map(|scope| scope.id.clone())
                    .collect();
                for id in names {
                    self.observed.apply(Change::RemoveScope(id));
                }
                self.observed.apply(Change::RemoveResource(indicator));
            }
            Step::DeleteRole { id } => self.observed.apply(Change::RemoveRole(id)),
            Step::DeleteScope { id, .. } => self.observed.apply(Change::RemoveScope(id)),
        }
    }

    fn role(&mut self, id: &str) -> &mut Role {
        self.observed
            .roles
            .values_mut()
            .find(|role| role.id == id)
            .unwrap()
    }

    /// What is there, by names, without ids.
    pub fn shape(&self) -> Vec<String> {
        let name_of = |id: &String| {
            let scopes = self
                .observed
                .resources
                .values()
                .flat_map(|resource| &resource.scopes);
            scopes
                .into_iter()
                .find(|(_, scope)| &scope.id == id)
                .map(|(name, _)| name.clone())
        };
        let roles = self.observed.roles.iter().map(|(name, role)| {
            let held: BTreeSet<_> = role.scopes.iter().flatten().filter_map(name_of).collect();
            format!("role {name} {} {:?} {held:?}", role.description, role.type_)
        });
        let scopes = self.observed.resources.values().flat_map(|resource| {
            resource
                .scopes
                .iter()
                .map(|(name, scope)| format!("scope {name} {}", scope.description))
        });
        roles.chain(scopes).collect()
    }

    pub fn ids(&self) -> BTreeSet<String> {
        let roles = self.observed.roles.values().map(|role| role.id.clone());
        let scopes = self
            .observed
            .resources
            .values()
            .flat_map(|resource| resource.scopes.values());
        roles.chain(scopes.map(|scope| scope.id.clone())).collect()
    }

    pub fn console_resource(&mut self, indicator: &str) {
        let id = self.id("resource");
        let resource = Resource {
            id,
            name: "By hand".into(),
            access_token_ttl: 60,
            scopes: Default::default(),
        };
        self.observed
            .resources
            .entry(indicator.into())
            .or_insert(resource);
    }

    pub fn console_scope(&mut self, indicator: &str, name: &str, description: &str) {
        self.console_resource(indicator);
        let found = self.observed.resources[indicator]
            .scopes
            .get(name)
            .map(|scope| scope.id.clone());
        let id = found.unwrap_or_else(|| self.id("scope"));
        let scope = Scope {
            id,
            description: description.into(),
        };
        self.observed
            .apply(Change::PutScope(indicator.into(), name.into(), scope));
    }

    pub fn console_role(&mut self, name: &str, description: &str) {
        let found = self.observed.roles.get(name).cloned();
        let role = found.unwrap_or_else(|| Role {
            id: self.id("role"),
            description: String::new(),
            type_: RoleType::User,
            is_default: false,
            scopes: Some(BTreeSet::new()),
        });
        let role = Role {
            description: description.into(),
            ..role
        };
        self.observed.apply(Change::PutRole(name.into(), role));
    }

    pub fn console_link(&mut self, indicator: &str, role: &str, scope: &str) {
        let scope = self
            .observed
            .resources
            .get(indicator)
            .and_then(|resource| resource.scopes.get(scope));
        let id = scope.map(|scope| scope.id.clone());
        if let (Some(role), Some(id)) = (self.observed.roles.get_mut(role), id) {
            role.scopes.get_or_insert_default().insert(id);
        }
    }

    pub fn console_unlink(&mut self, role: &str) {
        if let Some(role) = self.observed.roles.get_mut(role) {
            role.scopes = Some(BTreeSet::new());
        }
    }

    pub fn console_rename_role(&mut self, from: &str, to: &str) {
        if !self.observed.roles.contains_key(to)
            && let Some(role) = self.observed.roles.remove(from)
        {
            self.observed.roles.insert(to.into(), role);
        }
    }

    pub fn console_delete_role(&mut self, name: &str) {
        self.observed.roles.remove(name);
    }

    pub fn console_delete_scope(&mut self, indicator: &str, name: &str) {
        let scope = self
            .observed
            .resources
            .get(indicator)
            .and_then(|resource| resource.scopes.get(name));
        if let Some(id) = scope.map(|scope| scope.id.clone()) {
            self.observed.apply(Change::RemoveScope(id));
        }
    }
}

/// Ids of what a step changes or deletes.
pub fn touched(step: &Step, observed: &Observed) -> BTreeSet<String> {
    let ids = match step {
        Step::UpdateScope { id, .. } | Step::DeleteScope { id, .. } => vec![id.clone()],
        Step::UpdateRole { id, .. } | Step::DeleteRole { id } => vec![id.clone()],
        Step::AttachScope {
            role,
            indicator,
            scope,
        }
        | Step::DetachScope {
            role,
            indicator,
            scope,
        } => {
            let scopes = observed
                .resources
                .get(indicator)
                .map(|resource| &resource.scopes);
            let scope = scopes
                .and_then(|scopes| scopes.get(scope))
                .map(|scope| scope.id.clone());
            std::iter::once(role.clone()).chain(scope).collect()
        }
        Step::UpdateResource { id, .. } | Step::DeleteResource { id, .. } => vec![id.clone()],
        Step::CreateResource { .. } | Step::CreateScope { .. } | Step::CreateRole { .. } => vec![],
    };
    ids.into_iter().collect()
}
