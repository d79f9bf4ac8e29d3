//! What is stored when less, null or more is given than the schema asks for.

use std::sync::Arc;

use logto_hasura::api::{HasuraInstanceSpec, HasuraRoleBindingSpec, LogtoTenantSpec};
use serde_json::{Value, json};

use super::{
    object::{Object, all, at, binding, instance, tenant},
    refusal::{none_of, words},
    server::Server,
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        what_is_left_out_is_stored_with_its_default,
        what_is_half_said_gets_its_other_half,
        the_program_and_the_api_server_have_the_same_defaults,
        null_means_left_out,
        a_field_that_there_is_not_is_never_stored,
    ]
}

async fn what_is_left_out_is_stored_with_its_default(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let expected = [
        json!({
            "tenantId": "default",
            "credentialsSecretRef": {"name": "logto-m2m"},
            "allowPlainHttp": false,
            "jwksCheck": "Require",
            "webhookMode": "Forbid",
            "customClaims": {"users": "Manage", "machines": "Ignore", "existingScript": "Refuse"},
            "rateLimit": {"requestsPerSecond": 10, "burst": 20},
            "resyncPeriodSeconds": 600,
            "managementPolicy": "Manage",
            "suspend": false,
        }),
        json!({
            "tenantRef": {"name": "main"},
            "apiResource": {
                "indicator": "https://shop.example.com/v1/graphql",
                "name": "Shop",
            },
            "logtoRoleNamePrefix": "",
            "deploymentRef": {"name": "hasura"},
            "auth": {"mode": "JWT"},
            "delivery": delivery(false),
            "managementPolicy": "Manage",
            "adoptionPolicy": "Never",
            "deletionPolicy": "Retain",
            "suspend": false,
        }),
        json!({
            "instanceRef": {"name": "shop"},
            "hasuraRole": "user:reader",
            "scope": {"name": "read:user"},
            "logtoRole": {"type": "User"},
            "managementPolicy": "Manage",
            "adoptionPolicy": "Never",
            "deletionPolicy": "DeleteUnused",
            "suspend": false,
        }),
    ];
    for (object, expected) in all().into_iter().zip(expected) {
        server.create(&object).await?;
        let stored = server.get(&object).await?["spec"].take();
        anyhow::ensure!(
            stored == expected,
            "{} is stored as {stored}",
            object.kind()
        );
    }
    Ok(())
}

/// The delivery where nothing else is said.
fn delivery(allow_recreate: bool) -> Value {
    json!({
        "mode": "PatchEnv", "rollout": "Annotation", "conflictPolicy": "Fail",
        "allowRecreate": allow_recreate,
    })
}

async fn what_is_half_said_gets_its_other_half(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let claims = "https://hasura.io/jwt/claims";
    let jwt = |skew: i32| json!({"claimsNamespace": claims, "allowedSkewSeconds": skew, "roleSource": "AssignedRoles"});
    let rows = [
        (
            tenant(),
            "spec.rateLimit",
            json!({}),
            json!({"requestsPerSecond": 10, "burst": 20}),
        ),
        (
            tenant(),
            "spec.rateLimit",
            json!({"burst": 5}),
            json!({"requestsPerSecond": 10, "burst": 5}),
        ),
        (
            tenant(),
            "spec.credentialsSecretRef.keys",
            json!({"endpoint": "url"}),
            json!({"endpoint": "url", "clientId": "clientId", "clientSecret": "clientSecret"}),
        ),
        (
            instance().with("spec.delivery.mode", "Secret"),
            "spec.delivery.keys",
            json!({"jwtSecret": "jwt.secret"}),
            json!({
                "jwtSecret": "jwt.secret",
                "unauthorizedRole": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE",
                "authHook": "HASURA_GRAPHQL_AUTH_HOOK",
                "authHookMode": "HASURA_GRAPHQL_AUTH_HOOK_MODE",
            }),
        ),
        (instance(), "spec.auth", json!({}), json!({"mode": "JWT"})),
        (
            instance(),
            "spec.auth",
            json!({"unauthorizedRole": "anonymous"}),
            json!({"mode": "JWT", "unauthorizedRole": "anonymous"}),
        ),
        (
            tenant(),
            "spec.customClaims",
            json!({}),
            json!({"users": "Manage", "machines": "Ignore", "existingScript": "Refuse"}),
        ),
        (
            tenant(),
            "spec.customClaims",
            json!({"machines": "Manage"}),
            json!({"users": "Manage", "machines": "Manage", "existingScript": "Refuse"}),
        ),
        (instance(), "spec.auth.jwt", json!({}), jwt(60)),
        (
            instance(),
            "spec.auth.jwt.sessionVariables",
            json!([{"name": "x-hasura-org-id", "from": "organization.id"}]),
            json!([{"name": "x-hasura-org-id", "from": "organization.id", "userEditable": false, "as": "Text"}]),
        ),
        (
            instance(),
            "spec.auth.jwt",
            json!({"allowedSkewSeconds": 5}),
            jwt(5),
        ),
        (instance(), "spec.delivery", json!({}), delivery(false)),
        (
            instance(),
            "spec.delivery",
            json!({"allowRecreate": true}),
            delivery(true),
        ),
        (
            instance(),
            "spec.allowedBindings",
            json!([{"namespaces": {"names": ["team-a"]}, "hasuraRoles": ["*"]}]),
            json!([{"namespaces": {"names": ["team-a"]}, "hasuraRoles": ["*"], "subjects": "Forbid"}]),
        ),
        (
            binding(),
            "spec.logtoRole",
            json!({}),
            json!({"type": "User"}),
        ),
        (
            binding(),
            "spec.logtoRole",
            json!({"name": "r"}),
            json!({"name": "r", "type": "User"}),
        ),
    ];
    let mut complaints = Vec::new();
    for (object, field, given, expected) in &rows {
        let object = object.clone().with(field, given.clone());
        let stored = server.would_create(&object).await?;
        let stored = at(&stored, field);
        if stored != expected {
            complaints.push(format!("{field}: {given} became {stored}, not {expected}"));
        }
    }
    none_of(&complaints, rows.len())
}

/// Else an object that came around the schema, from an old backup say, would mean something else.
async fn the_program_and_the_api_server_have_the_same_defaults(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let read = |object: &Object| -> serde_json::Result<Value> {
        let spec = object.at("spec").clone();
        match object.kind() {
            "LogtoTenant" => serde_json::to_value(serde_json::from_value::<LogtoTenantSpec>(spec)?),
            "HasuraInstance" => {
                serde_json::to_value(serde_json::from_value::<HasuraInstanceSpec>(spec)?)
            }
            _ => serde_json::to_value(serde_json::from_value::<HasuraRoleBindingSpec>(spec)?),
        }
    };
    let half_said = [
        tenant().with("spec.customClaims", json!({})),
        tenant().with(
            "spec.allowedInstances",
            json!([{"namespaces": {"matchLabels": {"team": "a"}}, "indicatorPrefixes": ["a://"]}]),
        ),
        tenant().with(
            "spec.adoption",
            json!([{"namespaces": {"names": ["team-a"]}, "roles": ["editor"]}]),
        ),
        instance().with(
            "spec.allowedBindings",
            json!([{"namespaces": {"names": ["team-a"]}, "hasuraRoles": ["*"]}]),
        ),
        instance()
            .without("spec.deploymentRef")
            .with("spec.delivery", json!({"mode": "Secret"})),
        instance().with("spec.delivery", json!({})),
        instance().with("spec.auth", json!({})),
        instance().with("spec.auth.jwt", json!({})),
        instance().with(
            "spec.auth.jwt.sessionVariables",
            json!([{"name": "x-hasura-org-id", "from": "organization.id"}]),
        ),
        binding().with("spec.logtoRole", json!({})),
        binding().with("spec.subjects", json!([{"kind": "User", "id": "u1"}])),
    ];
    for object in all().into_iter().chain(half_said) {
        let (read, stored) = (read(&object)?, server.would_create(&object).await?);
        anyhow::ensure!(
            read == stored["spec"],
            "{read} is stored as {}",
            stored["spec"]
        );
    }
    Ok(())
}

async fn null_means_left_out(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    // The parent is there in both, so that only the field makes a difference.
    let claims = tenant().with("spec.customClaims", json!({}));
    let variable = instance().with(
        "spec.auth.jwt.sessionVariables",
        json!([{"name": "x-hasura-org-id", "from": "organization.id"}]),
    );
    let jwt = instance().with("spec.auth.jwt", json!({}));
    let allowed = tenant().with(
        "spec.allowedInstances",
        json!([{"namespaces": {"matchLabels": {"team": "a"}}, "indicatorPrefixes": ["a://"]}]),
    );
    let names = json!({"names": ["team-a"]});
    let adoptable = json!([{"namespaces": names, "roles": ["editor"]}]);
    let adoptable = tenant().with("spec.adoption", adoptable);
    let taken = json!([{"namespaces": names, "hasuraRoles": ["*"]}]);
    let taken = instance().with("spec.allowedBindings", taken);
    let elsewhere = instance().without("spec.deploymentRef");
    let elsewhere = elsewhere.with("spec.delivery.mode", "Secret");
    let optional = [
        (tenant(), "spec.endpointForHasura"),
        (tenant(), "spec.signInEndpoints"),
        (tenant(), "spec.allowPlainHttp"),
        (tenant(), "spec.jwksCheck"),
        (tenant(), "spec.webhookMode"),
        (tenant(), "spec.customClaims"),
        (tenant(), "spec.rateLimit"),
        (tenant(), "spec.rateLimit.requestsPerSecond"),
        (tenant(), "spec.rateLimit.burst"),
        (tenant(), "spec.resyncPeriodSeconds"),
        (tenant(), "spec.managementPolicy"),
        (tenant(), "spec.suspend"),
        (tenant(), "spec.allowedInstances"),
        (tenant(), "spec.adoption"),
        (adoptable.clone(), "spec.adoption[0].indicators"),
        (adoptable, "spec.adoption[0].namespaces.matchLabels"),
        (allowed, "spec.allowedInstances[0].namespaces.names"),
        (instance(), "spec.tenantRef.namespace"),
        (elsewhere, "spec.deploymentRef"),
        (instance(), "spec.managementPolicy"),
        (instance(), "spec.adoptionPolicy"),
        (instance(), "spec.deletionPolicy"),
        (instance(), "spec.suspend"),
        (instance(), "spec.allowedBindings"),
        (taken, "spec.allowedBindings[0].subjects"),
        (instance(), "spec.apiResource.accessTokenTtlSeconds"),
        (instance(), "spec.logtoRoleNamePrefix"),
        (instance(), "spec.deploymentRef.container"),
        (instance(), "spec.auth"),
        (instance(), "spec.auth.mode"),
        (instance(), "spec.auth.unauthorizedRole"),
        (instance(), "spec.auth.jwt"),
        (instance(), "spec.delivery"),
        (instance(), "spec.delivery.mode"),
        (instance(), "spec.delivery.allowRecreate"),
        (instance(), "spec.delivery.name"),
        (instance(), "spec.delivery.rollout"),
        (instance(), "spec.delivery.conflictPolicy"),
        (binding(), "spec.instanceRef.namespace"),
        (binding(), "spec.managementPolicy"),
        (binding(), "spec.adoptionPolicy"),
        (binding(), "spec.deletionPolicy"),
        (binding(), "spec.suspend"),
        (binding(), "spec.scope.description"),
        (binding(), "spec.logtoRole"),
        (binding(), "spec.logtoRole.name"),
        (binding(), "spec.logtoRole.type"),
        (binding(), "spec.logtoRole.description"),
        (binding(), "spec.logtoRole.isDefault"),
        (binding(), "spec.subjects"),
        (claims.clone(), "spec.customClaims.users"),
        (claims.clone(), "spec.customClaims.machines"),
        (claims, "spec.customClaims.existingScript"),
        (jwt.clone(), "spec.auth.jwt.claimsNamespace"),
        (jwt.clone(), "spec.auth.jwt.allowedSkewSeconds"),
        (jwt.clone(), "spec.auth.jwt.everyoneRoles"),
        (jwt.clone(), "spec.auth.jwt.defaultRole"),
        (jwt.clone(), "spec.auth.jwt.roleSource"),
        (jwt, "spec.auth.jwt.sessionVariables"),
        (variable.clone(), "spec.auth.jwt.sessionVariables[0].as"),
        (variable, "spec.auth.jwt.sessionVariables[0].userEditable"),
    ];
    let mut complaints = Vec::new();
    for (object, field) in &optional {
        let expected = server.would_create(object).await?["spec"].take();
        match server
            .would_create(&object.clone().with(field, Value::Null))
            .await
        {
            Ok(stored) if stored["spec"] == expected => {}
            Ok(stored) => complaints.push(format!("{field}: stored as {}", stored["spec"])),
            Err(error) => complaints.push(format!("{field}: {}", words(&error))),
        }
    }
    none_of(&complaints, optional.len())
}

/// Also when a client asks for no strict validation.
async fn a_field_that_there_is_not_is_never_stored(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    for object in all() {
        let created = server.create(&object).await?;
        let patched = server
            .patch_spec(&object.clone().with("spec.surprise", "x"))
            .await?;
        anyhow::ensure!(
            patched["spec"] == created["spec"],
            "stored: {}",
            patched["spec"]
        );
    }
    Ok(())
}
