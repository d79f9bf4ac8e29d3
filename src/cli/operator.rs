//! `logto-hasura operator`: runs the controllers.

mod args;

use std::{convert::Infallible, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, Config, ResourceExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    controller::{self, Settings},
    domain::ownership::Owner,
    fence::Fence,
    leader::{Election, Lost, fenced},
    logto::AllowedHosts,
    metrics::Metrics,
    pulse::Pulse,
    server::{self, Readiness},
    telemetry,
};
pub use args::Args;

/// Kubernetes kills a pod 30 s after it asked it to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How often the first request is made before the process ends, to be started again by whoever runs it.
const FIRST_ATTEMPTS: u32 = 10;

const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Between two attempts of a watch that fails (kube's default backoff).
const LONGEST_WATCH_BACKOFF: Duration = Duration::from_secs(30);

/// Why the operator could not start, or ended.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Telemetry(#[from] telemetry::Error),
    #[error("no access to a cluster: {0}")]
    Config(#[from] Box<kube::config::InferConfigError>),
    #[error("no access to a cluster: {0}")]
    Cluster(#[from] Box<kube::Error>),
    #[error(
        "--lease-retry has to be shorter than --lease-renew-deadline, and that shorter than --lease-duration"
    )]
    LeaseClocks,
    #[error("this replica leads no longer: {0}")]
    Lost(#[from] Lost),
    #[error(transparent)]
    Owner(#[from] crate::domain::ownership::InvalidOwner),
    #[error(
        "the uid of namespace kube-system can not be read, which --owner-id defaults to ({0}): give --owner-id"
    )]
    OwnerUnknown(Box<kube::Error>),
    #[error("serving probes and metrics on {0}: {1}")]
    Server(SocketAddr, std::io::Error),
    #[error("signals can not be received: {0}")]
    Signal(std::io::Error),
    #[error("the runtime could not start: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    Controllers(#[from] controller::RunError),
}

/// Runs the operator until SIGTERM or Ctrl-C.
pub fn run(args: Args) -> ExitCode {
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("logto-hasura operator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: Args) -> Result<(), Error> {
    // Fails only when another provider was installed before, which the process has none of.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (filter, traces) = telemetry::init(args.log_format, &args.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let result = runtime.block_on(operate(args, filter));
    if let Some(traces) = traces {
        traces.end();
    }
    result
}

async fn operate(args: Args, filter: telemetry::Filter) -> Result<(), Error> {
    let Args {
        owner_id,
        watch_namespace,
        allow_logto_host,
        listen,
        leader,
        clocks,
        ..
    } = args;
    let talk = talk_when_asked(filter)?;
    let mut config = Config::infer().await.map_err(Box::new)?;
    // A connection that died without a word is found out when a watch on it says nothing at its end.
    config.read_timeout = Some(clocks.watch_timeout + clocks.request_timeout);
    let fence = if leader.leader_elect {
        Fence::closed()
    } else {
        Fence::none()
    };
    let election = leader.election(&config, &fence)?;
    let pulse =
        Pulse::new(2 * (clocks.watch_timeout + clocks.request_timeout) + LONGEST_WATCH_BACKOFF);
    let client =
        fenced(config, fence.clone(), clocks.request_timeout, pulse.clone()).map_err(Box::new)?;
    let owner = owner(&client, owner_id).await?;
    tracing::info!(
        owner = owner.as_str(),
        namespaces = watch_namespace.join(","),
        version = env!("CARGO_PKG_VERSION"),
        "starting"
    );

    let metrics = Arc::new(Metrics::default());
    let readiness = Readiness::default();
    let stop = CancellationToken::new();
    let settings = Settings {
        owner,
        namespaces: watch_namespace
            .into_iter()
            .filter(|namespace| !namespace.is_empty())
            .collect(),
        allowed_hosts: AllowedHosts::new(allow_logto_host),
        clocks: clocks.into(),
        fence,
    };
    let server = server::serve(
        listen,
        pulse.clone(),
        readiness.clone(),
        Arc::clone(&metrics),
    );
    let standby = Standby {
        readiness: readiness.clone(),
        pulse,
        metrics: Arc::clone(&metrics),
    };
    let controllers = controller::run(client, settings, metrics, readiness, stop.clone());
    let signals = async {
        asked_to_stop().await?;
        stop.cancel();
        std::future::pending().await
    };
    tokio::select! {
        result = work(controllers, election, &standby, &stop) => result,
        result = server => result.map_err(|error| Error::Server(listen, error)),
        result = signals => result,
        never = talk => match never {},
    }
}

/// Who is told while another replica leads.
struct Standby {
    readiness: Readiness,
    pulse: Pulse,
    metrics: Arc<Metrics>,
}

/// Runs the controllers while this process leads, until they end or were asked to.
async fn work(
    controllers: impl Future<Output = Result<(), controller::RunError>>,
    election: Option<Election>,
    standby: &Standby,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let Some(election) = election else {
        return until_drained(controllers, stop).await;
    };
    let (identity, lease_name) = (election.identity(), election.name());
    standby.metrics.leads(lease_name, false);
    let standing_by = |holder: &str| {
        standby.pulse.beat();
        if standby.readiness.stand_by() {
            tracing::info!(identity, holder, "standing by: another replica leads");
        }
    };
    let lease = tokio::select! {
        lease = election.win(standing_by) => lease,
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!(identity, "this replica leads");
    standby.metrics.leads(lease_name, true);
    let result = tokio::select! {
        result = until_drained(controllers, stop) => result,
        lost = election.keep(lease) => return Err(lost.into()),
    };
    // Only now, when nothing is under way any more.
    election.give_back().await;
    result
}

/// Runs the controllers; once they were asked to stop, what is under way may end, for a while.
async fn until_drained(
    controllers: impl Future<Output = Result<(), controller::RunError>>,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let too_long = async {
        stop.cancelled().await;
        tracing::info!("stopping; visits that are under way end first");
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        result = controllers => Ok(result?),
        () = too_long => {
            tracing::warn!("visits are under way still, and are broken off");
            Ok(())
        }
    }
}

async fn owner(client: &Client, given: Option<String>) -> Result<Owner, Error> {
    if let Some(id) = given {
        return Ok(Owner::new(id)?);
    }
    let uid = kube_system_uid(client)
        .await
        .map_err(|error| Error::OwnerUnknown(Box::new(error)))?;
    Ok(Owner::from_cluster_uid(&uid)?)
}

/// It is the first thing that is asked of the API server, which may be starting just as we are.
async fn kube_system_uid(client: &Client) -> Result<String, kube::Error> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut attempts = 1;
    loop {
        match namespaces.get("kube-system").await {
            Ok(namespace) => return Ok(namespace.uid().unwrap_or_default()),
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                return Err(kube::Error::Api(status));
            }
            Err(error) if attempts == FIRST_ATTEMPTS => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the API server does not answer as it should; it is tried again");
                tokio::time::sleep(FIRST_PAUSE).await;
                attempts += 1;
            }
        }
    }
}

/// SIGUSR1 makes the logs talkative, and the next one ends it. Without this it would end the process.
fn talk_when_asked(
    mut filter: telemetry::Filter,
) -> Result<impl Future<Output = Infallible>, Error> {
    let mut asked = signal(SignalKind::user_defined1()).map_err(Error::Signal)?;
    Ok(async move {
        while asked.recv().await.is_some() {
            filter.toggle();
        }
        std::future::pending().await
    })
}

async fn asked_to_stop() -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signal)?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        result = tokio::signal::ctrl_c() => result.map_err(Error::Signal),
    }
}
