//! The rule by hand, each line with the claims written out, so that model and programs can not be wrong together.

use logto_hasura::api::RoleSource;
use logto_hasura::domain::claims::{entry::Entry, program::Kind};
use serde_json::{Value, json};

use crate::world::{
    AUD, ELSEWHERE, MANAGEMENT, NS, OPERATOR, Variables, entry, expected, first_party, ours, pair,
    payload, role, token, user, variables,
};

/// Model and program agree; what they give under the namespace.
pub fn claims(kind: Kind, variables: &Variables, token: &Value, context: &Value) -> Value {
    let given = ours(kind, &payload(variables, token, context));
    assert_eq!(given, expected(kind, variables, token, context));
    given.get(NS).cloned().unwrap_or(Value::Null)
}

pub fn users(entry: &Entry, token: &Value, context: &Value) -> Value {
    claims(Kind::Users, &variables(&[("a", entry)]), token, context)
}

pub fn hasura(roles: &[&str], default: &str) -> Value {
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
