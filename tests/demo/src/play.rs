//! The steps, in their order.

use std::{io, path::Path};

use anyhow::Result;

use crate::{
    drift, hasura, kubectl, logto, readiness, requests, screen::Screen, set_up, sign_in,
    stage::Stage, webhook,
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
/// `program` is the operator's, if it is not the one of this tree.
///
/// # Errors
/// When a step did not happen.
pub async fn all(
    screen: &mut Screen,
    stage: &mut Option<Stage>,
    program: Option<&Path>,
) -> Result<()> {
    let stage = stage.insert(set_up::start(screen, program).await?);
    set_up::apply_examples(screen, stage).await?;

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

    screen.step("Sign in alice and bob, and ask that Hasura")?;
    let tokens = sign_in::show(screen, stage).await?;

    screen.step(
        "Delete a role in Logto, behind the operator's back; it takes up to 11 s to come back",
    )?;
    drift::show(screen, stage).await?;

    screen.step("How many requests Logto got, beside the least possible")?;
    requests::show(screen, stage, &until_ready)?;

    screen.step("Switch to webhook mode, and ask again with the same tokens")?;
    webhook::show(screen, stage, &tokens).await
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
