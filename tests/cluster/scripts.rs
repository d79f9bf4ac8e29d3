//! The Custom JWT script is shared: with somebody else's, with other installations, with hand-made edits.

use std::sync::Arc;

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use logto_emulator::TokenKind;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::{Value, json};

use crate::{
    claims::{example, machine_binding, machine_roles, script, second_instance, text},
    sign_in::{allowed, hasura_claims, payload},
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_script_of_somebody_else_is_refused_and_left_alone,
        a_wrapped_script_keeps_its_claims_and_is_restored_in_the_end,
        a_script_that_does_not_parse_is_not_wrapped,
        a_replaced_script_is_kept_and_restored_in_the_end,
        a_replaced_script_that_was_edited_meanwhile_is_not_restored,
        an_edit_of_the_program_by_hand_is_set_right_and_foreign_variables_stay,
        two_operators_share_one_script,
        an_audience_of_another_owner_is_not_published,
        a_human_script_that_denies_all_machines_does_not_lock_the_operator_out,
    ]
}

/// Writes a script as somebody does in Logto's console.
fn by_hand(world: &World, kind: TokenKind, script: &str) {
    let value =
        json!({"script": script, "environmentVariables": {"THEIRS": "1"}, "tokenSample": {}});
    let value = value.as_object().unwrap().clone();
    world.logto.tenant().set_custom_jwt(kind, value);
}

async fn customize(world: &World, claims: Value) -> anyhow::Result<()> {
    let spec = json!({"spec": {"customClaims": claims}});
    world.edit::<LogtoTenant>("main", spec).await?;
    Ok(())
}

const HUMAN: &str = "const getCustomJwtClaims = async ({ token }) => ({ theirs: 'yes', 'https://hasura.io/jwt/claims': { 'x-hasura-allowed-roles': ['admin'], 'x-hasura-default-role': 'admin' } }); // by hand";

async fn a_script_of_somebody_else_is_refused_and_left_alone(
    world: Arc<World>,
) -> anyhow::Result<()> {
    by_hand(&world, TokenKind::AccessToken, HUMAN);
    let before = script(&world);
    world.start_operator(&[])?;
    world.apply_example().await?;
    let message = world
        .stalled::<LogtoTenant>("main", "ForeignScript")
        .await?;
    ensure!(message.contains("existingScript"), "{message}");
    world
        .waiting::<HasuraRoleBinding>("user-reader", "ClaimsNotDeployed")
        .await?;
    world.quiet().await?;
    ensure!(script(&world) == before && world.script_writes() == 0);
    Ok(())
}

async fn a_wrapped_script_keeps_its_claims_and_is_restored_in_the_end(
    world: Arc<World>,
) -> anyhow::Result<()> {
    by_hand(&world, TokenKind::AccessToken, HUMAN);
    let before = script(&world);
    world.start_operator(&[])?;
    world.apply_base().await?;
    customize(&world, json!({"existingScript": "Wrap"})).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let alice = world.person("alice", &["user:reader"])?;
    let token = alice.token(&[]).await?;
    ensure!(payload(&token)?["theirs"] == "yes");
    ensure!(
        alice.roles().await? == ["user:reader"],
        "the script of somebody else can not say admin"
    );
    alice.lose("user:reader")?;
    ensure!(
        alice.roles().await?.is_empty(),
        "and not to who holds nothing"
    );
    let other = world
        .logto
        .tenant()
        .create_resource("Other", "https://other.example.com")?;
    let token = alice.token_for(&other.indicator, &[]).await?;
    ensure!(
        allowed(hasura_claims(&token)?.as_ref()) == ["admin"],
        "other audiences are its own business"
    );

    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.delete::<HasuraInstance>("shop").await?;
    world
        .until_logto("the script of before, with the last instance", |_| {
            script(&world) == before
        })
        .await
}

async fn a_script_that_does_not_parse_is_not_wrapped(world: Arc<World>) -> anyhow::Result<()> {
    by_hand(
        &world,
        TokenKind::AccessToken,
        "}); const getCustomJwtClaims = (() => { (() => {",
    );
    let before = script(&world);
    world.start_operator(&[])?;
    world.apply_example().await?;
    customize(&world, json!({"existingScript": "Wrap"})).await?;
    world
        .stalled::<LogtoTenant>("main", "ScriptRefused")
        .await?;
    ensure!(script(&world) == before);
    Ok(())
}

async fn replaced(world: &World) -> anyhow::Result<()> {
    by_hand(world, TokenKind::AccessToken, HUMAN);
    world.start_operator(&[])?;
    world.apply_base().await?;
    customize(world, json!({"existingScript": "Replace"})).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    ensure!(!text(world).contains("theirs: 'yes'"));
    let kept: ConfigMap = world.get("main.replaced-script-users").await?;
    ensure!(kept.data.context("data")?["script.js"] == HUMAN);
    Ok(())
}

async fn a_replaced_script_is_kept_and_restored_in_the_end(
    world: Arc<World>,
) -> anyhow::Result<()> {
    replaced(&world).await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.delete::<LogtoTenant>("main").await?;
    world.gone::<LogtoTenant>("main").await?;
    ensure!(text(&world) == HUMAN, "{}", text(&world));
    Ok(())
}

async fn a_replaced_script_that_was_edited_meanwhile_is_not_restored(
    world: Arc<World>,
) -> anyhow::Result<()> {
    replaced(&world).await?;
    let evil = json!({"data": {"script.js": "const getCustomJwtClaims = () => ({ evil: 1 });\n"}});
    world
        .edit::<ConfigMap>("main.replaced-script-users", evil)
        .await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.delete::<LogtoTenant>("main").await?;
    world.gone::<LogtoTenant>("main").await?;
    ensure!(!text(&world).contains("evil"), "{}", text(&world));
    Ok(())
}

async fn an_edit_of_the_program_by_hand_is_set_right_and_foreign_variables_stay(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.example_is_ready().await?;
    let good = text(&world);
    let mut edited = script(&world).context("a script")?;
    edited["script"] = json!(good.replacen("'admin'", "'nobody'", 1));
    edited["environmentVariables"]["THEIRS"] = json!("kept");
    edited.insert("contextSample".to_owned(), json!({"user": {}}));
    world
        .logto
        .tenant()
        .set_custom_jwt(TokenKind::AccessToken, edited);
    world
        .until_logto("the program to be set right", |_| text(&world) == good)
        .await?;
    let now = script(&world).context("a script")?;
    ensure!(now["environmentVariables"]["THEIRS"] == "kept" && now.contains_key("contextSample"));
    Ok(())
}

async fn two_operators_share_one_script(world: Arc<World>) -> anyhow::Result<()> {
    let other = World::new(&world.cluster, "the_other_operator").await?;
    world.start_operator(&["--owner-id", "one"])?;
    other.start_operator(&["--owner-id", "two", "--resync-period", "1s"])?;
    world.example_is_ready().await?;
    // The other one is in another cluster, with a Hasura of its own, and uses the same tenant.
    other.apply::<Secret>(world.secret()).await?;
    other.apply::<LogtoTenant>(other.tenant()).await?;
    second_instance(&other, "mart").await?;
    let mut binding = other.binding("reader", "reader", "read");
    binding["spec"]["instanceRef"]["name"] = json!("mart");
    other.apply::<HasuraRoleBinding>(binding).await?;
    other.ready::<HasuraRoleBinding>("reader").await?;

    let alice = world.person("alice", &["user:reader", "mart-reader"])?;
    ensure!(alice.roles().await? == ["user:reader"]);
    let mart = "https://mart.example.com/graphql";
    let token = alice.token_for(mart, &[]).await?;
    ensure!(allowed(hasura_claims(&token)?.as_ref()) == ["reader"]);
    other.delete::<HasuraRoleBinding>("reader").await?;
    other.gone::<HasuraRoleBinding>("reader").await?;
    other.delete::<LogtoTenant>("main").await?;
    other.gone::<LogtoTenant>("main").await?;
    ensure!(
        alice.roles().await? == ["user:reader"],
        "the first one's claims stay"
    );
    other.stop_operator().await?;
    Ok(())
}

async fn an_audience_of_another_owner_is_not_published(world: Arc<World>) -> anyhow::Result<()> {
    example(&world).await?;
    let theirs = script(&world).context("a script")?;
    let variables = theirs["environmentVariables"]
        .as_object()
        .context("variables")?;
    let entry = variables.values().next().context("an entry")?.clone();
    world.stop_operator().await?;
    let mut both = theirs.clone();
    both["environmentVariables"]["LOGTO_HASURA_aaa_00000000000000000000000000000000"] = entry;
    world
        .logto
        .tenant()
        .set_custom_jwt(TokenKind::AccessToken, both);
    world.start_operator(&[])?;
    let message = world
        .stalled::<HasuraInstance>("shop", "AudienceTaken")
        .await?;
    ensure!(message.contains(INDICATOR), "{message}");
    world
        .condition::<LogtoTenant>("main", "ClaimsDeployed", "False", "AudienceTaken")
        .await?;
    world
        .stalled::<HasuraRoleBinding>("user-reader", "AudienceTaken")
        .await?;
    Ok(())
}

async fn a_human_script_that_denies_all_machines_does_not_lock_the_operator_out(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    let deny = "const getCustomJwtClaims = ({ api }) => api.denyAccess('no machines');";
    by_hand(&world, TokenKind::ClientCredentials, deny);
    customize(
        &world,
        json!({"machines": "Manage", "existingScript": "Wrap"}),
    )
    .await?;
    world
        .apply::<HasuraRoleBinding>(machine_binding(&world))
        .await?;
    world.ready::<HasuraRoleBinding>("reporter").await?;
    world.stop_operator().await?;
    world.start_operator(&[])?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let refused = machine_roles(&world, &["report"]).await;
    ensure!(
        refused.is_err_and(|error| error.to_string().contains("access_denied")),
        "other machines are denied as before"
    );
    Ok(())
}
