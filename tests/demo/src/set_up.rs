//! Starts all that runs, and applies `crds/` and `examples/quickstart/`.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use control_plane::{
    AgentOptions, ControlPlane, NodeAgent, Options,
    programs::{self, Sources},
    progress,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use logto_emulator::Emulator;
use tokio::time::timeout;

use crate::{
    manifests,
    operator::{self, Operator},
    people::People,
    play::RESYNC_SECONDS,
    screen::Screen,
    stage::Stage,
};

/// Where bindings come too late for the first write of the script, on a busy machine, they wait for so long.
const CLAIMS_PAUSE: &str = "2s";

/// How often a running Hasura looks whether it has to read the keys again, as Hasura 2.41 and later do.
const POLL_TICK: Duration = Duration::from_secs(60);

/// Starts all that runs; the operator waits for what is applied.
///
/// # Errors
/// When something does not start.
pub async fn start(screen: &mut Screen, program: Option<&Path>) -> Result<Stage> {
    // Before anything that takes long.
    let program = match program {
        Some(program) => program.to_owned(),
        None => operator::program()?,
    };
    let (plane, client) = start_control_plane(screen).await?;

    screen.step("Start a Logto and a node agent")?;
    let logto = Emulator::start().await.context("the Logto emulator")?;
    screen.line(&format!("Logto answers at {}.", logto.endpoint()))?;
    screen.aside("It is an emulator that is held to recorded answers of a Logto 1.42.")?;
    let people = People::register(&logto)?;
    screen.line("alice and bob have an account there, and hold no role.")?;
    let agent = NodeAgent::start(
        client.clone(),
        AgentOptions {
            poll_tick: POLL_TICK,
            ..AgentOptions::new(plane.folder().join("pods"))
        },
    );
    screen.line("The node agent stands in for the kubelet.")?;
    screen.aside(
        "For each pod it runs a stand-in for Hasura, which checks its settings and its callers as Hasura does; one that\n\
         Hasura would refuse crash-loops.",
    )?;

    apply_crds(screen, &client).await?;

    screen.step("Start the operator, built from this tree")?;
    let flags = [
        "--resync-period",
        &format!("{RESYNC_SECONDS}s"),
        "--claims-pause",
        CLAIMS_PAUSE,
    ];
    let operator = Operator::start(
        &program,
        plane.kubeconfig(),
        plane.folder().join("operator.log"),
        &flags,
    )?;
    screen.line(&format!("logto-hasura operator {}", flags.join(" ")))?;
    screen.aside(
        "By default 10 minutes and 10 s: how often Logto is compared with the objects, and how long the next write of the\n\
         Custom JWT script waits after one.",
    )?;
    Ok(Stage {
        plane,
        client,
        agent,
        logto,
        people,
        operator,
        applied: Vec::new(),
    })
}

async fn start_control_plane(screen: &mut Screen) -> Result<(ControlPlane, Client)> {
    screen.step("Start etcd, kube-apiserver and kube-controller-manager; usually 5 to 10 s")?;
    let found = programs::find(&Sources::from_env()?, &progress::to_stderr).await?;
    let plane = ControlPlane::start(Options::new(found)).await?;
    let mut config = plane.config();
    // No request of the demo takes long, and none may hang for ever.
    config.read_timeout = Some(Duration::from_secs(30));
    let client = Client::try_from(config)?;
    let version = client.apiserver_version().await?.git_version;
    screen.line(&format!("Kubernetes {version} answers at {}.", plane.url()))?;
    Ok((plane, client))
}

async fn apply_crds(screen: &mut Screen, client: &Client) -> Result<()> {
    screen.step("Apply crds/")?;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for manifest in manifests::read(&manifests::folder("crds"))? {
        manifests::apply(client, &manifest).await?;
        let established =
            await_condition(definitions.clone(), manifest.name(), is_crd_established());
        timeout(Duration::from_secs(30), established)
            .await
            .with_context(|| format!("waited 30 s for {} to be established", manifest.title()))??;
        screen.line(&format!("{} is established.", manifest.title()))?;
    }
    Ok(())
}

/// Applies `examples/quickstart/`.
///
/// # Errors
/// When a file can not be read, or the API server refuses it.
pub async fn apply_examples(screen: &mut Screen, stage: &mut Stage) -> Result<()> {
    screen.step("Apply examples/quickstart/")?;
    let mut read = manifests::read(&manifests::folder("examples/quickstart"))?;
    manifests::point_at(&mut read, &stage.logto)?;
    for manifest in read {
        manifests::apply(&stage.client, &manifest).await?;
        screen.line(&format!("{:<28} {}", manifest.file, manifest.title()))?;
        stage.applied.push(manifest);
    }
    Ok(screen.aside(
        "As the files stand, but for two things changed in memory: Secret logto-m2m has the emulator's address and\n\
         credentials in place of the placeholders, and LogtoTenant main has allowPlainHttp: true for plain loopback.",
    )?)
}
