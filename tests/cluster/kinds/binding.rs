//! HasuraRoleBindings that are refused, and some that are accepted.

use serde_json::{Value, json};

use super::{
    good::Good,
    object::{Object, binding},
    policy::bad_namespace,
    refusal::{
        Bad, ENUM, NOT_A_BOOL, NOT_AN_OBJECT, NOT_TEXT, PATTERN, REQUIRED, TOO_LONG, TOO_SHORT,
        UNKNOWN,
    },
    texts::{
        ADMINS, NOT_NAMES, NOT_OBJECT_NAMES, NOT_ROLE_NAMES, NOT_SCOPE_NAMES, UNPRINTABLE, letters,
    },
};

/// Descriptions that hold what tells the operator's objects from others.
const MARKS: &[(&str, &str)] = &[
    ("a mark", "[logto-hasura:1a2b3c4d/AAAAAAAAAAAAAAAAAAAAAA]"),
    ("a mark at its end", "Reads [logto-hasura:a/AAAAAAAAAAAA]"),
    ("the start of a mark", "Reads [logto-hasura: users"),
];

pub fn bad() -> Vec<Bad> {
    let good = binding();
    let (spec, unknown) = (good.field("spec"), good.field("spec.permissions"));
    let mut rows = vec![
        spec.missing(),
        spec.bad("a number", 1, NOT_AN_OBJECT),
        unknown.bad("no such field", json!([]), UNKNOWN),
    ];
    rows.extend(instance_ref(&good));
    rows.extend(hasura_role(&good));
    rows.extend(scope(&good));
    rows.extend(logto_role(&good));
    rows.extend(logto_role_name(&good));
    rows.extend(description(&good, "spec.scope.description", 256));
    rows.extend(description(&good, "spec.logtoRole.description", 73));
    rows
}

fn instance_ref(good: &Object) -> Vec<Bad> {
    let reference = good.field("spec.instanceRef");
    let name = good.field("spec.instanceRef.name");
    let mut rows = vec![
        reference.missing(),
        reference.bad("a name", "shop", NOT_AN_OBJECT),
        name.missing(),
        name.bad("empty", "", TOO_SHORT),
        name.bad("254 characters", letters(254), TOO_LONG),
        name.bad("a number", 1, NOT_TEXT),
    ];
    rows.extend(name.bad_texts(NOT_OBJECT_NAMES, PATTERN));
    rows.extend(bad_namespace(good, "spec.instanceRef.namespace"));
    rows
}

fn hasura_role(good: &Object) -> Vec<Bad> {
    let role = good.field("spec.hasuraRole");
    let mut rows = vec![
        role.missing(),
        role.bad("null", Value::Null, REQUIRED),
        role.bad("empty", "", TOO_SHORT),
        role.bad("129 characters", letters(129), TOO_LONG),
        role.bad("a list", json!(["editor"]), NOT_TEXT),
    ];
    rows.extend(role.bad_texts(ADMINS, "spec.hasuraRole can not be admin"));
    rows.extend(role.bad_texts(NOT_NAMES, PATTERN));
    rows.extend(role.bad_texts(NOT_ROLE_NAMES, PATTERN));
    rows
}

fn scope(good: &Object) -> Vec<Bad> {
    let scope = good.field("spec.scope");
    let unknown = good.field("spec.scope.id");
    let name = good.field("spec.scope.name");
    let mut rows = vec![
        scope.missing(),
        scope.bad("a name", "read:user", NOT_AN_OBJECT),
        unknown.bad("no such field", "x", UNKNOWN),
        name.missing(),
        name.bad("empty", "", TOO_SHORT),
        name.bad("257 characters", letters(257), TOO_LONG),
        name.bad("a number", 7, NOT_TEXT),
    ];
    rows.extend(name.bad_texts(NOT_NAMES, PATTERN));
    rows.extend(name.bad_texts(NOT_SCOPE_NAMES, PATTERN));
    rows
}

fn logto_role(good: &Object) -> Vec<Bad> {
    let role = good.field("spec.logtoRole");
    let unknown = good.field("spec.logtoRole.users");
    let type_ = good.field("spec.logtoRole.type");
    let default = good.field("spec.logtoRole.isDefault");
    let machines = good.clone().with("spec.logtoRole.type", "MachineToMachine");
    let for_machines = machines.field("spec.logtoRole.isDefault");
    vec![
        role.bad("a name", "editor", NOT_AN_OBJECT),
        unknown.bad("no such field", json!(["alice"]), UNKNOWN),
        type_.bad("no such type", "Organization", ENUM),
        type_.bad("lower case", "user", ENUM),
        type_.bad("empty", "", ENUM),
        type_.bad("a list", json!(["User"]), NOT_TEXT),
        default.bad("a text", "true", NOT_A_BOOL),
        default.bad("a number", 1, NOT_A_BOOL),
        for_machines.bad("for machines", true, "isDefault works for type User only"),
    ]
}

fn logto_role_name(good: &Object) -> Vec<Bad> {
    let name = good.field("spec.logtoRole.name");
    let mut rows = name.bad_texts(ADMINS, "name can not be admin");
    rows.extend(name.bad_texts(NOT_NAMES, PATTERN));
    rows.extend(name.bad_texts(NOT_ROLE_NAMES, PATTERN));
    rows.push(name.bad("empty", "", TOO_SHORT));
    rows.push(name.bad("129 characters", letters(129), TOO_LONG));
    rows.push(name.bad("a number", 7, NOT_TEXT));
    rows
}

fn description(good: &Object, path: &'static str, most: usize) -> Vec<Bad> {
    let description = good.field(path);
    let mut rows = description.bad_texts(MARKS, "can not hold an ownership mark");
    rows.push(description.bad("one character too long", letters(most + 1), TOO_LONG));
    rows.push(description.bad("a list", json!(["a"]), NOT_TEXT));
    for (what, character) in UNPRINTABLE {
        let text = format!("Reads {character}users");
        rows.push(description.bad(what, text, PATTERN));
    }
    rows
}

pub fn good() -> Vec<Good> {
    let good = binding();
    let instance = good.field("spec.instanceRef.name");
    let namespace = good.field("spec.instanceRef.namespace");
    let role = good.field("spec.hasuraRole");
    let scope = good.field("spec.scope.name");
    let name = good.field("spec.logtoRole.name");
    let type_ = good.field("spec.logtoRole.type");
    let default = good.field("spec.logtoRole.isDefault");
    let machines = good.clone().with("spec.logtoRole.type", "MachineToMachine");
    let for_machines = machines.field("spec.logtoRole.isDefault");
    let mut rows = vec![
        instance.good("253 characters", letters(253)),
        namespace.good("one character", "a"),
        namespace.good("63 characters", letters(63)),
        role.good("one character", "r"),
        role.good("128 characters", letters(128)),
        role.good("every kind of character", "aZ0_:.-"),
        role.good("two words", "Sales Manager"),
        role.good("many words, of one character too", "a b 1 - x.y :z"),
        role.good("the superuser and a word", "admin of shop"),
        role.good("starts with admin", "administrator"),
        role.good("ends with admin", "team:admin"),
        scope.good("one character", "r"),
        scope.good("256 characters", letters(256)),
        scope.good("like the superuser, but no role", "admin"),
        scope.good("a star at its end", "messaging:message:*"),
        scope.good("stars", "a*:**:b"),
        name.good("one character", "r"),
        name.good("128 characters", letters(128)),
        name.good("starts with admin", "admin-of-shop"),
        name.good("several words", "Messaging Public Servant"),
        type_.good("people", "User"),
        type_.good("machines", "MachineToMachine"),
        default.good("for everybody", true),
        default.good("for nobody by itself", false),
        for_machines.good("said to be none", false),
    ];
    rows.extend(good_descriptions(&good, "spec.scope.description", 256));
    rows.extend(good_descriptions(&good, "spec.logtoRole.description", 73));
    rows
}

fn good_descriptions(good: &Object, path: &'static str, most: usize) -> Vec<Good> {
    let description = good.field(path);
    vec![
        description.good("as long as may be, two bytes each", "é".repeat(most)),
        description.good("empty", ""),
        description.good("German", "Liest Nutzer – größtenteils"),
        description.good("Arabic", "قراءة المستخدمين"),
        description.good("brackets", "[logto] reads [users]"),
        description.good("joined emoji", "👩\u{200d}💻 only"),
    ]
}
