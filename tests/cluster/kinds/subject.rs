//! Who a binding gives its role to: subjects that are refused, and some that are accepted.

use serde_json::{Value, json};

use super::{
    good::Good,
    object::{Object, binding},
    refusal::{
        Bad, ENUM, NOT_A_LIST, NOT_AN_OBJECT, NOT_TEXT, PATTERN, REQUIRED, TOO_LONG, TOO_SHORT,
        UNKNOWN,
    },
    texts::{UNPRINTABLE, letters},
};

const FIELD: &str = "spec.subjects";
const FIRST: &str = "spec.subjects[0]";
const KIND: &str = "spec.subjects[0].kind";
const ID: &str = "spec.subjects[0].id";
const EMAIL: &str = "spec.subjects[0].primaryEmail";
const USERNAME: &str = "spec.subjects[0].username";
const NAME: &str = "spec.subjects[0].name";

const NOT_IDS: &[(&str, &str)] = &[
    ("a slash", "users/u1"),
    ("climbs out of its path", "../roles"),
    ("a percent sign", "u1%2f"),
    ("a query", "u1?a=b"),
    ("a space", "u 1"),
    ("a line break at its end", "u1\n"),
    ("a letter outside ASCII", "ü1"),
];

const NOT_USERNAMES: &[(&str, &str)] = &[
    ("starts with a digit", "1alice"),
    ("a hyphen", "al-ice"),
    ("a dot", "alice.smith"),
    ("a space", "alice smith"),
    ("a space after it", "alice "),
    ("a line break at its end", "alice\n"),
    ("an e-mail address", "alice@example.com"),
    ("a wildcard", "ali%"),
    ("a letter outside ASCII", "älice"),
    ("a Cyrillic letter like a Latin one", "\u{430}lice"),
    ("a right-to-left override", "\u{202e}ecila"),
];

const NOT_EMAILS: &[(&str, &str)] = &[
    ("no @", "alice.example.com"),
    ("nobody", "@example.com"),
    ("no host", "alice@"),
    ("a host without a dot", "alice@localhost"),
    ("two @", "alice@evil.example@example.com"),
    ("a space", "alice smith@example.com"),
    ("a name before it", "Alice <alice@example.com>"),
    ("a space before it", " alice@example.com"),
    ("a line break at its end", "alice@example.com\n"),
    ("a no-break space", "al\u{a0}ice@example.com"),
    ("a zero-width space", "alice\u{200b}@example.com"),
    ("a byte order mark", "\u{feff}alice@example.com"),
    ("a line separator", "alice@example\u{2028}.com"),
];

pub fn bad() -> Vec<Bad> {
    let mut rows = list();
    rows.extend(kind());
    rows.extend(exactly_one_name());
    rows.extend(of_the_other_kind());
    rows.extend(id());
    rows.extend(username());
    rows.extend(primary_email());
    rows.extend(name());
    rows
}

/// A binding that gives its role to these.
fn given_to(subjects: Value) -> Object {
    binding().with(FIELD, subjects)
}

/// The same for machines.
fn given_to_machines(subjects: Value) -> Object {
    given_to(subjects).with("spec.logtoRole.type", "MachineToMachine")
}

/// The only subject of a row, a user.
fn user(what: &str, key: &str, value: Value, field: &'static str, because: &'static str) -> Bad {
    given_to(json!([{"kind": "User", key: value}])).refused(what, field, because)
}

fn list() -> Vec<Bad> {
    let good = binding();
    let subjects = good.field(FIELD);
    let numbered = |number: usize| json!({"kind": "User", "id": format!("u{number}")});
    let many: Value = (0..101).map(numbered).collect();
    let surprise = json!([{"kind": "User", "id": "u1", "primaryPhone": "491701234567"}]);
    vec![
        subjects.bad("a text", "alice", NOT_A_LIST),
        subjects.bad("a number", 1, NOT_A_LIST),
        subjects.bad("101", many, "must have at most 100 items"),
        given_to(json!(["alice"])).refused("a name", FIRST, NOT_AN_OBJECT),
        given_to(surprise).refused("no such field", "spec.subjects[0].primaryPhone", UNKNOWN),
    ]
}

fn kind() -> Vec<Bad> {
    let row = |what: &str, kind: Value, because| {
        given_to(json!([{"kind": kind, "id": "u1"}])).refused(what, KIND, because)
    };
    let by_email = json!([{"kind": "Application", "primaryEmail": "alice@example.com"}]);
    let by_username = json!([{"kind": "Application", "username": "alice"}]);
    let because = "an Application is named by id or name";
    vec![
        given_to(json!([{"id": "u1"}])).refused("missing", KIND, REQUIRED),
        row("no such kind", json!("Organization"), ENUM),
        row("Kubernetes' own", json!("ServiceAccount"), ENUM),
        row("lower case", json!("user"), ENUM),
        row("empty", json!(""), ENUM),
        row("a list", json!(["User"]), NOT_TEXT),
        given_to_machines(by_email).refused("an application's e-mail", KIND, because),
        given_to_machines(by_username).refused("an application's username", KIND, because),
    ]
}

fn exactly_one_name() -> Vec<Bad> {
    let (id, email, username) = ("u1", "alice@example.com", "alice");
    let users = [
        json!({"kind": "User"}),
        json!({"kind": "User", "id": null}),
        json!({"kind": "User", "id": id, "primaryEmail": email}),
        json!({"kind": "User", "id": id, "username": username}),
        json!({"kind": "User", "primaryEmail": email, "username": username}),
        json!({"kind": "User", "id": id, "primaryEmail": email, "username": username}),
    ];
    let machines = [
        json!({"kind": "Application"}),
        json!({"kind": "Application", "id": id, "name": "Nightly"}),
    ];
    let because = "named by exactly one of";
    let row =
        |object: Object, subject: &Value| object.refused(&subject.to_string(), FIRST, because);
    let users = users.iter().map(|user| row(given_to(json!([user])), user));
    let machines = machines
        .iter()
        .map(|machine| row(given_to_machines(json!([machine])), machine));
    let mut rows: Vec<Bad> = users.chain(machines).collect();
    // Not the first one alone is looked at.
    let second = json!([{"kind": "User", "id": "u1"}, {"kind": "User"}]);
    rows.push(given_to(second).refused("the second", "spec.subjects[1]", because));
    rows
}

fn of_the_other_kind() -> Vec<Bad> {
    let user = json!({"kind": "User", "id": "u1"});
    let machine = json!({"kind": "Application", "id": "m1"});
    let because = "subjects of kind User go with logtoRole.type User";
    vec![
        given_to(json!([machine])).refused("a machine, role for people", FIELD, because),
        given_to(json!([user, machine])).refused("both, role for people", FIELD, because),
        given_to_machines(json!([user])).refused("a user, role for machines", FIELD, because),
        given_to_machines(json!([machine, user])).refused("both, for machines", FIELD, because),
    ]
}

fn id() -> Vec<Bad> {
    let row = |what: &str, id: Value, because| user(what, "id", id, ID, because);
    let mut rows = vec![
        row("empty", json!(""), TOO_SHORT),
        row("22 characters", json!(letters(22)), TOO_LONG),
        row("a number", json!(7), NOT_TEXT),
    ];
    for (what, id) in NOT_IDS {
        rows.push(row(what, json!(id), PATTERN));
    }
    rows
}

fn username() -> Vec<Bad> {
    let row = |what: &str, name: Value, because| user(what, "username", name, USERNAME, because);
    let mut rows = vec![
        row("empty", json!(""), TOO_SHORT),
        row("129 characters", json!(letters(129)), TOO_LONG),
        row("a list", json!(["alice"]), NOT_TEXT),
    ];
    for (what, name) in NOT_USERNAMES {
        rows.push(row(what, json!(name), PATTERN));
    }
    rows
}

fn primary_email() -> Vec<Bad> {
    let row = |what: &str, email: Value, because| user(what, "primaryEmail", email, EMAIL, because);
    let mut rows = vec![
        row("4 characters", json!("a@b."), "at least 5 chars"),
        row("129 characters", json!(email_of(129)), TOO_LONG),
        row("a list", json!(["alice@example.com"]), NOT_TEXT),
    ];
    for (what, email) in NOT_EMAILS {
        rows.push(row(what, json!(email), PATTERN));
    }
    for (what, character) in UNPRINTABLE {
        let email = format!("al{character}ice@example.com");
        rows.push(row(what, json!(email), PATTERN));
    }
    rows
}

fn name() -> Vec<Bad> {
    let row = |what: &str, name: Value, because| {
        let subjects = json!([{"kind": "Application", "name": name}]);
        given_to_machines(subjects).refused(what, NAME, because)
    };
    let because = "a User is named by id, primaryEmail or username";
    let mut rows = vec![
        user("a user's name", "name", json!("Alice"), NAME, because),
        row("empty", json!(""), TOO_SHORT),
        row("257 characters", json!(letters(257)), TOO_LONG),
        row("a number", json!(7), NOT_TEXT),
    ];
    for (what, character) in UNPRINTABLE {
        rows.push(row(what, json!(format!("Night{character}ly")), PATTERN));
    }
    rows
}

/// An e-mail address of this length.
fn email_of(length: usize) -> String {
    let end = "@example.com";
    format!("{}{end}", letters(length - end.len()))
}

pub fn good() -> Vec<Good> {
    let row = |object: Object| Good {
        what: format!("spec.subjects: {:.80}", object.at(FIELD).to_string()),
        object,
        field: FIELD.into(),
    };
    let numbered = |number: usize| json!({"kind": "User", "id": format!("u{number}")});
    let users = [
        json!({"kind": "User", "id": letters(21)}),
        json!({"kind": "User", "id": "-_Az09"}),
        json!({"kind": "User", "primaryEmail": "a@b.c"}),
        json!({"kind": "User", "primaryEmail": email_of(128)}),
        json!({"kind": "User", "primaryEmail": "alice+shop@bücher.example"}),
        json!({"kind": "User", "username": "_"}),
        json!({"kind": "User", "username": letters(128)}),
        json!({"kind": "User", "username": "__proto__"}),
    ];
    let machines = [
        json!({"kind": "Application", "id": letters(21)}),
        json!({"kind": "Application", "name": "é".repeat(256)}),
        json!({"kind": "Application", "name": "تقارير [\"nightly\"] `${1}`"}),
    ];
    let same_word = json!([
        {"kind": "User", "id": "alice"},
        {"kind": "User", "username": "alice"},
        {"kind": "User", "username": "Alice"},
    ]);
    let mut rows = vec![
        row(given_to(json!([]))),
        row(given_to((0..100).map(numbered).collect())),
        row(given_to(same_word)),
        row(given_to_machines(json!([]))),
    ];
    rows.extend(users.map(|user| row(given_to(json!([user])))));
    rows.extend(machines.map(|machine| row(given_to_machines(json!([machine])))));
    rows
}
