//! Least privilege, by the API server's audit log: over all that the operator does for people nothing is refused to it, and
//! it has no right that it does not use.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret},
    events::v1::Event,
};
use kube::api::ListParams;
use logto_emulator::TokenKind;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use super::{
    access::{Account, line},
    helm::{Helm, RELEASE},
};
use crate::{
    audit::{Answered, answered},
    release::write_kubeconfig,
    suite::Test,
    tests,
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![nothing_is_refused_to_the_operator_and_no_right_of_it_is_idle]
}

/// All that gives it more rights.
const VALUES: [&str; 3] = [
    "delivery.secrets=true",
    "delivery.configMaps=true",
    "replacedScripts=true",
];

async fn nothing_is_refused_to_the_operator_and_no_right_of_it_is_idle(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    helm.install(&VALUES).await?;
    let account = Account::of_release(&world).await?;
    account.reads_kube_system(&world).await?;
    let admin = &world.cluster.kubeconfig;
    let kubeconfig = world.folder.path().join("release.kubeconfig");
    write_kubeconfig(&world.client, &world.namespace, admin, &kubeconfig).await?;
    // With the rights for all namespaces it works in one, beside the operators of other tests.
    let flags = ["--leader-elect", "--lease-namespace", &world.namespace];
    world.start_operator_with(&kubeconfig, &flags)?;
    everything(&world).await?;
    world.stop_operator().await?;

    let granted = granted(&helm.objects(&VALUES).await?);
    ensure!(granted.len() > 30, "{granted:#?}");
    let log = world.cluster.control_plane.audit_log();
    let user = format!("system:serviceaccount:{}:{RELEASE}", world.namespace);
    // An answer is noted a moment after it was sent.
    let idle = || {
        let used = answered(&log, &user)?.iter().map(right).collect();
        anyhow::Ok(granted.difference(&used).cloned().collect::<Vec<_>>())
    };
    let all_used = world.until("all rights to be used", || async {
        Ok(idle()?.is_empty().then_some(()))
    });
    all_used
        .await
        .with_context(|| format!("granted, and never used: {:?}", idle().ok()))?;
    let all = answered(&log, &user)?;
    let refused: Vec<&Answered> = all.iter().filter(|it| it.is_refused()).collect();
    ensure!(refused.is_empty(), "{refused:#?}");
    helm.uninstall().await
}

fn right(answered: &Answered) -> String {
    line(&answered.verb, &answered.group, &answered.resource)
}

/// Each verb on each resource that the rules of the operator's roles name.
fn granted(objects: &[Value]) -> BTreeSet<String> {
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(|text| Some(text.as_str()?.to_owned()))
            .collect()
    };
    let roles = objects.iter().filter(|object| {
        let labels = object["metadata"]["labels"].as_object();
        let is_of_people =
            labels.is_some_and(|all| all.keys().any(|key| key.contains("aggregate-to")));
        matches!(object["kind"].as_str(), Some("Role" | "ClusterRole")) && !is_of_people
    });
    let mut granted = BTreeSet::new();
    for rule in roles.filter_map(|role| role["rules"].as_array()).flatten() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                let lines = texts(&rule["verbs"]).into_iter();
                granted.extend(lines.map(|verb| line(&verb, &group, &resource)));
            }
        }
    }
    granted
}

/// An instance of a Hasura that runs elsewhere and takes its settings from an object.
fn elsewhere(world: &World, mode: &str) -> Value {
    let name = mode.to_lowercase();
    let mut instance = world.instance();
    instance["metadata"]["name"] = json!(name);
    let spec = &mut instance["spec"];
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("deploymentRef");
    }
    spec["apiResource"]["indicator"] = json!(format!("https://{name}.example.com/v1/graphql"));
    spec["logtoRoleNamePrefix"] = json!(format!("{name}-"));
    spec["delivery"] = json!({"mode": mode});
    spec["deletionPolicy"] = json!("Delete");
    instance
}

/// Everything that the operator asks of the API server.
async fn everything(world: &World) -> anyhow::Result<()> {
    let script = json!({"script": "const getCustomJwtClaims = async () => ({});"});
    let script = script.as_object().cloned().unwrap_or_default();
    let logto = world.logto.tenant();
    logto.set_custom_jwt(TokenKind::AccessToken, script);
    world.apply::<Secret>(world.secret()).await?;
    let mut tenant = world.tenant();
    tenant["spec"]["customClaims"] = json!({"existingScript": "Replace"});
    world.apply::<LogtoTenant>(tenant).await?;
    a_deployment_whose_settings_come_from_elsewhere(world).await?;
    let mut instance = world.instance();
    instance["spec"]["deletionPolicy"] = json!("Delete");
    let labels = json!({"matchLabels": {"team": "a"}});
    instance["spec"]["allowedBindings"] =
        json!([{"namespaces": labels, "hasuraRoles": ["team-a:*"]}]);
    world.apply::<HasuraInstance>(instance).await?;
    let binding = world.binding("user-reader", "user:reader", "read:user");
    world.apply::<HasuraRoleBinding>(binding).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let team = world.beside("team", json!({"team": "a"})).await?;
    let mut theirs = team.binding("reader", "team-a:reader", "read:team");
    theirs["spec"]["instanceRef"]["namespace"] = json!(world.namespace);
    team.apply::<HasuraRoleBinding>(theirs).await?;

    // The second patch of the Deployment is the second event of a series.
    world.event("shop", "DeploymentPatched").await?;
    let role = json!({"spec": {"auth": {"unauthorizedRole": "anonymous"}}});
    world.edit::<HasuraInstance>("shop", role.clone()).await?;
    world
        .until("a series of events", || async {
            let events = world.api::<Event>().list(&ListParams::default()).await?;
            let is_series = |event: &Event| event.series.is_some();
            Ok(events.into_iter().find(is_series))
        })
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    for mode in ["Secret", "ConfigMap"] {
        let name = mode.to_lowercase();
        world
            .apply::<HasuraInstance>(elsewhere(world, mode))
            .await?;
        world.ready::<HasuraInstance>(&name).await?;
        world.edit::<HasuraInstance>(&name, role.clone()).await?;
        world.ready::<HasuraInstance>(&name).await?;
        world.delete::<HasuraInstance>(&name).await?;
        world.gone::<HasuraInstance>(&name).await?;
    }
    world.delete_in_order().await?;
    team.end().await;
    Ok(())
}

/// Only who reads the ConfigMap sees an admin secret, without which the operator writes nothing.
pub async fn a_deployment_whose_settings_come_from_elsewhere(world: &World) -> anyhow::Result<()> {
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
    Ok(())
}
