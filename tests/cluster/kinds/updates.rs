//! What can be changed later, and what can not.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    object::{Object, all, at, binding, instance, tenant},
    refusal::{Bad, complaint, none_of},
    server::Server,
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        fields_that_can_not_be_changed_stay_and_are_named,
        everything_else_can_be_changed,
        an_object_written_again_is_no_new_generation,
        plain_http_can_not_be_forbidden_under_an_endpoint_that_needs_it,
    ]
}

const TENANT: &str = "spec.tenantRef can not be changed";
const INDICATOR: &str = "spec.apiResource.indicator can not be changed";
const DEPLOYMENT: &str = "spec.deploymentRef can not be added or taken away";
pub const PREFIX: &str = "spec.logtoRoleNamePrefix can not be changed";
const INSTANCE: &str = "spec.instanceRef can not be changed";
const HASURA_ROLE: &str = "spec.hasuraRole can not be changed";
pub const CLAIMS_FIELD: &str = "spec.auth.jwt.claimsNamespace";
pub const CLAIMS: &str = "spec.auth.jwt.claimsNamespace can not be changed";
const ROLE_NAME: &str = "spec.logtoRole.name can not be changed";
const ROLE_TYPE: &str = "spec.logtoRole.type can not be changed";

/// What an object is before it is changed in a way that is forbidden: what can be left out is not at its default.
fn before(kind: &str) -> Object {
    match kind {
        "LogtoTenant" => tenant(),
        "HasuraInstance" => instance()
            .with("spec.tenantRef.namespace", "logto")
            .with("spec.logtoRoleNamePrefix", "shop-")
            .with("spec.auth.jwt.claimsNamespace", "https://a.example/claims"),
        _ => binding()
            .with("spec.instanceRef.namespace", "shop")
            .with("spec.logtoRole.name", "shop-reader")
            .with("spec.logtoRole.type", "MachineToMachine"),
    }
}

/// Each row is [`before`] with one field changed or, by null, taken away.
pub fn forbidden() -> Vec<Bad> {
    let good = before("LogtoTenant");
    let id = good.field("spec.tenantId");
    let mut rows = vec![id.bad("another", "other", "spec.tenantId can not be changed")];
    rows.extend(of_instances());
    rows.extend(of_bindings());
    rows
}

fn of_instances() -> Vec<Bad> {
    let good = before("HasuraInstance");
    let tenant = good.field("spec.tenantRef");
    let indicator = good.field("spec.apiResource.indicator");
    let prefix = good.field("spec.logtoRoleNamePrefix");
    let mut rows = vec![
        tenant.bad("another", json!({"name": "other"}), TENANT),
        indicator.bad("another", "https://other.example.com/", INDICATOR),
        indicator.bad(
            "/ at its end",
            "https://shop.example.com/v1/graphql/",
            INDICATOR,
        ),
        prefix.bad("another", "store-", PREFIX),
        prefix.bad("empty", "", PREFIX),
        prefix.bad("taken away", Value::Null, PREFIX),
    ];
    for (path, value) in [
        ("spec.tenantRef.name", json!("other")),
        ("spec.tenantRef.namespace", json!("other")),
        ("spec.tenantRef.namespace", Value::Null),
    ] {
        let object = good.clone().with(path, value);
        rows.push(object.refused(path, "spec.tenantRef", TENANT));
    }
    let not_patched = good.clone().with("spec.delivery.mode", "Secret");
    let deployment = not_patched.field("spec.deploymentRef");
    rows.push(deployment.bad("taken away", Value::Null, DEPLOYMENT));
    for (path, value) in [
        (CLAIMS_FIELD, json!("https://other.example.com/claims")),
        (CLAIMS_FIELD, Value::Null),
        ("spec.auth.jwt", Value::Null),
        ("spec.auth", Value::Null),
    ] {
        let object = good.clone().with(path, value);
        rows.push(object.refused(path, CLAIMS_FIELD, CLAIMS));
    }
    rows
}

fn of_bindings() -> Vec<Bad> {
    let good = before("HasuraRoleBinding");
    let instance = good.field("spec.instanceRef");
    let role = good.field("spec.hasuraRole");
    let name = good.field("spec.logtoRole.name");
    let type_ = good.field("spec.logtoRole.type");
    let mut rows = vec![
        instance.bad("another", json!({"name": "other"}), INSTANCE),
        role.bad("another", "user:writer", HASURA_ROLE),
        role.bad("in another case", "User:reader", HASURA_ROLE),
        name.bad("another", "shop-writer", ROLE_NAME),
        name.bad("taken away", Value::Null, ROLE_NAME),
        type_.bad("another", "User", ROLE_TYPE),
        type_.bad("taken away", Value::Null, ROLE_TYPE),
    ];
    for (path, value) in [
        ("spec.instanceRef.name", json!("other")),
        ("spec.instanceRef.namespace", json!("other")),
        ("spec.instanceRef.namespace", Value::Null),
    ] {
        let object = good.clone().with(path, value);
        rows.push(object.refused(path, "spec.instanceRef", INSTANCE));
    }
    rows
}

/// Objects that leave something out at first.
fn left_out() -> [Object; 3] {
    let elsewhere = instance()
        .without("spec.deploymentRef")
        .with("spec.delivery.mode", "ConfigMap");
    [
        binding().with("metadata.name", "unnamed"),
        elsewhere.with("metadata.name", "elsewhere"),
        instance().with("metadata.name", "here"),
    ]
}

/// What these leave out can not be given later either.
fn given_later() -> Vec<Bad> {
    let [unnamed, elsewhere, here] = left_out();
    vec![
        // The role has got its default name.
        unnamed
            .field("spec.logtoRole.name")
            .bad("given later", "x", ROLE_NAME),
        elsewhere.field("spec.deploymentRef").bad(
            "given later",
            json!({"name": "hasura"}),
            DEPLOYMENT,
        ),
        // Not even the namespace that was meant: one object is referred to in one way.
        here.with("spec.tenantRef.namespace", "default").refused(
            "given later",
            "spec.tenantRef",
            TENANT,
        ),
    ]
}

async fn fields_that_can_not_be_changed_stay_and_are_named(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let mut created = Vec::new();
    for object in all() {
        created.push(server.create(&before(object.kind())).await?);
    }
    for object in left_out() {
        server.create(&object).await?;
    }
    let mut rows = forbidden();
    rows.extend(given_later());
    let mut complaints = Vec::new();
    for row in &rows {
        let patched = complaint(
            server.patch_spec(&row.object).await,
            &row.field,
            row.because,
        );
        let replaced = complaint(server.replace(&row.object).await, &row.field, row.because);
        let kind = row.object.kind();
        complaints.extend(patched.map(|text| format!("{kind}, patched, {}: {text}", row.what)));
        complaints.extend(replaced.map(|text| format!("{kind}, replaced, {}: {text}", row.what)));
    }
    none_of(&complaints, rows.len())?;
    for (object, created) in all().into_iter().zip(created) {
        let now = server.get(&object).await?;
        anyhow::ensure!(
            now["spec"] == created["spec"],
            "{} was changed: {now}",
            object.kind()
        );
    }
    Ok(())
}

async fn everything_else_can_be_changed(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let namespaces = json!({"names": ["team-a"]});
    let allowed = json!({"namespaces": namespaces, "indicatorPrefixes": ["https://a.example/"]});
    let adoptable = json!({"namespaces": namespaces, "roles": ["editor"]});
    let taken = json!({"namespaces": namespaces, "hasuraRoles": ["a:*"], "subjects": "Allow"});
    let changes = [
        (tenant(), "spec.credentialsSecretRef.name", json!("other")),
        (
            tenant(),
            "spec.credentialsSecretRef.keys.endpoint",
            json!("url"),
        ),
        (
            tenant(),
            "spec.endpointForHasura",
            json!("https://logto.example.com"),
        ),
        (
            tenant(),
            "spec.signInEndpoints",
            json!(["https://id.example.com"]),
        ),
        (tenant(), "spec.allowPlainHttp", json!(true)),
        (tenant(), "spec.jwksCheck", json!("Skip")),
        (
            tenant(),
            "spec.caBundleRef",
            json!({"kind": "Secret", "name": "corp-ca", "key": "ca.crt"}),
        ),
        (tenant(), "spec.rateLimit.requestsPerSecond", json!(5)),
        (tenant(), "spec.rateLimit.burst", json!(5)),
        (tenant(), "spec.resyncPeriodSeconds", json!(60)),
        (tenant(), "spec.webhookMode", json!("Allow")),
        (tenant(), "spec.managementPolicy", json!("Observe")),
        (tenant(), "spec.suspend", json!(true)),
        (tenant(), "spec.allowedInstances", json!([allowed])),
        (tenant(), "spec.allowedInstances", json!([])),
        (tenant(), "spec.adoption", json!([adoptable])),
        (tenant(), "spec.adoption", json!([])),
        (tenant(), "spec.customClaims.users", json!("Ignore")),
        (tenant(), "spec.customClaims.machines", json!("Manage")),
        (tenant(), "spec.customClaims.existingScript", json!("Wrap")),
        (instance(), "spec.apiResource.name", json!("Store")),
        (
            instance(),
            "spec.apiResource.accessTokenTtlSeconds",
            json!(600),
        ),
        (instance(), "spec.deploymentRef.container", json!("engine")),
        (instance(), "spec.deploymentRef.container", json!("hasura")),
        (instance(), "spec.deploymentRef.name", json!("other")),
        (instance(), "spec.auth.unauthorizedRole", json!("anonymous")),
        (instance(), "spec.auth.jwt.allowedSkewSeconds", json!(10)),
        (instance(), "spec.auth.jwt.everyoneRoles", json!(["user"])),
        (instance(), "spec.auth.jwt.defaultRole", json!("user")),
        (
            instance(),
            "spec.auth.jwt.roleSource",
            json!("GrantedScopes"),
        ),
        (
            instance(),
            "spec.auth.jwt.sessionVariables",
            json!([{"name": "x-hasura-a", "from": "user.name", "userEditable": true, "as": "Text"}]),
        ),
        (
            instance(),
            "spec.auth.jwt.sessionVariables",
            json!([{"name": "x-hasura-a", "from": "user.customData.a", "userEditable": true, "as": "List"}]),
        ),
        (instance(), "spec.delivery.allowRecreate", json!(true)),
        (instance(), "spec.delivery.conflictPolicy", json!("Force")),
        (instance(), "spec.delivery.conflictPolicy", json!("Fail")),
        (instance(), "spec.delivery.mode", json!("Secret")),
        (instance(), "spec.delivery.name", json!("shop-settings")),
        (
            instance(),
            "spec.delivery.keys.jwtSecret",
            json!("jwt.secret"),
        ),
        (instance(), "spec.delivery.rollout", json!("None")),
        (instance(), "spec.delivery.mode", json!("ConfigMap")),
        (instance(), "spec.managementPolicy", json!("Observe")),
        (instance(), "spec.adoptionPolicy", json!("Adopt")),
        (instance(), "spec.deletionPolicy", json!("Delete")),
        (instance(), "spec.suspend", json!(true)),
        (instance(), "spec.allowedBindings", json!([taken])),
        (instance(), "spec.allowedBindings", json!([])),
        (binding(), "spec.managementPolicy", json!("Observe")),
        (binding(), "spec.adoptionPolicy", json!("Adopt")),
        (binding(), "spec.deletionPolicy", json!("Retain")),
        (binding(), "spec.suspend", json!(true)),
        (binding(), "spec.scope.name", json!("list:user")),
        (binding(), "spec.scope.description", json!("Lists users")),
        (
            binding(),
            "spec.logtoRole.description",
            json!("Lists users"),
        ),
        (binding(), "spec.logtoRole.isDefault", json!(true)),
        (
            binding(),
            "spec.subjects",
            json!([{"kind": "User", "username": "alice"}]),
        ),
        (binding(), "spec.subjects", json!([])),
    ];
    for object in all() {
        server.create(&object).await?;
    }
    for (object, field, value) in changes {
        let before = server.get(&object).await?["metadata"]["generation"].as_i64();
        let after = server
            .patch_spec(&object.with(field, value.clone()))
            .await?;
        anyhow::ensure!(
            at(&after, field) == &value,
            "{field} did not become {value}: {after}"
        );
        let generation = after["metadata"]["generation"].as_i64();
        anyhow::ensure!(generation > before, "{field}: no new generation: {after}");
    }
    Ok(())
}

/// A GitOps tool applies the same text every few minutes.
async fn an_object_written_again_is_no_new_generation(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    for object in all() {
        server.create(&object).await?;
        // The first write after a creation, of a status most times, stores the status's default.
        server.replace(&object).await?;
        let before = server.get(&object).await?;
        server.patch_spec(&object).await?;
        server.replace(&object).await?;
        let now = server.get(&object).await?;
        let version = |stored: &Value| stored["metadata"]["resourceVersion"].clone();
        anyhow::ensure!(version(&now) == version(&before), "written again: {now}");
        anyhow::ensure!(
            now["metadata"]["generation"] == 1,
            "a new generation: {now}"
        );
    }
    Ok(())
}

async fn plain_http_can_not_be_forbidden_under_an_endpoint_that_needs_it(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let field = "spec.endpointForHasura";
    let object = tenant()
        .with("spec.allowPlainHttp", true)
        .with(field, "http://logto:3001");
    server.create(&object).await?;
    let because = "has to be https unless spec.allowPlainHttp is true";
    let rows = [
        object
            .clone()
            .with("spec.allowPlainHttp", false)
            .refused("forbidden", field, because),
        object
            .with("spec.allowPlainHttp", Value::Null)
            .refused("no longer said", field, because),
    ];
    let mut complaints = Vec::new();
    for row in &rows {
        let answer = server.patch_spec(&row.object).await;
        complaints.extend(complaint(answer, &row.field, row.because));
    }
    none_of(&complaints, rows.len())
}
