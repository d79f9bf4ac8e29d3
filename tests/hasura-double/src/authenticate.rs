//! From a request's headers to a session, in the engine's order (Hasura.Server.Auth, `getUserInfoWithExpTime_`).

use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use crate::hook::{self, GraphqlRequest};
use crate::keys::KeyStore;
use crate::refusal::Refusal;
use crate::session::{self, ADMIN_SECRET, Session, Variables};
use crate::{AuthMode, Settings, token};

/// What authentication needs beside the request.
pub(crate) struct Authenticator {
    pub(crate) settings: Settings,
    pub(crate) keys: KeyStore,
    pub(crate) http: reqwest::Client,
    /// As the webhook hears it.
    pub(crate) version: String,
}

impl Authenticator {
    /// The session of a request. The texts that name the access key are those before 2.49.4; later ones are not known.
    pub(crate) async fn session(
        &self,
        headers: &HeaderMap,
        request: Option<GraphqlRequest>,
    ) -> Result<Session, Refusal> {
        let sent = session::from_headers(headers);
        if self.settings.auth == AuthMode::NoAuth {
            return Ok(Session::of_admin(sent));
        }
        // The admin secret goes before everything else: a token beside it is not even read, and a wrong secret is an
        // error that no token heals.
        if let Some(secret) = sent.get(ADMIN_SECRET) {
            return self.with_admin_secret(secret, sent.clone());
        }
        let unauthorized_role = self.settings.unauthorized_role.as_deref();
        match &self.settings.auth {
            AuthMode::NoAuth | AuthMode::AdminSecret => match unauthorized_role {
                Some(role) => Ok(Session::new(role.to_owned(), sent)),
                None => Err(access_denied(
                    "x-hasura-admin-secret/x-hasura-access-key required, but not found",
                )),
            },
            AuthMode::Jwt(config) => {
                let now = Timestamp::now();
                token::authenticate(config, &self.keys, unauthorized_role, headers, now)
            }
            AuthMode::Webhook(webhook) => {
                hook::ask(webhook, &self.http, &self.version, headers, request).await
            }
        }
    }

    /// Where the admin secret is disabled, no secret is right.
    fn with_admin_secret(&self, sent: &str, variables: Variables) -> Result<Session, Refusal> {
        match &self.settings.admin_secret {
            Some(secret) if secret.is(sent) => Ok(Session::of_admin(variables)),
            _ => Err(access_denied(
                "invalid x-hasura-admin-secret/x-hasura-access-key",
            )),
        }
    }
}

fn access_denied(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "access-denied", message)
}
