//! A reference to another namespace's object that does not allow it says what one to nothing says: in status, in events
//! and in how long a deletion takes.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use k8s_openapi::api::{core::v1::Secret, events::v1::Event};
use kube::{ResourceExt, api::ListParams};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    suite::Test,
    tests,
    world::{OurKind, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_binding_learns_nothing_of_an_instance_that_does_not_take_it_nor_by_its_deletion,
        an_instance_learns_nothing_of_a_tenant_that_does_not_allow_it_nor_by_its_deletion,
        an_instance_of_another_namespace_is_not_told_what_is_wrong_with_its_tenant,
    ]
}

/// The states that the object referred to may be in.
fn states() -> [(&'static str, Value); 3] {
    [
        ("managed", json!({})),
        ("suspended", json!({"suspend": true})),
        ("observed", json!({"managementPolicy": "Observe"})),
    ]
}

async fn two(world: &World) -> anyhow::Result<World> {
    let team = world.beside("team", json!({})).await?;
    world.start_operator_with_both(&team)?;
    Ok(team)
}

/// All that a reader of the object's namespace may see of it, with the name of what it refers to left out.
async fn seen<K: OurKind>(team: &World, name: &str, target: &str) -> anyhow::Result<String> {
    let object = team.get::<K>(name).await?;
    let status = serde_json::to_value(&object)?["status"].take();
    let conditions = object.conditions().iter().map(|condition| {
        let (type_, status) = (&condition.type_, &condition.status);
        format!(
            "{type_}={status} {}: {}",
            condition.reason, condition.message
        )
    });
    let fields = status.as_object().map(|status| status.keys().cloned());
    let fields: Vec<String> = fields.into_iter().flatten().collect();
    let said = format!("{fields:?} {:?}", conditions.collect::<Vec<_>>());
    Ok(said.replace(target, "TARGET"))
}

/// The events about an object, in any order.
async fn events(team: &World, name: &str, target: &str) -> anyhow::Result<Vec<String>> {
    let all = team.api::<Event>().list(&ListParams::default()).await?;
    let about = all.into_iter().filter(|event| {
        let regarding = event.regarding.as_ref();
        regarding.and_then(|regarding| regarding.name.as_deref()) == Some(name)
    });
    let mut said: Vec<String> = about
        .map(|event| {
            let (reason, note) = (event.reason.unwrap_or_default(), event.note);
            format!("{reason}: {}", note.unwrap_or_default()).replace(target, "TARGET")
        })
        .collect();
    said.sort();
    Ok(said)
}

/// Both are waiting with this reason; they are compared, deleted at once, and compared again.
async fn are_alike<K: OurKind>(
    team: &World,
    pairs: [(String, &str); 2],
    reason: &str,
) -> anyhow::Result<()> {
    let mut statuses = Vec::new();
    for (name, target) in &pairs {
        team.waiting::<K>(name, reason).await?;
        statuses.push(seen::<K>(team, name, target).await?);
    }
    ensure!(statuses[0] == statuses[1], "{statuses:#?}");
    let mut told = Vec::new();
    for (name, target) in &pairs {
        let start = Instant::now();
        team.delete::<K>(name).await?;
        team.gone::<K>(name).await?;
        // What would wait, would wait for minutes.
        ensure!(start.elapsed() < Duration::from_secs(20), "{name} waited");
        told.push(events(team, name, target).await?);
    }
    ensure!(told[0] == told[1], "{told:#?}");
    Ok(())
}

async fn a_binding_learns_nothing_of_an_instance_that_does_not_take_it_nor_by_its_deletion(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    for (state, spec) in states() {
        let mut instance = world.instance();
        for (field, value) in spec.as_object().into_iter().flatten() {
            instance["spec"][field] = value.clone();
        }
        let applied = world.apply::<HasuraInstance>(instance).await?;
        world
            .until("the state to be seen", || async {
                let shop = world.get::<HasuraInstance>("shop").await?;
                let status = shop.status.unwrap_or_default();
                Ok((status.observed_generation == applied.metadata.generation).then_some(()))
            })
            .await?;
        world.quiet().await?;
        world.logto.reset_requests();
        for policy in ["Retain", "DeleteUnused", "Delete"] {
            let mut pairs = Vec::new();
            for (to, target) in [("there", "shop"), ("nothing", "none")] {
                let name = format!("{state}-{}-{to}", policy.to_lowercase());
                let mut binding = team.binding(&name, "team:reader", "team:scope");
                binding["spec"]["instanceRef"] =
                    json!({"name": target, "namespace": world.namespace});
                binding["spec"]["deletionPolicy"] = json!(policy);
                team.apply::<HasuraRoleBinding>(binding).await?;
                pairs.push((name, target));
            }
            let pairs = pairs.try_into().unwrap();
            are_alike::<HasuraRoleBinding>(&team, pairs, "InstanceNotFound").await?;
        }
        let mut requests = world.logto.requests();
        // Hasura's pods fetch the keys by themselves.
        requests.retain(|route, _| route.contains("/api/"));
        ensure!(requests.is_empty(), "{state}: {requests:?}");
    }
    team.end().await;
    Ok(())
}

async fn an_instance_learns_nothing_of_a_tenant_that_does_not_allow_it_nor_by_its_deletion(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    world.ready::<LogtoTenant>("main").await?;
    for (state, spec) in states() {
        let mut tenant = world.tenant();
        for (field, value) in spec.as_object().into_iter().flatten() {
            tenant["spec"][field] = value.clone();
        }
        let applied = world.apply::<LogtoTenant>(tenant).await?;
        world
            .until("the state to be seen", || async {
                let main = world.get::<LogtoTenant>("main").await?;
                let status = main.status.unwrap_or_default();
                Ok((status.observed_generation == applied.metadata.generation).then_some(()))
            })
            .await?;
        world.quiet().await?;
        world.logto.reset_requests();
        for policy in ["Retain", "Delete"] {
            let mut pairs = Vec::new();
            for (to, target) in [("there", "main"), ("nothing", "none")] {
                let name = format!("{state}-{}-{to}", policy.to_lowercase());
                let mut instance = team.instance();
                instance["metadata"]["name"] = json!(name);
                instance["spec"]["tenantRef"] =
                    json!({"name": target, "namespace": world.namespace});
                instance["spec"]["deploymentRef"]["name"] = json!(name);
                instance["spec"]["deletionPolicy"] = json!(policy);
                team.apply::<HasuraInstance>(instance).await?;
                pairs.push((name, target));
            }
            let pairs = pairs.try_into().unwrap();
            are_alike::<HasuraInstance>(&team, pairs, "TenantNotFound").await?;
        }
        let mut requests = world.logto.requests();
        // Hasura's pods fetch the keys by themselves.
        requests.retain(|route, _| route.contains("/api/"));
        ensure!(requests.is_empty(), "{state}: {requests:?}");
    }
    team.end().await;
    Ok(())
}

async fn an_instance_of_another_namespace_is_not_told_what_is_wrong_with_its_tenant(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let team = two(&world).await?;
    let mut tenant = world.tenant();
    tenant["spec"]["allowedInstances"] = json!([
        {"namespaces": {"names": [team.namespace]}, "indicatorPrefixes": ["https://shop.example.com/"]}
    ]);
    world.apply::<LogtoTenant>(tenant).await?;
    world
        .waiting::<LogtoTenant>("main", "SecretNotFound")
        .await?;
    let mut instance = team.instance();
    instance["spec"]["tenantRef"] = json!({"name": "main", "namespace": world.namespace});
    let applied = team.apply::<HasuraInstance>(instance).await?;
    let message = team
        .waiting::<HasuraInstance>(&applied.name_any(), "TenantNotReady")
        .await?;
    ensure!(
        message.contains("main") && !message.contains("logto-m2m"),
        "{message}"
    );
    team.end().await;
    Ok(())
}
