//! etcd, kube-apiserver and kube-controller-manager on loopback, as one value.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use tokio::time::Instant;

use crate::processes::Processes;
use crate::programs::Programs;
use crate::{arguments, kubeconfig, tls};

/// How a control plane is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The programs, see [`crate::programs::find`].
    pub programs: Programs,
    /// How long it may take until the API server is ready and the controllers work.
    pub ready_within: Duration,
}

impl Options {
    /// The usual options: ready within 60 s. It takes about 5 s on a quiet machine.
    pub fn new(programs: Programs) -> Self {
        Self {
            programs,
            ready_within: Duration::from_secs(60),
        }
    }
}

/// A running control plane with RBAC, rollouts, garbage collection and namespace deletion, but without nodes: pods stay
/// Pending but for those that a [`crate::NodeAgent`] takes.
///
/// It leaves no process and no file behind when it is stopped or dropped, or when this process is killed. Service
/// accounts have no tokens in pods, and no admission plugin asks for one.
pub struct ControlPlane {
    url: String,
    token: String,
    config: Config,
    kubeconfig: PathBuf,
    certificate_authority: PathBuf,
    kube_apiserver: PathBuf,
    etcd_port: u16,
    api_port: u16,
    folder: PathBuf,
    processes: Mutex<Processes>,
    restarts: Mutex<Vec<Range<SystemTime>>>,
}

/// Free ports can be taken by somebody else before they are used; three times in a row is something else.
const PORT_ATTEMPTS: usize = 3;
const PORT_TAKEN: &str = "address already in use";

impl ControlPlane {
    /// Starts the programs and waits until they work.
    ///
    /// # Errors
    /// When a program can not be started, ends, or does not get ready in time; the message has its last words.
    pub async fn start(options: Options) -> Result<Self> {
        tls::use_ring();
        for _ in 1..PORT_ATTEMPTS {
            match Self::start_once(&options).await {
                Err(error) if error.to_string().contains(PORT_TAKEN) => {}
                result => return result,
            }
        }
        Self::start_once(&options).await
    }

    async fn start_once(options: &Options) -> Result<Self> {
        let deadline = Instant::now() + options.ready_within;
        let mut starting = Starting {
            processes: Processes::new()?,
            deadline,
        };
        let folder = starting.processes.folder();
        let kubeconfig = folder.join(arguments::KUBECONFIG);
        let certificate_authority = folder.join(arguments::CERTIFICATE);
        let [etcd_port, peer_port, api_port] = free_ports()?;
        let url = format!("https://127.0.0.1:{api_port}");
        let token = format!("{:032x}", rand::random::<u128>());
        arguments::write_audit_policy(folder)?;
        kubeconfig::write_tokens(&folder.join(arguments::TOKENS), &token)?;
        kubeconfig::write(&kubeconfig, &url, &token, &certificate_authority)?;

        let Programs {
            etcd,
            kube_apiserver,
            kube_controller_manager,
        } = &options.programs;
        let processes = &mut starting.processes;
        processes.spawn("etcd", etcd, &arguments::etcd(etcd_port, peer_port))?;
        processes.spawn(
            "kube-apiserver",
            kube_apiserver,
            &arguments::apiserver(etcd_port, api_port),
        )?;
        starting
            .until_api_server_is_ready(&certificate_authority, &url, &token)
            .await?;

        let read = Kubeconfig::read_from(&kubeconfig)?;
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
        let processes = &mut starting.processes;
        processes.spawn(
            "kube-controller-manager",
            kube_controller_manager,
            &arguments::controllers(),
        )?;
        starting
            .until_controllers_work(Client::try_from(config.clone())?)
            .await?;
        let processes = starting.processes;
        Ok(Self {
            url,
            token,
            config,
            kubeconfig,
            certificate_authority,
            kube_apiserver: kube_apiserver.clone(),
            etcd_port,
            api_port,
            folder: processes.folder().to_path_buf(),
            processes: Mutex::new(processes),
            restarts: Mutex::default(),
        })
    }

    /// A new client that may do everything. Its work ends with the tokio runtime that it was made on, so each runtime
    /// needs its own.
    ///
    /// # Errors
    /// When the client can not be built; not when the API server does not answer.
    pub fn client(&self) -> kube::Result<Client> {
        Client::try_from(self.config())
    }

    /// The configuration of a client that may do everything.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// The kubeconfig file of a user that may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The PEM file with the authority that signed the API server's certificate.
    pub fn certificate_authority(&self) -> &Path {
        &self.certificate_authority
    }

    /// The address of the API server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token of a user that may do everything.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The API server's audit log: a line of JSON for each answer to a service account, level Metadata. Requests of other users
    /// are not in it, nor of an admin who impersonates a service account.
    pub fn audit_log(&self) -> PathBuf {
        self.folder.join(arguments::AUDIT_LOG)
    }

    /// A folder that goes with the control plane, also when this process is killed; for files that must not outlive it.
    /// The programs' logs are there.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends the API server at once, leaves it away for a while, and starts it again at its old address. What it kept in
    /// memory, such as the changes that watches can catch up with, is gone.
    ///
    /// # Errors
    /// When it does not come back within a minute.
    pub async fn restart_api_server(&self, away: Duration) -> Result<()> {
        const NAME: &str = "kube-apiserver";
        let began = SystemTime::now();
        self.processes().end(NAME)?;
        tokio::time::sleep(away).await;
        let arguments = arguments::apiserver(self.etcd_port, self.api_port);
        self.processes()
            .spawn(NAME, &self.kube_apiserver, &arguments)?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = is_ready(&self.certificate_authority, &self.url, &self.token).await {
            self.processes().check()?;
            if Instant::now() > deadline {
                bail!("the API server does not come back: {error:#}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        lock(&self.restarts).push(began..SystemTime::now());
        Ok(())
    }

    /// Whether the API server was on its way back at this time. Until it is ready it refuses what is allowed, since it
    /// does not know the roles yet.
    pub fn was_restarting(&self, at: SystemTime) -> bool {
        lock(&self.restarts).iter().any(|time| time.contains(&at))
    }

    /// Lets etcd forget all but what is there now, as it does in a cluster every five minutes.
    ///
    /// # Errors
    /// When etcd does not answer.
    pub async fn compact(&self) -> Result<()> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let ask = async |path: &str, body: serde_json::Value| -> Result<serde_json::Value> {
            let url = format!("http://127.0.0.1:{}{path}", self.etcd_port);
            let answer = http.post(url).body(body.to_string()).send().await?;
            Ok(serde_json::from_slice(
                &answer.error_for_status()?.bytes().await?,
            )?)
        };
        let status = ask("/v3/maintenance/status", json!({})).await?;
        let revision = &status["header"]["revision"];
        ask(
            "/v3/kv/compaction",
            json!({"revision": revision, "physical": true}),
        )
        .await?;
        Ok(())
    }

    fn processes(&self) -> MutexGuard<'_, Processes> {
        lock(&self.processes)
    }

    /// Ends all programs and removes the folder.
    pub async fn stop(self) {
        // Dropping waits for the programs to end, which a thread of the runtime must not. It can not fail.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

/// A control plane that does not work yet.
struct Starting {
    processes: Processes,
    deadline: Instant,
}

impl Starting {
    /// Waits for /readyz. Only the holder of the key beside the certificate in our own folder is believed, so another
    /// control plane that took the port is not mistaken for this one.
    async fn until_api_server_is_ready(
        &mut self,
        authority: &Path,
        url: &str,
        token: &str,
    ) -> Result<()> {
        let ask = async || is_ready(authority, url, token).await;
        self.until("the API server does not get ready", ask).await
    }

    /// Waits for the service account that the controllers make in the namespace `default`, and for `kube-system`, whose
    /// uid is what a cluster is known by.
    async fn until_controllers_work(&mut self, client: Client) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
        let ask = async || {
            namespaces.get("kube-system").await?;
            accounts.get("default").await?;
            Ok(())
        };
        self.until("the controllers do not work", ask).await
    }

    /// Asks again and again until the answer is good, a program has ended, or the time is over.
    async fn until(&mut self, failure: &str, ask: impl AsyncFn() -> Result<()>) -> Result<()> {
        loop {
            let answer = tokio::time::timeout_at(self.deadline, ask()).await;
            self.processes.check()?;
            match answer {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(_)) if Instant::now() < self.deadline => {}
                Ok(Err(reason)) => {
                    bail!("{failure}: {reason:#}\n{}", self.processes.all_last_words())
                }
                Err(_) => bail!("{failure}: no answer\n{}", self.processes.all_last_words()),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn is_ready(authority: &Path, url: &str, token: &str) -> Result<()> {
    let pem = fs::read(authority).context("no certificate yet")?;
    let http = reqwest::Client::builder()
        .tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem)?)
        .no_proxy()
        .build()?;
    let answer = http
        .get(format!("{url}/readyz"))
        .bearer_auth(token)
        .send()
        .await?;
    answer.error_for_status()?;
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ports that are free at this moment.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // All are held until the last is found, so that they differ.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
