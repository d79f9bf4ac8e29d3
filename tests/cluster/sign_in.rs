//! People and machines that sign in to the emulated Logto, and what their tokens say.

use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::world::{INDICATOR, World};

/// The claim that Hasura reads.
pub const CLAIMS: &str = "https://hasura.io/jwt/claims";

/// Somebody with an application of the tenant's own to sign in with.
pub struct Person<'a> {
    world: &'a World,
    pub id: String,
    pub application: String,
}

impl World {
    /// Registers somebody who holds these Logto roles.
    pub fn person(&self, username: &str, roles: &[&str]) -> anyhow::Result<Person<'_>> {
        let tenant = self.logto.tenant();
        let application = tenant.create_web_application("the shop's site")?;
        let person = Person {
            world: self,
            id: tenant.create_user(username)?,
            application: application.id,
        };
        for role in roles {
            person.hold(role)?;
        }
        Ok(person)
    }

    /// How often a script was written.
    pub fn script_writes(&self) -> u64 {
        let requests = self.logto.requests();
        let writes = requests
            .iter()
            .filter(|(route, _)| route.starts_with("PUT ") && route.contains("jwt-customizer"));
        writes.map(|(_, count)| count).sum()
    }
}

impl Person<'_> {
    /// Is given a Logto role.
    pub fn hold(&self, role: &str) -> anyhow::Result<()> {
        let tenant = self.world.logto.tenant();
        let role = tenant
            .role_by_name(role)
            .with_context(|| format!("role {role}"))?;
        Ok(tenant.assign_role(&self.id, &role.id)?)
    }

    /// Loses a Logto role.
    pub fn lose(&self, role: &str) -> anyhow::Result<()> {
        let tenant = self.world.logto.tenant();
        let role = tenant
            .role_by_name(role)
            .with_context(|| format!("role {role}"))?;
        Ok(tenant.unassign_role(&self.id, &role.id)?)
    }

    /// A token for the shop, made now.
    pub async fn token(&self, scopes: &[&str]) -> anyhow::Result<String> {
        self.token_for(INDICATOR, scopes).await
    }

    pub async fn token_for(&self, indicator: &str, scopes: &[&str]) -> anyhow::Result<String> {
        self.world
            .logto
            .user_token(&self.id, &self.application, Some(indicator), scopes)
            .await
    }

    /// Hasura's claims of a token for the shop, made now.
    pub async fn claims(&self) -> anyhow::Result<Option<Value>> {
        hasura_claims(&self.token(&[]).await?)
    }

    /// The roles that a token for the shop, made now, lets its holder use.
    pub async fn roles(&self) -> anyhow::Result<Vec<String>> {
        Ok(allowed(self.claims().await?.as_ref()))
    }
}

/// The payload of a token.
pub fn payload(token: &str) -> anyhow::Result<Value> {
    let part = token.split('.').nth(1).context("the token is opaque")?;
    Ok(serde_json::from_slice(
        &BASE64_URL_SAFE_NO_PAD.decode(part)?,
    )?)
}

/// Hasura's claims of a token.
pub fn hasura_claims(token: &str) -> anyhow::Result<Option<Value>> {
    Ok(payload(token)?.get(CLAIMS).cloned())
}

/// The roles that Hasura's claims allow.
pub fn allowed(claims: Option<&Value>) -> Vec<String> {
    let roles = claims.and_then(|claims| claims["x-hasura-allowed-roles"].as_array());
    let texts = roles.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
