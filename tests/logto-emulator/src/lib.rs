//! The part of Logto that the operator uses, kept honest by recorded exchanges.
//!
//! An [`Emulator`] is an HTTP server on loopback with the data of one fresh tenant and one machine-to-machine
//! application that may administer it. `tests/replay` sends it what was once sent to a Logto 1.42 and compares the
//! answers. Hooks (webhooks), consoles and sign-in pages are not here: a user's token comes by token exchange.
//!
//! | module | what it holds |
//! |---|---|
//! | `connection`, `server` | from a socket to a handler: faults, counting, the token check, ETags |
//! | `routes` | the Management API, one file for each path |
//! | `oidc`, `token`, `keys`, `auth` | discovery, the key set, tokens and their verification |
//! | `script` | where Custom JWT scripts run |
//! | `authn` | what Hasura asks in webhook mode |
//! | `guard`, `search`, `pagination`, `errors` | the words and rules that all routes share |
//! | `store` | tables, constraints, cascades, the seed |
//! | `tenant`, `client`, `switches`, `requests` | what a test changes, gets, breaks and counts |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod auth;
mod authn;
mod call;
mod client;
mod connection;
mod errors;
mod guard;
mod json_error;
mod keys;
mod logto;
mod oidc;
mod pagination;
mod requests;
mod routes;
mod script;
mod search;
mod server;
mod store;
mod switches;
mod tenant;
mod token;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use anyhow::Context;
use axum::Router;
use tokio::{net::TcpListener, sync::oneshot};

pub use store::{
    Application, ApplicationSecret, ApplicationType, Organization, Resource, Role, RoleType, Scope,
    TokenKind, User, Violation,
};
pub use switches::{Fault, FaultRule, Switches};
pub use tenant::Tenant;

use connection::{Gate, Scissors};
use keys::KeyRing;
use logto::Logto;
use requests::Requests;
use server::App;
use store::{Seed, Store};

/// What can be chosen for an emulator. It has no `Debug`, so that the secret stays out of logs.
#[derive(Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The id of the machine-to-machine application that may administer the tenant; at most 21 characters.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The `iss` of all tokens, until [`Emulator::set_endpoint`]; by default `<endpoint>/oidc`.
    pub issuer: Option<String>,
    /// The life of a token for the Management API in seconds.
    pub token_ttl: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            client_id: "operatoroperatoropera".to_owned(),
            client_secret: "the-secret-of-the-emulated-operator".to_owned(),
            issuer: None,
            token_ttl: 3600,
        }
    }
}

/// A running emulator. It stops when dropped.
pub struct Emulator {
    app: Arc<App>,
    address: SocketAddr,
    client_id: String,
    client_secret: String,
    /// Its end tells the server to stop.
    _stop: oneshot::Sender<()>,
}

impl Emulator {
    /// Starts with [`Options::default`].
    ///
    /// # Errors
    /// As [`Emulator::start_with`].
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts on the caller's tokio runtime.
    ///
    /// # Errors
    /// The port is taken, or no signing key can be made.
    pub async fn start_with(options: Options) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .await
            .with_context(|| format!("can not listen on 127.0.0.1:{}", options.port))?;
        let address = listener.local_addr()?;
        let switches = Arc::new(Switches::default());
        let app = Arc::new(App {
            logto: Mutex::new(Logto {
                store: Store::seeded(&Seed {
                    client_id: &options.client_id,
                    client_secret: &options.client_secret,
                    token_ttl_seconds: options.token_ttl,
                })?,
                keys: KeyRing::new()?,
                issuer: options
                    .issuer
                    .unwrap_or_else(|| format!("http://{address}/oidc")),
                custom_domains: BTreeSet::new(),
                switches: Arc::clone(&switches),
            }),
            switches: Arc::clone(&switches),
            requests: Requests::default(),
        });
        let (stop, stopped) = oneshot::channel();
        serve(Gate { listener, switches }, Arc::clone(&app), stopped);
        Ok(Self {
            app,
            address,
            client_id: options.client_id,
            client_secret: options.client_secret,
            _stop: stop,
        })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Goes on as after a restart with another `ENDPOINT`: tokens have another issuer, those of before are refused by the
    /// Management API, and keys and opaque tokens stay good. It is served at its own address all the same.
    pub fn set_endpoint(&self, endpoint: &str) {
        self.app.logto().issuer = format!("{}/oidc", endpoint.trim_end_matches('/'));
    }

    /// Makes a host name a custom domain, as Logto Cloud has them: who asks there gets an issuer of that origin, and the
    /// Management API there takes no other. The keys are the same.
    pub fn add_custom_domain(&self, host: &str) {
        self.app.logto().custom_domains.insert(host.to_owned());
    }

    /// The id of the application that may administer the tenant.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The secret that the application had at the start.
    pub fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// A handle on the data.
    pub fn tenant(&self) -> Tenant {
        Tenant::new(Arc::clone(&self.app), self.client_id.clone())
    }

    /// What a test can make go wrong.
    pub fn switches(&self) -> &Switches {
        &self.app.switches
    }

    /// Signs with a new key from now on; the one before stays in the key set until the next rotation.
    ///
    /// # Errors
    /// No key can be made.
    pub fn rotate_signing_key(&self) -> anyhow::Result<()> {
        self.app.logto().keys.rotate()
    }

    /// Publishes a new key that does not sign yet, as a rotation with a grace period does.
    ///
    /// # Errors
    /// No key can be made.
    pub fn rotate_signing_key_staged(&self) -> anyhow::Result<()> {
        self.app.logto().keys.stage()
    }

    /// Signs with the staged key from now on, as at the end of the grace period.
    ///
    /// # Errors
    /// No key is staged.
    pub fn activate_staged_key(&self) -> anyhow::Result<()> {
        self.app.logto().keys.activate()
    }

    /// The key set as it is published.
    pub fn key_set(&self) -> serde_json::Value {
        self.app.logto().keys.published()
    }

    /// How many requests came, by method and route template: `POST /api/roles`, `GET /api/roles/:id/scopes`.
    /// Those that a fault hit are counted, those that came while the emulator was down are not.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.app.requests.counts()
    }

    /// How many POST, PATCH, PUT and DELETE came under /api. The dry run of a Custom JWT script writes nothing and is
    /// not counted.
    pub fn writes(&self) -> u64 {
        self.app.requests.writes()
    }

    /// Counts from zero again, and forgets the last requests.
    pub fn reset_requests(&self) {
        self.app.requests.reset();
    }

    /// The last `number` requests (200 are kept) as `POST /api/roles 200`, the newest last; `closed` stands in place
    /// of the status where there was no answer.
    pub fn last_requests(&self, number: usize) -> Vec<String> {
        self.app.requests.last(number)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Requests that are under way get no answer any more.
        self.app.switches.down(true);
    }
}

fn serve(gate: Gate, app: Arc<App>, stopped: oneshot::Receiver<()>) {
    let service = Router::new()
        .fallback(server::handle)
        .with_state(app)
        .into_make_service_with_connect_info::<Scissors>();
    tokio::spawn(async move {
        // The sender sends nothing: it is dropped with the emulator.
        let end = async move {
            let _ = stopped.await;
        };
        axum::serve(gate, service).with_graceful_shutdown(end).await
    });
}
