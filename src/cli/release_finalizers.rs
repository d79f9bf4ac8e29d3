//! `logto-hasura release-finalizers`: lets deletions end that wait for an operator which is gone.

mod found;
mod take_off;

use std::{
    io::{BufRead, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{ArgGroup, Parser};
use kube::{Client, Config};

use self::{
    found::{Holder, holders},
    take_off::take_off,
};
use crate::{
    api::FINALIZER,
    leader::{self, Claimed},
};

/// The longest that the API server may say nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// An operator that runs puts a finalizer back well within this time.
const PUT_BACK_WITHIN: Duration = Duration::from_secs(2);

/// Take the finalizer off our objects when no operator is left to do it.
///
/// An object with the finalizer logto-hasura.dev/cleanup is gone only after the operator cleaned up. Where the operator is
/// gone, or has to go, this command ends that wait for LogtoTenants, HasuraInstances and HasuraRoleBindings. It changes
/// nothing in Logto and nothing on Deployments, and lists before what is left there. A Secret or ConfigMap with Hasura's
/// settings is let go of, so that it stays when its instance goes. Finalizers of others stay.
#[derive(Debug, Parser)]
#[command(
    group(ArgGroup::new("where").required(true).args(["namespace", "all_namespaces"])),
    after_help = "Examples:
  logto-hasura release-finalizers --namespace shop --dry-run
  logto-hasura release-finalizers --namespace shop --only-deleting
  logto-hasura release-finalizers --all-namespaces --yes

Uninstalling, in this order:
  1. While the operator runs, delete all HasuraRoleBindings, then HasuraInstances, then LogtoTenants, and wait until
     they are gone. The operator takes back what it made, which this command does not.
  2. Stop the operator: helm uninstall, or replicas: 0.
  3. Only if objects are left that can not be deleted: run this command. Then delete them, or their namespaces.
  4. Delete the definitions: kubectl delete crd logtotenants.logto-hasura.dev hasurainstances.logto-hasura.dev
     hasurarolebindings.logto-hasura.dev
  5. Delete in Logto what this command listed; until then roles grant what they did before.

The cluster is that of KUBECONFIG, or the one that the pod runs in."
)]
pub struct Args {
    /// Objects of this namespace
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Objects of all namespaces
    #[arg(long)]
    all_namespaces: bool,

    /// Only objects that are being deleted already
    #[arg(long)]
    only_deleting: bool,

    /// List what would be released and left behind, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Look for the operator's Lease in this namespace only. Default: all namespaces
    #[arg(long, value_name = "NAMESPACE")]
    lease_namespace: Option<String>,

    /// Go on while an operator holds a Lease, or where Leases can not be read. A running operator puts the finalizer
    /// back on what is not being deleted
    #[arg(long)]
    force: bool,
}

/// Why finalizers were not taken off, or not all.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no access to a cluster: {0}")]
    Config(#[from] Box<kube::config::InferConfigError>),
    #[error("no access to a cluster: {0}")]
    Cluster(#[from] Box<kube::Error>),
    #[error("{kind} can not be listed: {error}")]
    List {
        kind: String,
        error: Box<kube::Error>,
    },
    #[error(
        "Leases can not be read, so that it can not be told whether an operator runs: {0}. Name the namespace of the \
         operator by --lease-namespace, or go on by --force"
    )]
    Leases(Box<kube::Error>),
    #[error(
        "an operator runs: {holder:?} renews the Lease {name:?} of namespace {namespace:?}, and would put the finalizer \
         back. Nothing was written. Stop it (helm uninstall, or replicas: 0) and run this again; if it does not watch \
         these objects, name the namespace of the one that did by --lease-namespace, or go on by --force"
    )]
    OperatorRuns {
        holder: String,
        name: String,
        namespace: String,
    },
    #[error(
        "nobody can be asked here, so nothing was written: give --yes, or --dry-run to look first"
    )]
    NobodyToAsk,
    #[error("nothing was written")]
    Declined,
    #[error("the answer could not be read, or the list not be written: {0}")]
    Terminal(#[from] std::io::Error),
    #[error("{0} of {1} objects keep the finalizer")]
    Kept(usize, usize),
    #[error(
        "the finalizer is back on {0} of them, so an operator runs that holds no Lease (leaderElection.enabled: false). Stop \
         it and run this again"
    )]
    PutBack(usize),
}

/// Lists, asks and releases.
pub fn run(args: &Args) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Terminal);
    match runtime.and_then(|runtime| runtime.block_on(release(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("logto-hasura release-finalizers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn release(args: &Args) -> Result<(), Error> {
    // Fails only when another provider was installed before, which the process has none of.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = Config::infer().await.map_err(Box::new)?;
    config.read_timeout = Some(READ_TIMEOUT);
    let client = Client::try_from(config).map_err(Box::new)?;

    let holders = holders(&client, args.namespace.as_deref(), args.only_deleting).await?;
    say(&found::listed(&holders))?;
    if holders.is_empty() {
        return Ok(());
    }
    if args.dry_run {
        return Ok(say("\nNothing was written, because of --dry-run.\n")?);
    }
    if !args.yes && !std::io::stdin().is_terminal() {
        return Err(Error::NobodyToAsk);
    }
    if !args.force {
        no_operator_runs(&client, args.lease_namespace.as_deref()).await?;
    }
    if !args.yes && !is_agreed()? {
        return Err(Error::Declined);
    }
    let released = take_all_off(&client, &holders).await?;
    if released < holders.len() {
        return Err(Error::Kept(holders.len() - released, holders.len()));
    }
    stays_off(&client, args, &holders).await
}

fn say(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())
}

/// Waits for as long as a Lease may still be a living operator's.
async fn no_operator_runs(client: &Client, namespace: Option<&str>) -> Result<(), Error> {
    let unreadable = |error| Error::Leases(Box::new(error));
    for claimed in leader::claimed(client, namespace)
        .await
        .map_err(unreadable)?
    {
        eprintln!(
            "The Lease {:?} of namespace {:?} names a holder; waiting up to {} s to see whether it is renewed.",
            claimed.name(),
            claimed.namespace(),
            claimed.duration().as_secs()
        );
        if claimed.is_renewed().await.map_err(unreadable)? {
            return Err(runs(&claimed));
        }
    }
    Ok(())
}

fn runs(claimed: &Claimed) -> Error {
    Error::OperatorRuns {
        holder: claimed.holder().to_owned(),
        name: claimed.name().to_owned(),
        namespace: claimed.namespace().to_owned(),
    }
}

fn is_agreed() -> Result<bool, Error> {
    eprint!("\nTake the finalizer off all of them? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Goes on after a failure; gives how many were released.
async fn take_all_off(client: &Client, holders: &[Holder]) -> Result<usize, Error> {
    let mut released = 0;
    for holder in holders {
        match take_off(client, holder).await {
            Ok(kept) => {
                released += 1;
                let kept = kept.iter().map(|object| format!("; {object} stays"));
                say(&format!("{holder}: released{}\n", kept.collect::<String>()))?;
            }
            Err(error) => eprintln!("{holder}: keeps the finalizer: {error}"),
        }
    }
    Ok(released)
}

/// An operator that uses no Lease shows by what it does to objects that are not being deleted.
async fn stays_off(client: &Client, args: &Args, released: &[Holder]) -> Result<(), Error> {
    if released.iter().all(Holder::is_being_deleted) {
        return Ok(());
    }
    tokio::time::sleep(PUT_BACK_WITHIN).await;
    let now = holders(client, args.namespace.as_deref(), args.only_deleting).await?;
    let again = now
        .iter()
        .filter(|now| released.iter().any(|was| was.is(now)));
    match again.count() {
        0 => Ok(say(&format!("{FINALIZER} stayed off.\n"))?),
        count => Err(Error::PutBack(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parses(flags: &[&str]) -> bool {
        Args::try_parse_from([&["release-finalizers"], flags].concat()).is_ok()
    }

    #[test]
    fn where_has_to_be_said_and_only_once() {
        assert!(parses(&["--namespace", "shop"]));
        assert!(parses(&["--all-namespaces"]));
        assert!(!parses(&["--yes"]));
        assert!(!parses(&["--namespace", "shop", "--all-namespaces"]));
    }
}
