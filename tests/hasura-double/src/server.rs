//! Hasura as a server on loopback.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};

use crate::authenticate::Authenticator;
use crate::keys::{KeyStore, fetch};
use crate::{AuthMode, Fatal, KeySource, Settings, routes, start_up};

/// What the environment does not say.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The port on loopback; 0, the default, is a free one.
    pub port: u16,
    /// How often it is looked whether the keys of a jwk_url have to be fetched again; 1 s, as until Hasura 2.40. Later
    /// ones ask a server that forbids caching each 60 s.
    pub poll_tick: Duration,
    /// How long a jwk_url or the webhook has to answer; 30 s.
    pub answer_within: Duration,
    /// The version that it says to be; what it does is what 2.49.4 does.
    pub version: String,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            port: 0,
            poll_tick: Duration::from_secs(1),
            answer_within: Duration::from_secs(30),
            version: "v2.49.4".to_owned(),
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Hasura itself would have ended.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// The port is taken.
    #[error("can not listen on 127.0.0.1:{port}: {cause}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system says.
        cause: std::io::Error,
    },
    /// There is no HTTP client, for want of the system's certificates.
    #[error("can not make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Starts servers.
pub struct Server;

impl Server {
    /// Starts Hasura with this environment and command line, as [`start_up`] takes them.
    ///
    /// The keys at a jwk_url are fetched once, and thrown away: like Hasura's, the set is empty until its poller has
    /// fetched it again, so a token is refused with `NoUsableKeys` for a moment (hasura/graphql-engine#9613).
    ///
    /// # Errors
    /// [`StartError`]: Hasura's fatal words, or a port that is taken.
    pub async fn start(
        env: &BTreeMap<String, String>,
        command_line: &[String],
        options: ServerOptions,
    ) -> Result<Running, StartError> {
        let settings = start_up(env, command_line)?;
        let http = client(options.answer_within)?;
        let (keys, url) = keys(&settings);
        if let Some(url) = &url {
            fetch(&http, url)
                .await
                .map_err(|error| Fatal::new(error.to_string()))?;
        }
        let listen = |cause| StartError::Listen {
            port: options.port,
            cause,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let authenticator = Arc::new(Authenticator {
            settings: settings.clone(),
            keys,
            http,
            version: options.version,
        });
        let poller = url.map(|url| poller(authenticator.clone(), url, options.poll_tick));
        Ok(Running {
            address,
            settings,
            _stop: serve(listener, authenticator),
            poller: poller.map(|task| task.abort_handle()),
        })
    }
}

/// A running Hasura; it takes no more requests when this is dropped, and ends those under way.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    settings: Settings,
    /// Dropping it is the signal.
    _stop: oneshot::Sender<()>,
    poller: Option<AbortHandle>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it runs with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(poller) = &self.poller {
            poller.abort();
        }
    }
}

/// Redirects are followed and the system's authorities trusted, as Hasura does. The proxy of the machine is not used: a
/// double stands for a pod, which does not see it.
fn client(within: Duration) -> reqwest::Result<reqwest::Client> {
    // An error means that the program has chosen its provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(within)
        .no_proxy()
        .build()
}

/// The keys to begin with, and the URL that they are to be fetched from.
fn keys(settings: &Settings) -> (KeyStore, Option<String>) {
    let AuthMode::Jwt(config) = &settings.auth else {
        return (KeyStore::default(), None);
    };
    match &config.keys {
        KeySource::Inline(key) => (KeyStore::of(key.clone()), None),
        KeySource::Url(url) => (KeyStore::default(), Some(url.clone())),
    }
}

fn poller(authenticator: Arc<Authenticator>, url: String, tick: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        let Authenticator { keys, http, .. } = &*authenticator;
        keys.poll(http, &url, tick).await;
    })
}

/// Serves until the other end of the channel is dropped; only then are connections that are kept alive closed, too.
fn serve(listener: TcpListener, authenticator: Arc<Authenticator>) -> oneshot::Sender<()> {
    let (stop, stopped) = oneshot::channel();
    let stopped = async {
        // It is never sent to.
        let _ = stopped.await;
    };
    let server =
        axum::serve(listener, routes::router(authenticator)).with_graceful_shutdown(stopped);
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "hasura-double does not listen any more");
        }
    });
    stop
}
