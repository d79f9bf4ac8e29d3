//! The flags of `logto-hasura operator`.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;
use kube::{Client, Config};

use super::Error;
use crate::{
    controller::Clocks,
    fence::Fence,
    leader::{Election, LeaseClocks},
    logto::HostPattern,
    telemetry::LogFormat,
};

/// Run the operator.
#[derive(Debug, Parser)]
#[command(
    args_override_self = true,
    after_help = "Examples:
  logto-hasura operator
  logto-hasura operator --watch-namespace shop,billing --log-format json --owner-id staging
  logto-hasura operator --leader-elect --lease-namespace logto-hasura

The cluster is the one that the pod runs in, or that of KUBECONFIG."
)]
pub struct Args {
    /// Marks what this operator makes in Logto; 1 to 16 of a-z, 0-9 and '-'. Default: the first 8 characters of the
    /// kube-system namespace's uid
    #[arg(long, env = "LOGTO_HASURA_OWNER_ID", value_name = "ID")]
    pub(super) owner_id: Option<String>,

    /// Watch these namespaces only, separated by commas. Default: all
    #[arg(
        long,
        env = "LOGTO_HASURA_WATCH_NAMESPACE",
        value_name = "NAMESPACES",
        value_delimiter = ','
    )]
    pub(super) watch_namespace: Vec<String>,

    /// Connect tenants to these hosts of Logto only, separated by commas: logto.example.com, or *.example.com for all
    /// below a domain. Default: any host
    #[arg(
        long,
        env = "LOGTO_HASURA_ALLOW_LOGTO_HOST",
        value_name = "HOSTS",
        value_delimiter = ','
    )]
    pub(super) allow_logto_host: Vec<HostPattern>,

    /// Where probes and metrics are served: /livez, /readyz, /metrics
    #[arg(
        long,
        env = "LOGTO_HASURA_LISTEN",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8080"
    )]
    pub(super) listen: SocketAddr,

    /// How log lines look
    #[arg(
        long,
        env = "LOGTO_HASURA_LOG_FORMAT",
        value_enum,
        default_value = "text"
    )]
    pub(super) log_format: LogFormat,

    /// What is logged, as a filter of the `tracing` crate
    #[arg(
        long,
        env = "LOGTO_HASURA_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub(super) log: String,

    #[command(flatten)]
    pub(super) leader: LeaderArgs,

    #[command(flatten)]
    pub(super) clocks: ClockArgs,
}

/// Which of several replicas works.
#[derive(Debug, Parser)]
pub(super) struct LeaderArgs {
    /// Work only while this process holds a Lease, so that several replicas can run
    #[arg(
        long,
        env = "LOGTO_HASURA_LEADER_ELECT",
        help_heading = "Leader election"
    )]
    pub(super) leader_elect: bool,

    /// The name of the Lease
    #[arg(
        long,
        env = "LOGTO_HASURA_LEASE_NAME",
        value_name = "NAME",
        default_value = "logto-hasura",
        help_heading = "Leader election"
    )]
    lease_name: String,

    /// The namespace of the Lease. Default: the pod's own, or that of KUBECONFIG's context
    #[arg(
        long,
        env = "LOGTO_HASURA_LEASE_NAMESPACE",
        value_name = "NAMESPACE",
        help_heading = "Leader election"
    )]
    lease_namespace: Option<String>,

    /// Others take over when they have not seen the Lease renewed for so long; a write is begun only with 2s of it left
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration, help_heading = "Leader election")]
    lease_duration: Duration,

    /// The process ends when it could not renew the Lease for so long; shorter than --lease-duration
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, help_heading = "Leader election")]
    lease_renew_deadline: Duration,

    /// Between two looks at the Lease, or two renewals; shorter than --lease-renew-deadline
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration, help_heading = "Leader election")]
    lease_retry: Duration,
}

impl LeaderArgs {
    /// A candidate, if several replicas may run.
    pub(super) fn election(
        &self,
        config: &Config,
        fence: &Fence,
    ) -> Result<Option<Election>, Error> {
        if !self.leader_elect {
            return Ok(None);
        }
        let clocks = LeaseClocks {
            duration: self.lease_duration,
            renew_deadline: self.lease_renew_deadline,
            retry: self.lease_retry,
        };
        if clocks.duration <= clocks.renew_deadline || clocks.renew_deadline <= clocks.retry {
            return Err(Error::LeaseClocks);
        }
        let client = Client::try_from(config.clone()).map_err(Box::new)?;
        let namespace = self.lease_namespace.as_deref();
        let namespace = namespace.unwrap_or(&config.default_namespace);
        let name = &self.lease_name;
        Ok(Some(Election::new(
            client,
            namespace,
            name,
            clocks,
            fence.clone(),
        )))
    }
}

/// Durations such as 30s, 5m or 500ms.
#[derive(Debug, Parser)]
pub(super) struct ClockArgs {
    /// Between two looks at credentials that are missing or refused, or at a ConfigMap or Secret that stands in the way
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

    /// Between two looks at the pods of a rollout that is not through
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, help_heading = "Clocks")]
    rollout_recheck: Duration,

    /// How long the pods of a Hasura without a readiness probe have to run without a restart before they count as rolled out
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration, help_heading = "Clocks")]
    settle_after: Duration,

    /// The longest that one request to Logto or to the API server may take
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration, help_heading = "Clocks")]
    pub(super) request_timeout: Duration,

    /// How long a watch of the API server lasts before it is made anew; at most 240s, since load balancers drop
    /// connections that are idle for longer
    #[arg(long, value_name = "DURATION", default_value = "200s", value_parser = watch_timeout, help_heading = "Clocks")]
    pub(super) watch_timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text
        .parse()
        .map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|_| "a duration can not be negative".to_owned())
}

/// The API server counts a watch's time in whole seconds. Some load balancers drop an idle connection after 240 s without a
/// word (Azure/kars#451).
fn watch_timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    if !(1..=240).contains(&timeout.as_secs()) {
        return Err("a watch lasts between 1s and 240s".to_owned());
    }
    Ok(timeout)
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
            rollout_recheck,
            settle_after,
            request_timeout,
            watch_timeout,
        } = args;
        Self {
            credentials_retry,
            credentials_recheck,
            release_after,
            resync_period,
            longest_backoff,
            annotation_pause,
            claims_pause,
            rollout_recheck,
            settle_after,
            request_timeout,
            watch_timeout,
        }
    }
}
