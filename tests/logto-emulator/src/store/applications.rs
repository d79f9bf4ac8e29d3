//! Applications and their secrets.

use serde_json::{Map, Value};

use super::{
    Application, ApplicationSecret, ApplicationType, Store, TENANT_ID, Violation, now_ms, random_id,
};

/// What a caller may choose for a new application.
pub(crate) struct NewApplication {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) kind: ApplicationType,
    pub(crate) oidc_client_metadata: Map<String, Value>,
    pub(crate) custom_client_metadata: Map<String, Value>,
    pub(crate) custom_data: Map<String, Value>,
    pub(crate) is_third_party: bool,
}

impl NewApplication {
    /// An application with nothing but a name and a type.
    pub(crate) fn named(name: &str, kind: ApplicationType) -> Self {
        let no_addresses = || Value::Array(Vec::new());
        Self {
            name: name.to_owned(),
            description: None,
            kind,
            oidc_client_metadata: Map::from_iter([
                ("redirectUris".to_owned(), no_addresses()),
                ("postLogoutRedirectUris".to_owned(), no_addresses()),
            ]),
            custom_client_metadata: Map::new(),
            custom_data: Map::new(),
            is_third_party: false,
        }
    }
}

impl Store {
    /// Every application, the newest first.
    pub(crate) fn applications(&self) -> Vec<&Application> {
        let mut applications: Vec<&Application> = self.applications.iter().rev().collect();
        applications.sort_by_key(|application| std::cmp::Reverse(application.created_at));
        applications
    }

    pub(crate) fn application(&self, id: &str) -> Option<&Application> {
        self.applications.get(id)
    }

    /// Makes an application with a random id and, where its type has secrets, a random one.
    pub(crate) fn insert_application(
        &mut self,
        new: NewApplication,
    ) -> Result<Application, Violation> {
        let has_secret = matches!(
            new.kind,
            ApplicationType::Traditional | ApplicationType::MachineToMachine
        );
        let application = self.insert_application_with_id(&random_id(21), new)?;
        if has_secret {
            self.replace_secrets(&application.id, &random_id(32));
        }
        Ok(application)
    }

    pub(super) fn insert_application_with_id(
        &mut self,
        id: &str,
        new: NewApplication,
    ) -> Result<Application, Violation> {
        let application = Application {
            tenant_id: TENANT_ID,
            id: id.to_owned(),
            name: new.name,
            description: new.description,
            kind: new.kind,
            oidc_client_metadata: new.oidc_client_metadata,
            custom_client_metadata: new.custom_client_metadata,
            protected_app_metadata: None,
            custom_data: new.custom_data,
            is_third_party: new.is_third_party,
            app_level_access_control_enabled: false,
            created_at: now_ms(),
        };
        self.applications.insert(application.clone())?;
        Ok(application)
    }

    /// Deletes an application with its secrets and all that it holds.
    pub(crate) fn delete_application(&mut self, id: &str) -> Result<(), Violation> {
        self.applications.remove(id).ok_or(Violation::Missing)?;
        self.secrets.retain(|secret| secret.application_id != id);
        self.application_roles.remove_left(id);
        self.consent_scopes.remove_left(id);
        Ok(())
    }

    pub(crate) fn secrets_of<'a>(
        &'a self,
        application_id: &'a str,
    ) -> impl Iterator<Item = &'a ApplicationSecret> {
        self.secrets
            .iter()
            .filter(move |secret| secret.application_id == application_id)
    }

    /// What a third-party application may ask its users for besides who they are.
    pub(crate) fn consents_to(&self, application_id: &str, scope_id: &str) -> bool {
        self.consent_scopes.contains(application_id, scope_id)
    }

    /// Lets a third-party application ask its users for a scope.
    pub(crate) fn allow_consent(
        &mut self,
        application_id: &str,
        scope_id: &str,
    ) -> Result<(), Violation> {
        if self.applications.get(application_id).is_none() || self.scopes.get(scope_id).is_none() {
            return Err(Violation::ForeignKey);
        }
        self.consent_scopes.insert(application_id, scope_id)
    }

    /// Takes every secret of the application away and gives it this one.
    pub(crate) fn replace_secrets(&mut self, application_id: &str, value: &str) {
        self.secrets
            .retain(|secret| secret.application_id != application_id);
        self.secrets.push(ApplicationSecret {
            tenant_id: TENANT_ID,
            application_id: application_id.to_owned(),
            name: "Default secret".to_owned(),
            value: value.to_owned(),
            created_at: now_ms(),
            expires_at: None,
        });
    }
}
