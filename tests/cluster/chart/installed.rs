//! The operator as an installed release starts it, with the rights of its ServiceAccount and no others.

use std::{fs, net::TcpListener, sync::Arc};

use anyhow::{Context, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Container, Secret},
    events::v1::Event,
};
use kube::api::ListParams;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant, NOT_OBSERVED};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    access::Account,
    audit::a_deployment_whose_settings_come_from_elsewhere,
    helm::{Helm, RELEASE, watching},
};
use crate::{release::write_kubeconfig, suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        the_operator_works_as_the_chart_starts_it,
        the_operator_works_in_the_namespaces_that_are_listed_and_touches_no_other,
        a_secret_that_is_not_named_is_said_and_read_once_it_is,
    ]
}

/// The program with the arguments of the installed Deployment, and a token of its ServiceAccount.
struct Installed {
    process: Child,
    folder: TempDir,
    deployment: Deployment,
    port: u16,
}

impl Installed {
    /// Installs the chart with these values, for these namespaces, and starts what it says.
    async fn start(
        world: &World,
        helm: &Helm,
        namespaces: &[&str],
        values: &[&str],
    ) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let own = [
            r#"ownerId="installed""#,
            &watching(namespaces),
            r#"listen.address="127.0.0.1""#,
            &format!("listen.port={port}"),
            r#"log.filter="info,logto_hasura=debug""#,
        ];
        helm.install(&[&own, values].concat()).await?;
        Account::of_release(world).await?;
        let folder = TempDir::new()?;
        let kubeconfig = folder.path().join("kubeconfig");
        let admin = &world.cluster.kubeconfig;
        write_kubeconfig(&world.client, &world.namespace, admin, &kubeconfig).await?;
        let deployment: Deployment = world.get(RELEASE).await?;
        let process = Command::new(env!("CARGO_BIN_EXE_logto-hasura"))
            .args(container(&deployment)?.args.iter().flatten())
            .args([
                "--credentials-retry",
                "500ms",
                "--credentials-recheck",
                "1s",
            ])
            .env("KUBECONFIG", kubeconfig)
            .stderr(fs::File::create(folder.path().join("log"))?)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            process,
            folder,
            deployment,
            port,
        })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until both probes of the Deployment succeed.
    async fn passes_its_probes(&mut self, world: &World) -> anyhow::Result<()> {
        let container = container(&self.deployment)?;
        let ports = container.ports.iter().flatten();
        ensure!(
            ports
                .map(|port| port.container_port)
                .eq([i32::from(self.port)])
        );
        let http = reqwest::Client::builder().no_proxy().build()?;
        for probe in [&container.liveness_probe, &container.readiness_probe] {
            let action = probe.as_ref().and_then(|probe| probe.http_get.as_ref());
            let path = action
                .and_then(|get| get.path.as_deref())
                .context("a probe")?;
            let url = format!("http://127.0.0.1:{}{path}", self.port);
            world
                .until(&url, || async {
                    let answer = http.get(&url).send().await.ok();
                    Ok(answer.filter(|answer| answer.status().is_success()))
                })
                .await?;
        }
        ensure!(self.process.try_wait()?.is_none(), "it ended");
        Ok(())
    }
}

fn container(deployment: &Deployment) -> anyhow::Result<&Container> {
    let spec = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    spec.and_then(|spec| spec.containers.first())
        .context("a container")
}

async fn the_operator_works_as_the_chart_starts_it(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let mut operator = Installed::start(&world, &helm, &[&world.namespace], &[]).await?;
    let result = it_works(&world, &mut operator).await;
    let log = operator.log();
    result.with_context(|| format!("the operator's log:\n{log}"))?;
    ensure!(!log.to_lowercase().contains("forbidden"), "{log}");
    helm.uninstall().await
}

/// Goes through everything that the operator asks of the API server.
async fn it_works(world: &World, operator: &mut Installed) -> anyhow::Result<()> {
    operator.passes_its_probes(world).await?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    a_deployment_whose_settings_come_from_elsewhere(world).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    let binding = world.binding("user-reader", "user:reader", "read:user");
    world.apply::<HasuraRoleBinding>(binding).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.event("shop", "DeploymentPatched").await?;

    // A second patch of the Deployment is the second event of a series.
    let role = json!({"spec": {"auth": {"unauthorizedRole": "anonymous"}}});
    world.edit::<HasuraInstance>("shop", role).await?;
    let is_series = |event: &Event| {
        event.reason.as_deref() == Some("DeploymentPatched") && event.series.is_some()
    };
    world
        .until("a series of events", || async {
            let events = world.api::<Event>().list(&ListParams::default()).await?;
            Ok(events.into_iter().find(is_series))
        })
        .await?;

    world.delete_in_order().await
}

async fn the_operator_works_in_the_namespaces_that_are_listed_and_touches_no_other(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let team = world.beside("team", json!({})).await?;
    let third = world.beside("third", json!({})).await?;
    third.apply_example().await?;
    let operator =
        Installed::start(&world, &helm, &[&world.namespace, &team.namespace], &[]).await?;
    let works = async {
        world.apply::<Secret>(world.secret()).await?;
        let mut tenant = world.tenant();
        let everything =
            json!([{"namespaces": {"names": [team.namespace]}, "indicatorPrefixes": ["https://"]}]);
        tenant["spec"]["allowedInstances"] = everything;
        world.apply::<LogtoTenant>(tenant).await?;
        team.apply::<Deployment>(team.deployment()).await?;
        let mut instance = team.instance();
        instance["spec"]["tenantRef"] = json!({"name": "main", "namespace": world.namespace});
        team.apply::<HasuraInstance>(instance).await?;
        let binding = team.binding("user-reader", "user:reader", "read:user");
        team.apply::<HasuraRoleBinding>(binding).await?;
        team.ready::<HasuraRoleBinding>("user-reader").await
    };
    works
        .await
        .with_context(|| format!("the operator's log:\n{}", operator.log()))?;
    untouched(&third).await?;
    let log = operator.log();
    ensure!(!log.to_lowercase().contains("forbidden"), "{log}");
    helm.uninstall().await?;
    team.end().await;
    third.end().await;
    Ok(())
}

/// No object of the example has a status but the default, or a finalizer, and the Deployment is as it was applied.
async fn untouched(world: &World) -> anyhow::Result<()> {
    let tenant: LogtoTenant = world.get("main").await?;
    let instance: HasuraInstance = world.get("shop").await?;
    let binding: HasuraRoleBinding = world.get("user-reader").await?;
    let unseen = json!({"observedGeneration": NOT_OBSERVED});
    ensure!(json!(tenant.status) == unseen && tenant.metadata.finalizers.is_none());
    ensure!(json!(instance.status) == unseen && instance.metadata.finalizers.is_none());
    ensure!(json!(binding.status) == unseen && binding.metadata.finalizers.is_none());
    let deployment: Deployment = world.get("hasura").await?;
    ensure!(deployment.metadata.generation == Some(1), "{deployment:?}");
    Ok(())
}

async fn a_secret_that_is_not_named_is_said_and_read_once_it_is(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let may_get = |names: &[&str]| {
        let entry = json!([{"namespace": world.namespace, "names": names}]);
        format!("secrets={entry}")
    };
    let only_another = may_get(&["another"]);
    let operator = Installed::start(&world, &helm, &[&world.namespace], &[&only_another]).await?;
    let goes_on = async {
        world.apply::<Secret>(world.secret()).await?;
        world.apply::<LogtoTenant>(world.tenant()).await?;
        let said = world
            .waiting::<LogtoTenant>("main", "SecretForbidden")
            .await?;
        ensure!(
            said.contains("logto-m2m") && said.contains("value secrets"),
            "{said}"
        );
        helm.upgrade(&[&may_get(&["logto-m2m"])]).await?;
        world.ready::<LogtoTenant>("main").await?;

        let settings = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hasura-settings"},
            "stringData": {"HASURA_GRAPHQL_ADMIN_SECRET": "only-in-tests"},
        });
        world.apply::<Secret>(settings).await?;
        let mut deployment = world.deployment();
        let hasura = &mut deployment["spec"]["template"]["spec"]["containers"][0];
        hasura["env"] = json!([]);
        hasura["envFrom"] = json!([{"secretRef": {"name": "hasura-settings"}}]);
        world.apply::<Deployment>(deployment).await?;
        world.apply::<HasuraInstance>(world.instance()).await?;
        let said = world
            .stalled::<HasuraInstance>("shop", "AdminSecretUnknown")
            .await?;
        ensure!(
            said.contains("Secret hasura-settings") && said.contains("value secrets"),
            "{said}"
        );
        helm.upgrade(&[&may_get(&["logto-m2m", "hasura-settings"])])
            .await?;
        world.ready::<HasuraInstance>("shop").await
    };
    goes_on
        .await
        .with_context(|| format!("the operator's log:\n{}", operator.log()))?;
    helm.uninstall().await
}
