//! What somebody can not do to our kinds, Secrets and ConfigMaps who holds the token of the operator.

use std::sync::Arc;

use anyhow::Context;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use logto_hasura::api::{HasuraInstance, LogtoTenant};
use serde_json::{Value, json};

use super::{
    access::Account,
    helm::{Helm, watching},
    policies::{Asker, in_force, refused},
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        the_operator_changes_nothing_of_its_kinds_but_its_finalizer,
        the_operator_makes_and_changes_no_secrets_but_its_instances,
    ]
}

/// The release with all values that give it more rights, and its account once they are in force.
async fn installed(world: &World) -> anyhow::Result<(Helm, Asker)> {
    let helm = Helm::of(world).await?;
    let here = watching(&[&world.namespace]);
    let values = [
        &here,
        r#"ownerId="confined""#,
        "delivery.secrets=true",
        "delivery.configMaps=true",
        r#"delivery.keys=["jwt.secret"]"#,
        "replacedScripts=true",
    ];
    helm.install(&values).await?;
    Account::of_release(world).await?;
    Ok((helm, Asker::operator(world)?))
}

async fn the_operator_changes_nothing_of_its_kinds_but_its_finalizer(
    world: Arc<World>,
) -> anyhow::Result<()> {
    const POLICY: &str = "finalizers";
    let (helm, operator) = installed(&world).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let mut instance = world.instance();
    instance["metadata"]["finalizers"] = json!(["example.com/theirs"]);
    world.apply::<HasuraInstance>(instance).await?;
    let suspend = json!({"spec": {"suspend": true}});
    let dry = operator.dry();
    in_force(&world, POLICY, || dry.edit::<LogtoTenant>("main", &suspend)).await?;

    let secret = json!({"spec": {"credentialsSecretRef": {"name": "another"}}});
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}]);
    for fields in [
        suspend.clone(),
        secret,
        json!({"spec": {"allowedInstances": [{"namespaces": {"names": ["evil"]}, "indicatorPrefixes": ["https://a/"]}]}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"annotations": {"a": "b"}}}),
        json!({"metadata": {"ownerReferences": owner}}),
        json!({"metadata": {"finalizers": ["example.com/evil"]}}),
    ] {
        let answer = operator.edit::<LogtoTenant>("main", &fields).await;
        refused(&world, POLICY, answer, "but its finalizer").context(fields.to_string())?;
    }
    let both =
        json!({"metadata": {"finalizers": ["example.com/theirs", "logto-hasura.dev/cleanup"]}});
    let theirs = json!({"metadata": {"finalizers": ["example.com/theirs"]}});
    let ours = json!({"metadata": {"finalizers": ["logto-hasura.dev/cleanup"]}});
    operator.edit::<HasuraInstance>("shop", &both).await?;
    let answer = operator.edit::<HasuraInstance>("shop", &ours).await;
    refused(&world, POLICY, answer, "but its finalizer")?;
    operator.edit::<HasuraInstance>("shop", &theirs).await?;
    let none = json!({"metadata": {"finalizers": null}});
    world.edit::<HasuraInstance>("shop", none).await?;
    helm.uninstall().await
}

/// A Secret as the operator makes it.
fn delivered(name: &str) -> Value {
    json!({
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "logto-hasura"},
            "ownerReferences": [owner("HasuraInstance")],
        },
        "type": "Opaque",
        "data": {"HASURA_GRAPHQL_JWT_SECRET": "e30="},
    })
}

fn owner(kind: &str) -> Value {
    json!({"apiVersion": "logto-hasura.dev/v1alpha1", "kind": kind, "name": "x", "uid": "none"})
}

/// One that differs in a field.
fn with(field: &str, value: Value) -> Value {
    let mut object = delivered("evil");
    let (outer, inner) = field.split_once('/').unwrap_or((field, ""));
    match inner {
        "" => object[outer] = value,
        inner => object[outer][inner] = value,
    }
    object
}

async fn the_operator_makes_and_changes_no_secrets_but_its_instances(
    world: Arc<World>,
) -> anyhow::Result<()> {
    const POLICY: &str = "objects";
    let (helm, operator) = installed(&world).await?;
    let foreign = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign"}, "data": {"a": "YQ=="}});
    world.apply::<Secret>(foreign).await?;
    let dry = operator.dry();
    in_force(&world, POLICY, || dry.delete::<Secret>("foreign")).await?;

    let made = "only Secrets and ConfigMaps of a HasuraInstance";
    let keys = "writes no keys but its settings";
    let plain = "no type, label or annotation but its own";
    for (object, words) in [
        (with("metadata/ownerReferences", Value::Null), made),
        (
            with("metadata/ownerReferences", json!([owner("LogtoTenant")])),
            made,
        ),
        (with("data", json!({"token": "YQ=="})), keys),
        (with("type", json!("example.com/a")), plain),
        (with("immutable", json!(true)), plain),
        (
            with("metadata/labels", json!({"grafana_dashboard": "1"})),
            plain,
        ),
        (
            with(
                "metadata/labels",
                json!({"app.kubernetes.io/managed-by": "Helm"}),
            ),
            plain,
        ),
        (with("metadata/annotations", json!({"a": "b"})), plain),
    ] {
        let answer = operator.create::<Secret>(&object).await;
        refused(&world, POLICY, answer, words).context(object.to_string())?;
    }
    // Kubernetes would put the other account's token into it.
    let mut token = with("type", json!("kubernetes.io/service-account-token"));
    token["metadata"]["annotations"] = json!({"kubernetes.io/service-account.name": "default"});
    let answer = operator.create::<Secret>(&token).await;
    refused(&world, POLICY, answer, plain)?;
    let read: Secret = world.get("foreign").await?;
    let mut replaced = serde_json::to_value(&read)?;
    replaced["metadata"]["ownerReferences"] = json!([owner("HasuraInstance")]);
    let answer = operator.replace::<Secret>(&replaced).await;
    refused(&world, POLICY, answer, made)?;
    let answer = operator.delete::<Secret>("foreign").await;
    refused(&world, POLICY, answer, made)?;
    may_do_what_it_does(&world, &operator).await?;
    helm.uninstall().await
}

/// From its creation to its end.
async fn may_do_what_it_does(world: &World, operator: &Asker) -> anyhow::Result<()> {
    // The garbage collector takes what belongs to an owner that is not there.
    let instance: HasuraInstance = world.apply(world.instance()).await?;
    let mut secret = delivered("shop-auth");
    secret["metadata"]["ownerReferences"][0]["name"] = json!("shop");
    secret["metadata"]["ownerReferences"][0]["uid"] = json!(instance.metadata.uid);
    operator.create::<Secret>(&secret).await?;
    // A label and a key of somebody else's stay, or go.
    let theirs = json!({"metadata": {"labels": {"team": "a"}}, "data": {"MORE": "YQ=="}});
    world.edit::<Secret>("shop-auth", theirs).await?;
    let read: Secret = world.get("shop-auth").await?;
    let mut object = serde_json::to_value(&read)?;
    object["data"]["HASURA_GRAPHQL_AUTH_HOOK"] = json!("YQ==");
    object["data"]["jwt.secret"] = json!("e30=");
    operator.replace::<Secret>(&object).await?;
    object["metadata"]["resourceVersion"] = Value::Null;
    object["data"] = json!({"HASURA_GRAPHQL_JWT_SECRET": "e30="});
    object["metadata"]["ownerReferences"] = Value::Null;
    object["metadata"]["annotations"] =
        json!({"logto-hasura.dev/retained-from": "shop", "logto-hasura.dev/retained-hash": "a"});
    operator.replace::<Secret>(&object).await?;
    object["data"]["MORE"] = json!("Yg==");
    let answer = operator.replace::<Secret>(&object).await;
    refused(world, "objects", answer, "writes no keys but its settings")?;
    operator.delete::<Secret>("shop-auth").await?;

    let script = json!({
        "metadata": {"name": "main.replaced-script-users", "ownerReferences": [owner("LogtoTenant")]},
        "data": {"script.js": "text"},
    });
    let mut other = script.clone();
    other["metadata"]["name"] = json!("other");
    let answer = operator.create::<ConfigMap>(&other).await;
    refused(world, "objects", answer, "and replaced scripts")?;
    operator.create::<ConfigMap>(&script).await?;
    Ok(())
}
