//! The rule by hand, each line with the claims written out, so that model and programs can not be wrong together.

use logto_hasura::api::RoleSource;
use logto_hasura::domain::claims::{entry::Entry, program::Kind};
use serde_json::{Value, json};

use crate::world::{
    AUD, ELSEWHERE, MANAGEMENT, NS, OPERATOR, Variables, entry, expected, first_party, ours, pair,
    payload, role, token, user, variables,
};

/// Model and program agree; what they give under the namespace.
fn claims(kind: Kind, variables: &Variables, token: &Value, context: &Value) -> Value {
    let given = ours(kind, &payload(variables, token, context));
    assert_eq!(given, expected(kind, variables, token, context));
    given.get(NS).cloned().unwrap_or(Value::Null)
}

fn users(entry: &Entry, token: &Value, context: &Value) -> Value {
    claims(Kind::Users, &variables(&[("a", entry)]), token, context)
}

fn hasura(roles: &[&str], default: &str) -> Value {
    json!({"x-hasura-allowed-roles": roles, "x-hasura-default-role": default, "x-hasura-user-id": "u1"})
}

#[test]
fn a_role_is_granted_to_who_holds_its_scope_of_this_resource() {
    let held = |roles: &[Value]| users(&entry(), &token(""), &first_party(user(roles)));
    assert_eq!(held(&[]), hasura(&["user"], "user"));
    assert_eq!(
        held(&[role("R", AUD, &["read"])]),
        hasura(&["reader", "user"], "user")
    );
    assert_eq!(
        held(&[role("R", AUD, &["read", "edit"])]),
        hasura(&["editor", "reader", "user"], "user")
    );
    assert_eq!(
        held(&[role("R", ELSEWHERE, &["read"])]),
        hasura(&["user"], "user")
    );
    assert_eq!(
        held(&[role("reader", AUD, &["reader"])]),
        hasura(&["user"], "user")
    );
    assert_eq!(
        held(&[role("#internal:x", AUD, &["read"])]),
        hasura(&["user"], "user")
    );
}

#[test]
fn another_audience_or_no_audience_gets_nothing() {
    let context = first_party(user(&[role("R", AUD, &["read"])]));
    for aud in [
        json!(ELSEWHERE),
        json!(null),
        json!([AUD, ELSEWHERE]),
        json!([]),
        json!(format!("{AUD}/")),
    ] {
        let mut token = token("read");
        token["aud"] = aud;
        assert_eq!(users(&entry(), &token, &context), Value::Null, "{token}");
    }
    let mut listed = token("read");
    listed["aud"] = json!([AUD]);
    assert_eq!(
        users(&entry(), &listed, &context),
        hasura(&["reader", "user"], "user")
    );
}

#[test]
fn a_third_party_application_gets_only_what_it_asked_for() {
    let user = user(&[role("R", AUD, &["read", "edit"])]);
    for application in [
        json!({"isThirdParty": true}),
        json!({"isThirdParty": "false"}),
        json!({}),
        json!(null),
    ] {
        let context = json!({"user": user, "application": application});
        assert_eq!(users(&entry(), &token(""), &context), Value::Null);
        assert_eq!(
            users(&entry(), &token("read other"), &context),
            hasura(&["reader"], "reader")
        );
        assert_eq!(
            users(&entry(), &token("reading read:x"), &context),
            Value::Null
        );
    }
}

#[test]
fn a_scope_in_the_token_is_no_role() {
    // An organization role puts a scope into a token of somebody who holds no role of the tenant.
    assert_eq!(
        users(&entry(), &token("read edit"), &first_party(user(&[]))),
        hasura(&["user"], "user")
    );
}

#[test]
fn a_scope_is_granted_as_a_whole_word_only() {
    let mut entry = entry();
    entry.roles = [
        pair("two", "read edit"),
        pair("none", ""),
        pair("reader", "read"),
    ]
    .into();
    let data = variables(&[("a", &entry)]);
    for (scope, roles) in [
        ("read edit", json!(["reader"])),
        ("edit  read", json!(["reader"])),
        ("", json!(null)),
        ("  ", json!(null)),
        ("reading bread read:user", json!(null)),
        ("edit\tread", json!(null)),
    ] {
        let machine = claims(Kind::Machines, &data, &token(scope), &json!({}));
        assert_eq!(machine["x-hasura-allowed-roles"], roles, "{scope:?}");
    }
}

#[test]
fn granted_scopes_needs_the_role_and_the_scope() {
    let mut entry = entry();
    entry.source = RoleSource::GrantedScopes;
    let context = first_party(user(&[role("R", AUD, &["read", "edit"])]));
    assert_eq!(
        users(&entry, &token(""), &context),
        hasura(&["user"], "user")
    );
    assert_eq!(
        users(&entry, &token("edit"), &context),
        hasura(&["editor", "user"], "user")
    );
}

#[test]
fn the_default_role_is_there_whenever_a_role_is() {
    let context = first_party(user(&[role("R", AUD, &["read", "edit"])]));
    let one = first_party(user(&[role("R", AUD, &["read"])]));
    let mut entry = entry();
    entry.everyone.clear();
    // Named but not held: the only role if there is one, else Hasura has to refuse.
    assert_eq!(
        users(&entry, &token(""), &one),
        hasura(&["reader"], "reader")
    );
    assert_eq!(
        users(&entry, &token(""), &context),
        hasura(&["editor", "reader"], "user")
    );
    entry.default = None;
    assert_eq!(
        users(&entry, &token(""), &one),
        hasura(&["reader"], "reader")
    );
    assert_eq!(
        users(&entry, &token(""), &context),
        hasura(&["editor", "reader"], "(none)")
    );
    entry.default = Some("reader".to_owned());
    assert_eq!(
        users(&entry, &token(""), &context),
        hasura(&["editor", "reader"], "reader")
    );
    assert_eq!(
        users(&entry, &token(""), &first_party(user(&[]))),
        Value::Null
    );
}

#[test]
fn admin_is_never_granted_nor_the_default_whatever_the_data_says() {
    for admin in ["admin", "Admin", "ADMIN", "aDmIn"] {
        let mut entry = entry();
        entry.everyone = [admin.to_owned()].into();
        entry.default = Some(admin.to_owned());
        entry.roles = [
            pair(admin, "read"),
            pair("reader", "read"),
            pair("editor", "edit"),
        ]
        .into();
        let context = first_party(user(&[role("R", AUD, &["read", "edit"])]));
        assert_eq!(
            users(&entry, &token("read"), &context),
            hasura(&["editor", "reader"], "(none)")
        );
        entry.roles = [pair(admin, "read")].into();
        assert_eq!(users(&entry, &token("read"), &context), Value::Null);
        let machines = variables(&[("a", &entry)]);
        assert_eq!(
            claims(Kind::Machines, &machines, &token("read"), &json!({})),
            Value::Null
        );
    }
}

#[test]
fn two_entries_for_one_audience_grant_nothing() {
    let context = first_party(user(&[role("R", AUD, &["read"])]));
    let mut other = entry();
    other.ns = "https://other/claims".to_owned();
    for second in [entry(), other] {
        let two = variables(&[("a", &entry()), ("b", &second)]);
        assert_eq!(
            ours(Kind::Users, &payload(&two, &token("read"), &context)),
            json!({})
        );
        assert_eq!(
            ours(Kind::Machines, &payload(&two, &token("read"), &json!({}))),
            json!({})
        );
    }
}

#[test]
fn a_session_variable_reads_what_is_documented_and_replaces_nothing() {
    let mut entry = entry();
    let paths = [
        ("x-hasura-org-id", "organization.id"),
        ("x-hasura-mail", "user.primaryEmail"),
        ("x-hasura-city", "user.customData.home.city.name"),
        ("x-hasura-n", "user.customData.n"),
        ("x-hasura-yes", "user.customData.yes"),
        ("x-hasura-role", "user.name"),
        ("x-hasura-user-id", "user.name"),
        ("x-hasura-allowed-roles", "user.name"),
        ("x-hasura-default-role", "user.name"),
        ("X-Hasura-User-Id", "user.name"),
        ("role", "user.name"),
        ("x-hasura-deep", "user.customData.1.2.3.4"),
        ("x-hasura-list", "user.customData.list"),
        ("x-hasura-first", "user.customData.list.0"),
        ("x-hasura-proto", "user.customData.__proto__.x"),
        ("x-hasura-roles", "user.roles.length"),
        ("x-hasura-app", "application.id"),
        ("x-hasura-null", "user.primaryPhone"),
        ("x-hasura-none", "user.avatar"),
    ];
    entry.vars = paths.iter().map(|(name, path)| pair(name, path)).collect();
    let mut user = user(&[]);
    user["name"] = json!("mallory");
    user["primaryEmail"] = json!("m@example.com");
    user["primaryPhone"] = json!(null);
    user["customData"] = json!({"home": {"city": {"name": "Ulm"}}, "n": 1.5, "yes": true, "list": ["a"], "1": {"2": {"3": {"4": "deep"}}}});
    let mut context = first_party(user);
    context["organization"] = json!({"id": "org1"});
    let mut expected = hasura(&["user"], "user");
    for (name, value) in [
        ("x-hasura-org-id", "org1"),
        ("x-hasura-mail", "m@example.com"),
        ("x-hasura-city", "Ulm"),
        ("x-hasura-n", "1.5"),
        ("x-hasura-yes", "true"),
    ] {
        expected[name] = json!(value);
    }
    assert_eq!(users(&entry, &token(""), &context), expected);
}

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

#[test]
fn a_machine_gets_the_roles_of_its_scopes_and_nothing_of_a_user() {
    let mut entry = entry();
    entry.vars = [
        pair("x-hasura-a", "user.id"),
        pair("x-hasura-org-id", "organization.id"),
    ]
    .into();
    let data = variables(&[("a", &entry)]);
    let context =
        json!({"application": {"id": "web", "isThirdParty": false}, "user": {"id": "u1"}});
    let machine =
        |scope: &str, context: &Value| claims(Kind::Machines, &data, &token(scope), context);
    assert_eq!(machine("", &context), Value::Null);
    let mut expected = json!({"x-hasura-allowed-roles": ["reader"], "x-hasura-default-role": "reader", "x-hasura-user-id": "web"});
    assert_eq!(machine("read", &context), expected);
    expected["x-hasura-org-id"] = json!("o1");
    assert_eq!(
        machine("read", &json!({"organization": {"id": "o1"}})),
        expected
    );
}

#[test]
fn the_operators_own_token_is_left_alone() {
    // Even by an entry for the Management API, which the kinds refuse.
    let mut entry = entry();
    entry.aud = MANAGEMENT.to_owned();
    let data = variables(&[("a", &entry)]);
    let token = |client: &str| json!({"aud": MANAGEMENT, "scope": "read", "clientId": client});
    assert_eq!(
        claims(Kind::Machines, &data, &token(OPERATOR), &json!({})),
        Value::Null
    );
    assert_ne!(
        claims(Kind::Machines, &data, &token("other"), &json!({})),
        Value::Null
    );
}

#[test]
fn an_entry_of_a_later_layout_or_with_a_standard_claim_grants_nothing() {
    let context = first_party(user(&[role("R", AUD, &["read"])]));
    let with = |from: &str, to: &str| {
        let text = entry().text().replace(from, to);
        assert_ne!(text, entry().text());
        Variables::from([("LOGTO_HASURA_a".to_owned(), text)])
    };
    for data in [
        with("\"v\":1", "\"v\":2"),
        with(NS, "organization_id"),
        with(NS, "roles"),
        with(NS, "://"),
        with("AssignedRoles", "Anything"),
    ] {
        assert_eq!(
            ours(Kind::Users, &payload(&data, &token("read"), &context)),
            json!({}),
            "{data:?}"
        );
        assert_eq!(
            expected(Kind::Users, &data, &token("read"), &context),
            json!({})
        );
    }
}

#[test]
fn malformed_data_of_one_entry_leaves_the_others_alone() {
    let context = first_party(user(&[role("R", AUD, &["read"])]));
    for broken in [
        "",
        "{",
        "null",
        "[]",
        "5",
        "{\"aud\":",
        "\"\\ud800\"",
        "{\"aud\":\"\\ud800\"}",
        "{\"aud\":1e999}",
        "{\"__proto__\":{\"aud\":\"x\"}}",
    ] {
        let mut data = variables(&[("a", &entry())]);
        data.insert("LOGTO_HASURA_b".to_owned(), broken.to_owned());
        let given = ours(Kind::Users, &payload(&data, &token(""), &context));
        assert_eq!(given[NS], hasura(&["reader", "user"], "user"), "{broken}");
    }
}
