//! One fetch of jwk_url.

use reqwest::header::HeaderMap;

use super::{Key, set};

/// Why no keys came from jwk_url, in the engine's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfetched {
    /// There was no connection; the reason is that of the connection.
    #[error("Error fetching JWK: ConnectionFailure {0}")]
    Unreachable(String),
    /// There was no answer in time.
    #[error("Error fetching JWK: ResponseTimeout")]
    TimedOut,
    /// The answer's status is not 2xx.
    #[error("Non-2xx response on fetching JWK from: {0}")]
    Status(String),
    /// The answer's body is no key set.
    #[error("Error parsing JWK from url: {0}")]
    Body(String),
}

/// The keys at the URL, and the headers that came with them.
pub(crate) async fn fetch(
    http: &reqwest::Client,
    url: &str,
) -> Result<(Vec<Key>, HeaderMap), Unfetched> {
    let response = http.get(url).send().await.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err(Unfetched::Status(url.to_owned()));
    }
    let headers = response.headers().clone();
    let body = response.bytes().await.map_err(unreachable)?;
    let keys = set::parse(&body).ok_or_else(|| Unfetched::Body(url.to_owned()))?;
    Ok((keys, headers))
}

fn unreachable(error: reqwest::Error) -> Unfetched {
    if error.is_timeout() {
        return Unfetched::TimedOut;
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Unfetched::Unreachable(cause.to_string())
}
