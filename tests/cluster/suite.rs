//! One control plane for the whole binary: it is started before the first test and gone after the last.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use control_plane::{
    AgentOptions, ControlPlane, NodeAgent, Options,
    programs::{self, Sources},
    progress,
};
use futures::future::BoxFuture;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use libtest_mimic::{Arguments, Trial};

use crate::{audit, leaks::Leaks, release, status_rules::StatusRules, world::World};

/// A test: a name that says what a user gets, and what it does.
pub struct Test {
    /// Where it is written, so that `cargo test --test cluster -- claims::` runs a part.
    pub module: &'static str,
    pub name: &'static str,
    pub run: fn(Arc<World>) -> BoxFuture<'static, anyhow::Result<()>>,
    /// The longest that it may take.
    pub timeout: Duration,
}

/// Lists test functions under their own names.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        vec![$($crate::suite::Test { module: module_path!(), name: stringify!($name), run: |world| Box::pin($name(world)), timeout: $crate::suite::TEST_TIMEOUT }),*]
    };
}

/// What all tests share.
pub struct Cluster {
    pub client: Client,
    pub control_plane: ControlPlane,
    pub agent: NodeAgent,
    /// Of the admin.
    pub kubeconfig: PathBuf,
    /// Of the ServiceAccount that the operators are.
    pub operator: PathBuf,
    pub rules: StatusRules,
    pub leaks: Leaks,
}

/// The longest that a test may take which says nothing else.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(180);

/// Runs tests, so many at a time.
pub fn run(tests: Vec<Test>, at_once: usize) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(at_once);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Arc::new(tokio::runtime::Runtime::new().unwrap());
    if arguments.list {
        let trials = tests
            .into_iter()
            .map(|test| Trial::test(test.name, || Ok(())))
            .collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let cluster = match runtime.block_on(start()) {
        Ok(cluster) => Arc::new(cluster),
        Err(error) => {
            eprintln!("the control plane did not start: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let trials = tests
        .into_iter()
        .map(|test| trial(test, &runtime, &cluster))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let broken = cluster.rules.broken();
    for line in &broken {
        eprintln!("a status broke a rule: {line}");
    }
    println!(
        "{} statuses were checked by the seven rules, {} broke one",
        cluster.rules.checked(),
        broken.len()
    );
    println!("{}", cluster.leaks);
    let leaked = cluster.leaks.found();
    for line in &leaked {
        eprintln!("a secret or a token shows in {line}");
    }
    let refused = match audit::refused(&cluster.control_plane, release::USER) {
        Ok(refused) => refused,
        Err(error) => vec![format!("{error:#}")],
    };
    println!(
        "the audit log has {} kinds of requests that were refused to the operators",
        refused.len()
    );
    for line in &refused {
        eprintln!("refused: {line}");
    }
    let Ok(cluster) = Arc::try_unwrap(cluster) else {
        eprintln!("a test still holds the control plane");
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        cluster.rules.stop();
        cluster.agent.stop().await;
        cluster.control_plane.stop().await;
    });
    let clean = broken.is_empty() && leaked.is_empty() && refused.is_empty();
    if conclusion.has_failed() || !clean {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn trial(test: Test, runtime: &Arc<tokio::runtime::Runtime>, cluster: &Arc<Cluster>) -> Trial {
    let (runtime, cluster) = (Arc::clone(runtime), Arc::clone(cluster));
    // Without the name of the binary.
    let module = test
        .module
        .split_once("::")
        .map_or("", |(_, module)| module);
    Trial::test(format!("{module}::{}", test.name), move || {
        runtime.block_on(async {
            let world = Arc::new(World::new(&cluster, test.name).await?);
            drop(cluster);
            let run = tokio::spawn((test.run)(Arc::clone(&world)));
            let abort = run.abort_handle();
            let result = match tokio::time::timeout(test.timeout, run).await {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => Err(anyhow::anyhow!("{panic}")),
                Err(_) => Err(anyhow::anyhow!(
                    "not done after {} s",
                    test.timeout.as_secs()
                )),
            };
            abort.abort();
            let report = match &result {
                Ok(()) => String::new(),
                Err(error) => world.report(&format!("{error:#}")).await,
            };
            world.end().await;
            result.map_err(|_| report.into())
        })
    })
}

async fn start() -> anyhow::Result<Cluster> {
    let programs = programs::find(&Sources::from_env()?, &progress::to_stderr).await?;
    let control_plane = ControlPlane::start(Options::new(programs)).await?;
    let kubeconfig = control_plane.kubeconfig().to_path_buf();
    let client = control_plane.client()?;
    install_crds(&client).await?;
    let operator = release::install(&control_plane).await?;
    let agent = NodeAgent::start(
        client.clone(),
        AgentOptions {
            // Some two hundred Hasuras at a time would else keep both cores busy with their key sets.
            poll_tick: Duration::from_secs(3),
            ..AgentOptions::new(control_plane.folder().join("pods"))
        },
    );
    let rules = StatusRules::start(&client);
    Ok(Cluster {
        client,
        control_plane,
        agent,
        kubeconfig,
        operator,
        rules,
        leaks: Leaks::default(),
    })
}

async fn install_crds(client: &Client) -> anyhow::Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in logto_hasura::api::crds() {
        let name = crd.name_any();
        crds.patch(
            &name,
            &PatchParams::apply("test").force(),
            &Patch::Apply(&crd),
        )
        .await?;
        let established = await_condition(crds.clone(), &name, is_crd_established());
        tokio::time::timeout(Duration::from_secs(30), established).await??;
    }
    Ok(())
}
