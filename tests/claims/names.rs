//! Lists in a user's data, and names as people gave them: each line with the claims written out.

use logto_hasura::domain::claims::program::Kind;
use serde_json::{Value, json};

use crate::{
    table::{claims, hasura, users},
    world::{AUD, entry, first_party, pair, role, token, user, variables},
};

#[test]
fn a_list_becomes_an_array_literal_and_what_is_none_gives_no_claim() {
    let mut entry = entry();
    entry.lists = [pair("x-hasura-org-ids", "user.customData.orgs")].into();
    entry.vars = [pair("x-hasura-avatar_no", "user.customData.orgs")].into();
    let claims_of = |orgs: Value| {
        let mut user = user(&[]);
        user["customData"] = json!({"orgs": orgs});
        users(&entry, &token(""), &first_party(user))
    };
    let hundred: Vec<String> = (0..100).map(|n| format!("o{n}")).collect();
    let of_hundred = format!("{{\"{}\"}}", hundred.join("\",\""));
    // The braces, the quotes and 4,092 characters are 4,096.
    let longest = "x".repeat(4092);
    let of_longest = format!("{{\"{longest}\"}}");
    for (orgs, literal) in [
        (json!(["a", "b"]), r#"{"a","b"}"#),
        (json!([]), "{}"),
        (json!([""]), r#"{""}"#),
        (json!(["NULL", "null"]), r#"{"NULL","null"}"#),
        (
            json!([1, -2.5, 1e21, true, false]),
            r#"{"1","-2.5","1e+21","true","false"}"#,
        ),
        (json!(["a\"b", "a\\b", "\\\""]), r#"{"a\"b","a\\b","\\\""}"#),
        (
            json!(["a,b", "{c}", " d ", "e\nf"]),
            "{\"a,b\",\"{c}\",\" d \",\"e\nf\"}",
        ),
        (json!(["ü", "\u{1F600}"]), "{\"ü\",\"\u{1F600}\"}"),
        (json!(hundred), of_hundred.as_str()),
        (json!([longest]), of_longest.as_str()),
    ] {
        let mut expected = hasura(&["user"], "user");
        expected["x-hasura-org-ids"] = json!(literal);
        assert_eq!(claims_of(orgs.clone()), expected, "{orgs}");
    }
    let mut too_many = hundred.clone();
    too_many.push("o100".to_owned());
    for none in [
        json!(null),
        json!({}),
        json!({"0": "a", "length": 1}),
        json!([null]),
        json!(["a", null]),
        json!(["a", ["b"]]),
        json!([[]]),
        json!([{"toString": "a"}]),
        json!(too_many),
        json!(["x".repeat(4093)]),
        json!(["\"".repeat(2047)]),
        json!(["\u{1F600}".repeat(2047)]),
        json!(["x".repeat(2000), "y".repeat(2000), "z".repeat(100)]),
    ] {
        assert_eq!(claims_of(none.clone()), hasura(&["user"], "user"), "{none}");
    }
    // What is no list is text, for the variable that is one.
    for (scalar, text) in [
        (json!("a"), "a"),
        (json!(7), "7"),
        (json!(""), ""),
        (json!("{\"a\"}"), "{\"a\"}"),
    ] {
        let mut expected = hasura(&["user"], "user");
        expected["x-hasura-avatar_no"] = json!(text);
        assert_eq!(claims_of(scalar.clone()), expected, "{scalar}");
    }
}

#[test]
fn a_list_replaces_nothing_and_is_read_where_text_is() {
    let mut entry = entry();
    let paths = [
        ("x-hasura-role", "user.customData.orgs"),
        ("x-hasura-allowed-roles", "user.customData.orgs"),
        ("x-hasura-default-role", "user.customData.orgs"),
        ("x-hasura-user-id", "user.customData.orgs"),
        ("orgs", "user.customData.orgs"),
        ("x-hasura-held", "user.roles"),
        ("x-hasura-scopes", "user.roles.0.scopes"),
        ("x-hasura-mail", "user.primaryEmail"),
        ("x-hasura-org-id", "organization.id"),
        ("x-hasura-within", "user.customData.lists.0"),
        ("x-hasura-deep", "user.customData.a.b.c"),
    ];
    entry.lists = paths.iter().map(|(name, path)| pair(name, path)).collect();
    let mut user = user(&[role("R", AUD, &["read"])]);
    user["primaryEmail"] = json!("m@example.com");
    user["customData"] = json!({"orgs": ["admin"], "lists": [["a"]], "a": {"b": {"c": ["deep"]}}});
    let mut context = first_party(user);
    context["organization"] = json!({"id": ["o1"]});
    let mut expected = hasura(&["reader", "user"], "user");
    expected["x-hasura-deep"] = json!(r#"{"deep"}"#);
    // Logto's organization has one id; a list there would be read as the paths of text are.
    expected["x-hasura-org-id"] = json!(r#"{"o1"}"#);
    assert_eq!(users(&entry, &token(""), &context), expected);
    // A machine has no custom data.
    let machine = claims(
        Kind::Machines,
        &variables(&[("a", &entry)]),
        &token("read"),
        &context,
    );
    assert!(machine.get("x-hasura-deep").is_none(), "{machine}");
}

#[test]
fn a_star_in_a_scope_stands_for_nothing_but_itself_and_a_role_may_have_several_words() {
    let mut entry = entry();
    entry.everyone.clear();
    entry.default = None;
    entry.roles = [
        pair("Sales Manager", "messaging:message:*"),
        pair("reader", "messaging:message:read"),
    ]
    .into();
    let holds = |scope: &str| {
        let context = first_party(user(&[role("Messaging Public Servant", AUD, &[scope])]));
        users(&entry, &token(""), &context)
    };
    assert_eq!(
        holds("messaging:message:*"),
        hasura(&["Sales Manager"], "Sales Manager")
    );
    assert_eq!(
        holds("messaging:message:read"),
        hasura(&["reader"], "reader")
    );
    for other in [
        "messaging:message:",
        "messaging:message:write",
        "messaging:*",
        "*",
    ] {
        assert_eq!(holds(other), Value::Null, "{other}");
    }
    // The same where the scope has to be in the token.
    let data = variables(&[("a", &entry)]);
    for (scope, roles) in [
        ("messaging:message:*", json!(["Sales Manager"])),
        ("messaging:message:read", json!(["reader"])),
        ("messaging:message:write *", json!(null)),
    ] {
        let machine = claims(Kind::Machines, &data, &token(scope), &json!({}));
        assert_eq!(machine["x-hasura-allowed-roles"], roles, "{scope}");
    }
}
