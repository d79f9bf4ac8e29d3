//! Plans that a status can not hold, and the longest that it can.

use serde_json::{Value, json};

use super::{
    object::{Object, all},
    refusal::{
        Bad, ENUM, NOT_A_LIST, NOT_A_NUMBER, NOT_AN_OBJECT, NOT_TEXT, REQUIRED, TOO_LONG, TOO_SMALL,
    },
    texts::letters,
};

/// Every kind of step.
pub const ACTIONS: [&str; 5] = ["Create", "Adopt", "Change", "Delete", "Foreign"];

fn step() -> Value {
    json!({"action": "Create", "what": "scope \"read:user\""})
}

/// As many steps as there may be, each as long as it may be.
pub fn longest_plan() -> Value {
    let step = json!({"action": "Foreign", "what": "é".repeat(1024)});
    json!({"steps": vec![step; 50], "leftOut": i32::MAX})
}

pub fn bad() -> Vec<Bad> {
    all().iter().flat_map(of_kind).collect()
}

fn of_kind(object: &Object) -> Vec<Bad> {
    let good = object
        .clone()
        .with("status.plan", json!({"steps": [step()]}));
    let plan = good.field("status.plan");
    let steps = good.field("status.plan.steps");
    let first = good.field("status.plan.steps[0]");
    let action = good.field("status.plan.steps[0].action");
    let what = good.field("status.plan.steps[0].what");
    let left_out = good.field("status.plan.leftOut");
    vec![
        plan.bad("a list", json!([step()]), NOT_AN_OBJECT),
        steps.bad("a text", "create it", NOT_A_LIST),
        steps.bad("51", vec![step(); 51], "must have at most 50 items"),
        first.bad("in words only", "create it", NOT_AN_OBJECT),
        action.missing(),
        action.bad("null", Value::Null, REQUIRED),
        action.bad("no such action", "Update", ENUM),
        action.bad("lower case", "create", ENUM),
        action.bad("a bool", true, NOT_TEXT),
        what.missing(),
        what.bad("1025 characters", letters(1025), TOO_LONG),
        what.bad("a list", json!([]), NOT_TEXT),
        left_out.bad("below zero", -1, TOO_SMALL),
        left_out.bad("a text", "7", NOT_A_NUMBER),
    ]
}
