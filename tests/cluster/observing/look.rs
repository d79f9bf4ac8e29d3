//! Plans as they are shown, and the writes that Logto was asked for.

use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, policy::PlanStatus};

use crate::world::{OurKind, World};

/// The steps of an observed binding, in words.
pub async fn steps(world: &World, in_sync: &str) -> anyhow::Result<Vec<String>> {
    let binding = seen::<HasuraRoleBinding>(world, "user-reader", in_sync).await?;
    Ok(words(binding.status.and_then(|status| status.plan)))
}

/// Waits until the plan of the observed binding is as expected; gives it.
pub async fn until_steps(
    world: &World,
    what: &str,
    holds: impl Fn(&[String]) -> bool,
) -> anyhow::Result<Vec<String>> {
    world
        .until(&format!("a plan with {what}"), || async {
            let binding = world.get::<HasuraRoleBinding>("user-reader").await?;
            let said = words(binding.status.and_then(|status| status.plan));
            Ok(holds(&said).then_some(said))
        })
        .await
}

/// The steps of the observed instance, in words.
pub async fn instance_steps(world: &World) -> anyhow::Result<Vec<String>> {
    let instance = world.get::<HasuraInstance>("shop").await?;
    Ok(words(instance.status.and_then(|status| status.plan)))
}

/// A plan in words: the action and what it is done to.
pub fn words(plan: Option<PlanStatus>) -> Vec<String> {
    let steps = plan.into_iter().flat_map(|plan| plan.steps);
    steps
        .map(|step| format!("{:?} {}", step.action, step.what))
        .collect()
}

/// The writes that Logto was asked for, in their order: method and path, ids left out.
pub fn writes(world: &World) -> Vec<String> {
    let last = world.logto.last_requests(200);
    let of = |line: &String| {
        let mut parts = line.split(' ');
        let (method, path) = (parts.next()?, parts.next()?);
        let is_write = ["POST", "PATCH", "PUT", "DELETE"].contains(&method);
        let is_meant = path.starts_with("/api/") && !path.ends_with("/test");
        (is_write && is_meant).then(|| {
            let kinds = ["resources", "scopes", "roles", "users", "access-token"];
            let named = path.split('/').filter(|part| kinds.contains(part));
            format!("{method} {}", named.collect::<Vec<_>>().join("/"))
        })
    };
    last.iter().filter_map(of).collect()
}

pub async fn seen<K: OurKind>(world: &World, name: &str, in_sync: &str) -> anyhow::Result<K> {
    world
        .condition::<K>(name, "Ready", "True", "Observed")
        .await?;
    let (object, _) = world.condition::<K>(name, "InSync", in_sync, "").await?;
    Ok(object)
}

/// Waits until the binding is carried out, and not only looked at.
pub async fn managed(world: &World) -> anyhow::Result<()> {
    world
        .condition::<HasuraRoleBinding>("user-reader", "Ready", "True", "Succeeded")
        .await?;
    Ok(())
}
