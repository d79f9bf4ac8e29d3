//! HTTP with limits: no redirect, no retry, bounded time, bounded answers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::dns::Resolve;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, redirect, retry, tls};
use serde::de::DeserializeOwned;

use super::address::{Refused, Resolver};
use super::error::{Error, Failure, StopCause, Unexpected};
use super::operation::Operation;
use super::refresh::{Refresh, refresh};
use super::refusal::unexpected;
use super::retry_after;

/// The largest answer that is read, in bytes: 10,000 scopes are about 2.5 MB.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Room that is made for an answer on its own word.
const FIRST_BYTES: u64 = 64 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Node closes idle connections after 5 s (<https://nodejs.org/api/http.html#serverkeepalivetimeout>); a request sent on
/// one at that moment fails with an unknown outcome, so they are given up before.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// A pool of connections; cheap to clone.
#[derive(Clone, Debug)]
pub struct Transport {
    client: reqwest::Client,
    timeout: Duration,
}

/// Why no [`Transport`] could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The CA bundle holds no certificate, or a broken one.
    #[error(
        "the CA bundle holds no usable certificate; it has to be PEM, with BEGIN CERTIFICATE lines"
    )]
    CaBundle,
    /// TLS could not be set up.
    #[error("TLS could not be set up: no trusted CA certificates were found on this system")]
    Tls,
}

impl Transport {
    /// Makes a transport whose requests take at most `timeout` each, connecting at most 5 s of it.
    ///
    /// With a `ca_bundle` (PEM) only the CAs in it are trusted, without one the system's. A process-wide rustls
    /// provider has to be installed before.
    ///
    /// # Errors
    /// An unusable bundle, or a system without CA certificates.
    pub fn new(timeout: Duration, ca_bundle: Option<&[u8]>) -> Result<Self, TransportError> {
        Self::resolving_by(Arc::new(Resolver), timeout, ca_bundle)
    }

    fn resolving_by(
        resolver: Arc<dyn Resolve>,
        timeout: Duration,
        ca_bundle: Option<&[u8]>,
    ) -> Result<Self, TransportError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("logto-hasura/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .dns_resolver(resolver)
            .tls_version_min(tls::Version::TLS_1_2)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .pool_idle_timeout(IDLE_TIMEOUT);
        let client = match ca_bundle {
            None => builder.build().map_err(|_| TransportError::Tls)?,
            Some(pem) => match reqwest::Certificate::from_pem_bundle(pem) {
                Ok(certificates) if !certificates.is_empty() => builder
                    .tls_certs_only(certificates)
                    .build()
                    .map_err(|_| TransportError::CaBundle)?,
                _ => return Err(TransportError::CaBundle),
            },
        };
        Ok(Self { client, timeout })
    }

    /// The total time of one request.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Builds requests; only [`Transport::send`] sends them.
    pub(super) fn requests(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends a request once and reads the whole answer, whatever its status.
    pub(super) async fn send(
        &self,
        operation: Operation,
        request: RequestBuilder,
    ) -> Result<Answer, Error> {
        let response = request
            .send()
            .await
            .map_err(|error| failed(operation, &error))?;
        let mut answer = Answer::without_body(&response);
        answer.body = read(operation, response).await?;
        Ok(answer)
    }
}

async fn read(operation: Operation, mut response: Response) -> Result<Vec<u8>, Error> {
    let too_large = |response: &Response| {
        let status = response.status().as_u16();
        unexpected(operation, status, Unexpected::TooLarge)
    };
    // Whoever says that it is too large is believed; whoever does not is counted.
    let announced = response.content_length().unwrap_or_default();
    if announced > MAX_ANSWER_BYTES as u64 {
        return Err(too_large(&response));
    }
    // Most answers fit without growing, so that no copy of a token is left behind.
    let mut body = Vec::with_capacity(announced.min(FIRST_BYTES) as usize);
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| failed(operation, &error))?
    {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(too_large(&response));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What came back, body included; it is never shown to anyone.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether the answer says that it is JSON.
    pub(super) json: bool,
    /// The header Total-Number: rows of the whole list.
    pub(super) total: Option<usize>,
    /// How long to wait, should this be a 429.
    pub(super) retry_after: Duration,
    /// When Hasura would read it again, should this be a key set.
    pub(super) refresh: Refresh,
    pub(super) body: Vec<u8>,
}

impl Answer {
    fn without_body(response: &Response) -> Self {
        let headers = response.headers();
        let now = Timestamp::now();
        Self {
            status: response.status().as_u16(),
            json: is_json(headers),
            total: text(headers, "total-number").and_then(|total| total.parse().ok()),
            retry_after: retry_after::wait(text(headers, RETRY_AFTER.as_str()), now),
            refresh: refresh(headers, now),
            body: Vec::new(),
        }
    }

    /// The body as JSON of the given shape; unknown fields are ignored.
    pub(super) fn decode<T: DeserializeOwned>(&self, operation: Operation) -> Result<T, Error> {
        if !self.json {
            return Err(unexpected(operation, self.status, Unexpected::NotJson));
        }
        serde_json::from_slice(&self.body)
            .map_err(|_| unexpected(operation, self.status, Unexpected::Undecodable))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `application/json`, or a type that ends in `+json` (Logto's key set is `application/jwk-set+json`).
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = text(headers, CONTENT_TYPE.as_str())
        .and_then(|value| value.split(';').next())
        .map(|media_type| media_type.trim().to_ascii_lowercase());
    media_type
        .is_some_and(|media_type| media_type == "application/json" || media_type.ends_with("+json"))
}

fn failed(operation: Operation, error: &reqwest::Error) -> Error {
    if is_refused_address(error) {
        let cause = StopCause::ForbiddenAddress;
        return Error::Stop { operation, cause };
    }
    let cause = if is_certificate(error) {
        Failure::Certificate
    } else if error.is_dns() {
        Failure::NoAddress
    } else if error.is_connect() {
        Failure::NoConnection
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Broken
    };
    Error::Retry { operation, cause }
}

fn is_refused_address(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<Refused>() || error.source().is_some_and(is_refused_address)
}

fn is_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    // The source of an io::Error is that of the error in it, so the error itself has to be taken out.
    let inside = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match inside {
        Some(inside) => is_certificate(inside),
        None => error.source().is_some_and(is_certificate),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::dns::{Name, Resolving};
    use rustls::CertificateError;

    use super::*;

    /// Says that a host has no address but refused ones, as the resolver does.
    struct Rebound;

    impl Resolve for Rebound {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(async { Err(Refused.into()) })
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_refused_address_is_said_and_not_tried_again() {
        _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = Arc::new(Rebound);
        let transport = Transport::resolving_by(resolver, CONNECT_TIMEOUT, None).unwrap();
        let operation = Operation::CreateRole;
        for url in [
            "http://logto.example.com/api/roles",
            "https://logto.example.com/api/roles",
        ] {
            let request = transport.requests().post(url);
            let error = transport.send(operation, request).await.err().unwrap();
            let cause = StopCause::ForbiddenAddress;
            assert_eq!(error, Error::Stop { operation, cause });
            assert!(!error.may_have_happened());
        }
    }

    #[test]
    fn a_refused_certificate_is_told_from_other_failures_to_connect() {
        // Twice an io::Error around it, as it comes from hyper-rustls.
        let wrapped = |tls| io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(is_certificate(&wrapped(unknown)));
        assert!(!is_certificate(&wrapped(
            rustls::Error::HandshakeNotComplete
        )));
        assert!(!is_certificate(&io::Error::other("refused")));
    }
}
