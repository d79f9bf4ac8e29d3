//! HasuraRoleBindings that are refused.

use serde_json::json;

use super::{
    object::{Object, binding},
    refusal::{
        Bad, ENUM, NOT_AN_OBJECT, NOT_TEXT, PATTERN, REQUIRED, TOO_LONG, TOO_SHORT, UNKNOWN,
    },
    texts::{ADMINS, NOT_OBJECT_NAMES, NOT_ROLE_NAMES, UNPRINTABLE, letters},
};

/// Descriptions that hold what tells the operator's objects from others.
const MARKS: &[(&str, &str)] = &[
    (
        "is a mark",
        "[logto-hasura:1a2b3c4d/AAAAAAAAAAAAAAAAAAAAAA]",
    ),
    (
        "ends with a mark",
        "Reads users [logto-hasura:1a2b3c4d/AAAAAAAAAAAAAAAAAAAAAA]",
    ),
    ("holds the start of a mark", "Reads [logto-hasura: users"),
];

pub fn bad() -> Vec<Bad> {
    let good = binding();
    let mut rows = vec![
        good.lacks("spec"),
        good.wrong("a number for the spec", "spec", 1, NOT_AN_OBJECT),
        good.wrong(
            "a field that there is not",
            "spec.permissions",
            json!([]),
            UNKNOWN,
        ),
    ];
    rows.extend(instance_ref(&good));
    rows.extend(hasura_role(&good));
    rows.extend(scope(&good));
    rows.extend(logto_role(&good));
    rows.extend(logto_role_name(&good));
    rows.extend(descriptions(&good));
    rows
}

fn instance_ref(good: &Object) -> Vec<Bad> {
    let (reference, name) = ("spec.instanceRef", "spec.instanceRef.name");
    let mut rows = vec![
        good.lacks(reference),
        good.wrong(
            "a name for an instanceRef",
            reference,
            "shop",
            NOT_AN_OBJECT,
        ),
        good.wrong(
            "an instance of another namespace",
            "spec.instanceRef.namespace",
            "a",
            UNKNOWN,
        ),
        good.lacks(name),
        good.wrong("an instance with an empty name", name, "", TOO_SHORT),
        good.wrong(
            "an instance's name of 254 characters",
            name,
            letters(254),
            TOO_LONG,
        ),
        good.wrong("an instance by a number", name, 1, NOT_TEXT),
    ];
    for (what, text) in NOT_OBJECT_NAMES {
        rows.push(good.wrong(
            format!("an instance whose name {what}"),
            name,
            *text,
            PATTERN,
        ));
    }
    rows
}

fn hasura_role(good: &Object) -> Vec<Bad> {
    let field = "spec.hasuraRole";
    let mut rows = vec![
        good.lacks(field),
        good.wrong(
            "null for a required hasuraRole",
            field,
            json!(null),
            REQUIRED,
        ),
        good.wrong("an empty hasuraRole", field, "", TOO_SHORT),
        good.wrong(
            "a hasuraRole of 129 characters",
            field,
            letters(129),
            TOO_LONG,
        ),
        good.wrong(
            "a list for a hasuraRole",
            field,
            json!(["editor"]),
            NOT_TEXT,
        ),
    ];
    for text in ADMINS {
        rows.push(good.wrong(
            format!("a hasuraRole {text}"),
            field,
            *text,
            "can not be admin",
        ));
    }
    for (what, text) in NOT_ROLE_NAMES {
        rows.push(good.wrong(format!("a hasuraRole that {what}"), field, *text, PATTERN));
    }
    rows
}

fn scope(good: &Object) -> Vec<Bad> {
    let (scope, name) = ("spec.scope", "spec.scope.name");
    let mut rows = vec![
        good.lacks(scope),
        good.wrong("a name for a scope", scope, "read:user", NOT_AN_OBJECT),
        good.wrong(
            "a field of scope that there is not",
            "spec.scope.id",
            "x",
            UNKNOWN,
        ),
        good.lacks(name),
        good.wrong("an empty name of a scope", name, "", TOO_SHORT),
        good.wrong(
            "a scope's name of 257 characters",
            name,
            letters(257),
            TOO_LONG,
        ),
        good.wrong("a number for a scope's name", name, 7, NOT_TEXT),
    ];
    for (what, text) in NOT_ROLE_NAMES {
        rows.push(good.wrong(format!("a scope whose name {what}"), name, *text, PATTERN));
    }
    rows
}

fn logto_role(good: &Object) -> Vec<Bad> {
    let (role, type_) = ("spec.logtoRole", "spec.logtoRole.type");
    vec![
        good.wrong("a name for a logtoRole", role, "editor", NOT_AN_OBJECT),
        good.wrong(
            "users in the logtoRole",
            "spec.logtoRole.users",
            json!(["a"]),
            UNKNOWN,
        ),
        good.wrong(
            "a type of role that there is not",
            type_,
            "Organization",
            ENUM,
        ),
        good.wrong("a type of role in lower case", type_, "user", ENUM),
        good.wrong("an empty type of role", type_, "", ENUM),
        good.wrong(
            "a list for a type of role",
            type_,
            json!(["User"]),
            NOT_TEXT,
        ),
    ]
}

fn logto_role_name(good: &Object) -> Vec<Bad> {
    let field = "spec.logtoRole.name";
    let mut rows = vec![
        good.wrong("an empty logtoRole.name", field, "", TOO_SHORT),
        good.wrong(
            "a logtoRole.name of 129 characters",
            field,
            letters(129),
            TOO_LONG,
        ),
        good.wrong("a number for a logtoRole.name", field, 7, NOT_TEXT),
    ];
    for text in ADMINS {
        rows.push(good.wrong(
            format!("a logtoRole.name {text}"),
            field,
            *text,
            "can not be admin",
        ));
    }
    for (what, text) in NOT_ROLE_NAMES {
        rows.push(good.wrong(
            format!("a logtoRole.name that {what}"),
            field,
            *text,
            PATTERN,
        ));
    }
    rows
}

fn descriptions(good: &Object) -> Vec<Bad> {
    let fields = [
        ("a scope's", "spec.scope.description", 256),
        ("a role's", "spec.logtoRole.description", 73),
    ];
    let mut rows = Vec::new();
    for (of, field, most) in fields {
        let of = format!("{of} description");
        rows.push(good.wrong(
            format!("{of} one too long"),
            field,
            letters(most + 1),
            TOO_LONG,
        ));
        rows.push(good.wrong(format!("{of} is a list"), field, json!(["a"]), NOT_TEXT));
        for (what, text) in MARKS {
            let because = "can not hold an ownership mark";
            rows.push(good.wrong(format!("{of} {what}"), field, *text, because));
        }
        for (what, character) in UNPRINTABLE {
            let text = format!("Reads {character}users");
            rows.push(good.wrong(format!("{of} with {what}"), field, text, PATTERN));
        }
    }
    rows
}
