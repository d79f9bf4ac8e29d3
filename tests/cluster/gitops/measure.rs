//! Three syncs of a tool beside the operator, and what is there afterwards.

use std::sync::Arc;

use anyhow::ensure;
use gitops::Outcome;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::Secret,
};
use kube::{ResourceExt, api::ListParams};
use logto_hasura::api::{HasuraInstance, LogtoTenant};
use serde_json::{Value, json};

use super::{
    repository::{Entry, Repository},
    table::{self, Row, Stage},
    tools::Tool,
};
use crate::{
    deployments::{JWT_SECRET, generation},
    world::{OurKind, World},
};

/// Git does not have the entry, and later it gets one with another value.
pub async fn added_later(world: Arc<World>, tool: &'static Tool) -> anyhow::Result<()> {
    let bed = Bed::start(&world, tool, Entry::Absent, json!({})).await?;
    let absent = bed.three_syncs(Entry::Absent, Stage::Absent).await?;
    let added = bed.three_syncs(Entry::Value, Stage::Added).await?;
    table::check(vec![absent, added])
}

/// Git has the entry with another value before the operator comes, and then it is taken out there.
pub async fn from_the_start(world: Arc<World>, tool: &'static Tool) -> anyhow::Result<()> {
    let bed = Bed::start(&world, tool, Entry::Value, json!({})).await?;
    let present = bed.three_syncs(Entry::Value, Stage::Present).await?;
    let taken_out = bed.three_syncs(Entry::Absent, Stage::TakenOut).await?;
    table::check(vec![present, taken_out])
}

/// Git has the entry with another value before the operator comes, which was told to force.
pub async fn forced(world: Arc<World>, tool: &'static Tool) -> anyhow::Result<()> {
    let force = json!({"delivery": {"conflictPolicy": "Force"}});
    let bed = Bed::start(&world, tool, Entry::Value, force).await?;
    table::check(vec![bed.three_syncs(Entry::Value, Stage::Forced).await?])
}

/// Git has a reference to the Secret that the operator makes.
pub async fn by_secret(world: Arc<World>, tool: &'static Tool) -> anyhow::Result<()> {
    let secret = json!({"delivery": {"mode": "Secret"}});
    let bed = Bed::start(&world, tool, Entry::Reference, secret).await?;
    table::check(vec![
        bed.three_syncs(Entry::Reference, Stage::Secret).await?,
    ])
}

/// A Deployment that a tool installed, and an instance that the operator has looked at.
pub struct Bed<'a> {
    world: &'a World,
    tool: &'static Tool,
    pub repository: Repository,
}

impl<'a> Bed<'a> {
    /// Lets the tool install the Deployment, and then makes the instance, with further fields in its spec.
    pub async fn start(
        world: &'a World,
        tool: &'static Tool,
        entry: Entry,
        spec: Value,
    ) -> anyhow::Result<Self> {
        let repository = Repository::of(world, tool).await?;
        repository.install(entry).await?;
        ensure!(generation(world).await? == 1);
        world.apply::<Secret>(world.secret()).await?;
        world.apply::<LogtoTenant>(world.tenant()).await?;
        world.start_operator(&[])?;
        let bed = Self {
            world,
            tool,
            repository,
        };
        bed.make_instance(spec).await?;
        Ok(bed)
    }

    /// Makes the instance, with further fields in its spec, and waits for what the operator makes of it.
    pub async fn make_instance(&self, spec: Value) -> anyhow::Result<()> {
        let mut instance = self.world.instance();
        for (field, value) in spec.as_object().into_iter().flatten() {
            instance["spec"][field] = value.clone();
        }
        self.world.apply::<HasuraInstance>(instance).await?;
        self.settled().await?;
        Ok(())
    }

    /// Three syncs, the operator coming to an end after each.
    async fn three_syncs(&self, entry: Entry, stage: Stage) -> anyhow::Result<Row> {
        let began = match stage {
            Stage::Added | Stage::TakenOut => generation(self.world).await?,
            // From the tool's first install on, so that the operator's own first write counts.
            _ => 1,
        };
        let mut syncs = Vec::new();
        for _ in 0..3 {
            syncs.push(verdict(&self.repository.sync(entry).await?));
            self.settled().await?;
        }
        let instance = self.settled().await?;
        Ok(Row {
            tool: self.tool,
            stage,
            value: self.value().await?,
            syncs: in_short(&syncs),
            rollouts: generation(self.world).await? - began,
            replica_sets: self.replica_sets().await?,
            instance: says(&instance),
        })
    }

    /// Waits until the operator has looked at the Deployment as it is now, and then until there is nothing more to wait
    /// for: all pods run with the last template, and the instance is Ready or Stalled.
    pub async fn settled(&self) -> anyhow::Result<HasuraInstance> {
        let world = self.world;
        world.ask_for_reconcile::<HasuraInstance>("shop").await?;
        world
            .until("the operator to have looked, and the rollout", || async {
                let instance: HasuraInstance = world.get("shop").await?;
                let deployment: Deployment = world.get("hasura").await?;
                let status = instance.status.as_ref();
                let handled = status.and_then(|s| s.last_handled_reconcile_at.as_ref());
                let asked = instance
                    .annotations()
                    .get("logto-hasura.dev/reconcile-requested-at");
                let ended = is_true(&instance, "Ready") || is_true(&instance, "Stalled");
                let done =
                    asked.is_some() && handled == asked && ended && is_rolled_out(&deployment);
                Ok(done.then_some(instance))
            })
            .await
    }

    /// The same without the reconcile annotation, which begins a fight anew: waits until the value is the operator's.
    pub async fn settled_without_asking(&self) -> anyhow::Result<HasuraInstance> {
        let world = self.world;
        world
            .until("the operator's value, and its rollout", || async {
                let is_ours = self.value().await? == "the operator's";
                let instance: HasuraInstance = world.get("shop").await?;
                let deployment: Deployment = world.get("hasura").await?;
                let written = instance.status.as_ref().and_then(|s| s.deployment.as_ref());
                let seen = written.is_some_and(|written| written.rolled_out);
                let done = is_ours && seen && is_true(&instance, "Ready");
                Ok((done && is_rolled_out(&deployment)).then_some(instance))
            })
            .await
    }

    /// Whose value the Deployment has.
    async fn value(&self) -> anyhow::Result<&'static str> {
        let deployment: Deployment = self.world.get("hasura").await?;
        let pod = deployment.spec.and_then(|spec| spec.template.spec);
        let container = pod.and_then(|pod| pod.containers.into_iter().next());
        let env = container.and_then(|container| container.env);
        let entry = env
            .into_iter()
            .flatten()
            .find(|entry| entry.name == JWT_SECRET);
        let Some(entry) = entry else {
            return Ok("none");
        };
        if entry.value_from.is_some() {
            return Ok("the operator's, by the Secret");
        }
        let value = entry.value.unwrap_or_default();
        Ok(match value == self.repository.by_hand {
            true => "Git's",
            // Only the operator asks for both claims.
            false if value.contains("extra_required_claims") => "the operator's",
            false => "another",
        })
    }

    async fn replica_sets(&self) -> anyhow::Result<usize> {
        let all = self
            .world
            .api::<ReplicaSet>()
            .list(&ListParams::default())
            .await?;
        Ok(all.items.len())
    }
}

fn is_true(instance: &HasuraInstance, type_: &str) -> bool {
    instance.conditions().iter().any(|condition| {
        condition.type_ == type_
            && condition.status == "True"
            && condition.observed_generation == instance.metadata.generation
    })
}

/// As `kubectl rollout status` tells it.
fn is_rolled_out(deployment: &Deployment) -> bool {
    let Some(status) = &deployment.status else {
        return false;
    };
    status.observed_generation == deployment.metadata.generation
        && status.replicas == Some(1)
        && status.updated_replicas == Some(1)
        && status.available_replicas == Some(1)
}

/// What the tool did and said at one sync.
fn verdict(outcome: &Outcome) -> String {
    if let Some(error) = &outcome.error {
        return format!("fails: {}", short(error));
    }
    let wrote = match outcome.changed {
        true => "writes",
        false => "writes nothing",
    };
    match outcome.drift {
        None => wrote.to_owned(),
        Some(true) => format!("drift, {wrote}"),
        Some(false) => "no drift".to_owned(),
    }
}

/// The part of a tool's message that tells the cause.
fn short(error: &str) -> &str {
    let conflict = error.find("conflict with \"").and_then(|start| {
        let rest = &error[start..];
        let manager = "conflict with \"".len();
        rest[manager..].find('"').map(|end| &rest[..=manager + end])
    });
    conflict.unwrap_or_else(|| error.lines().next().unwrap_or_default())
}

/// Three syncs in few words.
fn in_short(syncs: &[String]) -> String {
    match syncs {
        [one, two, three] if one == two && two == three => format!("{one}, 3 times"),
        [one, two, three] if two == three => format!("{one}; then {two}"),
        all => all.join("; "),
    }
}

/// What the conditions say, with the managers that they name.
pub fn says(instance: &HasuraInstance) -> String {
    let stalled = instance
        .conditions()
        .iter()
        .find(|condition| condition.type_ == "Stalled");
    let Some(stalled) = stalled else {
        return "Ready".to_owned();
    };
    let named: Vec<_> = stalled
        .message
        .split("field manager ")
        .skip(1)
        .filter_map(|rest| rest.split('"').nth(1))
        .collect();
    match named.as_slice() {
        [] => format!("Stalled {}", stalled.reason),
        managers => format!("Stalled {}, names {}", stalled.reason, managers.join(", ")),
    }
}

/// A manager's fields of the Deployment, as text; empty when it has none.
pub async fn fields_of(world: &World, manager: &str) -> anyhow::Result<String> {
    let deployment: Deployment = world.get("hasura").await?;
    let all = deployment.metadata.managed_fields.unwrap_or_default();
    let fields = all
        .into_iter()
        .filter(|entry| entry.manager.as_deref() == Some(manager))
        .map(|entry| serde_json::to_string(&entry.fields_v1));
    Ok(fields.collect::<Result<_, _>>()?)
}
