//! Statuses that are refused, so that none can grow or say what it should not.

use serde_json::{Value, json};

use super::{
    object::{Object, all, binding, instance, tenant},
    refusal::{
        Bad, ENUM, NOT_A_BOOL, NOT_A_NUMBER, NOT_AN_OBJECT, NOT_TEXT, PATTERN, REQUIRED, TOO_LONG,
        TOO_SHORT, TOO_SMALL,
    },
    texts::letters,
};

/// The conditions of a status that holds as many as there may be, each as long as it may be.
pub fn longest_conditions() -> Value {
    let long = |number: usize| {
        let mut condition = condition();
        condition["type"] = format!("{number}{}", letters(315)).into();
        condition["reason"] = letters(128).into();
        condition["message"] = "é".repeat(4096).into();
        condition
    };
    (0..8).map(long).collect()
}

/// Ready=True of the first generation, as the operator writes it.
pub fn condition() -> Value {
    json!({
        "type": "Ready", "status": "True", "reason": "Succeeded", "message": "all is well",
        "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 1,
    })
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
    rows.extend(of_bindings());
    rows
}

fn common(good: &Object) -> Vec<Bad> {
    let (generation, handled) = ("status.observedGeneration", "status.lastHandledReconcileAt");
    vec![
        good.wrong("a text for a status", "status", "Ready", NOT_AN_OBJECT),
        good.wrong("a generation below zero", generation, -1, TOO_SMALL),
        good.wrong("a text for a generation", generation, "1", NOT_A_NUMBER),
        good.wrong(
            "a long lastHandledReconcileAt",
            handled,
            letters(257),
            TOO_LONG,
        ),
        good.wrong("a number for lastHandledReconcileAt", handled, 1, NOT_TEXT),
    ]
}

fn conditions(good: &Object) -> Vec<Bad> {
    let field = "status.conditions";
    let numbered = |number: usize| {
        let mut condition = condition();
        condition["type"] = format!("Type{number}").into();
        condition
    };
    let nine: Value = (0..9).map(numbered).collect();
    let twice = good.clone().with(field, json!([condition(), condition()]));
    vec![
        good.wrong(
            "a text for conditions",
            field,
            "Ready",
            "must be of type array",
        ),
        good.wrong("nine conditions", field, nine, "must have at most 8 items"),
        twice.refused(
            "a condition twice",
            "status.conditions[1]",
            "Duplicate value",
        ),
    ]
}

fn one_condition(good: &Object) -> Vec<Bad> {
    let (type_, status) = ("status.conditions[0].type", "status.conditions[0].status");
    let (reason, message) = (
        "status.conditions[0].reason",
        "status.conditions[0].message",
    );
    let time = "status.conditions[0].lastTransitionTime";
    let generation = "status.conditions[0].observedGeneration";
    let rows = [
        ("type", json!(letters(317)), type_, TOO_LONG),
        ("type", json!(null), type_, REQUIRED),
        ("status", json!("Maybe"), status, ENUM),
        ("status", json!(true), status, NOT_TEXT),
        ("status", json!(null), status, REQUIRED),
        ("reason", json!(""), reason, TOO_SHORT),
        ("reason", json!("two words"), reason, PATTERN),
        ("reason", json!("1st"), reason, PATTERN),
        ("reason", json!(letters(129)), reason, TOO_LONG),
        ("reason", json!(null), reason, REQUIRED),
        ("message", json!(letters(4097)), message, TOO_LONG),
        ("message", json!(null), message, REQUIRED),
        (
            "lastTransitionTime",
            json!("yesterday"),
            time,
            "must be of type date-time",
        ),
        ("lastTransitionTime", json!(null), time, REQUIRED),
        ("observedGeneration", json!(-1), generation, TOO_SMALL),
        ("observedGeneration", json!("1"), generation, NOT_A_NUMBER),
    ];
    let row = |(key, value, field, because): (&str, Value, &'static str, &'static str)| {
        let what = format!("a condition whose {key} is {:.20}", value.to_string());
        let mut condition = condition();
        condition[key] = value;
        good.clone()
            .with("status.conditions", json!([condition]))
            .refused(what, field, because)
    };
    rows.map(row).into()
}

fn of_tenants() -> Vec<Bad> {
    let (issuer, keys) = ("status.issuer", "status.jwkUrl");
    vec![
        tenant().wrong(
            "an issuer of 513 characters",
            issuer,
            letters(513),
            TOO_LONG,
        ),
        tenant().wrong("a list for an issuer", issuer, json!([]), NOT_TEXT),
        tenant().wrong("a jwkUrl of 1025 characters", keys, letters(1025), TOO_LONG),
        tenant().wrong("a number for a jwkUrl", keys, 1, NOT_TEXT),
    ]
}

fn api_resource() -> Vec<Bad> {
    let resource = "status.apiResource";
    let (id, origin) = ("status.apiResource.id", "status.apiResource.origin");
    let since = "status.apiResource.creatingSince";
    let good = instance().with(resource, json!({"id": "r1", "origin": "Created"}));
    vec![
        good.wrong("an id for an API resource", resource, "r1", NOT_AN_OBJECT),
        good.wrong(
            "an API resource's id of 65 characters",
            id,
            letters(65),
            TOO_LONG,
        ),
        good.wrong("a number for an API resource's id", id, 1, NOT_TEXT),
        good.wrong("an origin that there is not", origin, "Found", ENUM),
        good.lacks(origin),
        good.wrong(
            "a creatingSince that is no time",
            since,
            "now",
            "must be of type date-time",
        ),
    ]
}

fn deployment() -> Vec<Bad> {
    let deployment = "status.deployment";
    let (uid, hash) = ("status.deployment.uid", "status.deployment.authHash");
    let rolled_out = "status.deployment.rolledOut";
    let good = instance().with(
        deployment,
        json!({"uid": "u1", "authHash": "h1", "rolledOut": false}),
    );
    vec![
        good.wrong("a uid for a Deployment", deployment, "u1", NOT_AN_OBJECT),
        good.lacks(uid),
        good.wrong(
            "a Deployment's uid of 65 characters",
            uid,
            letters(65),
            TOO_LONG,
        ),
        good.lacks(hash),
        good.wrong("an authHash of 65 characters", hash, letters(65), TOO_LONG),
        good.lacks(rolled_out),
        good.wrong("a text for rolledOut", rolled_out, "yes", NOT_A_BOOL),
    ]
}

fn of_bindings() -> Vec<Bad> {
    let (scope, role, tenant) = ("status.scope", "status.role", "status.tenantRef");
    let good = binding()
        .with(scope, json!({"id": "s1", "resourceId": "r1"}))
        .with(role, json!({"id": "o1", "name": "editor"}))
        .with(tenant, json!({"name": "main"}));
    let mut rows = vec![
        good.wrong("an id for a scope", scope, "s1", NOT_AN_OBJECT),
        good.wrong("an id for a role", role, "o1", NOT_AN_OBJECT),
        good.wrong("a name for a tenant", tenant, "main", NOT_AN_OBJECT),
        good.wrong(
            "an empty name of a tenant",
            "status.tenantRef.name",
            "",
            TOO_SHORT,
        ),
        good.wrong(
            "a tenant whose name has a capital",
            "status.tenantRef.name",
            "Main",
            PATTERN,
        ),
    ];
    let longest = [
        ("status.scope.id", 64),
        ("status.scope.resourceId", 64),
        ("status.role.id", 64),
        ("status.role.name", 128),
        ("status.tenantRef.name", 253),
    ];
    for (field, most) in longest {
        rows.push(good.lacks(field));
        rows.push(good.wrong(
            format!("{field} too long"),
            field,
            letters(most + 1),
            TOO_LONG,
        ));
    }
    rows
}
