//! What a status says of an API resource, and what of it is believed.

use std::sync::Arc;

use anyhow::ensure;
use logto_hasura::api::{HasuraInstance, LogtoTenant, Origin};
use serde_json::json;

use crate::{
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_forged_status_of_an_instance_takes_no_resource_over,
        a_restart_finds_a_resource_without_scopes_and_takes_it_along_at_the_end,
    ]
}

async fn a_forged_status_of_an_instance_takes_no_resource_over(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let tenant = world.logto.tenant();
    let resource = tenant.create_resource("By hand", INDICATOR)?;
    let ours = || {
        let mut resources = tenant.resources().into_iter();
        resources.find(|found| found.indicator == INDICATOR)
    };
    world.start_operator(&[])?;
    world.apply_base().await?;
    world
        .stalled::<HasuraInstance>("shop", "ApiResourceConflict")
        .await?;
    let stale = json!({"origin": "Creating", "creatingSince": "2020-01-01T00:00:00Z"});
    let forged = json!({"id": resource.id, "origin": "Created", "creatingSince": null});
    for status in [&stale, &forged] {
        world.stop_operator().await?;
        let status = json!({"status": {"apiResource": status, "conditions": null}});
        world.forge_status::<HasuraInstance>("shop", status).await?;
        world.start_operator(&[])?;
        world
            .stalled::<HasuraInstance>("shop", "ApiResourceConflict")
            .await?;
        ensure!(ours().as_ref() == Some(&resource), "{:?}", ours());
    }
    // Even as it would have been made a moment ago: the word for that is not the operator's.
    world.stop_operator().await?;
    tenant.edit_resource(&resource.id, |found| found.name = "Shop GraphQL".to_owned())?;
    let now = jiff::Timestamp::now().to_string();
    let intent =
        json!({"id": null, "origin": "Creating", "creatingSince": now, "proof": "A".repeat(43)});
    let status = json!({"status": {"apiResource": intent, "conditions": null}});
    world.forge_status::<HasuraInstance>("shop", status).await?;
    world.start_operator(&[])?;
    world
        .stalled::<HasuraInstance>("shop", "ApiResourceConflict")
        .await?;
    // With both consents it is taken over, which an intent that is long past does not make a creation.
    world.stop_operator().await?;
    let mut status = json!({"status": {"apiResource": stale}});
    status["status"]["apiResource"]["id"] = json!(null);
    world.forge_status::<HasuraInstance>("shop", status).await?;
    let adoption = json!({"spec": {"adoption": [{
        "namespaces": {"names": [world.namespace]}, "indicators": [INDICATOR],
    }]}});
    world.edit::<LogtoTenant>("main", adoption).await?;
    let spec = json!({"spec": {"adoptionPolicy": "Adopt", "deletionPolicy": "Delete"}});
    world.edit::<HasuraInstance>("shop", spec).await?;
    world.start_operator(&[])?;
    let instance = world.ready::<HasuraInstance>("shop").await?;
    let origin = instance.status.and_then(|status| status.api_resource);
    ensure!(
        origin.as_ref().map(|found| found.origin) == Some(Origin::Adopted),
        "{origin:?}"
    );
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    ensure!(ours().is_some(), "it was taken over");
    Ok(())
}

async fn a_restart_finds_a_resource_without_scopes_and_takes_it_along_at_the_end(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.stop_operator().await?;
    world.logto.reset_requests();
    world.start_operator(&[])?;
    let spec = json!({"spec": {"deletionPolicy": "Delete"}});
    world.edit::<HasuraInstance>("shop", spec).await?;
    let instance = world.ready::<HasuraInstance>("shop").await?;
    let found = instance.status.and_then(|status| status.api_resource);
    ensure!(
        found.as_ref().map(|found| found.origin) == Some(Origin::Created),
        "{found:?}"
    );
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    let resources = world.logto.tenant().resources();
    let mut indicators = resources.iter().map(|found| found.indicator.as_str());
    ensure!(!indicators.any(|found| found == INDICATOR), "it is left");
    Ok(())
}
