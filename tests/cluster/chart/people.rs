//! Whom the API server lets write a HasuraInstance or a LogtoTenant: who might do himself what the operator does for it.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::{
    core::v1::Namespace,
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use logto_hasura::api::{HasuraInstance, LogtoTenant};
use serde_json::{Value, json};

use super::{
    helm::{Helm, watching},
    policies::{Asker, in_force, refusal, refused},
};
use crate::{
    suite::Test,
    tests,
    watches::{give, take},
    world::World,
};

pub fn tests() -> Vec<Test> {
    tests![
        only_who_may_patch_the_deployment_decides_what_the_operator_does_to_it,
        to_name_another_deployment_takes_the_right_to_the_old_one_and_to_the_new_one,
        without_a_deployment_it_takes_the_right_to_the_object_that_is_delivered,
        only_who_may_get_the_secret_decides_what_is_done_with_it,
        a_namespace_can_be_deleted_with_all_that_is_in_it,
        a_release_that_watches_one_namespace_asks_nobody_elsewhere,
    ]
}

const INSTANCES: &str = "instances";
const TENANTS: &str = "tenants";

/// The release, for this namespace.
async fn installed(world: &World) -> anyhow::Result<Helm> {
    let helm = Helm::of(world).await?;
    let here = watching(&[&world.namespace]);
    helm.install(&[&here, r#"ownerId="people""#]).await?;
    Ok(helm)
}

/// Somebody who may write our kinds and do what these rules say, once the authorizer knows.
async fn somebody(world: &World, name: &str, mut rules: Vec<Value>) -> anyhow::Result<Asker> {
    rules.push(json!({"apiGroups": ["logto-hasura.dev"], "resources": ["*"], "verbs": ["*"]}));
    let group = "rbac.authorization.k8s.io";
    let version = format!("{group}/v1");
    world
        .apply::<Role>(json!({"apiVersion": version, "kind": "Role", "metadata": {"name": name}, "rules": rules}))
        .await?;
    let user = format!("{name}-{}", world.namespace);
    world
        .apply::<RoleBinding>(json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }))
        .await?;
    let asker = Asker::new(world, &user)?;
    world
        .until("the rights to be in force", || async {
            let (tenants, all) = (asker.api::<LogtoTenant>(), ListParams::default());
            Ok(tenants.list(&all).await.ok().map(|_| ()))
        })
        .await?;
    Ok(asker)
}

/// The right to do something to one object.
fn right(verb: &str, group: &str, resource: &str, name: &str) -> Value {
    json!({"apiGroups": [group], "resources": [resource], "resourceNames": [name], "verbs": [verb]})
}

fn patch_hasura() -> Vec<Value> {
    vec![right("patch", "apps", "deployments", "hasura")]
}

/// An instance of this name; only one may leave the prefix of its roles empty, which the operator minds, not the API server.
fn instance(world: &World, name: &str) -> Value {
    let mut instance = world.instance();
    instance["metadata"]["name"] = json!(name);
    instance
}

async fn only_who_may_patch_the_deployment_decides_what_the_operator_does_to_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = installed(&world).await?;
    let owner = somebody(&world, "owner", patch_hasura()).await?;
    let other = vec![right("patch", "apps", "deployments", "other")];
    let stranger = somebody(&world, "stranger", other).await?;
    let shop = instance(&world, "shop");
    let dry = stranger.dry();
    in_force(&world, INSTANCES, || dry.create::<HasuraInstance>(&shop)).await?;
    owner.create::<HasuraInstance>(&shop).await?;
    let words = "to patch the Deployment hasura";
    let answer = stranger
        .create::<HasuraInstance>(&instance(&world, "another"))
        .await;
    refused(&world, INSTANCES, answer, words)?;

    for fields in [
        json!({"auth": {"unauthorizedRole": "anonymous"}}),
        json!({"auth": {"jwt": {"allowedSkewSeconds": 1}}}),
        json!({"delivery": {"conflictPolicy": "Force"}}),
        json!({"delivery": {"mode": "ConfigMap", "conflictPolicy": "Fail"}}),
        json!({"apiResource": {"accessTokenTtlSeconds": 86400}}),
        json!({"deletionPolicy": "Delete"}),
    ] {
        let fields = json!({"spec": fields});
        let answer = stranger.edit::<HasuraInstance>("shop", &fields).await;
        refused(&world, INSTANCES, answer, words).context(fields.to_string())?;
        owner.edit::<HasuraInstance>("shop", &fields).await?;
    }
    // What does nothing to the Deployment is not asked about.
    for fields in [
        json!({"metadata": {"labels": {"team": "a"}}}),
        json!({"metadata": {"finalizers": ["logto-hasura.dev/cleanup"]}}),
        json!({"spec": {"suspend": true}}),
        json!({"metadata": {"finalizers": null}}),
    ] {
        stranger.edit::<HasuraInstance>("shop", &fields).await?;
    }
    let answer = stranger.delete::<HasuraInstance>("shop").await;
    refused(&world, INSTANCES, answer, words)?;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    stranger.edit::<HasuraInstance>("shop", &retain).await?;
    stranger.delete::<HasuraInstance>("shop").await?;
    let mut shop = instance(&world, "shop");
    shop["spec"]["deletionPolicy"] = json!("Delete");
    owner.create::<HasuraInstance>(&shop).await?;
    owner.delete::<HasuraInstance>("shop").await?;
    helm.uninstall().await
}

async fn to_name_another_deployment_takes_the_right_to_the_old_one_and_to_the_new_one(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = installed(&world).await?;
    let may_patch = |names: &[&str]| -> Vec<Value> {
        let right = |name: &&str| right("patch", "apps", "deployments", name);
        names.iter().map(right).collect()
    };
    let of_old = somebody(&world, "of-old", may_patch(&["hasura"])).await?;
    let of_new = somebody(&world, "of-new", may_patch(&["other"])).await?;
    let of_both = somebody(&world, "of-both", may_patch(&["hasura", "other"])).await?;
    let shop = instance(&world, "shop");
    let dry = of_new.dry();
    in_force(&world, INSTANCES, || dry.create::<HasuraInstance>(&shop)).await?;
    of_old.create::<HasuraInstance>(&shop).await?;
    let named = json!({"spec": {"deploymentRef": {"name": "other"}}});
    let words = "to patch the Deployment hasura and the Deployment other";
    for somebody in [&of_old, &of_new] {
        let answer = somebody.edit::<HasuraInstance>("shop", &named).await;
        refused(&world, INSTANCES, answer, words)?;
    }
    let container = json!({"spec": {"deploymentRef": {"container": "proxy"}}});
    let answer = of_new.edit::<HasuraInstance>("shop", &container).await;
    refused(&world, INSTANCES, answer, "to patch the Deployment hasura")?;
    of_old.edit::<HasuraInstance>("shop", &container).await?;
    of_both.edit::<HasuraInstance>("shop", &named).await?;

    // The settings are on the old one yet, and who may not touch it has them taken away in no other way.
    let before = |names: &[&str]| -> Value {
        let one =
            |name: &&str| json!({"name": name, "uid": "1", "authHash": "", "rolledOut": false});
        let all: Vec<Value> = names.iter().map(one).collect();
        json!({"status": {"previousDeployments": all}})
    };
    let delete = json!({"spec": {"deletionPolicy": "Delete"}});
    for names in [&["hasura"][..], &["other", "other", "hasura"]] {
        world
            .forge_status::<HasuraInstance>("shop", before(names))
            .await?;
        let answer = of_new.edit::<HasuraInstance>("shop", &delete).await;
        refused(&world, INSTANCES, answer, "that were named before")?;
    }
    let retain = json!({"spec": {"auth": {"unauthorizedRole": "anonymous"}}});
    of_new.edit::<HasuraInstance>("shop", &retain).await?;
    of_both.edit::<HasuraInstance>("shop", &delete).await?;
    let answer = of_new.delete::<HasuraInstance>("shop").await;
    refused(&world, INSTANCES, answer, "that were named before")?;
    of_both.delete::<HasuraInstance>("shop").await?;
    helm.uninstall().await
}

async fn without_a_deployment_it_takes_the_right_to_the_object_that_is_delivered(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = installed(&world).await?;
    let rules = vec![right("update", "", "configmaps", "shop-auth")];
    let config_maps = somebody(&world, "config-maps", rules).await?;
    let rules = vec![right("update", "", "secrets", "named")];
    let secrets = somebody(&world, "secrets", rules).await?;
    let elsewhere = |delivery: Value| {
        let mut instance = instance(&world, "shop");
        instance["spec"]["delivery"] = delivery;
        let spec = instance["spec"].as_object_mut();
        spec.map(|spec| spec.remove("deploymentRef"));
        instance
    };
    let config_map = elsewhere(json!({"mode": "ConfigMap"}));
    let secret = elsewhere(json!({"mode": "Secret", "name": "named"}));
    let dry = secrets.dry();
    in_force(&world, INSTANCES, || {
        dry.create::<HasuraInstance>(&config_map)
    })
    .await?;
    let answer = secrets.create::<HasuraInstance>(&config_map).await;
    refused(
        &world,
        INSTANCES,
        answer,
        "to update the ConfigMap shop-auth",
    )?;
    let answer = config_maps.create::<HasuraInstance>(&secret).await;
    refused(&world, INSTANCES, answer, "to update the Secret named")?;
    secrets.dry().create::<HasuraInstance>(&secret).await?;
    config_maps.create::<HasuraInstance>(&config_map).await?;
    // The object of before goes, so it takes the right to both.
    let switch = json!({"spec": {"delivery": {"mode": "Secret", "name": "named"}}});
    for somebody in [&config_maps, &secrets] {
        let answer = somebody.edit::<HasuraInstance>("shop", &switch).await;
        let words = "to update the ConfigMap shop-auth and the Secret named";
        refused(&world, INSTANCES, answer, words)?;
    }
    helm.uninstall().await
}

async fn only_who_may_get_the_secret_decides_what_is_done_with_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = installed(&world).await?;
    let rules = vec![right("get", "", "secrets", "logto-m2m")];
    let owner = somebody(&world, "owner", rules).await?;
    let rules = vec![right("get", "", "secrets", "mine")];
    let stranger = somebody(&world, "stranger", rules).await?;
    let main = world.tenant();
    let dry = stranger.dry();
    in_force(&world, TENANTS, || dry.create::<LogtoTenant>(&main)).await?;
    owner.create::<LogtoTenant>(&main).await?;
    let words = "to get the Secret logto-m2m";
    let mut another = world.tenant();
    another["metadata"]["name"] = json!("another");
    let answer = stranger.create::<LogtoTenant>(&another).await;
    refused(&world, TENANTS, answer, words)?;
    for fields in [
        json!({"suspend": true}),
        json!({"endpointForHasura": "http://evil.example"}),
        json!({"allowedInstances": [{"namespaces": {"names": ["evil"]}, "indicatorPrefixes": ["https://a/"]}]}),
        // With a Logto of his own he would vouch for everybody.
        json!({"credentialsSecretRef": {"name": "mine"}}),
    ] {
        let fields = json!({"spec": fields});
        let answer = stranger.edit::<LogtoTenant>("main", &fields).await;
        refused(&world, TENANTS, answer, words).context(fields.to_string())?;
    }
    owner
        .edit::<LogtoTenant>("main", &json!({"spec": {"suspend": true}}))
        .await?;
    let mine = json!({"spec": {"credentialsSecretRef": {"name": "mine"}}});
    let answer = owner.edit::<LogtoTenant>("main", &mine).await;
    refused(&world, TENANTS, answer, "and the Secret mine")?;
    let labels = json!({"metadata": {"labels": {"team": "a"}}});
    stranger.edit::<LogtoTenant>("main", &labels).await?;
    let answer = stranger.delete::<LogtoTenant>("main").await;
    refused(&world, TENANTS, answer, words)?;
    owner.delete::<LogtoTenant>("main").await?;
    helm.uninstall().await
}

async fn a_namespace_can_be_deleted_with_all_that_is_in_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let leaving = world.beside("leaving", json!({})).await?;
    let helm = Helm::of(&world).await?;
    let there = watching(&[&leaving.namespace]);
    helm.install(&[&there, r#"ownerId="people""#]).await?;
    // Rights that stay when all in the namespace goes, but for one to patch Deployments.
    give(&world, &world.namespace, false).await?;
    let stranger = Asker::new(&leaving, &world.namespace)?;
    let mut shop = instance(&world, "shop");
    shop["spec"]["deletionPolicy"] = json!("Delete");
    shop["metadata"]["finalizers"] = json!(["example.com/held"]);
    leaving.apply::<HasuraInstance>(shop).await?;
    let dry = stranger.dry();
    in_force(&world, INSTANCES, || dry.delete::<HasuraInstance>("shop")).await?;

    // Who may delete the namespace was asked already.
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let params = DeleteParams::default();
    namespaces.delete(&leaving.namespace, &params).await?;
    // Whether a namespace goes the API server reads off a copy of its own, which may come a little later.
    let deleted = || {
        let answer = stranger.delete::<HasuraInstance>("shop");
        async {
            let answer = answer.await;
            let asked = refusal(&world, INSTANCES, &answer).is_some();
            Ok((!asked).then_some(answer))
        }
    };
    world.until("nobody to be asked", deleted).await??;
    let none = json!({"metadata": {"finalizers": null}});
    leaving.edit::<HasuraInstance>("shop", none).await?;
    take(&world, &world.namespace).await?;
    leaving.end().await;
    helm.uninstall().await
}

async fn a_release_that_watches_one_namespace_asks_nobody_elsewhere(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let helm = installed(&world).await?;
    let here = somebody(&world, "stranger", vec![]).await?;
    let beside = world.beside("beside", json!({})).await?;
    let there = somebody(&beside, "stranger", vec![]).await?;
    let shop = instance(&world, "shop");
    let dry = here.dry();
    in_force(&world, INSTANCES, || dry.create::<HasuraInstance>(&shop)).await?;
    // Another test may have a release at the moment that asks everywhere.
    let answer = there.create::<HasuraInstance>(&shop).await;
    ensure!(refusal(&world, INSTANCES, &answer).is_none(), "{answer:?}");
    beside.end().await;
    helm.uninstall().await
}
