//! Every kind of fault at every kind of request: it converges, or says what is wrong, and never spins.

pub mod faults;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use fault_proxy::{Fault, Matches, Proxy, Record, Rule, Upstream};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Secret};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;

use crate::{operator::Operator, suite::Test, world::World};
use faults::{Case, FAULTS, Server, kind_of};

pub fn tests() -> Vec<Test> {
    let mut tests = crate::tests![
        each_fault_once_at_each_kind_of_request_only_takes_longer,
        a_lasting_fault_of_logto_is_said_is_not_asked_about_all_the_time_and_heals,
        a_lasting_fault_of_the_api_server_is_not_asked_about_all_the_time_and_heals,
    ];
    for test in &mut tests {
        // Some dozens of runs that each wait out a few failures.
        test.timeout = Duration::from_secs(600);
    }
    tests
}

const AT_ONCE: usize = 2;

/// Waits between failures are those of the suite, at most 2 s; requests are given up after 1 s.
const FLAGS: [&str; 4] = ["--resync-period", "2s", "--request-timeout", "1s"];

/// The longest that a fault is watched for requests.
const WATCHED: Duration = Duration::from_secs(6);

/// Four objects are visited at most once in 2 s on average by then, with five requests each at the most; and as many again
/// for the first failures, whose waits are short.
const MOST_REQUESTS: usize = 4 * 5 * 3 * 2;

/// A world whose operator sees everything through proxies.
struct Bed {
    world: World,
    record: Arc<Record>,
    logto: Proxy,
    _api_server: Proxy,
    operator: Operator,
}

impl Bed {
    async fn start(cluster: &World, name: &str) -> anyhow::Result<Self> {
        let world = World::new(&cluster.cluster, name).await?;
        let record = Record::new();
        let api_server = world.api_proxy(&record).await?;
        let logto = Upstream::logto(&world.logto.endpoint())?;
        let logto = Proxy::start(logto, Arc::clone(&record)).await?;
        let operator = world.start_replica("operator", &api_server.url(), &FLAGS)?;
        Ok(Self {
            world,
            record,
            logto,
            _api_server: api_server,
            operator,
        })
    }

    async fn apply(&self) -> anyhow::Result<()> {
        let world = &self.world;
        let mut secret = world.secret();
        secret["stringData"]["endpoint"] = json!(self.logto.url());
        world.apply::<Secret>(secret).await?;
        let mut deployment = world.deployment();
        deployment["spec"]["replicas"] = json!(1);
        world.apply::<Deployment>(deployment).await?;
        // Hasura asks Logto itself: its requests are not the operator's.
        let mut tenant = world.tenant();
        tenant["spec"]["endpointForHasura"] = json!(world.logto.endpoint());
        world.apply::<LogtoTenant>(tenant).await?;
        world.apply::<HasuraInstance>(world.instance()).await?;
        for name in ["reader", "writer"] {
            let binding = world.binding(name, &format!("team:{name}"), &format!("scope:{name}"));
            world.apply::<HasuraRoleBinding>(binding).await?;
        }
        Ok(())
    }

    /// All is ready, and nothing there twice; what an interrupted creation left is not doubled either.
    async fn converged(&self) -> anyhow::Result<()> {
        let world = &self.world;
        world.ready::<LogtoTenant>("main").await?;
        world.ready::<HasuraInstance>("shop").await?;
        for name in ["reader", "writer"] {
            world.ready::<HasuraRoleBinding>(name).await?;
        }
        ensure!(world.made() == (1, 2, 2), "{:?}", world.made());
        for role in world.logto.tenant().roles() {
            let scopes = world.logto.tenant().scopes_of_role(&role.id);
            ensure!(scopes.len() == 1, "{role:?} holds {scopes:?}");
        }
        Ok(())
    }

    /// Takes one binding away and brings it back changed, so that every kind of write is made.
    async fn change(&self) -> anyhow::Result<()> {
        let world = &self.world;
        let spec = json!({"spec": {"scope": {"name": "scope:some", "description": "Some"}, "logtoRole": {"description": "Some"}}});
        world.edit::<HasuraRoleBinding>("reader", spec).await?;
        world.ready::<HasuraRoleBinding>("reader").await?;
        world.delete::<HasuraRoleBinding>("writer").await?;
        world.gone::<HasuraRoleBinding>("writer").await?;
        let binding = world.binding("writer", "team:writer", "scope:writer");
        world.apply::<HasuraRoleBinding>(binding).await?;
        Ok(())
    }

    /// How many requests were made since a moment, but for those that tell the API server's changes.
    fn requests_since(&self, moment: Instant) -> usize {
        let exchanges = self.record.exchanges();
        let since = exchanges.iter().filter(|exchange| exchange.at > moment);
        since
            .filter(|exchange| !exchange.path.contains("watch="))
            .count()
    }

    async fn end(self, result: anyhow::Result<()>) -> anyhow::Result<()> {
        let result = match result {
            Ok(()) => Ok(()),
            Err(error) => {
                let mut report = self.world.report(&format!("{error:#}")).await;
                report.push_str(&self.operator.log_tail(40));
                Err(anyhow::anyhow!("{report}"))
            }
        };
        drop(self.operator);
        self.world.end().await;
        result
    }
}

/// Hits the first request of each kind, and notes the kinds.
fn first_of_each_kind(kinds: &Arc<Mutex<BTreeSet<String>>>) -> Matches {
    let kinds = Arc::clone(kinds);
    Box::new(move |method, path, _| kinds.lock().unwrap().insert(kind_of(method, path)))
}

async fn each_fault_once_at_each_kind_of_request_only_takes_longer(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let hits: Vec<usize> = stream::iter(FAULTS)
        .map(|case| once_each(&world, case))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    println!(
        "{} faults at {} kinds of requests each, at least, {} in all: all converged, nothing twice, in {} s",
        FAULTS.len(),
        hits.iter().min().copied().unwrap_or_default(),
        hits.iter().sum::<usize>(),
        start.elapsed().as_secs()
    );
    Ok(())
}

async fn once_each(world: &World, case: Case) -> anyhow::Result<usize> {
    let bed = Bed::start(world, &format!("once-{}", case.name)).await?;
    let kinds = Arc::default();
    bed.record.fail(Rule {
        matches: first_of_each_kind(&kinds),
        times: usize::MAX,
        fault: (case.fault)(),
    });
    let play = async {
        bed.apply().await?;
        bed.converged().await?;
        bed.change().await?;
        bed.converged().await
    };
    let result = play.await.context(case.name);
    bed.end(result).await?;
    let kinds = kinds.lock().unwrap();
    let expected = Server::KINDS.iter().filter(|kind| !kinds.contains(**kind));
    let missed: Vec<_> = expected.collect();
    ensure!(missed.is_empty(), "no {missed:?} among {kinds:?}");
    Ok(kinds.len())
}

/// A fault that stays: what is said meanwhile. Gives how much is asked.
async fn lasting(world: &World, server: Server, case: Case) -> anyhow::Result<usize> {
    let bed = Bed::start(world, &format!("lasting-{}-{}", server.name(), case.name)).await?;
    let mut asked = 0;
    let play = async {
        bed.apply().await?;
        bed.converged().await?;
        let fault: Fault = (case.fault)();
        bed.record.fail(Rule {
            matches: server.matches(),
            times: usize::MAX,
            fault,
        });
        let began = Instant::now();
        let spec = json!({"spec": {"scope": {"name": "scope:other"}}});
        bed.world.edit::<HasuraRoleBinding>("reader", spec).await?;
        tokio::time::sleep(WATCHED).await;
        asked = bed.requests_since(began);
        ensure!(
            asked <= MOST_REQUESTS,
            "{asked} requests in {} s",
            WATCHED.as_secs()
        );
        if server == Server::Logto {
            let tenant = bed.world.get::<LogtoTenant>("main").await?;
            let ready = tenant.status.context("a status")?.conditions.remove(0);
            ensure!(
                ready.status == "False" && case.said.contains(&ready.reason.as_str()),
                "{ready:?}"
            );
            ensure!(!ready.message.contains("planted"), "{ready:?}");
        }
        bed.record.clear_rules();
        bed.converged().await
    };
    let result = play.await.context(case.name);
    bed.end(result).await?;
    Ok(asked)
}

async fn all_lasting(world: &World, server: Server) -> anyhow::Result<()> {
    let asked: Vec<usize> = stream::iter(FAULTS)
        .map(|case| lasting(world, server, case))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    println!(
        "{} lasting faults of {}: at most {} requests in {} s of each",
        asked.len(),
        server.name(),
        asked.iter().max().copied().unwrap_or_default(),
        WATCHED.as_secs()
    );
    Ok(())
}

async fn a_lasting_fault_of_logto_is_said_is_not_asked_about_all_the_time_and_heals(
    world: Arc<World>,
) -> anyhow::Result<()> {
    all_lasting(&world, Server::Logto).await
}

async fn a_lasting_fault_of_the_api_server_is_not_asked_about_all_the_time_and_heals(
    world: Arc<World>,
) -> anyhow::Result<()> {
    all_lasting(&world, Server::ApiServer).await
}
