//! The claims in tokens: deployed for what is bound, in few writes.

use std::{sync::Arc, time::Instant};

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use logto_emulator::TokenKind;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Map, Value, json};

use crate::{
    sign_in::{allowed, hasura_claims},
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        who_holds_a_bound_role_gets_it_in_the_next_token,
        bindings_that_arrive_together_are_one_write_of_the_script,
        a_thousand_bindings_cost_a_handful_of_script_writes,
        a_deleted_binding_is_gone_from_the_next_token,
        a_binding_renamed_in_one_apply_never_leaves_the_claims,
        a_restart_reads_the_script_and_writes_nothing,
        everyone_roles_default_role_and_session_variables_are_in_the_token,
        an_instance_that_is_too_large_keeps_its_last_claims_and_the_others_go_on,
        a_machine_role_needs_the_machine_script,
        a_machine_with_the_scope_gets_the_role,
        with_users_ignored_bindings_are_ready_and_no_script_is_read,
        a_stalled_binding_grants_nothing,
    ]
}

/// The example with its claims deployed.
pub async fn example(world: &World) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.example_is_ready().await
}

pub fn script(world: &World) -> Option<Map<String, Value>> {
    world.logto.tenant().custom_jwt(TokenKind::AccessToken)
}

pub fn text(world: &World) -> String {
    let script = script(world).unwrap_or_default();
    script
        .get("script")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

async fn who_holds_a_bound_role_gets_it_in_the_next_token(world: Arc<World>) -> anyhow::Result<()> {
    example(&world).await?;
    world
        .condition::<LogtoTenant>("main", "ClaimsDeployed", "True", "Succeeded")
        .await?;
    world
        .condition::<HasuraRoleBinding>("user-reader", "ClaimsPublished", "True", "Succeeded")
        .await?;
    let alice = world.person("alice", &["user:reader"])?;
    let claims = alice.claims().await?.context("claims")?;
    ensure!(
        claims
            == json!({
                "x-hasura-allowed-roles": ["user:reader"],
                "x-hasura-default-role": "user:reader",
                "x-hasura-user-id": alice.id,
            }),
        "{claims}"
    );
    alice.hold("user:maintainer")?;
    ensure!(alice.roles().await? == ["user:maintainer", "user:reader"]);
    alice.lose("user:reader")?;
    ensure!(alice.roles().await? == ["user:maintainer"]);
    alice.lose("user:maintainer")?;
    ensure!(
        alice.claims().await?.is_none(),
        "nobody's claims are absent"
    );
    Ok(())
}

async fn bindings_that_arrive_together_are_one_write_of_the_script(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--claims-pause", "1h"])?;
    world.apply_example().await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    ensure!(world.script_writes() == 1, "{:?}", world.logto.requests());
    Ok(())
}

async fn a_thousand_bindings_cost_a_handful_of_script_writes(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--claims-pause", "10s"])?;
    world.apply_base().await?;
    for instance in ["mart", "kiosk"] {
        second_instance(&world, instance).await?;
    }
    let start = Instant::now();
    let bindings = (0..1000).map(|number| {
        let mut binding = world.binding(
            &format!("b{number}"),
            &format!("role{number}"),
            &format!("scope{number}"),
        );
        binding["spec"]["instanceRef"]["name"] = json!(["mart", "kiosk"][number % 2]);
        world.apply::<HasuraRoleBinding>(binding)
    });
    let applied: Vec<_> = stream::iter(bindings)
        .buffer_unordered(8)
        .try_collect()
        .await?;
    let all_applied = start.elapsed();
    for binding in applied {
        world
            .ready::<HasuraRoleBinding>(&binding.name_any())
            .await?;
    }
    let (writes, took) = (world.script_writes(), start.elapsed());
    println!(
        "1,000 bindings: {writes} script writes; applied in {all_applied:?}, ready after {took:?}"
    );
    ensure!(
        writes <= 1 + took.as_secs() / 10,
        "{writes} script writes in {took:?}"
    );
    let person = world.person("alice", &["mart-role500"])?;
    let token = person
        .token_for("https://mart.example.com/graphql", &[])
        .await?;
    ensure!(allowed(hasura_claims(&token)?.as_ref()) == ["role500"]);
    Ok(())
}

/// Another instance with a Deployment of its own.
pub async fn second_instance(world: &World, name: &str) -> anyhow::Result<()> {
    let mut instance = world.instance();
    instance["metadata"]["name"] = json!(name);
    instance["spec"]["apiResource"]["indicator"] =
        json!(format!("https://{name}.example.com/graphql"));
    instance["spec"]["logtoRoleNamePrefix"] = json!(format!("{name}-"));
    instance["spec"]["deploymentRef"]["name"] = json!(name);
    world
        .apply::<Deployment>(world.deployment_named(name))
        .await?;
    world.apply::<HasuraInstance>(instance).await?;
    Ok(())
}

async fn a_deleted_binding_is_gone_from_the_next_token(world: Arc<World>) -> anyhow::Result<()> {
    example(&world).await?;
    let alice = world.person("alice", &["user:reader", "user:maintainer"])?;
    ensure!(alice.roles().await?.len() == 2);
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    ensure!(alice.roles().await? == ["user:maintainer"]);
    ensure!(!serde_json::to_string(&script(&world))?.contains("user:reader"));
    Ok(())
}

async fn a_binding_renamed_in_one_apply_never_leaves_the_claims(
    world: Arc<World>,
) -> anyhow::Result<()> {
    example(&world).await?;
    world.quiet().await?;
    let before = script(&world);
    world.logto.reset_requests();
    world
        .apply::<HasuraRoleBinding>(world.binding("reader-2", "user:reader", "read:user"))
        .await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    world.ready::<HasuraRoleBinding>("reader-2").await?;
    ensure!(script(&world) == before);
    ensure!(world.script_writes() == 0, "{:?}", world.logto.requests());
    Ok(())
}

async fn a_restart_reads_the_script_and_writes_nothing(world: Arc<World>) -> anyhow::Result<()> {
    example(&world).await?;
    world.quiet().await?;
    world.stop_operator().await?;
    let before = script(&world);
    world.logto.reset_requests();
    world.start_operator(&[])?;
    world
        .until_logto("the script to be read", |logto| {
            logto
                .requests()
                .contains_key("GET /api/configs/jwt-customizer")
        })
        .await?;
    world.quiet().await?;
    ensure!(world.logto.writes() == 0, "{:?}", world.logto.requests());
    ensure!(script(&world) == before);
    Ok(())
}

async fn everyone_roles_default_role_and_session_variables_are_in_the_token(
    world: Arc<World>,
) -> anyhow::Result<()> {
    example(&world).await?;
    let jwt = json!({
        "everyoneRoles": ["user"],
        "defaultRole": "user",
        "sessionVariables": [
            {"name": "x-hasura-email", "from": "user.primaryEmail"},
            {"name": "x-hasura-plan", "from": "user.customData.plan", "userEditable": true},
        ],
    });
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"auth": {"jwt": jwt}}}))
        .await?;
    let id = world
        .logto
        .tenant()
        .create_user_with_email("bob", "bob@example.com")?;
    let application = world.logto.tenant().create_web_application("site")?.id;
    let claims = world
        .until("bob's claims", || async {
            let token = world
                .logto
                .user_token(&id, &application, Some(INDICATOR), &[])
                .await?;
            hasura_claims(&token)
        })
        .await?;
    ensure!(
        claims
            == json!({
                "x-hasura-allowed-roles": ["user"],
                "x-hasura-default-role": "user",
                "x-hasura-user-id": id,
                "x-hasura-email": "bob@example.com",
            }),
        "{claims}"
    );
    world
        .condition::<HasuraInstance>("shop", "UserEditableClaim", "True", "UserEditable")
        .await?;
    let stranger = world
        .logto
        .tenant()
        .create_third_party_application("theirs")?
        .id;
    let token = world
        .logto
        .user_token(&id, &stranger, Some(INDICATOR), &[])
        .await?;
    ensure!(
        hasura_claims(&token)?.is_none(),
        "no everyone roles for third parties"
    );
    Ok(())
}

async fn an_instance_that_is_too_large_keeps_its_last_claims_and_the_others_go_on(
    world: Arc<World>,
) -> anyhow::Result<()> {
    example(&world).await?;
    second_instance(&world, "mart").await?;
    let long = "x".repeat(200);
    for number in 0..320 {
        let mut binding = world.binding(
            &format!("b{number}"),
            &format!("r{number}"),
            &format!("s{number}-{long}"),
        );
        binding["spec"]["instanceRef"]["name"] = json!("mart");
        world.apply::<HasuraRoleBinding>(binding).await?;
    }
    let message = world
        .stalled::<HasuraInstance>("mart", "ClaimsTooLarge")
        .await?;
    ensure!(message.contains("mart"), "{message}");
    world
        .condition::<LogtoTenant>("main", "ClaimsDeployed", "False", "ClaimsTooLarge")
        .await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("auditor", "user:auditor", "audit"))
        .await?;
    world.ready::<HasuraRoleBinding>("auditor").await?;
    let first = world.person("alice", &["mart-r0"])?;
    let token = first
        .token_for("https://mart.example.com/graphql", &[])
        .await?;
    ensure!(
        allowed(hasura_claims(&token)?.as_ref()) == ["r0"],
        "the last good claims stay"
    );
    Ok(())
}

pub fn machine_binding(world: &World) -> Value {
    let mut binding = world.binding("reporter", "reporter", "report");
    binding["spec"]["logtoRole"] = json!({"type": "MachineToMachine"});
    binding
}

async fn a_machine_role_needs_the_machine_script(world: Arc<World>) -> anyhow::Result<()> {
    example(&world).await?;
    world
        .apply::<HasuraRoleBinding>(machine_binding(&world))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("reporter", "MachineClaimsIgnored")
        .await?;
    world.manage_machines().await?;
    world.ready::<HasuraRoleBinding>("reporter").await?;
    Ok(())
}

pub async fn machine_roles(world: &World, scopes: &[&str]) -> anyhow::Result<Vec<String>> {
    let tenant = world.logto.tenant();
    let application = tenant.create_application("job")?.id;
    let role = tenant.role_by_name("reporter").context("the role")?;
    tenant.assign_role_to_application(&application, &role.id)?;
    let token = world
        .logto
        .machine_token(&application, INDICATOR, scopes)
        .await?;
    Ok(allowed(hasura_claims(&token)?.as_ref()))
}

async fn a_machine_with_the_scope_gets_the_role(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.manage_machines().await?;
    world
        .apply::<HasuraRoleBinding>(machine_binding(&world))
        .await?;
    world.ready::<HasuraRoleBinding>("reporter").await?;
    ensure!(machine_roles(&world, &["report"]).await? == ["reporter"]);
    ensure!(
        machine_roles(&world, &[]).await?.is_empty(),
        "a scope that was not asked for grants nothing"
    );
    Ok(())
}

async fn with_users_ignored_bindings_are_ready_and_no_script_is_read(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    let mut tenant = world.tenant();
    tenant["spec"]["customClaims"] = json!({"users": "Ignore"});
    world.apply::<LogtoTenant>(tenant.clone()).await?;
    world.apply_base().await?;
    world.apply::<LogtoTenant>(tenant).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    let binding: HasuraRoleBinding = world.ready("user-reader").await?;
    let conditions = binding.status.context("a status")?.conditions;
    ensure!(
        conditions
            .iter()
            .all(|condition| condition.type_ != "ClaimsPublished")
    );
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == "Ready");
    ensure!(ready.context("Ready")?.message.contains("Ignore"));
    Ok(())
}

async fn a_stalled_binding_grants_nothing(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let resource = crate::bindings::resource_id(&world.logto).context("the resource")?;
    world
        .logto
        .tenant()
        .create_scope(&resource, "read:user", None)?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world
        .apply::<HasuraRoleBinding>(world.binding(
            "user-maintainer",
            "user:maintainer",
            "maintain:user",
        ))
        .await?;
    world
        .stalled::<HasuraRoleBinding>("user-reader", "ScopeConflict")
        .await?;
    world.ready::<HasuraRoleBinding>("user-maintainer").await?;
    ensure!(!serde_json::to_string(&script(&world))?.contains("user:reader"));
    Ok(())
}
