//! Mode Webhook: one rollout each way, and never both modes or neither.

mod requests;
mod rules;

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, ensure};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::Secret,
};
use kube::api::ListParams;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};
use url::Url;

use crate::{
    deployments::{JWT_SECRET, add_env, generation},
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

const HOOK: &str = "HASURA_GRAPHQL_AUTH_HOOK";
const METHOD: &str = "HASURA_GRAPHQL_AUTH_HOOK_MODE";
const ROLE: &str = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE";

pub fn tests() -> Vec<Test> {
    let mut tests = tests![
        the_hook_is_set_in_one_rollout_and_no_indicator_breaks_out_of_its_url,
        a_switch_of_modes_is_one_rollout_each_way_and_no_pod_has_both_or_neither,
        what_somebody_else_set_beside_the_hook_is_said_before_it_crashes_hasura,
        somebody_elses_role_for_anonymous_callers_is_compared_with_bindings,
        the_hook_stays_when_the_instance_goes,
    ];
    tests.extend(requests::tests());
    tests.extend(rules::tests());
    tests
}

pub fn allowing(world: &World) -> Value {
    let mut tenant = world.tenant();
    tenant["spec"]["webhookMode"] = json!("Allow");
    tenant
}

fn asking(world: &World) -> Value {
    let mut instance = world.instance();
    instance["spec"]["auth"] = json!({"mode": "Webhook", "unauthorizedRole": "anonymous"});
    instance
}

/// Secret, tenant with consent, Deployment; the tenant is connected.
async fn base(world: &World) -> anyhow::Result<()> {
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(allowing(world)).await?;
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<LogtoTenant>("main").await?;
    Ok(())
}

async fn webhook_is_ready(world: &World) -> anyhow::Result<()> {
    base(world).await?;
    world.apply::<HasuraInstance>(asking(world)).await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

/// How often the Deployment has rolled, the first pods included.
pub async fn revision(world: &World) -> anyhow::Result<u64> {
    let deployment: Deployment = world.get("hasura").await?;
    let annotations = deployment.metadata.annotations.unwrap_or_default();
    let revision = annotations.get("deployment.kubernetes.io/revision");
    Ok(revision.context("a revision")?.parse()?)
}

/// The env that each ReplicaSet gives its pods, by revision of the Deployment; an entry without a value is empty.
async fn templates(world: &World) -> anyhow::Result<BTreeMap<u64, BTreeMap<String, String>>> {
    let all = world
        .api::<ReplicaSet>()
        .list(&ListParams::default())
        .await?;
    let mut templates = BTreeMap::new();
    for set in all {
        let annotations = set.metadata.annotations.unwrap_or_default();
        let revision = annotations.get("deployment.kubernetes.io/revision");
        let revision = revision.context("a revision")?.parse()?;
        let pod = set
            .spec
            .and_then(|spec| spec.template)
            .and_then(|template| template.spec);
        let containers = pod.context("a pod template")?.containers.into_iter();
        let env = containers.flat_map(|container| container.env.unwrap_or_default());
        let env = env
            .map(|entry| (entry.name, entry.value.unwrap_or_default()))
            .collect();
        templates.insert(revision, env);
    }
    Ok(templates)
}

async fn the_hook_is_set_in_one_rollout_and_no_indicator_breaks_out_of_its_url(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world).await?;
    let indicator = "https://shop.example.com/v1/graphql?a=1;unauthorizedRole=admin+x";
    let mut instance = asking(&world);
    instance["spec"]["apiResource"]["indicator"] = json!(indicator);
    world.apply::<HasuraInstance>(instance).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let hook = Url::parse(&world.env("hasura", HOOK).await?.context("the hook")?)?;
    ensure!(
        hook.as_str()
            .starts_with(&format!("{}/api/authn/hasura?", world.logto.endpoint()))
    );
    let query: Vec<_> = hook.query_pairs().into_owned().collect();
    let expected = [("resource", indicator), ("unauthorizedRole", "anonymous")];
    ensure!(query == expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    ensure!(world.env("hasura", METHOD).await?.as_deref() == Some("GET"));
    ensure!(world.env("hasura", JWT_SECRET).await?.is_none());
    ensure!(world.env("hasura", ROLE).await?.is_none());
    world.quiet().await?;
    ensure!(
        revision(&world).await? == 2,
        "one rollout after the user's own"
    );
    Ok(())
}

async fn a_switch_of_modes_is_one_rollout_each_way_and_no_pod_has_both_or_neither(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!((generation(&world).await?, revision(&world).await?) == (2, 2));
    for (rollouts, mode) in [(3, "Webhook"), (4, "JWT"), (5, "Webhook")] {
        let auth = json!({"spec": {"auth": {"mode": mode}}});
        world.edit::<HasuraInstance>("shop", auth).await?;
        world.ready::<HasuraInstance>("shop").await?;
        let now = (generation(&world).await?, revision(&world).await?);
        ensure!(now == (rollouts, rollouts as u64), "{mode}: {now:?}");
        let hooked = world.env("hasura", HOOK).await?.is_some();
        ensure!(hooked == (mode == "Webhook"), "{mode}");
    }
    for (revision, env) in templates(&world).await? {
        let jwt = env.contains_key(JWT_SECRET);
        let hook = env.contains_key(HOOK);
        // The first is the user's own, before the operator came.
        ensure!(revision == 1 || jwt != hook, "revision {revision}: {env:?}");
        ensure!(
            hook == env.contains_key(METHOD),
            "revision {revision}: {env:?}"
        );
    }
    Ok(())
}

async fn what_somebody_else_set_beside_the_hook_is_said_before_it_crashes_hasura(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(&world).await?;
    let jwk_url = format!(r#"{{"jwk_url":"{}/oidc/jwks"}}"#, world.logto.endpoint());
    let mut hook_by_hand = None;
    for (entries, reason) in [
        (vec![(JWT_SECRET, jwk_url.as_str())], "JwtSecretSet"),
        (vec![("HASURA_GRAPHQL_JWT_SECRETS", "[]")], "JwtSecretSet"),
        (vec![(ROLE, "anonymous")], "UnauthorizedRoleInvalid"),
        (vec![(HOOK, "https://hook.example.com/")], "EnvConflict"),
    ] {
        let mut deployment = world.deployment();
        deployment["spec"]["paused"] = json!(true);
        for (name, value) in &entries {
            add_env(&mut deployment, json!({"name": name, "value": value}));
        }
        world.apply::<Deployment>(deployment).await?;
        world.apply::<HasuraInstance>(asking(&world)).await?;
        let message = world.stalled::<HasuraInstance>("shop", reason).await?;
        ensure!(message.contains("remove"), "the mend: {message}");
        hook_by_hand = world.env("hasura", HOOK).await?;
    }
    ensure!(
        hook_by_hand.as_deref() == Some("https://hook.example.com/"),
        "left alone"
    );
    world.apply::<Deployment>(world.deployment()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    let hook = world.env("hasura", HOOK).await?.context("the hook")?;
    ensure!(hook.contains("resource="), "{hook}");
    Ok(())
}

async fn somebody_elses_role_for_anonymous_callers_is_compared_with_bindings(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply::<Secret>(world.secret()).await?;
    world.apply::<LogtoTenant>(world.tenant()).await?;
    let mut deployment = world.deployment();
    add_env(
        &mut deployment,
        json!({"name": ROLE, "value": "user:reader"}),
    );
    world.apply::<Deployment>(deployment).await?;
    world.apply::<HasuraInstance>(world.instance()).await?;
    world.ready::<HasuraInstance>("shop").await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "UnauthorizedRoleBound")
        .await?;
    ensure!(message.contains("session variables"), "{message}");
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraInstance>("shop").await?;
    Ok(())
}

async fn the_hook_stays_when_the_instance_goes(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    webhook_is_ready(&world).await?;
    let before = (generation(&world).await?, world.env("hasura", HOOK).await?);
    world.delete::<HasuraInstance>("shop").await?;
    world.gone::<HasuraInstance>("shop").await?;
    world.quiet().await?;
    ensure!((generation(&world).await?, world.env("hasura", HOOK).await?) == before);
    let mut kept = world.logto.tenant().resources().into_iter();
    ensure!(
        kept.any(|kept| kept.indicator == INDICATOR),
        "the API resource stays too"
    );
    Ok(())
}
