//! Several replicas: one works, and whatever happens to it, nothing is done by two and nothing twice.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use fault_proxy::{Answer, Effect, Fault, Record, Rule};
use k8s_openapi::api::coordination::v1::Lease;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::{operator::Operator, suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        of_two_replicas_one_works_and_both_answer_probes_and_metrics,
        when_the_leader_is_killed_the_other_takes_over_and_nothing_is_there_twice,
        a_leader_that_is_asked_to_stop_hands_over_at_once,
        a_leader_that_stood_still_for_longer_than_its_lease_writes_nothing_any_more,
        a_leader_whose_lease_is_taken_ends,
        a_leader_that_can_not_reach_the_api_server_ends_before_its_lease_does,
    ]
}

/// Long enough for a busy machine, short enough to be waited for.
const CLOCKS: [&str; 7] = [
    "--leader-elect",
    "--lease-duration",
    "5s",
    "--lease-renew-deadline",
    "4s",
    "--lease-retry",
    "500ms",
];

impl World {
    fn start_candidate(&self, host: &str, url: &str, clocks: &[&str]) -> anyhow::Result<Operator> {
        let mut flags = clocks.to_vec();
        flags.extend(["--lease-namespace", &self.namespace]);
        self.start_replica(host, url, &flags)
    }

    /// A candidate that sees the API server itself.
    fn candidate(&self, host: &str) -> anyhow::Result<Operator> {
        self.start_candidate(host, self.cluster.control_plane.url(), &CLOCKS)
    }

    /// Waits until this host holds the lease.
    async fn led_by(&self, host: &str) -> anyhow::Result<Lease> {
        let start = format!("{host}_");
        self.until(&format!("the lease to be held by {host}"), || async {
            let lease = self.api::<Lease>().get_opt("logto-hasura").await?;
            let holder = |lease: &Lease| lease.spec.clone()?.holder_identity;
            Ok(lease.filter(|lease| holder(lease).is_some_and(|name| name.starts_with(&start))))
        })
        .await
    }

    async fn standing_by(&self, replica: &Operator) -> anyhow::Result<()> {
        self.until("a replica to stand by", || async {
            Ok(replica.log().contains("standing by").then_some(()))
        })
        .await
    }

    async fn apply_many_bindings(&self, count: usize) -> anyhow::Result<()> {
        for number in 0..count {
            let binding = self.binding(
                &format!("b{number}"),
                &format!("team:role-{number}"),
                &format!("scope:{number}"),
            );
            self.apply::<HasuraRoleBinding>(binding).await?;
        }
        Ok(())
    }
}

async fn of_two_replicas_one_works_and_both_answer_probes_and_metrics(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let leader = world.candidate("a")?;
    world.led_by("a").await?;
    let follower = world.candidate("b")?;
    world.standing_by(&follower).await?;
    world.example_is_ready().await?;
    for replica in [&leader, &follower] {
        ensure!(replica.get("/livez").await?.0 == 200);
        ensure!(replica.get("/readyz").await?.0 == 200);
        ensure!(replica.get("/metrics").await?.0 == 200);
    }
    ensure!(follower.get("/readyz").await?.1.contains("standing by"));
    let requests = |text: &str| text.contains("logto_hasura_logto_requests_total{");
    ensure!(requests(&leader.get("/metrics").await?.1));
    ensure!(
        !requests(&follower.get("/metrics").await?.1),
        "who stands by asks Logto nothing"
    );
    ensure!(world.logto.writes() - world.script_writes() == 5);
    Ok(())
}

async fn when_the_leader_is_killed_the_other_takes_over_and_nothing_is_there_twice(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.logto.switches().latency(Duration::from_millis(20));
    let leader = world.candidate("a")?;
    world.led_by("a").await?;
    let follower = world.candidate("b")?;
    world.standing_by(&follower).await?;
    world.apply_base().await?;
    world.apply_many_bindings(10).await?;
    // In the middle of its work.
    world
        .until_logto("three roles", |_| world.made().2 >= 3)
        .await?;
    leader.kill().await?;
    world.led_by("b").await?;
    for number in 0..10 {
        world
            .ready::<HasuraRoleBinding>(&format!("b{number}"))
            .await?;
    }
    ensure!(world.made() == (1, 10, 10), "{:?}", world.made());
    Ok(())
}

async fn a_leader_that_is_asked_to_stop_hands_over_at_once(
    world: Arc<World>,
) -> anyhow::Result<()> {
    // A lease that would outlast the test, were it not given back.
    let clocks = [
        "--leader-elect",
        "--lease-duration",
        "10m",
        "--lease-retry",
        "500ms",
    ];
    let url = world.cluster.control_plane.url();
    let leader = world.start_candidate("a", url, &clocks)?;
    let first = world.led_by("a").await?;
    let follower = world.start_candidate("b", url, &clocks)?;
    world.standing_by(&follower).await?;
    world.example_is_ready().await?;
    leader.stop().await?;
    let second = world.led_by("b").await?;
    let transitions = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    ensure!(
        (transitions(&first), transitions(&second)) == (Some(1), Some(2)),
        "{first:?} {second:?}"
    );
    world
        .apply::<HasuraRoleBinding>(world.binding("third", "third", "third"))
        .await?;
    world.ready::<HasuraRoleBinding>("third").await?;
    ensure!(world.made() == (1, 3, 3), "{:?}", world.made());
    Ok(())
}

async fn a_leader_that_stood_still_for_longer_than_its_lease_writes_nothing_any_more(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let record = Record::new();
    let proxy = world.api_proxy(&record).await?;
    world.logto.switches().latency(Duration::from_millis(20));
    let mut leader = world.start_candidate("a", &proxy.url(), &CLOCKS)?;
    world.led_by("a").await?;
    let _follower = world.candidate("b")?;
    world.apply_base().await?;
    world.apply_many_bindings(20).await?;
    // With much to do, to Logto and to the API server.
    world
        .until_logto("three roles", |_| world.made().2 >= 3)
        .await?;
    leader.signal(Signal::SIGSTOP)?;
    world.led_by("b").await?;
    for number in 0..20 {
        world
            .ready::<HasuraRoleBinding>(&format!("b{number}"))
            .await?;
    }
    world.quiet().await?;
    let (to_logto, to_api_server) = (world.logto.writes(), record.writes());

    leader.signal(Signal::SIGCONT)?;
    let status = leader.ended().await?;
    ensure!(
        !status.success(),
        "it says that it lost the lease: {status}"
    );
    ensure!(
        leader.log().contains("leads no longer"),
        "{}",
        leader.log_tail(5)
    );
    ensure!(
        world.logto.writes() == to_logto,
        "{} writes to Logto",
        world.logto.writes() - to_logto
    );
    ensure!(
        record.writes() == to_api_server,
        "{:?}",
        record.exchanges().split_off(record.exchanges().len() - 10)
    );
    ensure!(world.made() == (1, 20, 20), "{:?}", world.made());
    Ok(())
}

async fn a_leader_whose_lease_is_taken_ends(world: Arc<World>) -> anyhow::Result<()> {
    let mut leader = world.candidate("a")?;
    world.led_by("a").await?;
    world
        .edit::<Lease>(
            "logto-hasura",
            json!({"spec": {"holderIdentity": "somebody-else"}}),
        )
        .await?;
    let status = leader.ended().await?;
    ensure!(!status.success(), "{status}");
    ensure!(leader.log().contains("somebody-else"), "{}", leader.log());
    let lease: Lease = world.get("logto-hasura").await?;
    let holder = lease.spec.and_then(|spec| spec.holder_identity);
    ensure!(holder.as_deref() == Some("somebody-else"), "{holder:?}");
    Ok(())
}

async fn a_leader_that_can_not_reach_the_api_server_ends_before_its_lease_does(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let record = Record::new();
    let proxy = world.api_proxy(&record).await?;
    let mut leader = world.start_candidate("a", &proxy.url(), &CLOCKS)?;
    world.led_by("a").await?;
    world.apply_example().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let away = Fault {
        effect: Effect::Without,
        answer: Answer::Close,
    };
    record.fail(Rule::on("*", "/", usize::MAX, away));
    let renewed = world.led_by("a").await?.spec.context("a spec")?.renew_time;
    let status = leader.ended().await?;
    ensure!(!status.success(), "{status}");
    ensure!(
        leader.log().contains("could not be renewed"),
        "{}",
        leader.log()
    );
    let lasts = jiff::Timestamp::now().duration_since(renewed.context("a renewal")?.0);
    ensure!(
        lasts < jiff::SignedDuration::from_secs(5),
        "it ended {lasts:?} after its last renewal, and its lease lasts 5 s"
    );

    record.clear_rules();
    let next = world.start_candidate("b", &proxy.url(), &CLOCKS)?;
    world.led_by("b").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    next.stop().await
}
