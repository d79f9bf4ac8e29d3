//! Each value of the chart does something, and one that can not work is refused before anything is installed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::helm::{CHART, Helm};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        a_value_that_is_unknown_or_can_not_work_is_refused,
        every_value_does_something,
    ]
}

/// For each value of values.yaml another one than its default.
pub const OTHER_VALUES: &[&str] = &[
    "admission.enabled=false",
    "aggregatedRoles.enabled=false",
    "replicas=0",
    "podDisruptionBudget.enabled=false",
    r#"podDisruptionBudget.maxUnavailable="50%""#,
    "leaderElection.enabled=false",
    "replacedScripts=true",
    "delivery.secrets=true",
    "delivery.configMaps=true",
    r#"delivery.keys=["jwt.secret"]"#,
    "pods.enabled=false",
    r#"image.repository="registry.example.com/logto-hasura""#,
    r#"image.tag="9.9.9""#,
    r#"image.digest="sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef""#,
    r#"image.pullPolicy="Always""#,
    r#"imagePullSecrets=[{"name": "registry"}]"#,
    r#"ownerId="staging""#,
    r#"watchNamespaces=["shop", "billing"]"#,
    r#"secrets=[{"namespace": "shop", "names": ["logto-m2m"], "delivered": ["shop-auth"]}]"#,
    r#"allowedLogtoHosts=["logto.example.com", "*.logto.app"]"#,
    "crds.enabled=false",
    // The rest of it makes kinds that this API server does not have; chart/monitoring.rs looks at those.
    r#"monitoring={"dashboard": {"enabled": true}}"#,
    r#"log.format="text""#,
    r#"log.filter="info,logto_hasura=debug""#,
    r#"listen.address="[::]""#,
    "listen.port=9090",
    r#"service.annotations={"prometheus.io/scrape": "true"}"#,
    "networkPolicy.enabled=true",
    r#"networkPolicy.metricsFrom=[{"namespaceSelector": {}}]"#,
    "networkPolicy.dns.ports=[53, 5353]",
    r#"networkPolicy.dns.to=[{"namespaceSelector": {}}]"#,
    "networkPolicy.apiServer.ports=[6443]",
    r#"networkPolicy.apiServer.to=[{"ipBlock": {"cidr": "10.0.0.1/32"}}]"#,
    "networkPolicy.logto.ports=[443, 3001]",
    r#"networkPolicy.logto.to=[{"podSelector": {"matchLabels": {"app": "logto"}}}]"#,
    r#"networkPolicy.extraEgress=[{"ports": [{"protocol": "TCP", "port": 3128}]}]"#,
    r#"resources={"requests": {"cpu": "1"}, "limits": null}"#,
    "serviceAccount.create=false",
    r#"serviceAccount.name="operator""#,
    r#"serviceAccount.annotations={"example.com/role": "operator"}"#,
    r#"extraEnv=[{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}]"#,
    r#"podLabels={"team": "identity"}"#,
    r#"podAnnotations={"example.com/note": "7"}"#,
    r#"priorityClassName="system-cluster-critical""#,
    r#"nodeSelector={"kubernetes.io/arch": "amd64"}"#,
    r#"tolerations=[{"key": "infra", "operator": "Exists"}]"#,
    r#"affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]}}}"#,
    r#"topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway"}]"#,
    r#"extraObjects=[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-extra",
        "namespace": "{{ .Release.Namespace }}"}}]"#,
];

/// What a value needs beside it to do anything.
fn needs(key: &str) -> &'static [&'static str] {
    match key.split('.').next() {
        Some("podDisruptionBudget") => &["replicas=2"],
        Some("networkPolicy") if key != "networkPolicy.enabled" => &["networkPolicy.enabled=true"],
        _ if key == "serviceAccount.create" => &[r#"serviceAccount.name="operator""#],
        _ => &[],
    }
}

async fn a_value_that_is_unknown_or_can_not_work_is_refused(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    for (value, named) in [
        ("replicas=-1", "replicas"),
        (r#"leaderElection.enabled="yes""#, "enabled"),
        ("podDisruptionBudget.maxUnavailable=0", "maxUnavailable"),
        ("podDisruptionBudget.minAvailable=1", "minAvailable"),
        (r#"image.registry="x""#, "registry"),
        (r#"image.digest="sha256:12""#, "digest"),
        (r#"image.repository="""#, "repository"),
        (r#"ownerId="Prod""#, "ownerId"),
        (r#"ownerId="seventeen-letters""#, "ownerId"),
        ("ownerId=7", "ownerId"),
        (r#"watchNamespace="a""#, "watchNamespace"),
        (r#"watchNamespaces=["a,b"]"#, "watchNamespaces"),
        (r#"watchNamespaces=["a", "a"]"#, "watchNamespaces"),
        (r#"secrets=[{"namespace": "a"}]"#, "delivered"),
        (r#"secrets=[{"namespace": "a", "names": []}]"#, "names"),
        (r#"secrets=[{"names": ["a"]}]"#, "namespace"),
        (
            r#"allowedLogtoHosts=["https://a.example"]"#,
            "allowedLogtoHosts",
        ),
        (r#"crds.enabled="no""#, "enabled"),
        (r#"pods.enabled="no""#, "enabled"),
        ("pods.watch=true", "watch"),
        (r#"log.format="xml""#, "format"),
        (r#"watchNamespaces=["shop"]"#, "ownerId"),
        ("listen.port=80", "port"),
        ("networkPolicy.logto.ports=[]", "ports"),
        (r#"networkPolicy.logto.hosts=["a"]"#, "hosts"),
        ("service.annotations.a=1", "annotations"),
        ("serviceAccount.create=false", "serviceAccount.name"),
        (r#"serviceAccount.token="x""#, "token"),
        (r#"extraEnv=[{"value": "x"}]"#, "name"),
        (
            r#"podLabels={"app.kubernetes.io/name": "x"}"#,
            "app.kubernetes.io/name",
        ),
        ("podLabels={\"a\": 1}", "podLabels"),
        ("topologySpreadConstraints={}", "topologySpreadConstraints"),
        ("extraObjects=[7]", "extraObjects"),
        (r#"nodeSelector={"a": 1}"#, "nodeSelector"),
    ] {
        let refused = helm.template(&[value]).await;
        let said = refused
            .err()
            .with_context(|| format!("{value} was taken"))?;
        ensure!(said.to_string().contains(named), "{value}: {said:#}");
    }
    let here = r#"secrets=[{"namespace": "a", "names": ["b"]}]"#;
    for (values, named) in [
        (
            &["leaderElection.enabled=false", "replicas=2"][..],
            "leaderElection",
        ),
        (&[here, "delivery.secrets=true"], "delivered"),
        (
            &[here, r#"ownerId="x""#, r#"watchNamespaces=["b"]"#],
            "watchNamespaces",
        ),
        (
            &[
                r#"secrets=[{"namespace": "a", "names": ["b"]}, {"namespace": "a", "names": ["c"]}]"#,
            ],
            "two entries",
        ),
    ] {
        let said = helm.template(values).await.err();
        let said = said.with_context(|| format!("{values:?} were taken"))?;
        ensure!(said.to_string().contains(named), "{values:?}: {said:#}");
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
    let key = |value: &&'static str| value.split_once('=').map(|(key, _)| key);
    let known: BTreeSet<&str> = OTHER_VALUES.iter().filter_map(key).collect();
    let listed = keys(&values, "", &known);
    ensure!(
        listed.iter().map(String::as_str).eq(known.iter().copied()),
        "values.yaml has {listed:?}, this test tries {known:?}"
    );
    // Without an owner id no namespace is watched alone.
    let owner = r#"ownerId="prod""#;
    let mut defaults = BTreeMap::new();
    for value in OTHER_VALUES {
        let needed = needs(key(value).context("a key")?);
        let needed = [&[owner], needed].concat();
        if !defaults.contains_key(&needed) {
            let default = helm.template(&needed).await?;
            defaults.insert(needed.clone(), default);
        }
        let other = helm.template(&[&needed[..], &[value]].concat()).await?;
        ensure!(defaults[&needed] != other, "{value} changes nothing");
    }
    Ok(())
}
