//! The Helm chart: what it renders, what the API server says to it, and that the operator can work with it.

mod access;
mod helm;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::Path,
    sync::Arc,
};

use anyhow::{Context, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    authentication::v1::TokenRequest,
    core::v1::{ConfigMap, Namespace, Secret, ServiceAccount},
    events::v1::Event,
};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams, TypeMeta},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use self::{
    access::{Account, line},
    helm::{CHART, Helm, RELEASE, documents, of_kind},
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        the_chart_carries_the_version_and_the_definitions_of_the_program,
        the_definitions_are_installed_unchanged_and_stay_when_the_release_goes,
        helm_lint_finds_nothing,
        a_value_that_is_unknown_or_can_not_work_is_refused,
        every_value_does_something,
        everything_rendered_is_accepted_by_the_api_server,
        the_objects_in_the_notes_are_accepted_by_the_api_server,
        the_pod_is_accepted_where_the_restricted_standard_is_enforced,
        the_operator_of_all_namespaces_may_do_its_work_and_nothing_else,
        the_operator_of_one_namespace_may_do_nothing_elsewhere,
        the_operator_works_as_the_chart_starts_it,
    ]
}

/// For each value of values.yaml another one than its default.
const OTHER_VALUES: [&str; 16] = [
    r#"image.repository="registry.example.com/logto-hasura""#,
    r#"image.tag="9.9.9""#,
    r#"image.digest="sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef""#,
    r#"image.pullPolicy="Always""#,
    r#"imagePullSecrets=[{"name": "registry"}]"#,
    r#"ownerId="staging""#,
    r#"watchNamespace="shop""#,
    "crds.enabled=false",
    r#"log.format="text""#,
    r#"log.filter="info,logto_hasura=debug""#,
    r#"listen.address="[::]""#,
    "listen.port=9090",
    r#"resources={"requests": {"cpu": "1"}, "limits": null}"#,
    r#"nodeSelector={"kubernetes.io/arch": "amd64"}"#,
    r#"tolerations=[{"key": "infra", "operator": "Exists"}]"#,
    r#"affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]}}}"#,
];

/// All that the operator may do where it works: group, resource, verbs.
const RIGHTS: [(&str, &str, &[&str]); 10] = [
    ("logto-hasura.dev", "logtotenants", KIND),
    ("logto-hasura.dev", "hasurainstances", KIND),
    ("logto-hasura.dev", "hasurarolebindings", KIND),
    ("logto-hasura.dev", "logtotenants/status", &["update"]),
    ("logto-hasura.dev", "hasurainstances/status", &["update"]),
    ("logto-hasura.dev", "hasurarolebindings/status", &["update"]),
    ("apps", "deployments", &["get", "list", "watch", "patch"]),
    ("", "secrets", &["get"]),
    ("", "configmaps", &["get"]),
    ("events.k8s.io", "events", &["create", "patch"]),
];

const KIND: &[&str] = &["list", "watch", "patch"];

fn rights() -> BTreeSet<String> {
    let lines = |(group, resource, verbs): &(&str, &str, &[&str])| {
        let lines = verbs.iter().map(|verb| line(verb, group, resource));
        lines.collect::<Vec<_>>()
    };
    RIGHTS.iter().flat_map(lines).collect()
}

/// The texts of the files in a folder, by their names.
fn files(folder: impl AsRef<Path>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        all.insert(name, fs::read_to_string(entry.path())?);
    }
    Ok(all)
}

fn definitions() -> anyhow::Result<BTreeMap<String, String>> {
    files(concat!(env!("CARGO_MANIFEST_DIR"), "/crds"))
}

/// Lets the API server say what it would say to an object, down to fields that it does not know.
async fn dry_run(world: &World, object: &Value) -> anyhow::Result<()> {
    let types: TypeMeta = serde_json::from_value(object.clone())?;
    let resource = ApiResource::from_gvk(&(&types).try_into()?);
    let name = object["metadata"]["name"].as_str().context("a name")?;
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(world.client.clone(), namespace, &resource),
        None => Api::all_with(world.client.clone(), &resource),
    };
    let params = PatchParams::apply("chart").dry_run().validation_strict();
    api.patch(name, &params, &Patch::Apply(object))
        .await
        .with_context(|| format!("{} {name}", types.kind))?;
    Ok(())
}

async fn the_chart_carries_the_version_and_the_definitions_of_the_program(
    _: Arc<World>,
) -> anyhow::Result<()> {
    let chart: Value = serde_saphyr::from_str(&fs::read_to_string(format!("{CHART}/Chart.yaml"))?)?;
    ensure!(
        chart["appVersion"] == env!("CARGO_PKG_VERSION"),
        "appVersion in Chart.yaml is not the version in Cargo.toml"
    );
    ensure!(
        files(format!("{CHART}/files/crds"))? == definitions()?,
        "the chart's files/crds are not crds: run `make crds`"
    );
    Ok(())
}

async fn the_definitions_are_installed_unchanged_and_stay_when_the_release_goes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let is_definition = |object: &Value| object["kind"] == "CustomResourceDefinition";
    let mut rendered = helm.objects(&[]).await?;
    rendered.retain(is_definition);
    for text in definitions()?.values() {
        let mut definition: Value = serde_saphyr::from_str(text)?;
        definition["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
        let before = rendered.len();
        rendered.retain(|object| *object != definition);
        ensure!(rendered.len() + 1 == before, "not rendered: {definition}");
    }
    ensure!(rendered.is_empty(), "rendered as well: {rendered:?}");
    let without = helm.objects(&["crds.enabled=false"]).await?;
    ensure!(!without.iter().any(is_definition));
    Ok(())
}

async fn helm_lint_finds_nothing(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    helm.run(&["lint", "--strict", CHART], &[]).await?;
    helm.run(&["lint", "--strict", CHART], &OTHER_VALUES)
        .await?;
    Ok(())
}

async fn a_value_that_is_unknown_or_can_not_work_is_refused(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    for (value, named) in [
        ("replicas=2", "replicas"),
        (r#"image.registry="x""#, "registry"),
        (r#"image.digest="sha256:12""#, "digest"),
        (r#"image.repository="""#, "repository"),
        (r#"ownerId="Prod""#, "ownerId"),
        (r#"ownerId="seventeen-letters""#, "ownerId"),
        ("ownerId=7", "ownerId"),
        (r#"watchNamespace="a,b""#, "watchNamespace"),
        (r#"crds.enabled="no""#, "enabled"),
        (r#"log.format="xml""#, "format"),
        ("listen.port=80", "port"),
        (r#"nodeSelector={"a": 1}"#, "nodeSelector"),
    ] {
        let refused = helm.template(&[value]).await;
        let said = refused.err().with_context(|| format!("{value} was taken"))?;
        ensure!(said.to_string().contains(named), "{value}: {said:#}");
    }
    // Helm gives these to every chart that is a dependency of another.
    helm.template(&[r#"global={"imageRegistry": "x"}"#]).await?;
    Ok(())
}

/// The keys of all values; what stands in `known` is not looked into.
fn keys(values: &Value, path: &str, known: &BTreeSet<&str>) -> BTreeSet<String> {
    match values.as_object() {
        Some(fields) if !known.contains(path) && !fields.is_empty() => {
            let below = |(name, value): (&String, &Value)| {
                let path = format!("{path}.{name}");
                keys(value, path.trim_start_matches('.'), known)
            };
            fields.iter().flat_map(below).collect()
        }
        _ => BTreeSet::from([path.to_owned()]),
    }
}

async fn every_value_does_something(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let values: Value =
        serde_saphyr::from_str(&fs::read_to_string(format!("{CHART}/values.yaml"))?)?;
    let known: BTreeSet<&str> = OTHER_VALUES
        .iter()
        .filter_map(|value| value.split_once('=').map(|(key, _)| key))
        .collect();
    let listed = keys(&values, "", &known);
    ensure!(
        listed.iter().map(String::as_str).eq(known.iter().copied()),
        "values.yaml has {listed:?}, this test tries {known:?}"
    );
    let default = helm.template(&[]).await?;
    for value in OTHER_VALUES {
        let other = helm.template(&[value]).await?;
        ensure!(other != default, "{value} changes nothing");
    }
    Ok(())
}

async fn everything_rendered_is_accepted_by_the_api_server(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let here = format!("watchNamespace={:?}", world.namespace);
    let here = here.as_str();
    let all_changed = [&OTHER_VALUES[..], &[here]].concat();
    for (values, count) in [
        (&[][..], 9),
        (&[here], 9),
        (&[here, r#"ownerId="staging""#], 7),
        (&["crds.enabled=false"], 6),
        (&all_changed, 4),
    ] {
        let objects = helm.objects(values).await?;
        let kinds: Vec<&Value> = objects.iter().map(|object| &object["kind"]).collect();
        ensure!(objects.len() == count, "{values:?}: {kinds:?}");
        for object in &objects {
            dry_run(&world, object).await?;
        }
    }
    Ok(())
}

async fn the_objects_in_the_notes_are_accepted_by_the_api_server(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let command = ["install", RELEASE, CHART, "--dry-run=client"];
    let notes = helm.run(&command, &[]).await?;
    let (_, after) = notes.split_once("<<'EOF'\n").context("no example")?;
    let (example, _) = after.split_once("\nEOF\n").context("no end of it")?;
    let objects = documents(example)?;
    ensure!(objects.len() == 3, "{example}");
    for mut object in objects {
        object["metadata"]["namespace"] = json!(world.namespace);
        dry_run(&world, &object).await?;
    }
    Ok(())
}

async fn the_pod_is_accepted_where_the_restricted_standard_is_enforced(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    namespaces
        .patch(&world.namespace, &PatchParams::default(), &Patch::Merge(label))
        .await?;
    let objects = Helm::of(&world).await?.objects(&[]).await?;
    let mut pod = of_kind(&objects, "Deployment")?["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(RELEASE);
    pod["metadata"]["namespace"] = json!(world.namespace);
    dry_run(&world, &pod).await?;

    // The standard is enforced at all.
    pod["spec"]["containers"][0]["securityContext"] = json!({});
    let refused = dry_run(&world, &pod).await;
    ensure!(format!("{refused:?}").contains("PodSecurity"), "{refused:?}");
    Ok(())
}

/// The release's ServiceAccount, once the API server's authorizer knows of its rights.
async fn account(world: &World) -> anyhow::Result<Account> {
    let account = Account {
        client: world.client.clone(),
        namespace: world.namespace.clone(),
        name: RELEASE.to_owned(),
    };
    let tenants = ("logto-hasura.dev", "logtotenants");
    world
        .until("the release's rights to be in force", || async {
            let may = account.may("list", tenants, &world.namespace, "").await?;
            Ok(may.then_some(()))
        })
        .await?;
    Ok(account)
}

async fn the_operator_of_all_namespaces_may_do_its_work_and_nothing_else(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    helm.install(&[]).await?;
    let account = account(&world).await?;
    world
        .until("the right to read kube-system's uid", || async {
            let namespace = ("", "namespaces");
            let may = account.may("get", namespace, "kube-system", "kube-system").await?;
            Ok(may.then_some(()))
        })
        .await?;
    for namespace in ["", "kube-system", &world.namespace] {
        let allowed = account.all_it_may(namespace).await?;
        ensure!(allowed == rights(), "in {namespace:?}: {allowed:#?}");
    }
    for verb in ["get", "list", "watch", "patch", "delete"] {
        let may = account.may(verb, ("", "namespaces"), "default", "default").await?;
        ensure!(!may, "it may {verb} the namespace default");
    }
    helm.uninstall().await
}

async fn the_operator_of_one_namespace_may_do_nothing_elsewhere(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let here = format!("watchNamespace={:?}", world.namespace);
    helm.install(&[&here, r#"ownerId="staging""#]).await?;
    let account = account(&world).await?;
    let allowed = account.all_it_may(&world.namespace).await?;
    ensure!(allowed == rights(), "{allowed:#?}");
    for namespace in ["", "kube-system"] {
        let allowed = account.all_it_may(namespace).await?;
        ensure!(allowed.is_empty(), "in {namespace:?}: {allowed:#?}");
    }
    let kube_system = account.may("get", ("", "namespaces"), "kube-system", "kube-system");
    ensure!(!kube_system.await?, "an owner id was given");
    helm.uninstall().await
}

/// The program with the arguments of the installed Deployment, and a token of its ServiceAccount.
struct Installed {
    process: Child,
    folder: TempDir,
    deployment: Deployment,
    port: u16,
}

impl Installed {
    async fn start(world: &World, helm: &Helm) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let values = [
            &format!("watchNamespace={:?}", world.namespace),
            r#"listen.address="127.0.0.1""#,
            &format!("listen.port={port}"),
            r#"log.filter="info,logto_hasura=debug""#,
        ];
        helm.install(&values).await?;
        account(world).await?;
        let folder = TempDir::new()?;
        let kubeconfig = folder.path().join("kubeconfig");
        fs::write(&kubeconfig, kubeconfig_of_the_account(world).await?)?;
        let deployment: Deployment = world.get(RELEASE).await?;
        let process = Command::new(env!("CARGO_BIN_EXE_logto-hasura"))
            .args(container(&deployment)?.args.iter().flatten())
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
        ensure!(ports.map(|port| port.container_port).eq([i32::from(self.port)]));
        let http = reqwest::Client::builder().no_proxy().build()?;
        for probe in [&container.liveness_probe, &container.readiness_probe] {
            let action = probe.as_ref().and_then(|probe| probe.http_get.as_ref());
            let path = action.and_then(|get| get.path.as_deref()).context("a probe")?;
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

fn container(deployment: &Deployment) -> anyhow::Result<&k8s_openapi::api::core::v1::Container> {
    let spec = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    spec.and_then(|spec| spec.containers.first()).context("a container")
}

/// The kubeconfig of the tests, with the ServiceAccount as its user.
async fn kubeconfig_of_the_account(world: &World) -> anyhow::Result<String> {
    let request: TokenRequest = serde_json::from_value(json!({"spec": {"audiences": []}}))?;
    let answer = world
        .api::<ServiceAccount>()
        .create_token_request(RELEASE, &PostParams::default(), &request)
        .await?;
    let token = answer.status.context("a token")?.token;
    let mut kubeconfig: Value =
        serde_saphyr::from_str(&fs::read_to_string(&world.cluster.kubeconfig)?)?;
    kubeconfig["users"][0]["user"] = json!({"token": token});
    Ok(kubeconfig.to_string())
}

async fn the_operator_works_as_the_chart_starts_it(world: Arc<World>) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let mut operator = Installed::start(&world, &helm).await?;
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
    // Only who reads the ConfigMap sees an admin secret, without which the operator writes nothing.
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
        "data": {"HASURA_GRAPHQL_ADMIN_SECRET": "only-in-tests"},
    });
    world.apply::<ConfigMap>(settings).await?;
    let mut deployment = world.deployment();
    let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([]);
    container["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    world.apply::<Deployment>(deployment).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    let binding = world.binding("user-reader", "user:reader", "read:user");
    world.apply::<HasuraRoleBinding>(binding).await?;
    let configured = ("AuthConfigured", "True", "");
    let (type_, status, reason) = configured;
    world
        .condition::<HasuraInstance>("shop", type_, status, reason)
        .await?;
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

    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.delete::<LogtoTenant>("main").await?;
    world.gone::<LogtoTenant>("main").await
}
