//! What an instance says about the claims of its tokens: who has a role, and which session variables there are.

use serde_json::{Value, json};

use super::{
    good::Good,
    object::instance,
    refusal::{
        Bad, DUPLICATE, ENUM, NOT_A_BOOL, NOT_A_LIST, NOT_AN_OBJECT, NOT_TEXT, PATTERN, REQUIRED,
        TOO_LONG, TOO_SHORT, UNKNOWN,
    },
    texts::{ADMINS, NOT_NAMES, NOT_ROLE_NAMES, letters},
};

const EVERYONE: &str = "spec.auth.jwt.everyoneRoles";
const VARIABLES: &str = "spec.auth.jwt.sessionVariables";
const NAME: &str = "spec.auth.jwt.sessionVariables[0].name";
const FROM: &str = "spec.auth.jwt.sessionVariables[0].from";
const USER_EDITABLE: &str = "spec.auth.jwt.sessionVariables[0].userEditable";
const AS: &str = "spec.auth.jwt.sessionVariables[0].as";

/// They would say who somebody is, or that he may do anything.
const RESERVED: &[&str] = &[
    "x-hasura-role",
    "x-hasura-allowed-roles",
    "x-hasura-default-role",
    "x-hasura-user-id",
    "x-hasura-admin-secret",
    "x-hasura-access-key",
];

const NOT_VARIABLES: &[(&str, &str)] = &[
    ("a capital", "x-hasura-Org-id"),
    ("as a header", "X-Hasura-Org-Id"),
    ("a reserved one in capitals", "X-HASURA-ROLE"),
    ("another prefix", "x-shop-org-id"),
    ("no prefix", "organization"),
    ("a key of all objects", "x-hasura-__proto__"),
    ("an underscore at its end", "x-hasura-org_"),
    ("an underscore after the prefix", "x-hasura-_role"),
    (
        "an underscore for a hyphen of the prefix",
        "x_hasura-org-id",
    ),
    ("a dot", "x-hasura-org.id"),
    ("a space", "x-hasura-org id"),
    ("a space before it", " x-hasura-org-id"),
    ("a line break at its end", "x-hasura-org-id\n"),
    ("a reserved one with a line break", "x-hasura-role\n"),
    ("two hyphens after the prefix", "x-hasura--role"),
    ("a hyphen at its end", "x-hasura-org-"),
    ("a letter outside ASCII", "x-hasura-örg"),
    ("a Cyrillic letter like a Latin one", "x-hasura-r\u{43e}le"),
    ("a right-to-left override", "x-hasura-\u{202e}elor"),
];

/// Logto has it, or JavaScript would find it, but the documentation lists it not.
const NOT_PATHS: &[(&str, &str)] = &[
    ("six parts", "user.customData.a.b.c.d"),
    ("all of customData", "user.customData"),
    ("all of the profile", "user.profile"),
    ("the whole user", "user"),
    ("an empty part", "user.customData..a"),
    ("an empty part at its end", "user.customData.a."),
    ("an index", "user.customData.a[0]"),
    ("a quoted key", "user.customData['a']"),
    ("a template", "user.customData.${a}"),
    ("a second statement", "user.id;token.sub"),
    ("a comment", "user.id//"),
    ("a space", "user.customData.a b"),
    ("a space before it", " user.id"),
    ("a line break at its end", "user.id\n"),
    ("a line separator", "user.customData.a\u{2028}b"),
    ("a letter outside ASCII", "user.customData.größe"),
    ("a right-to-left override", "user.customData.\u{202e}a"),
    ("a part of text", "user.id.length"),
    ("a prototype", "user.__proto__"),
    ("a constructor", "user.constructor.name"),
    ("roles", "user.roles"),
    ("identities", "user.identities.google"),
    ("whether there is a password", "user.hasPassword"),
    ("capitals", "user.customdata.a"),
    ("an organization's name", "organization.name"),
    ("below an organization's id", "organization.id.a"),
    ("the token", "token.sub"),
    ("the script's own argument", "context.user.id"),
    ("the environment", "environmentVariables.KEY"),
    ("a JSON path", "$.sub"),
];

/// A user writes these at any sign-in.
const EDITABLE: &[&str] = &[
    "user.name",
    "user.username",
    "user.avatar",
    "user.profile.website",
    "user.customData.orgId",
    "user.customData.__proto__",
];

pub fn bad() -> Vec<Bad> {
    let mut rows = everyone_roles();
    rows.extend(default_role());
    rows.extend(role_source());
    rows.extend(variables());
    rows.extend(names());
    rows.extend(paths());
    rows.extend(forms());
    rows
}

fn everyone_roles() -> Vec<Bad> {
    let good = instance();
    let roles = good.field(EVERYONE);
    let first = |what: &str, role: Value, because| {
        let object = good.clone().with(EVERYONE, json!([role]));
        object.refused(what, "spec.auth.jwt.everyoneRoles[0]", because)
    };
    let many: Vec<String> = (0..21).map(|number| format!("role{number}")).collect();
    let twice = good
        .clone()
        .with(EVERYONE, json!(["user", "editor", "user"]));
    let mut rows = vec![
        roles.bad("a text", "user", NOT_A_LIST),
        roles.bad("21 roles", many, "must have at most 20 items"),
        twice.refused("one twice", "spec.auth.jwt.everyoneRoles[2]", DUPLICATE),
        first("empty", json!(""), TOO_SHORT),
        first("129 characters", json!(letters(129)), TOO_LONG),
        first("a number", json!(7), NOT_TEXT),
        first("a list in the list", json!(["user"]), NOT_TEXT),
    ];
    for (what, admin) in ADMINS {
        let among_others = json!(["user", admin]);
        rows.push(roles.bad(what, among_others, "everyoneRoles can not hold admin"));
    }
    for (what, name) in NOT_NAMES.iter().chain(NOT_ROLE_NAMES) {
        rows.push(first(what, json!(name), PATTERN));
    }
    rows
}

fn default_role() -> Vec<Bad> {
    let good = instance();
    let role = good.field("spec.auth.jwt.defaultRole");
    let mut rows = role.bad_texts(ADMINS, "defaultRole can not be admin");
    rows.extend(role.bad_texts(NOT_NAMES, PATTERN));
    rows.extend(role.bad_texts(NOT_ROLE_NAMES, PATTERN));
    rows.push(role.bad("empty", "", TOO_SHORT));
    rows.push(role.bad("129 characters", letters(129), TOO_LONG));
    rows.push(role.bad("a list", json!(["user"]), NOT_TEXT));
    rows
}

fn role_source() -> Vec<Bad> {
    let good = instance();
    let source = good.field("spec.auth.jwt.roleSource");
    vec![
        source.bad("no such source", "OrganizationRoles", ENUM),
        source.bad("lower case", "assignedRoles", ENUM),
        source.bad("empty", "", ENUM),
        source.bad("a list", json!(["AssignedRoles"]), NOT_TEXT),
    ]
}

/// The only variable of a row.
fn variable(what: &str, variable: Value, field: &'static str, because: &'static str) -> Bad {
    let object = instance().with(VARIABLES, json!([variable]));
    object.refused(what, field, because)
}

fn variables() -> Vec<Bad> {
    let good = instance();
    let list = good.field(VARIABLES);
    let numbered = |number| json!({"name": format!("x-hasura-{number}"), "from": "user.id"});
    let many: Value = (0..17).map(numbered).collect();
    let twice = json!([
        {"name": "x-hasura-org-id", "from": "organization.id"},
        {"name": "x-hasura-org-id", "from": "user.id"},
    ]);
    let twice = good.clone().with(VARIABLES, twice);
    let surprise = json!({"name": "x-hasura-a", "from": "user.id", "value": "x"});
    let not_a_bool = json!({"name": "x-hasura-a", "from": "user.id", "userEditable": "yes"});
    vec![
        list.bad("a text", "x-hasura-org-id", NOT_A_LIST),
        list.bad("17 variables", many, "must have at most 16 items"),
        twice.refused(
            "a name twice",
            "spec.auth.jwt.sessionVariables[1]",
            DUPLICATE,
        ),
        variable(
            "a name",
            json!("x-hasura-org-id"),
            "spec.auth.jwt.sessionVariables[0]",
            NOT_AN_OBJECT,
        ),
        variable(
            "no such field",
            surprise,
            "spec.auth.jwt.sessionVariables[0].value",
            UNKNOWN,
        ),
        variable("a text", not_a_bool, USER_EDITABLE, NOT_A_BOOL),
    ]
}

fn names() -> Vec<Bad> {
    let row = |what: &str, name: Value, because| {
        let value = json!({"name": name, "from": "user.id"});
        variable(what, value, NAME, because)
    };
    let mut rows = vec![
        variable("missing", json!({"from": "user.id"}), NAME, REQUIRED),
        row("the prefix only", json!("x-hasura-"), "at least 10 chars"),
        row("65 characters", json!(name_of(65)), TOO_LONG),
        row("a number", json!(7), NOT_TEXT),
    ];
    for name in RESERVED {
        rows.push(row(name, json!(name), "one that Hasura or the operator"));
    }
    for (what, name) in NOT_VARIABLES {
        rows.push(row(what, json!(name), PATTERN));
    }
    rows
}

fn paths() -> Vec<Bad> {
    let row = |what: &str, from: Value, because| {
        let value = json!({"name": "x-hasura-a", "from": from, "userEditable": true});
        variable(what, value, FROM, because)
    };
    let long_part = format!("user.customData.{}", letters(65));
    let long_path = format!("user.customData.{}", letters(241));
    let mut rows = vec![
        variable("missing", json!({"name": "x-hasura-a"}), FROM, REQUIRED),
        row("empty", json!(""), TOO_SHORT),
        row("a part of 65 characters", json!(long_part), PATTERN),
        row("257 characters", json!(long_path), TOO_LONG),
        row("a list", json!(["user.id"]), NOT_TEXT),
    ];
    for (what, from) in NOT_PATHS {
        rows.push(row(what, json!(from), PATTERN));
    }
    for from in EDITABLE {
        let unsaid = json!({"name": "x-hasura-a", "from": from});
        let denied = json!({"name": "x-hasura-a", "from": from, "userEditable": false});
        for value in [unsaid, denied] {
            rows.push(variable(from, value, FROM, "so it proves nothing"));
        }
    }
    rows
}

/// What a value is read as.
fn forms() -> Vec<Bad> {
    let orgs = "user.customData.orgs";
    let of = |from: &str, form: Value| json!({"name": "x-hasura-a", "from": from, "userEditable": true, "as": form});
    let unsaid = json!({"name": "x-hasura-a", "from": orgs, "as": "List"});
    let mut rows = vec![
        variable("no such form", of(orgs, json!("Json")), AS, ENUM),
        variable("lower case", of(orgs, json!("list")), AS, ENUM),
        variable("empty", of(orgs, json!("")), AS, ENUM),
        variable("a list", of(orgs, json!(["List"])), AS, NOT_TEXT),
        variable(
            "a list of a user's own",
            unsaid,
            FROM,
            "so it proves nothing",
        ),
    ];
    for from in [
        "user.id",
        "user.primaryEmail",
        "organization.id",
        "user.name",
        "user.avatar",
        "user.profile.website",
    ] {
        let because = "only user.customData.… can hold a list";
        rows.push(variable(from, of(from, json!("List")), AS, because));
    }
    rows
}

/// The name of a variable with this length.
fn name_of(length: usize) -> String {
    let start = "x-hasura-";
    format!("{start}{}", letters(length - start.len()))
}

pub fn good() -> Vec<Good> {
    let good = instance();
    let everyone = good.field(EVERYONE);
    let default = good.field("spec.auth.jwt.defaultRole");
    let source = good.field("spec.auth.jwt.roleSource");
    let variables = good.field(VARIABLES);
    let many: Vec<String> = (0..20).map(|number| format!("role{number}")).collect();
    let numbered = |number| json!({"name": format!("x-hasura-{number}"), "from": "user.id", "userEditable": false, "as": "Text"});
    let sixteen: Value = (0..16).map(numbered).collect();
    let mut rows = vec![
        everyone.good("none", json!([])),
        everyone.good("20 roles", many),
        everyone.good("two that differ in case", json!(["user", "User"])),
        everyone.good("like the superuser", json!(["administrator", "team:admin"])),
        everyone.good("128 characters", json!([letters(128)])),
        everyone.good("two words", json!(["Sales Manager"])),
        default.good("one", "user"),
        default.good("two words", "Sales Manager"),
        default.good("128 characters", letters(128)),
        source.good("the default by name", "AssignedRoles"),
        source.good("the other", "GrantedScopes"),
        variables.good("none", json!([])),
        variables.good("16 variables", sixteen),
    ];
    let trusted = [
        "user.id",
        "user.primaryEmail",
        "user.primaryPhone",
        "organization.id",
    ];
    let longest = format!("user.profile.{0}.{0}.{0}", letters(64));
    let odd = [
        "user.customData.a.b.c",
        "user.customData.__proto__",
        "user.customData.constructor.prototype",
        "user.customData.0.-_",
        longest.as_str(),
    ];
    let paths = trusted.map(|from| (from, false)).into_iter();
    let editable = EDITABLE.iter().copied().chain(odd).map(|from| (from, true));
    for (from, editable) in paths.chain(editable) {
        let value =
            json!([{"name": name_of(64), "from": from, "userEditable": editable, "as": "Text"}]);
        rows.push(variables.good(from, value));
    }
    for name in ["x-hasura-avatar_no", "x-hasura-a__-_b", "x-hasura-user_id"] {
        let value = json!([{"name": name, "from": "user.id", "userEditable": false, "as": "Text"}]);
        rows.push(variables.good(name, value));
    }
    for from in ["user.customData.orgs", "user.customData.a.b.c"] {
        let value =
            json!([{"name": "x-hasura-a", "from": from, "userEditable": true, "as": "List"}]);
        rows.push(variables.good(&format!("{from} as a list"), value));
    }
    rows
}
