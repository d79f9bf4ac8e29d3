//! Alice and bob, and the application that they sign in with.

use anyhow::{Context as _, Result};
use logto_emulator::Emulator;

use crate::play::INDICATOR;

/// What the application asks for at sign-in: all that its users may ever need. Logto grants what their roles hold.
const SCOPES: [&str; 2] = ["read:user", "maintain:user"];

/// Somebody with an account in Logto.
pub struct Person {
    pub name: &'static str,
    /// Logto's id.
    pub id: String,
}

/// All who have an account in Logto.
pub struct People {
    pub alice: Person,
    pub bob: Person,
    application: String,
}

impl People {
    /// Makes their accounts, and an application of the tenant's own.
    pub fn register(logto: &Emulator) -> Result<Self> {
        let tenant = logto.tenant();
        let person = |name| -> Result<Person> {
            let id = tenant.create_user_with_email(name, &format!("{name}@example.com"))?;
            Ok(Person { name, id })
        };
        Ok(Self {
            alice: person("alice")?,
            bob: person("bob")?,
            application: tenant.create_web_application("The shop's site")?.id,
        })
    }

    /// Gives a person a role, as somebody does in Logto's console.
    pub fn give(&self, logto: &Emulator, person: &Person, role: &str) -> Result<()> {
        Ok(logto
            .tenant()
            .assign_role(&person.id, &role_id(logto, role)?)?)
    }

    /// Takes a role from a person, as somebody does in Logto's console.
    pub fn take(&self, logto: &Emulator, person: &Person, role: &str) -> Result<()> {
        Ok(logto
            .tenant()
            .unassign_role(&person.id, &role_id(logto, role)?)?)
    }

    /// A fresh access token for Hasura.
    pub async fn sign_in(&self, logto: &Emulator, person: &Person) -> Result<String> {
        let resource = Some(INDICATOR);
        logto
            .user_token(&person.id, &self.application, resource, &SCOPES)
            .await
            .with_context(|| format!("signing in {}", person.name))
    }
}

fn role_id(logto: &Emulator, role: &str) -> Result<String> {
    let found = logto.tenant().role_by_name(role);
    let found = found.with_context(|| format!("the role {role} is not in Logto"))?;
    Ok(found.id)
}
