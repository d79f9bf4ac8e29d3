//! The Management API token: fetched once for all callers, renewed before it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::zeroize::{Zeroize, Zeroizing};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::Credentials;
use super::error::{CredentialsCause, Error, Unexpected};
use super::exchange::Exchange;
use super::limiter::Priority;
use super::operation::Operation;
use super::refusal::unexpected;

/// A life that a server could claim is trusted up to a day.
const LONGEST_LIFE: u64 = 24 * 60 * 60;
/// While a renewal fails and the old token still works, the next attempt comes after this.
const RENEWAL_PAUSE: Duration = Duration::from_secs(30);

/// The one scope of the Management API.
pub(super) const SCOPE: &str = "all";

/// The resource indicator of a tenant's Management API: Logto names it after its Cloud's domain, self-hosted too.
pub fn management_api_resource(tenant_id: &str) -> String {
    format!("https://{tenant_id}.logto.app/api")
}

/// Gives out the tenant's token.
pub(super) struct TokenSource {
    exchange: Arc<Exchange>,
    credentials: Credentials,
    token_endpoint: Url,
    resource: String,
    /// Counts the requests that have ended, so that who waited for one can tell.
    ended: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Held>,
    last_error: Option<Error>,
}

struct Held {
    token: Token,
    renew_at: Instant,
    ends_at: Instant,
}

/// A token, and which one it is.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) value: SecretString,
    serial: u64,
}

impl TokenSource {
    pub(super) fn new(
        exchange: Arc<Exchange>,
        credentials: Credentials,
        token_endpoint: Url,
        resource: String,
    ) -> Self {
        Self {
            exchange,
            credentials,
            token_endpoint,
            resource,
            ended: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// The token, from memory until 80 % of its life are over. Callers that come while it is being fetched share that
    /// one request and its end, good or bad; if its caller gives up, the next one in line makes it.
    pub(super) async fn get(&self) -> Result<Token, Error> {
        let ended_before = self.ended.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        if let Some(held) = &state.current
            && Instant::now() < held.renew_at
        {
            return Ok(held.token.clone());
        }
        let ended = self.ended.load(Ordering::SeqCst);
        if ended > ended_before
            && let Some(error) = &state.last_error
        {
            return Err(error.clone());
        }
        let fetched = self.fetch(ended + 1).await;
        self.ended.store(ended + 1, Ordering::SeqCst);
        state.keep(fetched)
    }

    /// Forgets a token that was refused; a newer one stays.
    pub(super) async fn invalidate(&self, refused: &Token) {
        let mut state = self.state.lock().await;
        if state
            .current
            .as_ref()
            .is_some_and(|held| held.token.serial == refused.serial)
        {
            state.current = None;
        }
    }

    async fn fetch(&self, serial: u64) -> Result<Held, Error> {
        let operation = Operation::FetchToken;
        let asked_at = Instant::now();
        // RFC 6749, section 2.3.1: id and secret are form-encoded before they become user name and password.
        let encoded = |text: &str| {
            // Room for the longest form, since a String that grows leaves copies behind.
            let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
            encoded.extend(form_urlencoded::byte_serialize(text.as_bytes()));
            encoded
        };
        let request = self
            .exchange
            .requests()
            .post(self.token_endpoint.clone())
            .basic_auth(
                encoded(&self.credentials.client_id).as_str(),
                Some(encoded(self.credentials.client_secret.expose_secret()).as_str()),
            )
            .form(&[
                ("grant_type", "client_credentials"),
                ("resource", &self.resource),
                ("scope", SCOPE),
            ]);
        let mut answer = self
            .exchange
            .send(operation, Priority::Foreground, request)
            .await?;
        let granted = answer.decode::<Granted>(operation);
        answer.body.zeroize();
        let granted = granted?;
        let token = granted.access_token.expose_secret();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(unexpected(
                operation,
                answer.status,
                Unexpected::Undecodable,
            ));
        }
        if !granted.scope.split(' ').any(|scope| scope == SCOPE) {
            let cause = CredentialsCause::MissingRole;
            return Err(Error::Credentials { operation, cause });
        }
        let life = Duration::from_secs(granted.expires_in.min(LONGEST_LIFE));
        Ok(Held {
            token: Token {
                value: granted.access_token,
                serial,
            },
            renew_at: asked_at + life * 4 / 5,
            ends_at: asked_at + life,
        })
    }
}

impl State {
    fn keep(&mut self, fetched: Result<Held, Error>) -> Result<Token, Error> {
        match fetched {
            Ok(held) => {
                self.last_error = None;
                Ok(self.current.insert(held).token.clone())
            }
            Err(error) => self.go_on_without(error),
        }
    }

    /// A Logto that can not answer just now does not make the old token worse; refused credentials are said at once.
    fn go_on_without(&mut self, error: Error) -> Result<Token, Error> {
        let now = Instant::now();
        let transient = matches!(
            error,
            Error::Retry { .. } | Error::Wait { .. } | Error::Plan { .. }
        );
        match &mut self.current {
            Some(held) if transient && now < held.ends_at => {
                held.renew_at = now + RENEWAL_PAUSE;
                self.last_error = None;
                Ok(held.token.clone())
            }
            _ => {
                self.current = None;
                self.last_error = Some(error.clone());
                Err(error)
            }
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    #[serde(deserialize_with = "secret")]
    access_token: SecretString,
    expires_in: u64,
    /// Absent when nothing was granted.
    #[serde(default)]
    scope: String,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}
