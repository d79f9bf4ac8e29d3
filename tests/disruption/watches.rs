//! Watches that break, and kinds that can not be watched: the others go on, and all heals without a restart.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use fault_proxy::Record;
use k8s_openapi::{
    api::rbac::v1::{ClusterRole, ClusterRoleBinding},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, CustomResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::{operator::Operator, suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        changes_behind_a_restart_and_a_compaction_are_caught_up_with,
        an_api_server_that_is_away_is_waited_for_and_fails_no_probe,
        a_watch_that_died_without_a_word_is_made_anew,
        a_right_that_is_taken_away_and_given_back_stops_its_own_kind_only,
        a_kind_that_is_not_defined_yet_is_waited_for,
        an_object_that_can_not_be_read_stops_no_other,
    ]
}

/// Watches that are made anew every two seconds, and requests that are given up after one.
const SHORT: [&str; 4] = ["--watch-timeout", "2s", "--request-timeout", "1s"];

const BINDINGS: &str = "hasurarolebindings.logto-hasura.dev";

impl World {
    fn operator_at(&self, url: &str, flags: &[&str]) -> anyhow::Result<Operator> {
        self.start_replica("operator", url, flags)
    }

    async fn rename_scope(&self, name: &str) -> anyhow::Result<()> {
        let spec = json!({"spec": {"scope": {"name": name}}});
        self.edit::<HasuraRoleBinding>("user-reader", spec).await?;
        Ok(())
    }

    async fn has_scope(&self, name: &str) -> anyhow::Result<()> {
        self.until_logto(&format!("the scope {name}"), |logto| {
            let resources = logto.tenant().resources();
            let mut scopes = resources
                .iter()
                .flat_map(|resource| logto.tenant().scopes(&resource.id));
            scopes.any(|scope| scope.name == name)
        })
        .await?;
        self.ready::<HasuraRoleBinding>("user-reader").await?;
        Ok(())
    }

    async fn edit_definition(&self, change: impl Fn(&mut Value)) -> anyhow::Result<()> {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let mut definition = serde_json::to_value(HasuraRoleBinding::crd())?;
        change(&mut definition);
        let params = PatchParams::apply("test").force();
        definitions
            .patch(BINDINGS, &params, &Patch::Apply(definition))
            .await?;
        let established = await_condition(definitions, BINDINGS, is_crd_established());
        tokio::time::timeout(Duration::from_secs(30), established).await??;
        Ok(())
    }
}

/// The process is the one that was started, and its probes say so.
async fn is_well(operator: &Operator) -> anyhow::Result<()> {
    for path in ["/livez", "/readyz"] {
        let (status, text) = operator.get(path).await?;
        ensure!(status == 200, "{path}: {status} {text}");
    }
    Ok(())
}

async fn failed_watches(operator: &Operator, kind: &str) -> anyhow::Result<u64> {
    let (_, metrics) = operator.get("/metrics").await?;
    let start = format!("logto_hasura_watch_failures_total{{kind=\"{kind}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
    Ok(line.map_or(Ok(0), str::parse)?)
}

async fn changes_behind_a_restart_and_a_compaction_are_caught_up_with(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let control_plane = &world.cluster.control_plane;
    let operator = world.operator_at(control_plane.url(), &[])?;
    world.example_is_ready().await?;
    world.quiet().await?;
    // It sees nothing of all this, and what its watches could catch up with is forgotten (410).
    operator.signal(Signal::SIGSTOP)?;
    world.rename_scope("read:renamed").await?;
    world.delete::<HasuraRoleBinding>("user-maintainer").await?;
    control_plane.compact().await?;
    control_plane
        .restart_api_server(Duration::from_secs(1))
        .await?;
    operator.signal(Signal::SIGCONT)?;
    world.has_scope("read:renamed").await?;
    world.gone::<HasuraRoleBinding>("user-maintainer").await?;
    ensure!(world.made() == (1, 1, 1), "{:?}", world.made());
    is_well(&operator).await
}

async fn an_api_server_that_is_away_is_waited_for_and_fails_no_probe(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let control_plane = &world.cluster.control_plane;
    let operator = world.operator_at(control_plane.url(), &SHORT)?;
    world.example_is_ready().await?;
    world.quiet().await?;
    let writes = world.logto.writes();
    let probe = async {
        // Longer than each time limit that it has.
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            is_well(&operator).await?;
        }
        anyhow::Ok(())
    };
    let away = control_plane.restart_api_server(Duration::from_secs(10));
    let (probed, back) = tokio::join!(probe, away);
    probed?;
    back?;
    world.rename_scope("read:renamed").await?;
    world.has_scope("read:renamed").await?;
    ensure!(
        world.logto.writes() - world.script_writes() <= writes + 1,
        "one scope was renamed: {:?}",
        world.logto.last_requests(20)
    );
    is_well(&operator).await
}

async fn a_watch_that_died_without_a_word_is_made_anew(world: Arc<World>) -> anyhow::Result<()> {
    let record = Record::new();
    let proxy = world.api_proxy(&record).await?;
    let operator = world.operator_at(&proxy.url(), &SHORT)?;
    world.example_is_ready().await?;
    record.silence_streams();
    world.rename_scope("read:renamed").await?;
    world.has_scope("read:renamed").await?;
    is_well(&operator).await
}

async fn a_right_that_is_taken_away_and_given_back_stops_its_own_kind_only(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let user = world.namespace.clone();
    allow(
        &world,
        &user,
        &["logtotenants", "hasurainstances", "hasurarolebindings"],
    )
    .await?;
    let url = world.cluster.control_plane.url();
    let operator = world.start_replica_as("operator", url, Some(&user), &SHORT)?;
    world.example_is_ready().await?;

    allow(&world, &user, &["logtotenants", "hasurainstances"]).await?;
    world
        .until("the watch of bindings to fail", || async {
            let failed = failed_watches(&operator, "HasuraRoleBinding").await?;
            Ok((failed > 0).then_some(()))
        })
        .await?;
    world.rename_scope("read:renamed").await?;
    let skew = json!({"spec": {"auth": {"jwt": {"allowedSkewSeconds": 30}}}});
    world.edit::<HasuraInstance>("shop", skew).await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(world.made() == (1, 2, 2), "{:?}", world.made());
    is_well(&operator).await?;

    allow(
        &world,
        &user,
        &["logtotenants", "hasurainstances", "hasurarolebindings"],
    )
    .await?;
    world.has_scope("read:renamed").await?;
    is_well(&operator).await?;
    forbid(&world, &user).await
}

/// Gives a user the operator's rights, with these of our kinds.
async fn allow(world: &World, user: &str, kinds: &[&str]) -> anyhow::Result<()> {
    let params = PatchParams::apply("test").force();
    let statuses = [
        "logtotenants/status",
        "hasurainstances/status",
        "hasurarolebindings/status",
    ];
    let group = "rbac.authorization.k8s.io";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": user},
        "rules": [
            {"apiGroups": ["logto-hasura.dev"], "resources": kinds, "verbs": ["*"]},
            {"apiGroups": ["logto-hasura.dev"], "resources": statuses, "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["secrets", "namespaces"], "verbs": ["get"]},
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch", "patch"]},
        ],
    });
    let roles: Api<ClusterRole> = Api::all(world.client.clone());
    roles.patch(user, &params, &Patch::Apply(role)).await?;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    });
    let bindings: Api<ClusterRoleBinding> = Api::all(world.client.clone());
    bindings
        .patch(user, &params, &Patch::Apply(binding))
        .await?;
    Ok(())
}

async fn forbid(world: &World, user: &str) -> anyhow::Result<()> {
    let params = DeleteParams::default();
    let bindings: Api<ClusterRoleBinding> = Api::all(world.client.clone());
    bindings.delete(user, &params).await?;
    let roles: Api<ClusterRole> = Api::all(world.client.clone());
    roles.delete(user, &params).await?;
    Ok(())
}

async fn a_kind_that_is_not_defined_yet_is_waited_for(world: Arc<World>) -> anyhow::Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(world.client.clone());
    definitions
        .delete(BINDINGS, &DeleteParams::default())
        .await?;
    world
        .until("the definition to be gone", || async {
            Ok(definitions.get_opt(BINDINGS).await?.is_none().then_some(()))
        })
        .await?;
    let operator = world.operator_at(world.cluster.control_plane.url(), &SHORT)?;
    world
        .until("the watch of bindings to fail", || async {
            let failed = failed_watches(&operator, "HasuraRoleBinding")
                .await
                .unwrap_or_default();
            Ok((failed > 0).then_some(()))
        })
        .await?;
    world.apply_base().await?;
    ensure!(operator.get("/livez").await?.0 == 200);
    let (status, text) = operator.get("/readyz").await?;
    ensure!(
        status == 503,
        "what is not read yet may not be taken for gone: {text}"
    );
    ensure!(world.logto.writes() == 0);
    world.edit_definition(|_| {}).await?;
    world.apply_example().await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    is_well(&operator).await
}

async fn an_object_that_can_not_be_read_stops_no_other(world: Arc<World>) -> anyhow::Result<()> {
    let url = world.cluster.control_plane.url();
    let operator = world.operator_at(url, &[])?;
    world.example_is_ready().await?;
    // As a later version might define it.
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    world
        .edit_definition(|definition| {
            definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] =
                anything.clone();
        })
        .await?;
    let resource = ApiResource::erase::<HasuraRoleBinding>(&());
    let bindings: Api<DynamicObject> =
        Api::namespaced_with(world.client.clone(), &world.namespace, &resource);
    let unknown = json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraRoleBinding", "metadata": {"name": "unknown"},
        "spec": {"instanceRef": ["shop"], "scope": 7},
    });
    let params = PatchParams::apply("test").force();
    bindings
        .patch("unknown", &params, &Patch::Apply(&unknown))
        .await?;
    // One that was fine becomes unreadable: what is known of it stays.
    let scope = Patch::Merge(json!({"spec": {"scope": 7}}));
    bindings
        .patch("user-maintainer", &PatchParams::default(), &scope)
        .await?;
    world.rename_scope("read:renamed").await?;
    world.has_scope("read:renamed").await?;
    ensure!(world.made() == (1, 2, 2), "{:?}", world.made());
    let (_, metrics) = operator.get("/metrics").await?;
    let counted = "logto_hasura_unreadable_objects_total{kind=\"HasuraRoleBinding\"}";
    let line = metrics.lines().find(|line| line.starts_with(counted));
    ensure!(line.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    ensure!(operator.log().contains("can not be read"));

    // Nor does it stop the next process from starting.
    operator.stop().await?;
    let operator = world.operator_at(url, &[])?;
    world.rename_scope("read:again").await?;
    world.has_scope("read:again").await?;
    let maintainer = world.binding("user-maintainer", "user:maintainer", "maintain:user");
    bindings
        .patch("user-maintainer", &params, &Patch::Apply(&maintainer))
        .await
        .context("mending it")?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    ensure!(world.made() == (1, 2, 2), "{:?}", world.made());
    bindings.delete("unknown", &DeleteParams::default()).await?;
    is_well(&operator).await?;
    world.edit_definition(|_| {}).await
}
