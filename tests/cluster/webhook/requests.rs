//! Who gets in in mode Webhook, and as what: tokens against the Hasuras that the rollout started, which ask Logto.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_emulator::{Emulator, RoleType};
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant};
use serde_json::json;

use super::{allowing, base};
use crate::{
    hasura::{Answer, Request},
    matrix::{Matrix, made_up, now, refused, role},
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

/// The role of callers without a token. Its two words have to get through the address of the hook.
const STRANGER: &str = "Window Shopper";

pub fn tests() -> Vec<Test> {
    tests![
        a_token_opens_the_roles_that_its_user_holds_at_this_moment,
        with_an_unauthorized_role_nobody_is_refused_and_nobody_gets_more,
        a_role_that_is_kept_for_its_holders_opens_nothing_after_its_binding,
        a_role_admin_is_said_before_and_after_the_switch,
    ]
}

fn unauthorized() -> Answer {
    refused(
        "access-denied",
        "Authentication hook unauthorized this request",
    )
}

fn no_role() -> Answer {
    refused(
        "invalid-params",
        "x-hasura-role not found in session variables",
    )
}

/// The example in mode Webhook, without a role for strangers unless one is given.
async fn hook(world: &World, unauthorized_role: Option<&str>) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    base(world).await?;
    let mut instance = world.instance();
    instance["spec"]["auth"] = json!({"mode": "Webhook"});
    if let Some(role) = unauthorized_role {
        instance["spec"]["auth"]["unauthorizedRole"] = json!(role);
    }
    world.apply::<HasuraInstance>(instance).await?;
    for (name, role, scope) in [
        ("user-reader", "user:reader", "read:user"),
        ("user-maintainer", "user:maintainer", "maintain:user"),
    ] {
        world
            .apply::<HasuraRoleBinding>(world.binding(name, role, scope))
            .await?;
        world.ready::<HasuraRoleBinding>(name).await?;
    }
    world.ready::<HasuraInstance>("shop").await?;
    world
        .logto
        .tenant()
        .create_resource("Other", "https://other.example.com")?;
    Ok(())
}

fn expecting(token: &str, role: &str) -> Request {
    Request::bearer(token).with("Expected-Role", role)
}

async fn a_token_opens_the_roles_that_its_user_holds_at_this_moment(
    world: Arc<World>,
) -> anyhow::Result<()> {
    hook(&world, None).await?;
    let logto = &world.logto;
    let alice = world.person("alice", &["user:reader"])?;
    let token = alice.token(&[]).await?;
    let other = alice.token_for("https://other.example.com", &[]).await?;
    let opaque = logto
        .user_token(&alice.id, &alice.application, None, &[])
        .await?;
    let expired = logto.sign(&made_up(
        logto,
        json!({"sub": alice.id, "exp": now() - 600}),
    ));
    let stranger = Emulator::start().await?;
    let forged = stranger.sign(&made_up(logto, json!({"sub": alice.id})));
    let job = logto.tenant().create_application("job")?.id;
    let machine = logto.machine_token(&job, INDICATOR, &[]).await?;
    // Left by an instance that is no more: by its name it works like any role that somebody makes by hand.
    logto
        .tenant()
        .create_role("other:role", "of another instance", RoleType::User, &[])?;
    alice.hold("other:role")?;
    logto
        .tenant()
        .create_role("Sales Manager", "of two words", RoleType::User, &[])?;
    alice.hold("Sales Manager")?;

    let mut matrix = Matrix::default();
    matrix.row(
        "bound and held",
        expecting(&token, "user:reader"),
        role("user:reader"),
    );
    matrix.row(
        "bound, not held",
        expecting(&token, "user:maintainer"),
        unauthorized(),
    );
    matrix.row("unbound", expecting(&token, "auditor"), unauthorized());
    matrix.row("admin", expecting(&token, "admin"), unauthorized());
    matrix.row(
        "another instance's role, held",
        expecting(&token, "other:role"),
        role("other:role"),
    );
    matrix.row(
        "a role of two words, held",
        expecting(&token, "Sales Manager"),
        role("Sales Manager"),
    );
    matrix.row("its first word", expecting(&token, "Sales"), unauthorized());
    matrix.row("no Expected-Role", Request::bearer(&token), no_role());
    matrix.row(
        "x-hasura-role only",
        Request::bearer(&token).with("x-hasura-role", "user:reader"),
        no_role(),
    );
    matrix.row(
        "another audience",
        expecting(&other, "user:reader"),
        unauthorized(),
    );
    matrix.row(
        "expired",
        expecting(&expired, "user:reader"),
        unauthorized(),
    );
    matrix.row(
        "another Logto's key",
        expecting(&forged, "user:reader"),
        unauthorized(),
    );
    matrix.row("opaque", expecting(&opaque, "user:reader"), unauthorized());
    matrix.row(
        "machine",
        expecting(&machine, "user:reader"),
        unauthorized(),
    );
    matrix.row(
        "no token",
        Request::default().with("Expected-Role", "user:reader"),
        unauthorized(),
    );
    matrix.row("nothing at all", Request::default(), no_role());
    let hostile = |request: Request| {
        request
            .with("x-hasura-role", "admin")
            .with("x-hasura-user-id", "somebody-else")
            .with("X-Forwarded-Host", "evil.example.com")
            .with("development-user-id", &alice.id)
    };
    matrix.row(
        "hostile headers beside a token",
        hostile(expecting(&token, "user:reader")),
        role("user:reader"),
    );
    matrix.row(
        "hostile headers without a token",
        hostile(Request::default().with("Expected-Role", "user:reader")),
        unauthorized(),
    );
    matrix.check(&world).await?;
    let (_, session) = world
        .query(&hostile(expecting(&token, "user:reader")))
        .await?;
    ensure!(
        session["x-hasura-user-id"] == alice.id.as_str(),
        "{session}"
    );

    logto.rotate_signing_key()?;
    let rotated = alice.token(&[]).await?;
    alice.lose("user:reader")?;
    alice.hold("user:maintainer")?;
    let mut matrix = Matrix::default();
    matrix.row(
        "taken away, same token",
        expecting(&token, "user:reader"),
        unauthorized(),
    );
    matrix.row(
        "given meanwhile, same token",
        expecting(&token, "user:maintainer"),
        role("user:maintainer"),
    );
    matrix.row(
        "a rotated key",
        expecting(&rotated, "user:maintainer"),
        role("user:maintainer"),
    );
    matrix.check(&world).await
}

async fn with_an_unauthorized_role_nobody_is_refused_and_nobody_gets_more(
    world: Arc<World>,
) -> anyhow::Result<()> {
    hook(&world, Some(STRANGER)).await?;
    let alice = world.person("alice", &["user:reader"])?;
    let token = alice.token(&[]).await?;
    let other = alice.token_for("https://other.example.com", &[]).await?;
    let stranger = world
        .logto
        .tenant()
        .create_third_party_application("theirs")?
        .id;
    let theirs = world
        .logto
        .user_token(&alice.id, &stranger, Some(INDICATOR), &[])
        .await?;
    let claims = Request::default()
        .with("x-hasura-role", "user:reader")
        .with("x-hasura-user-id", &alice.id);
    let mut matrix = Matrix::default();
    matrix.row(
        "bound and held",
        expecting(&token, "user:reader"),
        role("user:reader"),
    );
    matrix.row(
        "bound, not held",
        expecting(&token, "user:maintainer"),
        role(STRANGER),
    );
    matrix.row("admin", expecting(&token, "admin"), role(STRANGER));
    matrix.row("no Expected-Role", Request::bearer(&token), role(STRANGER));
    matrix.row(
        "another audience",
        expecting(&other, "user:reader"),
        role(STRANGER),
    );
    matrix.row(
        "third party, by the user's role",
        expecting(&theirs, "user:reader"),
        role("user:reader"),
    );
    matrix.row("no token", Request::default(), role(STRANGER));
    matrix.row(
        "no token, a role and a user id of his own",
        claims.clone(),
        role(STRANGER),
    );
    matrix.check(&world).await?;
    let (_, session) = world.query(&claims).await?;
    ensure!(
        session.get("x-hasura-user-id").is_none(),
        "nobody's id is believed: {session}"
    );
    Ok(())
}

async fn a_role_that_is_kept_for_its_holders_opens_nothing_after_its_binding(
    world: Arc<World>,
) -> anyhow::Result<()> {
    hook(&world, None).await?;
    let alice = world.person("alice", &["user:reader", "user:maintainer"])?;
    let token = alice.token(&[]).await?;
    world.delete::<HasuraRoleBinding>("user-reader").await?;
    world.gone::<HasuraRoleBinding>("user-reader").await?;
    let mut matrix = Matrix::default();
    matrix.row(
        "its binding is gone",
        expecting(&token, "user:reader"),
        unauthorized(),
    );
    matrix.row(
        "still bound",
        expecting(&token, "user:maintainer"),
        role("user:maintainer"),
    );
    matrix.check(&world).await?;
    let tenant = world.logto.tenant();
    let kept = tenant
        .role_by_name("user:reader (unbound)")
        .context("the kept role")?;
    ensure!(
        tenant
            .roles_of_user(&alice.id)
            .iter()
            .any(|role| role.id == kept.id)
    );

    // Applied again, it is the same role, and whoever held it has it.
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let mut matrix = Matrix::default();
    matrix.row(
        "bound again",
        expecting(&token, "user:reader"),
        role("user:reader"),
    );
    matrix.check(&world).await
}

async fn a_role_admin_is_said_before_and_after_the_switch(world: Arc<World>) -> anyhow::Result<()> {
    world.start_operator(&["--resync-period", "1s"])?;
    world.example_is_ready().await?;
    world.apply::<LogtoTenant>(allowing(&world)).await?;
    let tenant = world.logto.tenant();
    let made = tenant.create_role("Admin", "made by hand", RoleType::User, &[])?;
    let asked = json!({"spec": {"auth": {"mode": "Webhook"}}});
    world.edit::<HasuraInstance>("shop", asked).await?;
    let message = world
        .stalled::<HasuraInstance>("shop", "AdminRoleInTenant")
        .await?;
    ensure!(message.contains("not set"), "{message}");
    ensure!(world.env("hasura", super::HOOK).await?.is_none());
    tenant.delete_role(&made.id)?;
    world.ready::<HasuraInstance>("shop").await?;
    ensure!(world.env("hasura", super::HOOK).await?.is_some());

    tenant.create_role("admin", "made by hand", RoleType::User, &[])?;
    let message = world
        .stalled::<HasuraInstance>("shop", "AdminRoleInTenant")
        .await?;
    ensure!(message.contains("superuser"), "{message}");
    let alice = world.person("alice", &["admin"])?;
    let token = alice.token(&[]).await?;
    let mut matrix = Matrix::default();
    // What the condition warns of, as Logto and Hasura are.
    matrix.row(
        "a role admin in the tenant, held",
        expecting(&token, "admin"),
        role("admin"),
    );
    matrix.check(&world).await
}
