//! Who asks for much makes himself wait, and nobody else.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use serde_json::json;
use tokio::time::Instant;

use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        a_namespace_with_one_binding_does_not_wait_for_one_with_many,
        an_annotation_that_is_written_all_the_time_has_one_read_in_its_pause,
    ]
}

const MANY: usize = 60;

async fn a_namespace_with_one_binding_does_not_wait_for_one_with_many(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let quiet = world.beside("quiet", json!({})).await?;
    world.start_operator_with_both(&quiet)?;
    world.apply_base().await?;
    let allowed = json!([{"namespaces": {"names": [quiet.namespace]}, "hasuraRoles": ["quiet"]}]);
    let allowed = json!({"spec": {"allowedBindings": allowed}});
    world.edit::<HasuraInstance>("shop", allowed).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.stop_operator().await?;

    for number in 0..MANY {
        let (name, scope) = (format!("busy-{number}"), format!("scope:{number}"));
        let binding = world.binding(&name, &name, &scope);
        world.apply::<HasuraRoleBinding>(binding).await?;
    }
    let mut binding = world.binding("quiet", "quiet", "scope:quiet");
    binding["spec"]["instanceRef"]["namespace"] = json!(world.namespace);
    quiet.apply::<HasuraRoleBinding>(binding).await?;
    world.logto.switches().latency(Duration::from_millis(50));
    world.start_operator_with_both(&quiet)?;
    // Logto has its roles in the order in which they were made.
    let before = world
        .until("the role of the quiet namespace", || async {
            let mut roles = world.logto.tenant().roles().into_iter();
            Ok(roles.position(|role| role.name == "quiet"))
        })
        .await?;
    // Sixteen visits may have been under way when it was its turn, and as many may end before it does.
    ensure!(before <= 40, "{before} of {MANY} roles were made before");
    world.logto.switches().latency(Duration::ZERO);
    quiet.ready::<HasuraRoleBinding>("quiet").await?;
    quiet.end().await;
    Ok(())
}

async fn an_annotation_that_is_written_all_the_time_has_one_read_in_its_pause(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let pause = Duration::from_secs(3);
    world.start_operator(&["--annotation-pause", "3s"])?;
    world.example_is_ready().await?;
    world.quiet().await?;
    world.logto.reset_requests();
    let reads = || -> u64 {
        let requests = world.logto.requests().into_iter();
        let roles = requests.filter(|(request, _)| request.starts_with("GET /api/roles"));
        roles.map(|(_, count)| count).sum()
    };
    let start = Instant::now();
    let ask = || world.ask_for_reconcile::<HasuraRoleBinding>("user-reader");
    ask().await?;
    world.annotation_is_handled("user-reader").await?;
    let first = reads();
    ensure!(first > 0, "it looked");
    for _ in 0..20 {
        ask().await?;
    }
    world.annotation_is_handled("user-reader").await?;
    let (took, reads) = (start.elapsed(), reads());
    ensure!(took >= pause, "{took:?}");
    let most = 1 + took.as_secs() / pause.as_secs();
    ensure!(reads <= first * most, "{reads} reads in {took:?}");
    Ok(())
}
