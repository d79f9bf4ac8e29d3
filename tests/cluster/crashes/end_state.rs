//! What is there at the end of a run, without what differs from run to run.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::ensure;
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use logto_emulator::{Emulator, TokenKind};
use logto_hasura::api::{HasuraRoleBinding, LogtoTenant};

use super::Run;
use crate::world::OurKind;

/// Longer than the time after which a script is read once more.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is there, and what it took.
#[derive(Debug)]
pub struct EndState {
    /// In words, one line for each thing.
    there: Vec<String>,
    /// Writes that Logto saw, but for those of the scripts, which are gathered by the clock.
    to_logto: u64,
    /// Patches of the Deployments, and of finalizers, that the API server saw.
    patches: u64,
    /// How many writes the first operator's proxies numbered.
    pub writes_numbered: usize,
}

impl EndState {
    /// What is there once it is as expected, or after a while: two owners that wrote one script at the same moment look at
    /// it once more after a pause.
    pub async fn settled(runs: &[Run], expected: Option<&Self>) -> anyhow::Result<Self> {
        let start = Instant::now();
        loop {
            let state = Self::of(runs).await?;
            let is_there = expected.is_none_or(|expected| expected.there == state.there);
            if is_there || start.elapsed() > PATIENCE {
                return Ok(state);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn of(runs: &[Run]) -> anyhow::Result<Self> {
        let logto = &runs[0].world.logto;
        let mut there = in_logto(logto);
        for run in runs {
            there.extend(in_namespace(run).await?);
        }
        let exchanges = runs.iter().flat_map(|run| run.record.exchanges());
        let patches = exchanges.filter(|exchange| {
            exchange.write.is_some()
                && exchange.method == "PATCH"
                && exchange.server == "api-server"
                && exchange.status.is_some_and(|status| status < 300)
                && !exchange.path.contains("/events")
        });
        Ok(Self {
            there,
            to_logto: logto.writes() - runs[0].world.script_writes(),
            patches: patches.count() as u64,
            writes_numbered: runs[0].record.writes(),
        })
    }

    /// Whether nothing is lost, left over or there twice, and no more was written than one write again.
    pub fn is_that_of(&self, undisturbed: &Self) -> anyhow::Result<()> {
        ensure!(
            self.there == undisturbed.there,
            "{:#?}\ninstead of {:#?}",
            self.there,
            undisturbed.there
        );
        ensure!(
            self.to_logto <= undisturbed.to_logto + 1,
            "{} writes to Logto instead of {}",
            self.to_logto,
            undisturbed.to_logto
        );
        ensure!(
            self.patches <= undisturbed.patches + 1,
            "{} patches instead of {}",
            self.patches,
            undisturbed.patches
        );
        Ok(())
    }
}

/// The mark's hash is another one in each namespace.
fn without_hash(description: &str) -> String {
    match (description.rfind('/'), description.ends_with(']')) {
        (Some(slash), true) => format!("{}/…]", &description[..slash]),
        _ => description.to_owned(),
    }
}

fn in_logto(emulator: &Emulator) -> Vec<String> {
    let logto = emulator.tenant();
    let mut lines = Vec::new();
    for resource in logto.resources() {
        lines.push(format!(
            "resource {} {:?} {} s",
            resource.indicator, resource.name, resource.access_token_ttl
        ));
        for scope in logto.scopes(&resource.id) {
            let description = without_hash(scope.description.as_deref().unwrap_or_default());
            lines.push(format!(
                "scope {} of {}: {description}",
                scope.name, resource.indicator
            ));
        }
    }
    for role in logto.roles() {
        let scopes: Vec<_> = logto
            .scopes_of_role(&role.id)
            .into_iter()
            .map(|scope| scope.name)
            .collect();
        let users: Vec<_> = logto
            .users_of_role(&role.id)
            .into_iter()
            .filter_map(|user| user.username)
            .collect();
        lines.push(format!(
            "role {} {:?} default {}: {}, scopes {scopes:?}, users {users:?}",
            role.name,
            role.kind,
            role.is_default,
            without_hash(&role.description)
        ));
    }
    let script = logto.custom_jwt(TokenKind::AccessToken);
    lines.push(format!("script {script:?}"));
    // The rows of a list have no order.
    lines.sort();
    lines
}

async fn in_namespace(run: &Run) -> anyhow::Result<Vec<String>> {
    let world = &run.world;
    let deployment: Deployment = world.get("hasura").await?;
    let managers: Vec<_> = deployment
        .managed_fields()
        .iter()
        .filter_map(|entry| entry.manager.clone())
        .filter(|manager| manager == "logto-hasura")
        .collect();
    let env = world.env("hasura", "HASURA_GRAPHQL_JWT_SECRET").await?;
    let tenant: LogtoTenant = world.get("main").await?;
    let binding: HasuraRoleBinding = world.get("reader").await?;
    let owner = &run.owner;
    Ok(vec![
        format!("{owner}: Deployment: {env:?}, field managers {managers:?}"),
        format!("{owner}: tenant: {:?}", conditions(&tenant)),
        format!("{owner}: binding: {:?}", conditions(&binding)),
        format!("{owner}: finalizers: {:?}", binding.finalizers()),
    ])
}

fn conditions<K: OurKind>(object: &K) -> BTreeMap<&str, (&str, &str)> {
    let conditions = object.conditions().iter();
    conditions
        .map(|condition| {
            let value = (condition.status.as_str(), condition.reason.as_str());
            (condition.type_.as_str(), value)
        })
        .collect()
}
