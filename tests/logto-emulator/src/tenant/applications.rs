//! Applications, their secrets, and what they hold.

use serde_json::Value;

use super::Tenant;
use crate::store::{
    Application, ApplicationSecret, ApplicationType, MANAGEMENT_API_ROLE, NewApplication, Role,
    Violation,
};

impl Tenant {
    /// Every application, the newest first.
    pub fn applications(&self) -> Vec<Application> {
        let logto = self.app.logto();
        logto.store.applications().into_iter().cloned().collect()
    }

    /// Makes a machine-to-machine application with a secret of its own.
    ///
    /// # Errors
    /// None is expected: names are not unique.
    pub fn create_application(&self, name: &str) -> Result<Application, Violation> {
        let new = NewApplication::named(name, ApplicationType::MachineToMachine);
        self.app.logto().store.insert_application(new)
    }

    /// Makes a web application that may exchange subject tokens, as [`crate::Emulator::user_token`] does.
    ///
    /// # Errors
    /// None is expected: names are not unique.
    pub fn create_web_application(&self, name: &str) -> Result<Application, Violation> {
        self.insert_web_application(name, false)
    }

    /// As [`Tenant::create_web_application`], of somebody else.
    ///
    /// # Errors
    /// None is expected: names are not unique.
    pub fn create_third_party_application(&self, name: &str) -> Result<Application, Violation> {
        self.insert_web_application(name, true)
    }

    fn insert_web_application(
        &self,
        name: &str,
        is_third_party: bool,
    ) -> Result<Application, Violation> {
        let mut new = NewApplication::named(name, ApplicationType::Traditional);
        let exchanges = ("allowTokenExchange".to_owned(), Value::Bool(true));
        new.custom_client_metadata.extend([exchanges]);
        new.is_third_party = is_third_party;
        self.app.logto().store.insert_application(new)
    }

    /// Deletes an application; roles lose it.
    ///
    /// # Errors
    /// There is no such application.
    pub fn delete_application(&self, id: &str) -> Result<(), Violation> {
        self.app.logto().store.delete_application(id)
    }

    /// Lets a third-party application ask its users for a scope. Without that it gets tokens, but no scope.
    ///
    /// # Errors
    /// One of them is not there, or the application may ask for it already.
    pub fn allow_consent(&self, application_id: &str, scope_id: &str) -> Result<(), Violation> {
        let mut logto = self.app.logto();
        logto.store.allow_consent(application_id, scope_id)
    }

    /// The secrets of an application.
    pub fn secrets(&self, application_id: &str) -> Vec<ApplicationSecret> {
        let logto = self.app.logto();
        logto.store.secrets_of(application_id).cloned().collect()
    }

    /// Gives an application a role.
    ///
    /// # Errors
    /// One of them is not there, the role is for users, or the application holds it already.
    pub fn assign_role_to_application(
        &self,
        application_id: &str,
        role_id: &str,
    ) -> Result<(), Violation> {
        let mut logto = self.app.logto();
        logto.store.assign_to_application(application_id, role_id)
    }

    /// Takes a role from an application.
    ///
    /// # Errors
    /// The application does not hold it.
    pub fn unassign_role_from_application(
        &self,
        application_id: &str,
        role_id: &str,
    ) -> Result<(), Violation> {
        let mut logto = self.app.logto();
        let store = &mut logto.store;
        store.unassign_from_application(application_id, role_id)
    }

    /// The roles of an application, in the order in which it got them.
    pub fn roles_of_application(&self, application_id: &str) -> Vec<Role> {
        let logto = self.app.logto();
        let ids = logto.store.role_ids_of_application(application_id).iter();
        ids.filter_map(|id| logto.store.role(id)).cloned().collect()
    }

    /// The applications that hold a role, in the order in which they got it.
    pub fn applications_of_role(&self, role_id: &str) -> Vec<Application> {
        let logto = self.app.logto();
        logto.store.applications_of_role(role_id).cloned().collect()
    }

    /// Gives the operator's client another secret; the old one is refused from now on. Tokens live on.
    pub fn replace_client_secret(&self, secret: &str) {
        let mut logto = self.app.logto();
        logto.store.replace_secrets(&self.client_id, secret);
    }

    /// Takes the role "Logto Management API access" from the operator's client: new tokens lack the scope `all`,
    /// while those given out keep it until they expire.
    ///
    /// # Errors
    /// The client does not hold it, or the role is gone.
    pub fn revoke_management_api_access(&self) -> Result<(), Violation> {
        let mut logto = self.app.logto();
        let role = logto.store.role_by_name(MANAGEMENT_API_ROLE);
        let role_id = role.ok_or(Violation::Missing)?.id.clone();
        logto
            .store
            .unassign_from_application(&self.client_id, &role_id)
    }
}
