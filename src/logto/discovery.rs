//! What a Logto says about itself, and its public keys.

use serde::Deserialize;
use url::Url;

use super::error::{Error, StopCause, Unexpected};
use super::exchange::Exchange;
use super::limiter::Priority;
use super::operation::Operation;
use super::refusal::unexpected;
use super::transport::Answer;
use super::{Endpoint, Jwks, KeySet};

const LONGEST_ISSUER: usize = 512;

/// Where Logto has its document and its keys.
const PATH: &str = "/oidc/.well-known/openid-configuration";
pub(super) const KEYS_PATH: &str = "/oidc/jwks";

/// The part of Logto's OpenID discovery document that the operator relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The `iss` of its tokens, byte for byte; Logto takes it from its own configuration, whatever address was asked.
    pub issuer: String,
    /// Where tokens come from; at the endpoint's origin.
    pub token_endpoint: Url,
    /// Where the public keys are; at the endpoint's origin.
    pub jwks_uri: Url,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
}

impl Discovery {
    /// Reads the document at an endpoint.
    pub(super) async fn fetch(
        exchange: &Exchange,
        priority: Priority,
        endpoint: &Endpoint,
    ) -> Result<Self, Error> {
        Self::fetch_below(exchange, priority, endpoint, "/oidc").await
    }

    /// Reads the document below a path of an endpoint, as an issuer's URL has one.
    pub(super) async fn fetch_below(
        exchange: &Exchange,
        priority: Priority,
        endpoint: &Endpoint,
        path: &str,
    ) -> Result<Self, Error> {
        let url = endpoint.at(&format!("{path}/.well-known/openid-configuration"));
        let request = exchange.requests().get(url);
        let answer = exchange
            .send(Operation::Discover, priority, request)
            .await?;
        Self::read(&answer, endpoint)
    }

    /// The issuer alone, as the document at another origin of a Logto announces it: the addresses in it follow whoever
    /// asks, and are not used.
    pub(super) async fn fetch_issuer(
        exchange: &Exchange,
        priority: Priority,
        at: &Endpoint,
    ) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
        }
        let operation = Operation::Discover;
        let request = exchange.requests().get(at.at(PATH));
        let answer = exchange.send(operation, priority, request).await?;
        let Document { issuer } = answer.decode(operation)?;
        if !is_issuer(&issuer) {
            return Err(unexpected(
                operation,
                answer.status,
                Unexpected::Undecodable,
            ));
        }
        Ok(issuer)
    }

    /// Reads the document that an endpoint answered.
    pub(super) fn read(answer: &Answer, endpoint: &Endpoint) -> Result<Self, Error> {
        let operation = Operation::Discover;
        let document: Document = answer.decode(operation)?;
        let undecodable = || unexpected(operation, answer.status, Unexpected::Undecodable);
        if !is_issuer(&document.issuer) {
            return Err(undecodable());
        }
        let at_endpoint = |field, text: &str| {
            let url = Url::parse(text).map_err(|_| undecodable())?;
            // Credentials and the trust in the keys belong to the address in the Secret, not to what it points at.
            if !endpoint.same_origin(&url) || !url.username().is_empty() || url.password().is_some()
            {
                let endpoint = endpoint.clone();
                let cause = StopCause::ForeignAddress { field, endpoint };
                return Err(Error::Stop { operation, cause });
            }
            Ok(url)
        };
        Ok(Self {
            token_endpoint: at_endpoint("token_endpoint", &document.token_endpoint)?,
            jwks_uri: at_endpoint("jwks_uri", &document.jwks_uri)?,
            issuer: document.issuer,
        })
    }
}

fn is_issuer(text: &str) -> bool {
    text.len() <= LONGEST_ISSUER
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
}

/// The key set's URL as Hasura's pods reach it: the path that Logto announces, at their own address of Logto.
pub fn jwk_url(endpoint_for_hasura: &Endpoint, discovery: &Discovery) -> Url {
    endpoint_for_hasura.at(discovery.jwks_uri.path())
}

/// Reads a key set, without any credentials.
pub(super) async fn fetch_keys(
    exchange: &Exchange,
    priority: Priority,
    url: Url,
) -> Result<KeySet, Error> {
    let operation = Operation::FetchKeys;
    let answer = exchange
        .send(operation, priority, exchange.requests().get(url))
        .await?;
    if !answer.json {
        return Err(unexpected(operation, answer.status, Unexpected::NotJson));
    }
    let keys = Jwks::parse(&answer.body)
        .ok_or_else(|| unexpected(operation, answer.status, Unexpected::Undecodable))?;
    let refresh = answer.refresh;
    Ok(KeySet { keys, refresh })
}
