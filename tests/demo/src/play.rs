//! The steps, in their order.

use std::{io, time::Duration};

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
    drift, hasura, kubectl, logto, manifests,
    operator::{self, Operator},
    readiness, requests,
    screen::Screen,
    stage::Stage,
};

/// The namespace of the examples.
pub const NAMESPACE: &str = "shop";

/// The indicator of the examples' API resource.
pub const INDICATOR: &str = "https://shop.example.com/v1/graphql";

/// How often the operator lists the tenant here.
pub const RESYNC_SECONDS: u32 = 10;

/// The group and version of the operator's kinds.
const OURS: &str = "logto-hasura.dev/v1alpha1";

/// Plays everything; what runs is handed over as soon as it does, so that the caller can end it in order.
///
/// # Errors
/// When a step did not happen.
pub async fn all(screen: &mut Screen, stage: &mut Option<Stage>) -> Result<()> {
    let stage = stage.insert(set_up(screen).await?);
    apply_examples(screen, stage).await?;

    screen.step("Wait until all is Ready; usually 1 to 5 s")?;
    readiness::wait(screen, stage).await?;
    let until_ready = stage.logto.requests();

    screen.step("What kubectl shows")?;
    kubectl::get(screen, &stage.client, OURS, "logtotenants").await?;
    screen.gap()?;
    kubectl::get(screen, &stage.client, OURS, "hasurainstances").await?;
    screen.gap()?;
    kubectl::get(screen, &stage.client, OURS, "hasurarolebindings").await?;

    screen.step("What is in Logto now")?;
    logto::show(screen, stage)?;

    screen.step("What Hasura's Deployment carries now, and the rollout that it made")?;
    hasura::show(screen, stage).await?;

    screen.step(
        "Delete a role in Logto, behind the operator's back; it takes up to 11 s to come back",
    )?;
    drift::show(screen, stage).await?;

    screen.step("How many requests Logto got, beside the least possible")?;
    requests::show(screen, stage, &until_ready)
}

/// Says how to look around.
pub fn invite(screen: &Screen, stage: &Stage) -> io::Result<()> {
    screen.note(
        "All of it stays up until Ctrl-C. To look around with kubectl in another terminal:",
    )?;
    screen.quote(&format!(
        "export KUBECONFIG='{}'",
        stage.plane.kubeconfig().display()
    ))?;
    screen.aside(&format!(
        "kubectl -n {NAMESPACE} get logto-hasura    lists all of the operator's kinds\n\
         The operator's log is {}.",
        stage.operator.log().display()
    ))
}

async fn set_up(screen: &mut Screen) -> Result<Stage> {
    // Before anything that takes long.
    let program = operator::program()?;
    let (plane, client) = start_control_plane(screen).await?;

    screen.step("Start a Logto and a node agent")?;
    let logto = Emulator::start().await.context("the Logto emulator")?;
    screen.line(&format!("Logto answers at {}.", logto.endpoint()))?;
    screen.aside("It is an emulator that is held to recorded answers of a Logto 1.42.")?;
    let agent = NodeAgent::start(
        client.clone(),
        AgentOptions::new(plane.folder().join("pods")),
    );
    screen.line("The node agent stands in for the kubelet.")?;
    screen.aside("For each pod it makes the checks that Hasura makes at its start; one that fails crash-loops.")?;

    apply_crds(screen, &client).await?;

    screen.step("Start the operator, built from this tree")?;
    let period = format!("{RESYNC_SECONDS}s");
    let operator = Operator::start(
        &program,
        plane.kubeconfig(),
        plane.folder().join("operator.log"),
        &["--resync-period", &period],
    )?;
    screen.line(&format!("logto-hasura operator --resync-period {period}"))?;
    Ok(Stage {
        plane,
        client,
        agent,
        logto,
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

async fn apply_examples(screen: &mut Screen, stage: &mut Stage) -> Result<()> {
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
