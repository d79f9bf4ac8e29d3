//! What is left on a Deployment that a tool looks after, when the instance goes.

use std::sync::Arc;

use anyhow::ensure;
use k8s_openapi::api::apps::v1::Deployment;
use logto_hasura::api::HasuraInstance;
use serde_json::json;

use super::{
    measure::{Bed, fields_of, says},
    repository::Entry,
    tools::{ARGO_CD, ARGO_CD_SERVER_SIDE_IGNORE, Tool},
};
use crate::{
    deployments::{JWT_SECRET, generation},
    world::World,
};

const OURS: &str = "logto-hasura";

/// With `Delete` no field of ours is left and the tool sees nothing to do; with `Retain` nothing changes at all.
pub async fn end(world: Arc<World>, tool: &'static Tool) -> anyhow::Result<()> {
    let delete = json!({"deletionPolicy": "Delete"});
    let bed = Bed::start(&world, tool, Entry::Absent, delete).await?;
    bed.repository.sync(Entry::Absent).await?;
    ensure!(!fields_of(&world, OURS).await?.is_empty());
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let left = fields_of(&world, OURS).await?;
    ensure!(left.is_empty(), "{left}");
    ensure!(world.env("hasura", JWT_SECRET).await?.is_none());
    rolled_out(&world).await?;
    sees_nothing_to_do(&bed, tool).await?;

    bed.make_instance(json!({"deletionPolicy": "Retain"}))
        .await?;
    rolled_out(&world).await?;
    let before: Deployment = world.get("hasura").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let after: Deployment = world.get("hasura").await?;
    ensure!(before.spec == after.spec, "{:?}", after.spec);
    ensure!(before.metadata.managed_fields == after.metadata.managed_fields);
    ensure!(before.metadata.generation == after.metadata.generation);
    sees_nothing_to_do(&bed, tool).await
}

/// Waits until the Deployment's status has come to rest: a diff that is made of two reads would see it change.
async fn rolled_out(world: &World) -> anyhow::Result<()> {
    world
        .until("the rollout to end", || async {
            let deployment: Deployment = world.get("hasura").await?;
            let replicas = deployment.spec.and_then(|spec| spec.replicas);
            let status = deployment.status.unwrap_or_default();
            let done = status.observed_generation == deployment.metadata.generation
                && status.updated_replicas == replicas
                && status.available_replicas == replicas
                && status.replicas == replicas;
            Ok(done.then_some(()))
        })
        .await
}

async fn sees_nothing_to_do(bed: &Bed<'_>, tool: &Tool) -> anyhow::Result<()> {
    let done = bed.repository.sync(Entry::Absent).await?;
    ensure!(
        !done.changed && done.drift != Some(true) && done.error.is_none(),
        "{}: {done:?}",
        tool.label
    );
    Ok(())
}

pub async fn argo_cd_comes_to_own_a_value_that_it_respects(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let mut bed = Bed::start(
        &world,
        &ARGO_CD_SERVER_SIDE_IGNORE,
        Entry::Absent,
        json!({}),
    )
    .await?;
    let written = world.env("hasura", JWT_SECRET).await?;
    bed.repository.sync(Entry::Value).await?;
    let fields = fields_of(&world, "argocd-controller").await?;
    ensure!(!fields.contains(JWT_SECRET), "nothing to sync: {fields}");

    bed.repository.change_the_image();
    let done = bed.repository.sync(Entry::Value).await?;
    ensure!(done.changed && done.error.is_none(), "{done:?}");
    let fields = fields_of(&world, "argocd-controller").await?;
    ensure!(fields.contains(JWT_SECRET), "it has the entry: {fields}");
    ensure!(world.env("hasura", JWT_SECRET).await? == written);
    bed.settled().await?;
    ensure!(fields_of(&world, OURS).await?.contains(JWT_SECRET));

    // The price: what two hold with one value, neither can change alone.
    let skew = |seconds: u64| json!({"spec": {"auth": {"jwt": {"allowedSkewSeconds": seconds}}}});
    world.edit::<HasuraInstance>("shop", skew(30)).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "EnvConflict")
        .await?;
    ensure!(message.contains("argocd-controller"), "{message}");
    ensure!(world.env("hasura", JWT_SECRET).await? == written);
    world.edit::<HasuraInstance>("shop", skew(60)).await?;
    bed.settled().await?;

    // A switch to a Secret is possible all the same: the operator gives its part up, and the lines can be put in.
    let before = generation(&world).await?;
    let secret = json!({"spec": {"delivery": {"mode": "Secret"}}});
    world.edit::<HasuraInstance>("shop", secret).await?;
    world
        .waiting::<HasuraInstance>("shop", "NotReferenced")
        .await?;
    ensure!(!fields_of(&world, OURS).await?.contains(JWT_SECRET));
    ensure!(world.env("hasura", JWT_SECRET).await? == written);
    ensure!(generation(&world).await? == before, "it was rolled");
    let done = bed.repository.sync(Entry::Reference).await?;
    ensure!(done.changed && done.error.is_none(), "{done:?}");
    bed.settled().await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(world.env("hasura", JWT_SECRET).await?.is_none());
    Ok(())
}

/// Self-heal of Argo CD, which comes within seconds.
pub async fn a_tool_that_insists_trips_the_breaker_and_is_named(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let force = json!({"delivery": {"conflictPolicy": "Force"}});
    let bed = Bed::start(&world, &ARGO_CD, Entry::Value, force).await?;
    // Asked to look anew, it begins to count anew.
    bed.settled().await?;
    for turn in 1..=5 {
        bed.repository.sync(Entry::Value).await?;
        let instance = bed.settled_without_asking().await?;
        ensure!(says(&instance) == "Ready", "turn {turn}: {instance:?}");
    }
    bed.repository.sync(Entry::Value).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "FieldFight")
        .await?;
    ensure!(message.contains("argocd-controller"), "{message}");
    let done = bed.repository.sync(Entry::Value).await?;
    ensure!(done.drift == Some(false), "it is Argo CD's now: {done:?}");
    Ok(())
}
