//! Reads the pods of a Deployment's newest ReplicaSet. They are listed by the Deployment's selector and only while there is
//! something to learn from them: a watch would hold every pod of the cluster in memory.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::Pod,
};
use kube::{Api, ResourceExt, api::ListParams, core::Selector};

use super::context::Context;
use crate::hasura::{
    pods::{Newest, counts, maker, of_newest},
    progress::Pods,
};

/// How many pods of one Deployment are looked at.
const PODS: u32 = 100;

/// Those that can count: pods that have ended stay for long, and could fill the list.
const ALIVE: &str = "status.phase!=Failed,status.phase!=Succeeded";

/// How many ReplicaSets are read, those of the newest pods first.
const REPLICA_SETS: usize = 5;

/// What can be seen of the pods. A failure changes nothing for Hasura, so it is no more than logged.
pub async fn read(ctx: &Context, deployment: &Deployment) -> Pods {
    match try_read(ctx, deployment).await {
        Ok(Some(newest)) => Pods::Seen(newest),
        Ok(None) => Pods::Unseen,
        Err(kube::Error::Api(status)) if status.code == 403 => Pods::Forbidden,
        Err(error) => {
            let name = deployment.name_any();
            tracing::debug!(deployment = name, %error, "pods could not be read");
            Pods::Unseen
        }
    }
}

async fn try_read(ctx: &Context, deployment: &Deployment) -> kube::Result<Option<Newest>> {
    let namespace = deployment.namespace().unwrap_or_default();
    let spec = deployment.spec.as_ref();
    let Some(selector) = spec.and_then(|spec| Selector::try_from(spec.selector.clone()).ok())
    else {
        return Ok(None);
    };
    let all: Api<Pod> = Api::namespaced(ctx.client.clone(), &namespace);
    let params = ListParams::default().labels_from(&selector);
    let params = params.fields(ALIVE).limit(PODS);
    let listed = all.list(&params).await?;
    let is_cut = listed
        .metadata
        .continue_
        .is_some_and(|more| !more.is_empty());
    let mut pods = listed.items;
    pods.retain(counts);
    pods.sort_by_key(|pod| std::cmp::Reverse(pod.creation_timestamp().map(|time| time.0)));
    let sets: Api<ReplicaSet> = Api::namespaced(ctx.client.clone(), &namespace);
    let mut asked = BTreeSet::new();
    let mut found = Vec::new();
    for name in pods.iter().filter_map(maker) {
        if asked.len() < REPLICA_SETS && asked.insert(name) {
            found.extend(sets.get_opt(name).await?);
        }
    }
    let pods = of_newest(deployment, pods, &found);
    Ok(Some(Newest { pods, is_cut }))
}
