//! `logto-hasura operator`: runs the controllers.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    controller::{self, Clocks, Settings},
    domain::ownership::Owner,
    metrics::Metrics,
    server::{self, Readiness},
    telemetry::{self, LogFormat},
};

/// Run the operator.
#[derive(Debug, Parser)]
#[command(
    args_override_self = true,
    after_help = "Examples:
  logto-hasura operator
  logto-hasura operator --watch-namespace shop,billing --log-format json --owner-id staging

The cluster is the one that the pod runs in, or that of KUBECONFIG."
)]
pub struct Args {
    /// Marks what this operator makes in Logto; 1 to 16 of a-z, 0-9 and '-'. Default: the first 8 characters of the
    /// kube-system namespace's uid
    #[arg(long, env = "LOGTO_HASURA_OWNER_ID", value_name = "ID")]
    owner_id: Option<String>,

    /// Watch these namespaces only, separated by commas. Default: all
    #[arg(
        long,
        env = "LOGTO_HASURA_WATCH_NAMESPACE",
        value_name = "NAMESPACES",
        value_delimiter = ','
    )]
    watch_namespace: Vec<String>,

    /// Where probes and metrics are served: /livez, /readyz, /metrics
    #[arg(
        long,
        env = "LOGTO_HASURA_LISTEN",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8080"
    )]
    listen: SocketAddr,

    /// How log lines look
    #[arg(
        long,
        env = "LOGTO_HASURA_LOG_FORMAT",
        value_enum,
        default_value = "text"
    )]
    log_format: LogFormat,

    /// What is logged, as a filter of the `tracing` crate
    #[arg(
        long,
        env = "LOGTO_HASURA_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    log: String,

    #[command(flatten)]
    clocks: ClockArgs,
}

/// Durations such as 30s, 5m or 500ms.
#[derive(Debug, Parser)]
struct ClockArgs {
    /// Between two looks at credentials that are missing or refused
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, help_heading = "Clocks")]
    credentials_retry: Duration,

    /// Between two looks at credentials that work
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration, help_heading = "Clocks")]
    credentials_recheck: Duration,

    /// How long a deletion waits for what is being deleted too, or went first
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration, help_heading = "Clocks")]
    release_after: Duration,

    /// Compare every tenant this often, whatever its spec.resyncPeriodSeconds says
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Clocks")]
    resync_period: Option<Duration>,

    /// The longest wait after failures in a row
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration, help_heading = "Clocks")]
    longest_backoff: Duration,

    /// Between two reads of an object that its reconcile annotation asks for
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, help_heading = "Clocks")]
    annotation_pause: Duration,

    /// Between two writes of a tenant's Custom JWT script, however many bindings come and go
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, help_heading = "Clocks")]
    claims_pause: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|_| "a duration can not be negative".to_owned())
}

impl From<ClockArgs> for Clocks {
    fn from(args: ClockArgs) -> Self {
        let ClockArgs {
            credentials_retry,
            credentials_recheck,
            release_after,
            resync_period,
            longest_backoff,
            annotation_pause,
            claims_pause,
        } = args;
        Self {
            credentials_retry,
            credentials_recheck,
            release_after,
            resync_period,
            longest_backoff,
            annotation_pause,
            claims_pause,
        }
    }
}

/// Why the operator could not start, or ended.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("--log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error("no access to a cluster: {0}")]
    Cluster(#[from] Box<kube::Error>),
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime);
    match runtime.and_then(|runtime| runtime.block_on(operate(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("logto-hasura operator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn operate(args: Args) -> Result<(), Error> {
    let Args {
        owner_id,
        watch_namespace,
        listen,
        log_format,
        log,
        clocks,
    } = args;
    telemetry::init(log_format, &log)?;
    // Fails only when another provider was installed before, which the process has none of.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::try_default().await.map_err(Box::new)?;
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
        clocks: clocks.into(),
    };
    let server = server::serve(listen, readiness.clone(), Arc::clone(&metrics));
    let controllers = controller::run(client, settings, metrics, readiness, stop.clone());
    let mut controllers = std::pin::pin!(controllers);
    tokio::select! {
        result = &mut controllers => return Ok(result?),
        result = server => return result.map_err(|error| Error::Server(listen, error)),
        result = asked_to_stop() => result?,
    }
    tracing::info!("stopping; visits that are under way end first");
    stop.cancel();
    Ok(controllers.await?)
}

async fn owner(client: &Client, given: Option<String>) -> Result<Owner, Error> {
    if let Some(id) = given {
        return Ok(Owner::new(id)?);
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let kube_system = namespaces
        .get("kube-system")
        .await
        .map_err(|error| Error::OwnerUnknown(Box::new(error)))?;
    Ok(Owner::from_cluster_uid(
        &kube_system.uid().unwrap_or_default(),
    )?)
}

async fn asked_to_stop() -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signal)?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        result = tokio::signal::ctrl_c() => result.map_err(Error::Signal),
    }
}
