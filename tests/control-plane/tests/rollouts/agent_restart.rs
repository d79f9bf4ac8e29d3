//! An agent that ends and one that comes after it. They have a control plane of their own, since an agent takes all
//! pods.

use std::time::Duration;

use control_plane::{AgentOptions, ControlPlane, NodeAgent, Options, programs, progress};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::bed::{Space, create, is_ready};
use crate::tokens::{address, ask};

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_takes_its_hasuras_along_and_the_next_one_starts_them_again() {
    let sources = programs::Sources::from_env().unwrap();
    let programs = programs::find(&sources, &progress::to_stderr)
        .await
        .unwrap();
    let plane = ControlPlane::start(Options::new(programs)).await.unwrap();
    let start = || {
        let options = AgentOptions::new(plane.folder().join("pods"));
        NodeAgent::start(plane.client().unwrap(), options)
    };
    let space = Space::new(plane.client().unwrap()).await;
    let agent = start();
    let container = json!({"name": "c", "image": "hasura/graphql-engine"});
    let pod = json!({"metadata": {"name": "hasura"}, "spec": {"containers": [container]}});
    create::<Pod>(&space.api(), pod).await;
    let ready = space.until_pod("not ready", is_ready).await;
    answers(&space, true).await;

    agent.stop().await;
    answers(&space, false).await;
    let still_ready = space.api::<Pod>().get("hasura").await.unwrap();
    assert_eq!(still_ready.status, ready.status);

    let agent = start();
    answers(&space, true).await;
    agent.stop().await;
    plane.stop().await;
}

/// Waits until there is an answer at the pod's address, or none.
async fn answers(space: &Space, wanted: bool) {
    for _ in 0..400 {
        let pod = space.api::<Pod>().get("hasura").await.unwrap();
        if ask(&address(&pod), "any").await.is_ok() == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("wanted an answer: {wanted}");
}
