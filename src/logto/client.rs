//! The client: what it is made of, and how one call goes.

use std::sync::Arc;

use reqwest::RequestBuilder;
use secrecy::ExposeSecret;
use url::Url;

use super::discovery::fetch_keys;
use super::error::{CredentialsCause, Error, StopCause, Unexpected};
use super::exchange::{Exchange, Observer};
use super::limiter::{Limiter, Priority, RateLimit};
use super::operation::Operation;
use super::refusal::unexpected;
use super::token::{Token, TokenSource};
use super::transport::{Answer, Transport};
use super::{Credentials, Discovery, Endpoint, KeySet, jwk_url, management_api_resource};
use crate::fence::Fence;

/// A client of one tenant's Management API.
///
/// Clones share token, budget and connections. No call is repeated, except once with a new token after a 401; a 429
/// pauses all clones.
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
    pub(super) priority: Priority,
}

pub(super) struct Shared {
    pub(super) endpoint: Endpoint,
    pub(super) exchange: Arc<Exchange>,
    pub(super) tokens: TokenSource,
    pub(super) resource: String,
    pub(super) discovery: Discovery,
}

/// What a [`Client`] is made of.
pub struct ClientConfig {
    /// The connections.
    pub transport: Transport,
    /// Where and as whom.
    pub credentials: Credentials,
    /// The tenant: `default`, or the id of a Logto Cloud tenant.
    pub tenant_id: String,
    /// The tenant's budget.
    pub rate: RateLimit,
    /// Until when writes are allowed.
    pub fence: Fence,
    /// Is told of every request.
    pub observer: Observer,
}

impl Client {
    /// Reads the discovery document and makes a client for what it says; no credentials are sent yet.
    ///
    /// # Errors
    /// An endpoint that does not answer or is not Logto's, and a document that names addresses elsewhere.
    pub async fn connect(config: ClientConfig) -> Result<Self, Error> {
        let ClientConfig {
            transport,
            credentials,
            tenant_id,
            rate,
            fence,
            observer,
        } = config;
        let exchange = Arc::new(Exchange::new(
            transport,
            Limiter::new(rate),
            fence,
            observer,
        ));
        let endpoint = credentials.endpoint.clone();
        let discovery = Discovery::fetch(&exchange, Priority::Foreground, &endpoint).await?;
        let resource = management_api_resource(&tenant_id);
        let tokens = TokenSource::new(
            Arc::clone(&exchange),
            credentials,
            discovery.token_endpoint.clone(),
            resource.clone(),
        );
        Ok(Self {
            shared: Arc::new(Shared {
                endpoint,
                exchange,
                tokens,
                resource,
                discovery,
            }),
            priority: Priority::Foreground,
        })
    }

    /// The same client for reads that nobody waits for: they take at most half of the budget.
    pub fn background(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            priority: Priority::Background,
        }
    }

    /// The discovery document that this client was made for.
    pub fn discovery(&self) -> &Discovery {
        &self.shared.discovery
    }

    /// The discovery document as it is now. When it differs from [`Client::discovery`], connect again.
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub async fn discover(&self) -> Result<Discovery, Error> {
        let shared = &self.shared;
        Discovery::fetch(&shared.exchange, self.priority, &shared.endpoint).await
    }

    /// The tenant's key set, from the address that the discovery document names.
    ///
    /// # Errors
    /// No answer, or one that is not a key set with keys.
    pub async fn keys(&self) -> Result<KeySet, Error> {
        let url = self.shared.discovery.jwks_uri.clone();
        fetch_keys(&self.shared.exchange, self.priority, url).await
    }

    /// The key set at another address of this Logto, like the one that Hasura's pods use; no credentials are sent there.
    ///
    /// # Errors
    /// No answer, or one that is not a key set with keys.
    pub async fn keys_at(&self, base: &Endpoint) -> Result<KeySet, Error> {
        let url = jwk_url(base, &self.shared.discovery);
        fetch_keys(&self.shared.exchange, self.priority, url).await
    }

    /// The URL of a path below `/api`.
    ///
    /// Ids come from a remote or from a status that somebody may have written, so every segment has to look like
    /// Logto's own.
    pub(super) fn url(&self, operation: Operation, segments: &[&str]) -> Result<Url, Error> {
        if segments.iter().all(|segment| is_id(segment)) {
            return Ok(self
                .shared
                .endpoint
                .at(&format!("/api/{}", segments.join("/"))));
        }
        let cause = StopCause::IllFormedId;
        Err(Error::Stop { operation, cause })
    }

    /// Makes one call of the Management API; `request` builds it, a second time if the token was refused.
    pub(super) async fn call(
        &self,
        operation: Operation,
        request: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let tokens = &self.shared.tokens;
        let token = tokens.get().await?;
        match self.call_with(&token, operation, &request).await {
            Err(Error::Credentials {
                cause: CredentialsCause::TokenRejected,
                ..
            }) => {
                tokens.invalidate(&token).await;
                let renewed = tokens.get().await?;
                self.call_with(&renewed, operation, &request).await
            }
            result => result,
        }
    }

    async fn call_with(
        &self,
        token: &Token,
        operation: Operation,
        request: &impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let exchange = &self.shared.exchange;
        let request = request(exchange.requests()).bearer_auth(token.value.expose_secret());
        exchange.send(operation, self.priority, request).await
    }
}

/// 1 to 64 letters, digits, `_` and `-`; Logto's ids are 12 or 21 of them.
pub(super) fn is_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// A DELETE of what is gone already is done. Only 204 says that it is done: a proxy's page comes with 200.
pub(super) fn gone(operation: Operation, result: Result<Answer, Error>) -> Result<(), Error> {
    match result {
        Ok(answer) if answer.status == 204 => Ok(()),
        Ok(answer) => Err(unexpected(operation, answer.status, Unexpected::NotEmpty)),
        Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A POST that Logto answers with a mere `Created` in plain text. Only 201 says that it is done: a proxy's page comes with
/// 200.
pub(super) fn done(operation: Operation, result: Result<Answer, Error>) -> Result<(), Error> {
    match result {
        Ok(answer) if answer.status == 201 => Ok(()),
        Ok(answer) => Err(unexpected(
            operation,
            answer.status,
            Unexpected::Undecodable,
        )),
        Err(error) => Err(error),
    }
}
