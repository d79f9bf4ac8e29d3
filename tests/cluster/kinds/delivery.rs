//! How the settings reach Hasura: what can be asked for together, and what can not.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    good::Good,
    object::{Object, at, instance},
    refusal::{
        Bad, ENUM, NOT_A_BOOL, NOT_AN_OBJECT, NOT_TEXT, PATTERN, TOO_LONG, TOO_SHORT, UNKNOWN,
        complaint, none_of,
    },
    server::Server,
    texts::{NOT_OBJECT_NAMES, letters},
};
use crate::{suite::Test, tests, world::World};

const DELIVERY: &str = "spec.delivery";
const MODE: &str = "spec.delivery.mode";
const NAME: &str = "spec.delivery.name";
const ROLLOUT: &str = "spec.delivery.rollout";
const CONFLICTS: &str = "spec.delivery.conflictPolicy";
const DEPLOYMENT: &str = "spec.deploymentRef";

const NO_NAME: &str = "name belongs to mode Secret and ConfigMap";
const NO_ROLLOUT: &str = "rollout None belongs to mode Secret and ConfigMap";
const NO_FORCE: &str = "conflictPolicy Force belongs to mode PatchEnv";
const NEEDS_DEPLOYMENT: &str = "spec.deploymentRef can be left out with delivery.mode Secret";
const NEEDS_NAME: &str = "spec.delivery.name is needed";

pub fn tests() -> Vec<Test> {
    tests![
        a_switch_of_the_delivery_is_one_change,
        a_switch_that_leaves_settings_of_the_other_delivery_is_refused,
        an_instance_without_a_deployment_is_printed_without_one,
    ]
}

fn by(mode: &str) -> Object {
    instance().with(MODE, mode)
}

/// For a Hasura that runs elsewhere.
fn elsewhere(mode: &str) -> Object {
    by(mode).without(DEPLOYMENT)
}

pub fn bad() -> Vec<Bad> {
    let good = instance();
    let delivery = good.field(DELIVERY);
    let unknown = good.field("spec.delivery.force");
    let mode = good.field(MODE);
    let recreate = good.field("spec.delivery.allowRecreate");
    let mut rows = vec![
        delivery.bad("a text", "PatchEnv", NOT_AN_OBJECT),
        unknown.bad("no such field", true, UNKNOWN),
        mode.bad("no such mode", "Pigeon", ENUM),
        mode.bad("lower case", "patchEnv", ENUM),
        mode.bad("one word", "Configmap", ENUM),
        mode.bad("a number", 1, NOT_TEXT),
        recreate.bad("a text", "yes", NOT_A_BOOL),
    ];
    rows.extend(policies());
    rows.extend(together());
    rows.extend(without_a_deployment());
    for mode in ["Secret", "ConfigMap"] {
        rows.extend(name(mode));
    }
    rows
}

fn policies() -> Vec<Bad> {
    let (secret, patched) = (by("Secret"), by("PatchEnv"));
    let (rollout, conflicts) = (secret.field(ROLLOUT), patched.field(CONFLICTS));
    vec![
        rollout.bad("no such word", "Restart", ENUM),
        rollout.bad("lower case", "annotation", ENUM),
        rollout.bad("empty", "", ENUM),
        rollout.bad("a bool", false, NOT_TEXT),
        conflicts.bad("no such word", "Warn", ENUM),
        conflicts.bad("lower case", "force", ENUM),
        conflicts.bad("empty", "", ENUM),
        conflicts.bad("a bool", true, NOT_TEXT),
    ]
}

/// Settings of one mode in another.
fn together() -> Vec<Bad> {
    let (unsaid, patched) = (instance(), by("PatchEnv"));
    let mut rows = Vec::new();
    for (what, good) in [("mode PatchEnv", patched), ("no mode", unsaid)] {
        rows.push(good.field(NAME).bad(what, "shop-auth", NO_NAME));
        rows.push(good.field(ROLLOUT).bad(what, "None", NO_ROLLOUT));
    }
    for mode in ["Secret", "ConfigMap"] {
        let good = by(mode);
        rows.push(good.field(CONFLICTS).bad(mode, "Force", NO_FORCE));
    }
    rows
}

fn without_a_deployment() -> Vec<Bad> {
    let without = instance().without(DEPLOYMENT);
    let row = |what: &str, object: Object| object.refused(what, DEPLOYMENT, NEEDS_DEPLOYMENT);
    vec![
        row("missing", without.clone()),
        row("null", without.clone().with(DEPLOYMENT, Value::Null)),
        row("missing, nothing said", without.with(DELIVERY, json!({}))),
        row("missing, mode PatchEnv", elsewhere("PatchEnv")),
        instance()
            .field(DEPLOYMENT)
            .bad("a name", "hasura", NOT_AN_OBJECT),
    ]
}

/// The operator makes an object of this name, so it has to be one that the API server takes.
fn name(mode: &str) -> Vec<Bad> {
    let good = by(mode);
    let name = good.field(NAME);
    let mut rows = name.bad_texts(NOT_OBJECT_NAMES, PATTERN);
    rows.push(name.bad("two dots", "shop..auth", PATTERN));
    rows.push(name.bad("a dot and a hyphen", "shop.-auth", PATTERN));
    rows.push(name.bad("empty", "", TOO_SHORT));
    rows.push(name.bad("254 characters", letters(254), TOO_LONG));
    rows.push(name.bad("a number", 1, NOT_TEXT));
    let long = good.with("metadata.name", letters(249));
    rows.push(long.refused("an instance of 249 characters", NAME, NEEDS_NAME));
    rows
}

pub fn good() -> Vec<Good> {
    let (good, patched) = (instance(), by("PatchEnv"));
    let mode = good.field(MODE);
    let mut rows = vec![
        mode.good("by name", "PatchEnv"),
        patched.field(CONFLICTS).good("take it", "Force"),
        patched.field(CONFLICTS).good("leave it", "Fail"),
        patched.field(ROLLOUT).good("as ever", "Annotation"),
        patched
            .field("spec.delivery.allowRecreate")
            .good("allowed", true),
    ];
    for word in ["Secret", "ConfigMap"] {
        let good = by(word);
        let (name, rollout) = (good.field(NAME), good.field(ROLLOUT));
        rows.push(mode.good("as an object", word));
        rows.push(name.good("253 characters", letters(253)));
        rows.push(name.good("one character", "a"));
        rows.push(name.good("dots", "shop.auth.v1"));
        rows.push(rollout.good("by hand", "None"));
        rows.push(rollout.good("by itself", "Annotation"));
        rows.push(good.field(CONFLICTS).good("the default by name", "Fail"));
        rows.push(elsewhere(word).field(MODE).good("elsewhere", word));
        rows.push(elsewhere(word).field(ROLLOUT).good("elsewhere", "None"));
        let longest = good.with("metadata.name", letters(248));
        rows.push(longest.field(MODE).good("the longest default name", word));
        let named = longest.with("metadata.name", letters(253));
        rows.push(named.field(NAME).good("of the longest instance", "auth"));
    }
    rows
}

async fn a_switch_of_the_delivery_is_one_change(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let force = instance().with(CONFLICTS, "Force");
    let secret = by("Secret")
        .with(NAME, "shop-settings")
        .with(ROLLOUT, "None")
        .with(CONFLICTS, Value::Null);
    let env = force.clone().with(MODE, "PatchEnv");
    let env = env.with(NAME, Value::Null).with(ROLLOUT, Value::Null);
    server.create(&force).await?;
    // A merge patch takes away what is null, and a replace what is left out.
    for (object, mode) in [(&secret, "Secret"), (&env, "PatchEnv")] {
        let stored = server.patch_spec(object).await?;
        anyhow::ensure!(at(&stored, MODE) == mode, "patched: {stored}");
    }
    for (object, mode) in [(&secret, "Secret"), (&force, "PatchEnv")] {
        let stored = server.replace(object).await?;
        anyhow::ensure!(at(&stored, MODE) == mode, "replaced: {stored}");
    }
    Ok(())
}

async fn a_switch_that_leaves_settings_of_the_other_delivery_is_refused(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let forcing = instance().with(CONFLICTS, "Force");
    server.create(&forcing).await?;
    let named = by("Secret").with("metadata.name", "named");
    let named = named.with(NAME, "shop-settings");
    server.create(&named).await?;
    let elsewhere = elsewhere("ConfigMap").with("metadata.name", "elsewhere");
    server.create(&elsewhere).await?;
    let rows = [
        forcing
            .with(MODE, "Secret")
            .refused("forces", CONFLICTS, NO_FORCE),
        named.with(MODE, "PatchEnv").refused("named", NAME, NO_NAME),
        elsewhere
            .with(MODE, "PatchEnv")
            .refused("elsewhere", DEPLOYMENT, NEEDS_DEPLOYMENT),
    ];
    let mut complaints = Vec::new();
    for row in &rows {
        let answer = server.patch_spec(&row.object).await;
        complaints.extend(complaint(answer, &row.field, row.because));
    }
    none_of(&complaints, rows.len())
}

async fn an_instance_without_a_deployment_is_printed_without_one(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let object = elsewhere("Secret");
    server.create(&object).await?;
    let table = server.table(&object).await?;
    let columns = table["columnDefinitions"].as_array();
    let place = columns.and_then(|all| all.iter().position(|one| one["name"] == "Deployment"));
    let cell = place.map(|place| &table["rows"][0]["cells"][place]);
    anyhow::ensure!(cell == Some(&Value::Null), "{table}");
    Ok(())
}
