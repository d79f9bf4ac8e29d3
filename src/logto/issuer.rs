//! Whether a Logto is the one whose issuer it announces.
//!
//! Anybody can run a server that announces somebody else's issuer and shows a copy of its public keys. A token that one of
//! those keys signed for the Management API he can not make: it takes credentials of that very tenant.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use super::discovery::fetch_keys;
use super::error::Error;
use super::token::{SCOPE, Token};
use super::{AllowedHosts, Client, Discovery, Endpoint, EndpointError, Jwks};

/// Why it is not believed that a Logto is the one whose issuer it announces. Their messages say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The issuer's own URL is none that may be asked.
    #[error("the issuer's own URL {0}")]
    Address(EndpointError),
    /// Whoever runs the operator does not let it go there.
    #[error(
        "the host of the issuer's own URL, {0}, is not among those that the operator's flag --allow-logto-host names, so it \
         was not asked: have it added there"
    )]
    HostNotAllowed(Endpoint),
    /// The endpoint itself gave no keys or no token.
    #[error("{0}")]
    AtEndpoint(Error),
    /// No document or no keys came from the issuer's own URL.
    #[error(
        "the issuer's own URL at {at} was asked for its keys: {error}. The operator has to reach it, and trust its \
         certificate"
    )]
    AtIssuer {
        /// Its origin.
        at: Endpoint,
        /// What went wrong.
        error: Error,
    },
    /// It took too long.
    #[error("the keys at the issuer's own URL could not be compared in time")]
    Slow,
    /// At its own URL another issuer is announced.
    #[error(
        "at the issuer's own URL, {0}, another issuer is announced: the ENDPOINT that Logto is started with has to be its \
         public URL"
    )]
    AnotherIssuer(Endpoint),
    /// The keys differ.
    #[error(
        "the keys at {endpoint} are not those at the issuer's own URL, {issuer}: the Secret's endpoint has to be of the Logto \
         whose issuer it announces"
    )]
    KeysDiffer {
        /// The Secret's endpoint.
        endpoint: Endpoint,
        /// The origin of the issuer's own URL.
        issuer: Endpoint,
    },
    /// The keys are equal, but did not sign the token.
    #[error(
        "the keys at the issuer's own URL, {issuer}, did not sign the Management API token that {endpoint} gave: the Secret's \
         endpoint has to be of the Logto whose issuer it announces"
    )]
    NotItsToken {
        /// The Secret's endpoint.
        endpoint: Endpoint,
        /// The origin of the issuer's own URL.
        issuer: Endpoint,
    },
}

impl Doubt {
    /// Whether it may pass without anybody changing something.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Slow => true,
            Self::AtEndpoint(error) | Self::AtIssuer { error, .. } => {
                matches!(
                    error,
                    Error::Retry { .. } | Error::Wait { .. } | Error::Plan { .. }
                )
            }
            Self::Address(_)
            | Self::HostNotAllowed(_)
            | Self::AnotherIssuer(_)
            | Self::KeysDiffer { .. }
            | Self::NotItsToken { .. } => false,
        }
    }
}

/// What a token for the Management API says.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Client {
    /// Proves that this Logto is the one whose issuer it announces. Nothing is asked when the issuer's URL is of the
    /// endpoint's origin, and no credentials are sent to another one.
    ///
    /// # Errors
    /// Why it is not to be believed.
    pub async fn prove_issuer(
        &self,
        allow_plain_http: bool,
        allowed: &AllowedHosts,
    ) -> Result<(), Doubt> {
        let endpoint = &self.shared.endpoint;
        let issuer = &self.shared.discovery.issuer;
        let url = Url::parse(issuer).map_err(|_| Doubt::Address(EndpointError::NotAUrl))?;
        if endpoint.same_origin(&url) {
            return Ok(());
        }
        let origin = url.origin().ascii_serialization();
        let at = Endpoint::parse(&origin, allow_plain_http).map_err(Doubt::Address)?;
        if !allowed.allow(&at) {
            return Err(Doubt::HostNotAllowed(at));
        }
        let own = self.keys().await.map_err(Doubt::AtEndpoint)?.keys;
        let its = self.keys_of_issuer(&at, url.path()).await?;
        let (endpoint, issuer) = (endpoint.clone(), at);
        if own != its {
            return Err(Doubt::KeysDiffer { endpoint, issuer });
        }
        if !self.holds_token_of(&its).await? {
            return Err(Doubt::NotItsToken { endpoint, issuer });
        }
        Ok(())
    }

    /// The key set that the document at the issuer's own URL names, without any credentials.
    async fn keys_of_issuer(&self, at: &Endpoint, path: &str) -> Result<Jwks, Doubt> {
        let exchange = &self.shared.exchange;
        let unread = |error| Doubt::AtIssuer {
            at: at.clone(),
            error,
        };
        let path = path.trim_end_matches('/');
        let document = Discovery::fetch_below(exchange, self.priority, at, path);
        let document = document.await.map_err(unread)?;
        if document.issuer != self.shared.discovery.issuer {
            return Err(Doubt::AnotherIssuer(at.clone()));
        }
        let keys = fetch_keys(exchange, self.priority, document.jwks_uri).await;
        Ok(keys.map_err(unread)?.keys)
    }

    /// Whether the token is one that these keys signed for the tenant's Management API. One whose key was taken away since
    /// is not, so it is renewed once.
    async fn holds_token_of(&self, keys: &Jwks) -> Result<bool, Doubt> {
        let tokens = &self.shared.tokens;
        let token = tokens.get().await.map_err(Doubt::AtEndpoint)?;
        if self.is_signed(&token, keys) {
            return Ok(true);
        }
        tokens.invalidate(&token).await;
        let renewed = tokens.get().await.map_err(Doubt::AtEndpoint)?;
        Ok(self.is_signed(&renewed, keys))
    }

    fn is_signed(&self, token: &Token, keys: &Jwks) -> bool {
        let Some(claims) = keys.signed::<Claims>(token.value.expose_secret()) else {
            return false;
        };
        let resource = &self.shared.resource;
        let is_for_it = match &claims.aud {
            Audience::One(audience) => audience == resource,
            Audience::Several(audiences) => audiences.contains(resource),
        };
        is_for_it
            && claims.iss == self.shared.discovery.issuer
            && claims.exp > Timestamp::now().as_second()
            && claims.scope.split(' ').any(|scope| scope == SCOPE)
    }
}
