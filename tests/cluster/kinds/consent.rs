//! Which other namespaces may use a tenant or an instance, and what may be taken over from where.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    good::Good,
    object::{Field, Object, at, instance, tenant},
    refusal::{
        Bad, DUPLICATE, ENUM, NOT_A_LIST, NOT_AN_OBJECT, NOT_TEXT, PATTERN, REQUIRED, TOO_FEW,
        TOO_LONG, TOO_SHORT, UNKNOWN, complaint, none_of,
    },
    server::Server,
    texts::{NOT_NAMES, NOT_OBJECT_NAMES, NOT_ROLE_NAMES, letters, uri},
};
use crate::{suite::Test, tests, world::World};

const INSTANCES: &str = "spec.allowedInstances";
const ADOPTION: &str = "spec.adoption";
const BINDINGS: &str = "spec.allowedBindings";

const ONE_OF_THEM: &str = "namespaces are given by exactly one of names and matchLabels";
const NOTHING_NAMED: &str = "name indicators, roles, or both";
const NOT_IN_WEBHOOK_MODE: &str = "spec.allowedBindings has to be empty in mode Webhook";
const NOT_A_KEY: &str = "a key of matchLabels is a label's key";
const NOT_A_VALUE: &str = "a value of matchLabels is a text";

pub fn tests() -> Vec<Test> {
    tests![
        what_is_allowed_is_kept_entry_by_entry_by_server_side_apply,
        an_instance_that_takes_others_bindings_can_not_become_a_webhook,
    ]
}

/// A tenant or instance with one entry in each of these lists.
fn allows(list: &str) -> Object {
    let namespaces = json!({"names": ["team-a"]});
    let (of, what, value) = match list {
        INSTANCES => (tenant(), "indicatorPrefixes", "https://a.example/"),
        ADOPTION => (tenant(), "roles", "editor"),
        _ => (instance(), "hasuraRoles", "team-a:*"),
    };
    let mut entry = json!({"namespaces": namespaces, what: json!([value])});
    if list == BINDINGS {
        entry["subjects"] = "Allow".into();
    }
    of.with(list, json!([entry]))
}

pub fn bad() -> Vec<Bad> {
    let mut rows = Vec::new();
    for list in [INSTANCES, ADOPTION, BINDINGS] {
        rows.extend(entries(list));
        rows.extend(namespaces(list));
        rows.extend(names(list));
        rows.extend(labels(list));
    }
    for path in [
        "spec.allowedInstances[0].indicatorPrefixes",
        "spec.adoption[0].indicators",
    ] {
        rows.extend(indicators(path));
    }
    for path in [
        "spec.adoption[0].roles",
        "spec.allowedBindings[0].hasuraRoles",
    ] {
        rows.extend(roles(path));
    }
    rows.extend(required_lists());
    rows.extend(subjects());
    rows
}

fn entries(list: &'static str) -> Vec<Bad> {
    let good = allows(list);
    let (field, first) = (good.field(list), good.field(format!("{list}[0]")));
    let unknown = good.field(format!("{list}[0].namespaceSelector"));
    let many = vec![at(good.json(), list)[0].clone(); 33];
    vec![
        field.bad("one entry, not in a list", json!({}), NOT_A_LIST),
        field.bad("33", many, "must have at most 32 items"),
        first.bad("a namespace", "team-a", NOT_AN_OBJECT),
        unknown.bad("no such field", json!({}), UNKNOWN),
    ]
}

fn namespaces(list: &'static str) -> Vec<Bad> {
    let good = allows(list);
    let namespaces = good.field(format!("{list}[0].namespaces"));
    let unknown = good.field(format!("{list}[0].namespaces.matchExpressions"));
    let both = json!({"names": ["team-a"], "matchLabels": {"team": "a"}});
    let names = json!({"names": null});
    vec![
        namespaces.missing(),
        namespaces.bad("null", Value::Null, REQUIRED),
        namespaces.bad("a name", "team-a", NOT_AN_OBJECT),
        namespaces.bad("all of them", "*", NOT_AN_OBJECT),
        namespaces.bad("a list of names", json!(["team-a"]), NOT_AN_OBJECT),
        namespaces.bad("neither names nor labels", json!({}), ONE_OF_THEM),
        namespaces.bad("null for the names", names, ONE_OF_THEM),
        namespaces.bad("both names and labels", both, ONE_OF_THEM),
        unknown.bad("no such field", json!([]), UNKNOWN),
    ]
}

fn names(list: &'static str) -> Vec<Bad> {
    let good = allows(list);
    let names = good.field(format!("{list}[0].namespaces.names"));
    let first = good.field(format!("{list}[0].namespaces.names[0]"));
    let twice = good.clone().with(
        &format!("{list}[0].namespaces.names"),
        json!(["team-a", "team-a"]),
    );
    let mut rows = list_of_texts(&names, "team-a", 65, "must have at most 64 items");
    rows.push(twice.refused("twice", format!("{list}[0].namespaces.names[1]"), DUPLICATE));
    rows.extend(first.bad_texts(NOT_OBJECT_NAMES, PATTERN));
    rows.push(first.bad("a dot", "team.a", PATTERN));
    rows.push(first.bad("a pattern", "team-*", PATTERN));
    rows.push(first.bad("all of them", "*", PATTERN));
    rows.push(first.bad("empty", "", TOO_SHORT));
    rows.push(first.bad("64 characters", letters(64), TOO_LONG));
    rows.push(first.bad("a number", 1, NOT_TEXT));
    rows.push(first.bad("null", Value::Null, NOT_TEXT));
    rows
}

/// What every list of texts here refuses: it would allow nothing, or more than anybody reads.
fn list_of_texts(field: &Field<'_>, text: &str, too_many: u8, because: &'static str) -> Vec<Bad> {
    let many: Vec<String> = (0..too_many).map(|n| format!("{text}{n}")).collect();
    vec![
        field.bad("a text", text, NOT_A_LIST),
        field.bad("empty", json!([]), TOO_FEW),
        field.bad("one too many", many, because),
    ]
}

fn labels(list: &'static str) -> Vec<Bad> {
    let good = allows(list).without(&format!("{list}[0].namespaces.names"));
    let labels = good.field(format!("{list}[0].namespaces.matchLabels"));
    let one = good.field(format!("{list}[0].namespaces.matchLabels.team"));
    let number = |number: usize| (format!("label-{number}"), json!("a"));
    let many: serde_json::Map<String, Value> = (0..17).map(number).collect();
    let mut rows = vec![
        labels.bad("a text", "team=a", NOT_AN_OBJECT),
        labels.bad("a list", json!(["team"]), NOT_AN_OBJECT),
        labels.bad("none", json!({}), "should have at least 1 properties"),
        labels.bad("17", many, "must have at most 16 items"),
        one.bad("a value of 64 characters", letters(64), TOO_LONG),
        one.bad("a value with a space", "a b", PATTERN),
        one.bad("a value that starts with a hyphen", "-a", PATTERN),
        one.bad("a value that ends with a dot", "a.", PATTERN),
        one.bad("a pattern as value", "a*", PATTERN),
        one.bad("a number as value", 1, NOT_TEXT),
        one.bad("a bool as value", true, NOT_TEXT),
        labels.bad("null", json!({"team": null}), NOT_A_VALUE),
        labels.bad(
            "null beside another",
            json!({"team": null, "stage": "a"}),
            NOT_A_VALUE,
        ),
    ];
    let longest = format!("{}/{}", letters(253), letters(63));
    for key in [
        "",
        "two words",
        "-team",
        "team-",
        "Example.com/team",
        "example.com/",
        "/team",
        "a.example/b/team",
        "täam",
        &letters(64),
        &format!("a{longest}"),
    ] {
        rows.push(labels.bad(&format!("key {key:?}"), json!({ key: "a" }), NOT_A_KEY));
    }
    rows
}

fn indicators(path: &'static str) -> Vec<Bad> {
    let list = path.split('[').next().unwrap_or(path);
    let good = allows(list).with(path, json!(["https://a.example/"]));
    let (field, first) = (good.field(path), good.field(format!("{path}[0]")));
    let twice = json!(["https://a.example/", "https://a.example/"]);
    let twice = good.clone().with(path, twice);
    let texts = [
        ("no scheme", "shop.example.com/"),
        ("everything", "****"),
        ("a pattern", "https://shop.example.com/*"),
        ("a pattern for the host", "https://*.example.com/"),
        ("a scheme only", "https:"),
        ("a scheme in capitals", "HTTPS://shop.example.com/"),
        ("a space after it", "https://shop.example.com/ "),
        ("a line break at its end", "https://shop.example.com/\n"),
        ("#", "https://shop.example.com/#"),
        ("%", "https://shop.example.com/%2f"),
        ("a letter outside ASCII", "https://bücher.example/"),
    ];
    let mut rows = list_of_texts(&field, "a://", 33, "must have at most 32 items");
    rows.extend(first.bad_texts(&texts, PATTERN));
    rows.push(twice.refused("twice", format!("{path}[1]"), DUPLICATE));
    rows.push(first.bad("3 characters", "a:b", "at least 4 chars long"));
    rows.push(first.bad("257 characters", uri(257), TOO_LONG));
    rows.push(first.bad("an object", json!({}), NOT_TEXT));
    rows
}

fn roles(path: &'static str) -> Vec<Bad> {
    let list = path.split('[').next().unwrap_or(path);
    let good = allows(list);
    let (field, first) = (good.field(path), good.field(format!("{path}[0]")));
    let twice = good.clone().with(path, json!(["editor", "editor"]));
    let texts = [
        ("a star in the middle", "team-*-reader"),
        ("a star at the beginning", "*-reader"),
        ("two stars", "team-**"),
        ("two stars after words", "Sales **"),
        ("two spaces before the star", "Sales  *"),
        ("only a space and a star", " *"),
        ("a space after the star", "Sales* "),
        ("a star and a line break", "team-*\n"),
        ("a question mark", "team-?"),
        ("a regular expression", "team-.*|admin"),
    ];
    let mut rows = list_of_texts(&field, "editor", 65, "must have at most 64 items");
    rows.extend(first.bad_texts(&texts, PATTERN));
    rows.extend(first.bad_texts(NOT_NAMES, PATTERN));
    rows.extend(first.bad_texts(NOT_ROLE_NAMES, PATTERN));
    rows.push(twice.refused("twice", format!("{path}[1]"), DUPLICATE));
    rows.push(first.bad("empty", "", TOO_SHORT));
    rows.push(first.bad("129 characters", letters(129), TOO_LONG));
    rows.push(first.bad("a number", 1, NOT_TEXT));
    rows
}

/// An entry without them would allow nothing, or everything: both have to be said.
fn required_lists() -> Vec<Bad> {
    let (instances, adoption, bindings) = (allows(INSTANCES), allows(ADOPTION), allows(BINDINGS));
    let prefixes = instances.field("spec.allowedInstances[0].indicatorPrefixes");
    let roles = bindings.field("spec.allowedBindings[0].hasuraRoles");
    let nothing = adoption.clone().without("spec.adoption[0].roles");
    let null = adoption.with("spec.adoption[0].roles", Value::Null);
    vec![
        prefixes.missing(),
        prefixes.bad("null", Value::Null, REQUIRED),
        roles.missing(),
        roles.bad("null", Value::Null, REQUIRED),
        nothing.refused("nothing named", "spec.adoption[0]", NOTHING_NAMED),
        null.refused("null for the roles", "spec.adoption[0]", NOTHING_NAMED),
    ]
}

fn subjects() -> Vec<Bad> {
    let good = allows(BINDINGS);
    let subjects = good.field("spec.allowedBindings[0].subjects");
    let webhook = good.clone().with("spec.auth.mode", "Webhook");
    vec![
        subjects.bad("no such word", "Some", ENUM),
        subjects.bad("lower case", "allow", ENUM),
        subjects.bad("empty", "", ENUM),
        subjects.bad("a bool", true, NOT_TEXT),
        webhook.refused("mode Webhook", BINDINGS, NOT_IN_WEBHOOK_MODE),
    ]
}

pub fn good() -> Vec<Good> {
    let mut rows = Vec::new();
    for list in [INSTANCES, ADOPTION, BINDINGS] {
        let good = allows(list);
        let entry = at(good.json(), list)[0].clone();
        let field = good.field(list);
        rows.push(field.good("none", json!([])));
        rows.push(field.good("one", json!([entry])));
        rows.push(field.good("32", vec![entry; 32]));
        rows.extend(good_namespaces(&good, list));
    }
    for path in [
        "spec.allowedInstances[0].indicatorPrefixes",
        "spec.adoption[0].indicators",
    ] {
        rows.extend(good_indicators(path));
    }
    for path in [
        "spec.adoption[0].roles",
        "spec.allowedBindings[0].hasuraRoles",
    ] {
        rows.extend(good_roles(path));
    }
    let good = allows(BINDINGS);
    let subjects = good.field("spec.allowedBindings[0].subjects");
    rows.push(subjects.good("they may", "Allow"));
    rows.push(subjects.good("they may not", "Forbid"));
    let webhook = instance().with("spec.auth.mode", "Webhook");
    rows.push(webhook.field(BINDINGS).good("mode Webhook", json!([])));
    rows
}

fn good_namespaces(good: &Object, list: &str) -> Vec<Good> {
    let field = good.field(format!("{list}[0].namespaces"));
    let names: Vec<String> = (10..74).map(|n| format!("{}{n}", letters(61))).collect();
    let number = |number: usize| (format!("label-{number:02}"), json!(letters(63)));
    let labels: serde_json::Map<String, Value> = (0..16).map(number).collect();
    let longest = format!("{}/{}", letters(253), letters(63));
    let row = |what: &str, value: Value| field.good(what, value);
    vec![
        row("64 names, each as long as may be", json!({"names": names})),
        row("16 labels", json!({"matchLabels": labels})),
        row("the longest key", json!({"matchLabels": {longest: "a"}})),
        row(
            "a label without a value",
            json!({"matchLabels": {"team": ""}}),
        ),
        row(
            "labels as they are",
            json!({"matchLabels": {
                "kubernetes.io/metadata.name": "team-a", "app_2.B-c": "A_2.b-c", "1": "1",
            }}),
        ),
    ]
}

fn good_indicators(path: &'static str) -> Vec<Good> {
    let list = path.split('[').next().unwrap_or(path);
    let good = allows(list);
    let field = good.field(path);
    let many: Vec<String> = (10..42).map(|n| format!("{}{n}", uri(254))).collect();
    let forms = [
        "a://",
        "https://shop.example.com/",
        "https://shop.example.com",
        "https://shop.example.com:",
        "https://shop.example.com/v1/graphql?tenant=a",
        "urn:example:",
    ];
    vec![
        field.good("32, each as long as may be", many),
        field.good("ends with and without a slash", json!(forms)),
    ]
}

fn good_roles(path: &'static str) -> Vec<Good> {
    let list = path.split('[').next().unwrap_or(path);
    let good = allows(list);
    let field = good.field(path);
    let many: Vec<String> = (10..74).map(|n| format!("{}{n}", letters(126))).collect();
    vec![
        field.good("64, each as long as may be", many),
        field.good("anything", json!(["*"])),
        field.good(
            "a name, and beginnings",
            json!(["editor", "t*", "team-a:*"]),
        ),
        field.good(
            "words, and beginnings of several",
            json!(["Sales Manager", "Sales *", "Sales*", "Sales Man*"]),
        ),
    ]
}

/// Entries have no key of their own, so a list belongs to who applied it, as a whole.
async fn what_is_allowed_is_kept_entry_by_entry_by_server_side_apply(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    for list in [INSTANCES, ADOPTION, BINDINGS] {
        let one = allows(list).with("metadata.name", list.to_lowercase().replace("spec.", ""));
        let entry = at(one.json(), list)[0].clone();
        let twice = one.clone().with(list, vec![entry.clone(); 2]);
        for (object, count) in [(&one, 1), (&twice, 2), (&one, 1)] {
            let stored = server.apply(object).await?;
            let entries = at(&stored, list).as_array().map_or(0, Vec::len);
            anyhow::ensure!(entries == count, "{list}: {entries}, not {count}");
        }
        let stored = server.apply(&one.clone().without(list)).await?;
        anyhow::ensure!(at(&stored, list).is_null(), "{list} stayed: {stored}");
    }
    Ok(())
}

async fn an_instance_that_takes_others_bindings_can_not_become_a_webhook(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let jwt = allows(BINDINGS);
    server.create(&jwt).await?;
    let webhook = jwt.clone().with("spec.auth.mode", "Webhook");
    let answer = server.patch_spec(&webhook).await;
    let mut complaints = Vec::from_iter(complaint(answer, BINDINGS, NOT_IN_WEBHOOK_MODE));
    server
        .patch_spec(&webhook.with(BINDINGS, Value::Null))
        .await?;
    let answer = server
        .patch_spec(&jwt.with("spec.auth.mode", "Webhook"))
        .await;
    complaints.extend(complaint(answer, BINDINGS, NOT_IN_WEBHOOK_MODE));
    none_of(&complaints, 2)
}
