//! What happens.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::anyhow;
use fault_proxy::{Proxy, Record, Rule, Upstream};
use k8s_openapi::api::core::v1::Secret;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::{
    fault_matrix::faults::FAULTS,
    operator::Operator,
    world::{INDICATOR, World},
};

/// How many things happen.
const THINGS: usize = 14;

/// The bindings that come and go.
const NAMES: [&str; 4] = ["reader", "writer", "editor", "owner"];

/// One run.
pub struct Chaos<'a> {
    world: &'a World,
    random: StdRng,
    record: Arc<Record>,
    logto: Proxy,
    api_server: Proxy,
    operator: Option<Operator>,
    /// The bindings that are there, as they were applied last.
    pub bindings: BTreeMap<&'static str, Value>,
    /// What happened, for the report.
    pub story: Vec<String>,
}

impl<'a> Chaos<'a> {
    pub async fn start(world: &'a World, seed: u64) -> anyhow::Result<Self> {
        let record = Record::new();
        let api_server = world.api_proxy(&record).await?;
        let upstream = Upstream::logto(&world.logto.endpoint())?;
        let logto = Proxy::start(upstream, Arc::clone(&record)).await?;
        let mut chaos = Self {
            world,
            random: StdRng::seed_from_u64(seed),
            record,
            logto,
            api_server,
            operator: None,
            bindings: BTreeMap::new(),
            story: Vec::new(),
        };
        chaos.start_operator()?;
        Ok(chaos)
    }

    fn start_operator(&mut self) -> anyhow::Result<()> {
        let flags = ["--resync-period", "1s", "--request-timeout", "1s"];
        let url = self.api_server.url();
        self.operator = Some(self.world.start_replica("operator", &url, &flags)?);
        Ok(())
    }

    pub fn log_tail(&self) -> String {
        let operator = self.operator.as_ref();
        operator.map_or_else(String::new, |operator| operator.log_tail(40))
    }

    /// All that happens, and then nothing goes wrong any more.
    pub async fn play(&mut self) -> anyhow::Result<()> {
        self.apply_base().await?;
        if self.random.random_bool(0.5) {
            // Half of the runs begin with something that is there, the others with everything at once.
            let thing = self.apply_one().await?;
            self.story.extend(thing);
            let name = self.bindings.keys().next().copied().unwrap_or_default();
            self.world.ready::<HasuraRoleBinding>(name).await?;
        }
        for _ in 0..THINGS {
            let thing = self.something().await?;
            self.story.extend(thing);
            // Between all at once, and each after the one before has been dealt with.
            let pause = self.random.random_range(0..250);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.record.clear_rules();
        Ok(())
    }

    async fn apply_base(&self) -> anyhow::Result<()> {
        let world = self.world;
        let mut secret = world.secret();
        secret["stringData"]["endpoint"] = json!(self.logto.url());
        world.apply::<Secret>(secret).await?;
        world.apply::<LogtoTenant>(world.tenant()).await?;
        // Without a Deployment nothing is rolled out, which other suites look at.
        let mut instance = world.instance();
        let spec = instance["spec"].as_object_mut().ok_or(anyhow!("a spec"))?;
        spec.remove("deploymentRef");
        spec.insert("delivery".to_owned(), json!({"mode": "ConfigMap"}));
        world.apply::<HasuraInstance>(instance).await?;
        Ok(())
    }

    /// Nothing when there was nothing to do it to.
    async fn something(&mut self) -> anyhow::Result<Option<String>> {
        match self.random.random_range(0..10) {
            0..=3 => self.apply_one().await,
            4 => self.delete_one().await,
            5 | 6 => self.edit_in_logto(),
            7 | 8 => Ok(Some(self.fault())),
            _ => self.kill().await,
        }
    }

    /// Makes a binding, or changes what may be changed of it.
    async fn apply_one(&mut self) -> anyhow::Result<Option<String>> {
        let name = NAMES.choose(&mut self.random).copied().unwrap_or(NAMES[0]);
        let variant = self.random.random_range(0..3);
        let mut binding =
            self.world
                .binding(name, &format!("team:{name}"), &format!("{name}:{variant}"));
        binding["spec"]["logtoRole"]["description"] = json!(format!("Variant {variant}"));
        // One that is being deleted takes no changes that matter, so its end comes first.
        if self
            .world
            .api::<HasuraRoleBinding>()
            .get_opt(name)
            .await?
            .is_some()
            && !self.bindings.contains_key(name)
        {
            return Ok(None);
        }
        self.world
            .apply::<HasuraRoleBinding>(binding.clone())
            .await?;
        self.bindings.insert(name, binding);
        Ok(Some(format!("{name} becomes variant {variant}")))
    }

    async fn delete_one(&mut self) -> anyhow::Result<Option<String>> {
        let names: Vec<&str> = self.bindings.keys().copied().collect();
        let Some(name) = names.choose(&mut self.random) else {
            return Ok(None);
        };
        self.world.delete::<HasuraRoleBinding>(name).await?;
        self.bindings.remove(name);
        Ok(Some(format!("{name} is deleted")))
    }

    /// Something that an administrator does in Logto's console.
    fn edit_in_logto(&mut self) -> anyhow::Result<Option<String>> {
        let logto = self.world.logto.tenant();
        let mut roles = logto.roles();
        roles.retain(|role| role.description.contains("[logto-hasura:"));
        let Some(role) = roles.choose(&mut self.random) else {
            return Ok(None);
        };
        let scope = logto.scopes_of_role(&role.id).into_iter().next();
        let told = |what: &str| Ok(Some(format!("{what} {} in Logto", role.name)));
        let is_done = |result: Result<(), logto_emulator::Violation>| {
            result.map_err(|error| anyhow!("{error:?}"))
        };
        match (self.random.random_range(0..5), scope) {
            (0, _) => {
                is_done(logto.delete_role(&role.id))?;
                told("deleted the role")
            }
            (1, Some(scope)) => {
                is_done(logto.delete_scope(&scope.id))?;
                told("deleted the scope of")
            }
            (2, Some(scope)) => {
                is_done(logto.detach_scope(&role.id, &scope.id))?;
                told("took the scope from")
            }
            (3, _) => {
                let edit = |role: &mut logto_emulator::Role| {
                    let mark = role.description.find("[logto-hasura:").unwrap_or_default();
                    role.description = format!("Edited {}", &role.description[mark..]);
                };
                is_done(logto.edit_role(&role.id, edit).map(|_| ()))?;
                told("described anew")
            }
            _ => {
                let number = self.random.random_range(0..1_000_000);
                let user = logto
                    .create_user(&format!("user_{number}"))
                    .map_err(|error| anyhow!("{error:?}"))?;
                is_done(logto.assign_role(&user, &role.id))?;
                told("gave somebody")
            }
        }
    }

    /// The next one to three requests, to whomever, go wrong.
    fn fault(&mut self) -> String {
        let case = FAULTS.choose(&mut self.random).unwrap_or(&FAULTS[0]);
        let times = self.random.random_range(1..=3);
        self.record.fail(Rule::on("*", "/", times, (case.fault)()));
        format!("{times} times {}", case.name)
    }

    async fn kill(&mut self) -> anyhow::Result<Option<String>> {
        if let Some(operator) = self.operator.take() {
            operator.kill().await?;
        }
        self.start_operator()?;
        Ok(Some("killed and started again".to_owned()))
    }
}

/// The resource's indicator.
pub const RESOURCE: &str = INDICATOR;
