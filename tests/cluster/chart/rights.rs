//! What an installed release may do: all that the operator needs, and nothing else.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::ensure;
use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::json;

use super::{
    access::{Account, NAMESPACES, line},
    helm::{Helm, RELEASE, watching},
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        the_operator_of_all_namespaces_may_do_its_work_and_nothing_else,
        the_operator_of_some_namespaces_may_do_nothing_elsewhere,
        named_secrets_alone_can_be_read_and_delivered_ones_alone_be_changed,
        each_delivery_gives_its_own_rights_and_no_other,
        the_right_to_see_pods_can_be_withheld,
        people_get_the_rights_of_the_role_that_they_have_and_nobody_writes_a_status,
    ]
}

/// All that the operator may do where it works: group, resource, verbs; of all namespaces it sees the labels too.
const RIGHTS: [(&str, &str, &[&str]); 12] = [
    ("logto-hasura.dev", "logtotenants", KIND),
    ("logto-hasura.dev", "hasurainstances", KIND),
    ("logto-hasura.dev", "hasurarolebindings", KIND),
    ("logto-hasura.dev", "logtotenants/status", &["update"]),
    ("logto-hasura.dev", "hasurainstances/status", &["update"]),
    ("logto-hasura.dev", "hasurarolebindings/status", &["update"]),
    ("apps", "deployments", &["get", "list", "watch", "patch"]),
    ("", "pods", &["list"]),
    ("apps", "replicasets", &["get"]),
    ("", "secrets", &["get"]),
    ("", "configmaps", &["get"]),
    ("events.k8s.io", "events", &["create", "patch"]),
];

const KIND: &[&str] = &["list", "watch", "patch"];

/// Of its release's namespace alone, besides getting and updating that one Lease.
fn makes_leases() -> String {
    line("create", "coordination.k8s.io", "leases")
}

fn rights() -> BTreeSet<String> {
    let lines = |(group, resource, verbs): &(&str, &str, &[&str])| {
        let lines = verbs.iter().map(|verb| line(verb, group, resource));
        lines.collect::<Vec<_>>()
    };
    RIGHTS.iter().flat_map(lines).collect()
}

async fn the_operator_of_all_namespaces_may_do_its_work_and_nothing_else(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    helm.install(&[]).await?;
    let account = Account::of_release(&world).await?;
    account.reads_kube_system(&world).await?;
    let mut rights = rights();
    rights.extend(["list", "watch"].map(|verb| line(verb, NAMESPACES.0, NAMESPACES.1)));
    for namespace in ["", "kube-system", &world.namespace] {
        let mut allowed = account.all_it_may(namespace).await?;
        let leases = allowed.remove(&makes_leases());
        ensure!(leases == (namespace == world.namespace), "in {namespace:?}");
        ensure!(allowed == rights, "in {namespace:?}: {allowed:#?}");
    }
    for verb in ["get", "patch", "delete"] {
        let may = account.may(verb, NAMESPACES, "default", "default").await?;
        ensure!(!may, "it may {verb} the namespace default");
    }
    helm.uninstall().await
}

async fn the_operator_of_some_namespaces_may_do_nothing_elsewhere(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    let team = world.beside("team", json!({})).await?;
    let third = world.beside("third", json!({})).await?;
    let both = json!([world.namespace, team.namespace]);
    let both = format!("watchNamespaces={both}");
    helm.install(&[&both, r#"ownerId="staging""#]).await?;
    let account = Account::of_release(&world).await?;
    let rights = rights();
    let allowed = account.all_it_may(&team.namespace).await?;
    ensure!(allowed == rights, "in the team's: {allowed:#?}");
    let mut allowed = account.all_it_may(&world.namespace).await?;
    ensure!(
        allowed.remove(&makes_leases()) && allowed == rights,
        "{allowed:#?}"
    );
    let leases = ("coordination.k8s.io", "leases");
    for (name, expected) in [(RELEASE, true), ("another", false)] {
        for verb in ["get", "update"] {
            let may = account.may(verb, leases, &world.namespace, name).await?;
            ensure!(may == expected, "{verb} the lease {name}");
        }
    }
    for namespace in ["", "kube-system", &third.namespace] {
        let allowed = account.all_it_may(namespace).await?;
        ensure!(allowed.is_empty(), "in {namespace:?}: {allowed:#?}");
    }
    let kube_system = account.may("get", NAMESPACES, "kube-system", "kube-system");
    ensure!(!kube_system.await?, "an owner id was given");
    helm.uninstall().await?;
    team.end().await;
    third.end().await;
    Ok(())
}

async fn named_secrets_alone_can_be_read_and_delivered_ones_alone_be_changed(
    world: Arc<World>,
) -> anyhow::Result<()> {
    const SECRETS: (&str, &str) = ("", "secrets");
    let helm = Helm::of(&world).await?;
    let team = world.beside("team", json!({})).await?;
    let both = format!(
        "watchNamespaces={}",
        json!([world.namespace, team.namespace])
    );
    let secrets = json!([
        {"namespace": world.namespace, "names": ["logto-m2m", "corp-ca"]},
        {"namespace": team.namespace, "delivered": ["shop-auth"]},
    ]);
    let secrets = format!("secrets={secrets}");
    for values in [
        &[&*secrets][..],
        &[&*secrets, &*both, r#"ownerId="staging""#],
    ] {
        helm.install(values).await?;
        let account = Account::of_release(&world).await?;
        let (here, there) = (&*world.namespace, &*team.namespace);
        for (verb, namespace, name, expected) in [
            ("get", here, "logto-m2m", true),
            ("get", here, "corp-ca", true),
            ("get", here, "another", false),
            ("get", here, "", false),
            ("update", here, "logto-m2m", false),
            ("delete", here, "logto-m2m", false),
            ("create", here, "", false),
            ("get", there, "logto-m2m", false),
            ("get", there, "shop-auth", true),
            ("update", there, "shop-auth", true),
            ("delete", there, "shop-auth", true),
            ("create", there, "", true),
            ("update", there, "another", false),
            ("list", there, "", false),
        ] {
            let what = format!("{verb} {name:?} in {namespace} with {values:?}");
            let ask = || async {
                let may = account.may(verb, SECRETS, namespace, name).await?;
                Ok((may == expected).then_some(()))
            };
            if expected {
                // The authorizer learns of one Role after the other.
                world.until(&what, ask).await?;
            } else {
                ensure!(ask().await?.is_some(), "it may {what}");
            }
        }
        let kube_system = account.all_it_may("kube-system").await?;
        let on_secrets = kube_system.iter().find(|right| right.contains(" secrets."));
        ensure!(on_secrets.is_none(), "{on_secrets:?}");
        helm.uninstall().await?;
    }
    team.end().await;
    Ok(())
}

async fn each_delivery_gives_its_own_rights_and_no_other(world: Arc<World>) -> anyhow::Result<()> {
    let here = watching(&[&world.namespace]);
    for (value, resource) in [
        ("delivery.secrets=true", "secrets"),
        ("delivery.configMaps=true", "configmaps"),
    ] {
        let helm = Helm::of(&world).await?;
        helm.install(&[&here, r#"ownerId="staging""#, value])
            .await?;
        let account = Account::of_release(&world).await?;
        let mut expected = rights();
        expected.insert(makes_leases());
        expected.extend(["create", "update", "delete"].map(|verb| line(verb, "", resource)));
        let allowed = account.all_it_may(&world.namespace).await?;
        ensure!(allowed == expected, "{value}: {allowed:#?}");
        helm.uninstall().await?;
    }
    Ok(())
}

async fn the_right_to_see_pods_can_be_withheld(world: Arc<World>) -> anyhow::Result<()> {
    let here = watching(&[&world.namespace]);
    let helm = Helm::of(&world).await?;
    helm.install(&[&here, r#"ownerId="staging""#, "pods.enabled=false"])
        .await?;
    let account = Account::of_release(&world).await?;
    let mut expected = rights();
    expected.insert(makes_leases());
    expected.remove(&line("list", "", "pods"));
    expected.remove(&line("get", "apps", "replicasets"));
    let allowed = account.all_it_may(&world.namespace).await?;
    ensure!(allowed == expected, "{allowed:#?}");
    helm.uninstall().await
}

/// What the roles of Kubernetes for people let them do with our kinds, once the release is installed.
const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

async fn people_get_the_rights_of_the_role_that_they_have_and_nobody_writes_a_status(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = Helm::of(&world).await?;
    helm.install(&[]).await?;
    let group = "rbac.authorization.k8s.io";
    let ours = "logto-hasura.dev";
    for role in ["view", "edit", "admin"] {
        let user = format!("{role}-{}", world.namespace);
        world
            .apply::<RoleBinding>(json!({
                "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": role},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
            }))
            .await?;
        let person = Account::of_person(&world, &user);
        // The role is put together a moment after its parts were made.
        let (verb, kind) = match role {
            "view" => ("get", "logtotenants"),
            "edit" => ("create", "hasurainstances"),
            _ => ("create", "logtotenants"),
        };
        world
            .until("the rights to be in force", || async {
                let may = person.may(verb, (ours, kind), &world.namespace, "");
                Ok(may.await?.then_some(()))
            })
            .await?;
        for kind in ["logtotenants", "hasurainstances", "hasurarolebindings"] {
            let writes = role == "admin" || (role == "edit" && kind != "logtotenants");
            for (verbs, expected) in [(&READ[..], true), (&WRITE[..], writes)] {
                for verb in verbs {
                    let resource = (ours, kind);
                    let may = person.may(verb, resource, &world.namespace, "").await?;
                    ensure!(may == expected, "{role}: {verb} {kind}");
                    let status = format!("{kind}/status");
                    let resource = (ours, status.as_str());
                    let may = person.may(verb, resource, &world.namespace, "").await?;
                    ensure!(!may, "{role}: {verb} {status}");
                }
            }
        }
    }
    helm.uninstall().await
}
