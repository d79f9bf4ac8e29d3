//! Tokens as a client gets them: over HTTP from the token endpoint.

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use crate::Emulator;

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const SUBJECT_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Emulator {
    /// An access token of a user for an application that may exchange subject tokens; without a resource an opaque
    /// one. The subject token is made without a request, so that [`Emulator::writes`] does not count it.
    ///
    /// # Errors
    /// There is no such user, or what the token endpoint answered instead.
    pub async fn user_token(
        &self,
        user_id: &str,
        application_id: &str,
        resource: Option<&str>,
        scopes: &[&str],
    ) -> anyhow::Result<String> {
        let more = resource.map(|resource| ("resource", resource));
        self.exchange(user_id, application_id, scopes, more.as_slice())
            .await
    }

    /// As [`Emulator::user_token`] with a resource, asked for at another origin, such as that of a custom domain.
    ///
    /// # Errors
    /// As [`Emulator::user_token`].
    pub async fn user_token_at(
        &self,
        origin: &str,
        user_id: &str,
        application_id: &str,
        resource: &str,
        scopes: &[&str],
    ) -> anyhow::Result<String> {
        let more = [("resource", resource)];
        self.exchange_at(origin, user_id, application_id, scopes, &more)
            .await
    }

    /// As [`Emulator::user_token`], for one of the user's organizations.
    ///
    /// # Errors
    /// As [`Emulator::user_token`]; the user is not in the organization.
    pub async fn organization_token(
        &self,
        user_id: &str,
        application_id: &str,
        resource: &str,
        scopes: &[&str],
        organization_id: &str,
    ) -> anyhow::Result<String> {
        let more = [("resource", resource), ("organization_id", organization_id)];
        self.exchange(user_id, application_id, scopes, &more).await
    }

    /// An access token of a machine-to-machine application.
    ///
    /// # Errors
    /// What the token endpoint answered instead.
    pub async fn machine_token(
        &self,
        application_id: &str,
        resource: &str,
        scopes: &[&str],
    ) -> anyhow::Result<String> {
        let scope = scopes.join(" ");
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", &scope),
        ];
        self.token(&self.endpoint(), application_id, &form).await
    }

    /// A token with these claims and no others, signed by the key that signs now: for what Logto never gives out,
    /// such as a token that has expired.
    pub fn sign(&self, claims: &Value) -> String {
        let signed = self.app.logto().keys.sign(claims);
        signed.expect("signing fails only where the system has no random numbers")
    }

    async fn exchange(
        &self,
        user_id: &str,
        application_id: &str,
        scopes: &[&str],
        more: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let own = self.endpoint();
        self.exchange_at(&own, user_id, application_id, scopes, more)
            .await
    }

    async fn exchange_at(
        &self,
        origin: &str,
        user_id: &str,
        application_id: &str,
        scopes: &[&str],
        more: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let subject = {
            let mut logto = self.app.logto();
            let made = logto.store.insert_subject_token(user_id, Map::new());
            made.with_context(|| format!("there is no user {user_id}"))?
        };
        let scope = scopes.join(" ");
        let mut form = vec![
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token", &subject),
            ("subject_token_type", SUBJECT_TOKEN_TYPE),
            ("scope", &scope),
        ];
        form.extend(more);
        self.token(origin, application_id, &form).await
    }

    async fn token(
        &self,
        origin: &str,
        application_id: &str,
        form: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let secret = self.tenant().secrets(application_id).into_iter().next();
        let mut form = form.to_vec();
        form.push(("client_id", application_id));
        if let Some(secret) = &secret {
            form.push(("client_secret", &secret.value));
        }
        // It fails where a provider is installed already, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("{origin}/oidc/token");
        let request = reqwest::Client::new().post(url).form(&form);
        let answer = request
            .send()
            .await
            .context("no answer to a token request")?;
        let status = answer.status();
        let body: Value = answer.json().await.context("the answer is no JSON")?;
        match body["access_token"].as_str() {
            Some(token) => Ok(token.to_owned()),
            None => bail!("the token request was answered {status}: {body}"),
        }
    }
}
