//! A Kubernetes control plane without containers, for the command line.
#![forbid(unsafe_code)]

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use control_plane::{AgentOptions, ControlPlane, NodeAgent, Options, programs, progress};
use tokio::signal::unix::{SignalKind, signal};

/// A Kubernetes control plane without containers: etcd, kube-apiserver and kube-controller-manager on loopback.
#[derive(Parser)]
#[command(after_help = "\
Examples:
  control-plane up                      start one; Ctrl-C ends it and leaves nothing behind
  control-plane programs                find, download or build the programs, and print where they are
  control-plane programs --with helm    the same, and helm
  control-plane programs --with kubectl the same, and kubectl")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Finds the programs, or downloads or builds them into the cache, and prints their paths
    ///
    /// They are looked for in $KUBEBUILDER_ASSETS, then in the cache (under $XDG_CACHE_HOME or ~/.cache), then on their
    /// projects' release pages, and at last built from their Go modules, which takes about ten minutes once.
    Programs {
        /// Programs that the control plane does not need itself
        #[arg(long)]
        with: Vec<Extra>,
    },
    /// Starts a control plane, prints the line that sets KUBECONFIG, and runs until Ctrl-C or SIGTERM
    ///
    /// A node agent stands in for the kubelet: for each pod with an image …/hasura/graphql-engine it runs a double of
    /// Hasura, which gets ready, or crash-loops, as Hasura would with the pod's settings. Its address is in the pod's
    /// annotation logto-hasura.dev/test-address. All other pods stay Pending.
    Up,
}

#[derive(Clone, Copy, ValueEnum)]
enum Extra {
    Helm,
    Kubectl,
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Programs { with } => print_programs(&with).await,
        Command::Up => up().await,
    }
}

async fn print_programs(with: &[Extra]) -> Result<()> {
    let sources = programs::Sources::from_env()?;
    let found = programs::find(&sources, &progress::to_stderr).await?;
    for path in [
        found.etcd,
        found.kube_apiserver,
        found.kube_controller_manager,
    ] {
        println!("{}", path.display());
    }
    for extra in with {
        let path = match extra {
            Extra::Helm => programs::find_helm(&sources, &progress::to_stderr).await?,
            Extra::Kubectl => programs::find_kubectl(&sources, &progress::to_stderr).await?,
        };
        println!("{}", path.display());
    }
    Ok(())
}

async fn up() -> Result<()> {
    // Before anything is started, so that an early Ctrl-C also ends in order.
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::select! {
        result = run() => result,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Runs until it is dropped, and with it all that it started.
async fn run() -> Result<()> {
    let found = programs::find(&programs::Sources::from_env()?, &progress::to_stderr).await?;
    progress::to_stderr("starting");
    let plane = ControlPlane::start(Options::new(found)).await?;
    let logs = plane.folder().join("pods");
    progress::to_stderr(&format!(
        "ready at {}; the logs of Hasura's pods are in {}",
        plane.url(),
        logs.display()
    ));
    println!("export KUBECONFIG='{}'", plane.kubeconfig().display());
    let _agent = NodeAgent::start(plane.client()?, AgentOptions::new(logs));
    std::future::pending().await
}
