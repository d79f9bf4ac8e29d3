//! Statuses of a tenant's keys and a binding's subjects that are refused, and the longest that are not.

use serde_json::{Value, json};

use super::{
    object::{binding, tenant},
    refusal::{
        Bad, ENUM, NOT_A_LIST, NOT_A_NUMBER, NOT_A_TIME, NOT_AN_OBJECT, NOT_TEXT, REQUIRED,
        TOO_LARGE, TOO_LONG, TOO_SMALL,
    },
    status_rows::time,
    texts::letters,
};

/// What became of one subject, as the operator writes it.
pub fn subject() -> Value {
    json!({
        "kind": "User", "named": "username=alice", "id": "u1", "state": "Assigned",
        "namedSince": "2026-01-02T03:04:05Z",
    })
}

/// As many subjects as there may be, each as long as it may be.
pub fn most_subjects() -> Value {
    let mut longest = subject();
    longest["named"] = letters(300).into();
    longest["id"] = letters(64).into();
    longest["namedSince"] = time(64).into();
    vec![longest; 200].into()
}

/// As many keys as there may be, each as long as it may be.
pub fn longest_key_set() -> Value {
    let key = json!({"id": letters(128), "algorithm": letters(16)});
    json!({"keys": vec![key; 16], "refresh": "AfterMaxAge", "maxAgeSeconds": 315_360_000})
}

/// As many API resources as may stay after their instances, each as long as it may be.
pub fn longest_retained() -> Value {
    let entry = json!({
        "namespace": letters(63), "name": letters(253), "indicator": letters(256), "id": letters(64),
        "proof": letters(43),
    });
    vec![entry; 64].into()
}

pub fn bad() -> Vec<Bad> {
    let mut rows = key_set();
    rows.extend(retained());
    rows.extend(keys());
    rows.extend(subjects());
    rows
}

fn retained() -> Vec<Bad> {
    let good = tenant().with("status.retained", longest_retained());
    let list = good.field("status.retained");
    let row = |key: &str, value: Value, because: &'static str| {
        let mut entries = json!([longest_retained()[0]]);
        entries[0][key] = value;
        let field = format!("status.retained[0].{key}");
        let object = good.clone().with("status.retained", entries);
        object.refused(key, field, because)
    };
    let too_many: Value = vec![longest_retained()[0].clone(); 65].into();
    let mut rows = vec![
        list.bad("a text", "r1", NOT_A_LIST),
        list.bad("65 entries", too_many, "must have at most 64 items"),
    ];
    for (key, most) in [
        ("namespace", 63),
        ("name", 253),
        ("indicator", 256),
        ("id", 64),
        ("proof", 43),
    ] {
        rows.push(row(key, letters(most + 1).into(), TOO_LONG));
        rows.push(row(key, Value::Null, REQUIRED));
        rows.push(row(key, json!(1), NOT_TEXT));
    }
    rows
}

fn key_set() -> Vec<Bad> {
    let found = json!({"keys": [{"id": "k1", "algorithm": "ES384"}], "refresh": "AfterMaxAge"});
    let good = tenant().with("status.keySet", found);
    let set = good.field("status.keySet");
    let keys = good.field("status.keySet.keys");
    let refresh = good.field("status.keySet.refresh");
    let age = good.field("status.keySet.maxAgeSeconds");
    let key = json!({"id": "k1", "algorithm": "ES384"});
    vec![
        set.bad("a list", json!([]), NOT_AN_OBJECT),
        keys.missing(),
        keys.bad("an id", "k1", NOT_A_LIST),
        keys.bad("17", vec![key; 17], "must have at most 16 items"),
        refresh.missing(),
        refresh.bad("no such word", "Daily", ENUM),
        refresh.bad("a number", 3600, NOT_TEXT),
        age.bad("below zero", -1, TOO_SMALL),
        age.bad("over ten years", 315_360_001, TOO_LARGE),
        age.bad("a text", "3600", NOT_A_NUMBER),
    ]
}

fn keys() -> Vec<Bad> {
    let row = |what: &str, key: Value, field: &'static str, because| {
        let set = json!({"keys": [key], "refresh": "Never"});
        let object = tenant().with("status.keySet", set);
        object.refused(what, field, because)
    };
    let id = "status.keySet.keys[0].id";
    let algorithm = "status.keySet.keys[0].algorithm";
    let key = |id: Value, algorithm: Value| json!({"id": id, "algorithm": algorithm});
    let (k1, es) = (json!("k1"), json!("ES384"));
    vec![
        row("an id", k1.clone(), "status.keySet.keys[0]", NOT_AN_OBJECT),
        row("missing", json!({"algorithm": "ES384"}), id, REQUIRED),
        row(
            "too long",
            key(json!(letters(129)), es.clone()),
            id,
            TOO_LONG,
        ),
        row("a number", key(json!(1), es), id, NOT_TEXT),
        row("missing", json!({"id": "k1"}), algorithm, REQUIRED),
        row(
            "too long",
            key(k1.clone(), json!(letters(17))),
            algorithm,
            TOO_LONG,
        ),
        row("a number", key(k1, json!(384)), algorithm, NOT_TEXT),
    ]
}

fn subjects() -> Vec<Bad> {
    let good = binding();
    let list = good.field("status.subjects");
    let row = |key: &str, value: Value, field: &'static str, because| {
        let what = format!("{:.20}", value.to_string());
        let mut subject = subject();
        subject[key] = value;
        let object = binding().with("status.subjects", json!([subject]));
        object.refused(&what, field, because)
    };
    let kind = |value, because| row("kind", value, "status.subjects[0].kind", because);
    let named = |value, because| row("named", value, "status.subjects[0].named", because);
    let id = |value, because| row("id", value, "status.subjects[0].id", because);
    let state = |value, because| row("state", value, "status.subjects[0].state", because);
    let since = |value, because| {
        row(
            "namedSince",
            value,
            "status.subjects[0].namedSince",
            because,
        )
    };
    vec![
        list.bad("a text", "alice", NOT_A_LIST),
        list.bad("201", vec![subject(); 201], "must have at most 200 items"),
        kind(json!("Group"), ENUM),
        kind(Value::Null, REQUIRED),
        named(json!(letters(301)), TOO_LONG),
        named(json!(7), NOT_TEXT),
        named(Value::Null, REQUIRED),
        id(json!(letters(65)), TOO_LONG),
        id(json!(7), NOT_TEXT),
        state(json!("Done"), ENUM),
        state(json!(true), NOT_TEXT),
        state(Value::Null, REQUIRED),
        since(json!("yesterday"), NOT_A_TIME),
        since(json!(time(65)), TOO_LONG),
    ]
}
