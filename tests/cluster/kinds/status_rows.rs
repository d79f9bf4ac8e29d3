//! Statuses that are refused, so that none can grow or say what it should not.

use serde_json::{Value, json};

use super::{
    keys,
    object::{Object, all, binding, instance, tenant},
    policy::bad_namespace,
    refusal::{
        Bad, DUPLICATE, ENUM, NOT_A_BOOL, NOT_A_LIST, NOT_A_NUMBER, NOT_A_TIME, NOT_AN_OBJECT,
        NOT_TEXT, PATTERN, REQUIRED, TOO_LONG, TOO_SHORT, TOO_SMALL,
    },
    status_lists, status_plan,
    texts::{NOT_OBJECT_NAMES, letters},
};

/// Ready=True of the first generation, as the operator writes it.
pub fn condition() -> Value {
    json!({
        "type": "Ready", "status": "True", "reason": "Succeeded", "message": "all is well",
        "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 1,
    })
}

/// A time of this length, in parts of a second that nobody needs.
pub fn time(length: usize) -> String {
    let start = "2026-01-02T03:04:05.";
    format!("{start}{}Z", "0".repeat(length - start.len() - 1))
}

/// As many conditions as there may be, each as long as it may be.
pub fn longest_conditions() -> Value {
    let long = |number: usize| {
        let mut condition = condition();
        condition["type"] = format!("{number:02}{}", letters(314)).into();
        condition["reason"] = letters(128).into();
        condition["message"] = "é".repeat(4096).into();
        condition["lastTransitionTime"] = time(64).into();
        condition
    };
    (0..12).map(long).collect()
}

pub fn bad() -> Vec<Bad> {
    let mut rows = Vec::new();
    for object in all() {
        rows.extend(common(&object));
        rows.extend(conditions(&object));
        rows.extend(one_condition(&object));
    }
    rows.extend(of_tenants());
    rows.extend(api_resource());
    rows.extend(deployment());
    rows.extend(previous_deployments());
    rows.extend(delivered());
    rows.extend(keys::bad_status());
    rows.extend(of_bindings());
    rows.extend(status_lists::bad());
    rows.extend(status_plan::bad());
    rows
}

fn common(good: &Object) -> Vec<Bad> {
    let status = good.field("status");
    let generation = good.field("status.observedGeneration");
    let handled = good.field("status.lastHandledReconcileAt");
    vec![
        status.bad("a text", "Ready", NOT_AN_OBJECT),
        generation.bad("below -1", -2, TOO_SMALL),
        generation.bad("a text", "1", NOT_A_NUMBER),
        handled.bad("257 characters", letters(257), TOO_LONG),
        handled.bad("a number", 1, NOT_TEXT),
    ]
}

fn conditions(good: &Object) -> Vec<Bad> {
    let numbered = |number: usize| {
        let mut condition = condition();
        condition["type"] = format!("Type{number}").into();
        condition
    };
    let thirteen: Value = (0..13).map(numbered).collect();
    let twice = json!([condition(), condition()]);
    let twice = good.clone().with("status.conditions", twice);
    let conditions = good.field("status.conditions");
    vec![
        conditions.bad("a text", "Ready", NOT_A_LIST),
        conditions.bad("thirteen", thirteen, "must have at most 12 items"),
        twice.refused("a type twice", "status.conditions[1]", DUPLICATE),
    ]
}

fn one_condition(good: &Object) -> Vec<Bad> {
    let row = |key: &str, value: Value, field: &'static str, because: &'static str| {
        let what = format!("{:.20}", value.to_string());
        let mut condition = condition();
        condition[key] = value;
        let object = good.clone().with("status.conditions", json!([condition]));
        object.refused(&what, field, because)
    };
    let type_ = |value, because| row("type", value, "status.conditions[0].type", because);
    let status = |value, because| row("status", value, "status.conditions[0].status", because);
    let reason = |value, because| row("reason", value, "status.conditions[0].reason", because);
    let message = |value, because| row("message", value, "status.conditions[0].message", because);
    let changed = |value, because| {
        let field = "status.conditions[0].lastTransitionTime";
        row("lastTransitionTime", value, field, because)
    };
    let generation = |value, because| {
        let field = "status.conditions[0].observedGeneration";
        row("observedGeneration", value, field, because)
    };
    vec![
        type_(json!(letters(317)), TOO_LONG),
        type_(json!(7), NOT_TEXT),
        type_(Value::Null, REQUIRED),
        status(json!("Maybe"), ENUM),
        status(json!(true), NOT_TEXT),
        status(Value::Null, REQUIRED),
        reason(json!(""), TOO_SHORT),
        reason(json!("two words"), PATTERN),
        reason(json!("1st"), PATTERN),
        reason(json!(letters(129)), TOO_LONG),
        reason(Value::Null, REQUIRED),
        message(json!(letters(4097)), TOO_LONG),
        message(json!(7), NOT_TEXT),
        message(Value::Null, REQUIRED),
        changed(json!("yesterday"), NOT_A_TIME),
        changed(json!(time(65)), TOO_LONG),
        changed(Value::Null, REQUIRED),
        generation(json!(-1), TOO_SMALL),
        generation(json!("1"), NOT_A_NUMBER),
    ]
}

fn of_tenants() -> Vec<Bad> {
    let good = tenant();
    let issuer = good.field("status.issuer");
    let keys = good.field("status.jwkUrl");
    let previous = good.field("status.previousIssuer");
    let row = json!({"endpoint": "https://a.example", "issuer": "https://a.example/oidc"});
    let good = tenant().with("status.signInEndpoints", json!([row]));
    let rows = good.field("status.signInEndpoints");
    let endpoint = good.field("status.signInEndpoints[0].endpoint");
    let its_issuer = good.field("status.signInEndpoints[0].issuer");
    vec![
        previous.bad("513 characters", letters(513), TOO_LONG),
        previous.bad("a list", json!([]), NOT_TEXT),
        rows.bad("a text", "https://a.example", NOT_A_LIST),
        rows.bad("nine", vec![row; 9], "must have at most 8 items"),
        endpoint.missing(),
        endpoint.bad("257 characters", letters(257), TOO_LONG),
        endpoint.bad("a number", 1, NOT_TEXT),
        its_issuer.bad("513 characters", letters(513), TOO_LONG),
        its_issuer.bad("a number", 1, NOT_TEXT),
        issuer.bad("513 characters", letters(513), TOO_LONG),
        issuer.bad("a list", json!([]), NOT_TEXT),
        keys.bad("1025 characters", letters(1025), TOO_LONG),
        keys.bad("a number", 1, NOT_TEXT),
    ]
}

fn api_resource() -> Vec<Bad> {
    let found = json!({"id": "r1", "origin": "Created", "proof": letters(43)});
    let good = instance().with("status.apiResource", found);
    let resource = good.field("status.apiResource");
    let id = good.field("status.apiResource.id");
    let origin = good.field("status.apiResource.origin");
    let since = good.field("status.apiResource.creatingSince");
    let proof = good.field("status.apiResource.proof");
    vec![
        resource.bad("an id", "r1", NOT_AN_OBJECT),
        id.bad("65 characters", letters(65), TOO_LONG),
        id.bad("a number", 1, NOT_TEXT),
        origin.bad("no such origin", "Found", ENUM),
        origin.missing(),
        since.bad("no time", "now", NOT_A_TIME),
        since.bad("65 characters", time(65), TOO_LONG),
        proof.bad("44 characters", letters(44), TOO_LONG),
        proof.bad("a number", 1, NOT_TEXT),
    ]
}

fn deployment() -> Vec<Bad> {
    let good = instance().with("status.deployment", written_deployment());
    let deployment = good.field("status.deployment");
    let uid = good.field("status.deployment.uid");
    let hash = good.field("status.deployment.authHash");
    let rolled_out = good.field("status.deployment.rolledOut");
    let forced = good.field("status.deployment.forcedFrom");
    let name = good.field("status.deployment.name");
    let container = good.field("status.deployment.container");
    let default = good.field("status.deployment.defaultContainer");
    vec![
        deployment.bad("a uid", "u1", NOT_AN_OBJECT),
        uid.missing(),
        uid.bad("65 characters", letters(65), TOO_LONG),
        hash.missing(),
        hash.bad("65 characters", letters(65), TOO_LONG),
        rolled_out.missing(),
        rolled_out.bad("a text", "yes", NOT_A_BOOL),
        forced.bad("129 characters", letters(129), TOO_LONG),
        forced.bad("a list", json!(["helm"]), NOT_TEXT),
        name.bad("254 characters", letters(254), TOO_LONG),
        name.bad("a number", 1, NOT_TEXT),
        container.bad("64 characters", letters(64), TOO_LONG),
        container.bad("a list", json!(["hasura"]), NOT_TEXT),
        default.bad("64 characters", letters(64), TOO_LONG),
        default.bad("a bool", true, NOT_TEXT),
    ]
}

fn written_deployment() -> Value {
    json!({
        "name": "hasura", "container": "hasura", "defaultContainer": "", "uid": "u1", "authHash": "h1",
        "rolledOut": false, "forcedFrom": "helm",
    })
}

fn previous_deployments() -> Vec<Bad> {
    let field = "status.previousDeployments";
    let good = instance().with(field, json!([written_deployment()]));
    let five: Value = (0..5).map(|_| written_deployment()).collect();
    let row = |key: &str, value: Value, because: &'static str| {
        let mut before = written_deployment();
        before[key] = value;
        let object = good.clone().with(field, json!([before]));
        object.refused(key, format!("{field}[0].{key}"), because)
    };
    vec![
        good.field(field).bad("a name", "hasura", NOT_A_LIST),
        good.field(field)
            .bad("five", five, "must have at most 4 items"),
        row("name", json!(letters(254)), TOO_LONG),
        row("name", json!(1), NOT_TEXT),
        row("container", json!(letters(64)), TOO_LONG),
        row("defaultContainer", json!(letters(64)), TOO_LONG),
        row("uid", Value::Null, REQUIRED),
        row("uid", json!(letters(65)), TOO_LONG),
        row("authHash", Value::Null, REQUIRED),
        row("authHash", json!(letters(65)), TOO_LONG),
        row("rolledOut", Value::Null, REQUIRED),
        row("rolledOut", json!("yes"), NOT_A_BOOL),
        row("forcedFrom", json!(letters(129)), TOO_LONG),
    ]
}

fn delivered() -> Vec<Bad> {
    let made = json!({"kind": "Secret", "name": "shop-auth", "authHash": "h1"});
    let good = instance().with("status.delivered", made);
    let delivered = good.field("status.delivered");
    let kind = good.field("status.delivered.kind");
    let name = good.field("status.delivered.name");
    let hash = good.field("status.delivered.authHash");
    vec![
        delivered.bad("a name", "shop-auth", NOT_AN_OBJECT),
        kind.missing(),
        kind.bad("another kind", "Deployment", ENUM),
        kind.bad("no object", "PatchEnv", ENUM),
        kind.bad("a bool", true, NOT_TEXT),
        name.missing(),
        name.bad("254 characters", letters(254), TOO_LONG),
        name.bad("a number", 1, NOT_TEXT),
        hash.missing(),
        hash.bad("65 characters", letters(65), TOO_LONG),
    ]
}

fn of_bindings() -> Vec<Bad> {
    let good = binding()
        .with("status.scope", json!({"id": "s1", "resourceId": "r1"}))
        .with("status.role", json!({"id": "o1", "name": "editor"}))
        .with(
            "status.tenantRef",
            json!({"name": "main", "namespace": "logto"}),
        );
    let tenant = good.field("status.tenantRef.name");
    let mut rows = tenant.bad_texts(NOT_OBJECT_NAMES, PATTERN);
    rows.push(tenant.bad("empty", "", TOO_SHORT));
    rows.extend(bad_namespace(&good, "status.tenantRef.namespace"));
    for path in ["status.scope.origin", "status.role.origin"] {
        let origin = good.field(path);
        rows.push(origin.bad("no such origin", "Found", ENUM));
        rows.push(origin.bad("lower case", "adopted", ENUM));
        rows.push(origin.bad("a bool", true, NOT_TEXT));
    }
    for path in ["status.scope", "status.role", "status.tenantRef"] {
        rows.push(good.field(path).bad("a text", "x", NOT_AN_OBJECT));
    }
    let longest = [
        ("status.scope.id", 64),
        ("status.scope.resourceId", 64),
        ("status.role.id", 64),
        ("status.role.name", 128),
        ("status.tenantRef.name", 253),
    ];
    for (path, most) in longest {
        let field = good.field(path);
        rows.push(field.missing());
        rows.push(field.bad("too long", letters(most + 1), TOO_LONG));
    }
    rows
}
