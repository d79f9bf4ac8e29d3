//! Who gets in, and as what: tokens of people and machines against the Hasuras that the rollouts started.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_emulator::Emulator;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding};
use serde_json::json;

use crate::{
    hasura::Request,
    matrix::{Matrix, invalid, made_up, no_claims, not_allowed, now, refused, role, shop},
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

pub fn tests() -> Vec<Test> {
    tests![
        a_token_opens_exactly_the_bound_roles,
        a_role_taken_away_is_gone_from_the_next_token,
        a_binding_deleted_is_refused_with_the_next_token,
        a_token_of_a_rotated_key_is_accepted_without_a_rollout,
        machines_and_third_parties_get_what_they_asked_for,
        callers_without_a_token_are_the_unauthorized_role_whatever_they_claim,
        a_session_variable_that_a_client_sends_beside_a_token_is_not_believed,
        a_request_without_a_role_gets_the_default_or_the_only_role,
    ]
}

async fn a_token_opens_exactly_the_bound_roles(world: Arc<World>) -> anyhow::Result<()> {
    shop(&world).await?;
    let logto = &world.logto;
    let alice = world.person("alice", &["user:reader"])?;
    let nobody = world.person("nobody", &[])?;
    let token = alice.token(&["read:user"]).await?;
    let other = alice.token_for("https://other.example.com", &[]).await?;
    let opaque = logto
        .user_token(&alice.id, &alice.application, None, &[])
        .await?;
    let as_role = |token: &str, role: &str| Request::bearer(token).with("x-hasura-role", role);
    let signed = |changes| logto.sign(&made_up(logto, changes));
    let stranger = Emulator::start().await?;

    let mut matrix = Matrix::default();
    matrix.row(
        "bound and held",
        as_role(&token, "user:reader"),
        role("user:reader"),
    );
    matrix.row(
        "bound, not held",
        as_role(&token, "user:maintainer"),
        not_allowed(),
    );
    matrix.row("unbound", as_role(&token, "auditor"), not_allowed());
    matrix.row("admin", as_role(&token, "admin"), not_allowed());
    matrix.row(
        "another case",
        as_role(&token, "User:Reader"),
        not_allowed(),
    );
    matrix.row(
        "no role header",
        Request::bearer(&token),
        role("user:reader"),
    );
    matrix.row(
        "holds nothing",
        Request::bearer(&nobody.token(&[]).await?),
        no_claims(),
    );
    matrix.row(
        "another audience",
        as_role(&other, "user:reader"),
        invalid("JWTNotInAudience"),
    );
    matrix.row(
        "audience missing",
        Request::bearer(&signed(json!({"aud": null}))),
        invalid("JWTNotInAudience"),
    );
    matrix.row(
        "another issuer",
        Request::bearer(&signed(json!({"iss": "https://evil.example.com/oidc"}))),
        invalid("JWTNotInIssuer"),
    );
    matrix.row(
        "expired",
        Request::bearer(&signed(json!({"exp": now() - 61}))),
        invalid("JWTExpired"),
    );
    matrix.row(
        "expired within the skew",
        Request::bearer(&signed(json!({"exp": now() - 30}))),
        role("user:reader"),
    );
    matrix.row(
        "issued in the future",
        Request::bearer(&signed(json!({"iat": now() + 120}))),
        invalid("JWTIssuedAtFuture"),
    );
    matrix.row(
        "another Logto's key",
        Request::bearer(&stranger.sign(&made_up(logto, json!({})))),
        invalid("JWSError JWSInvalidSignature"),
    );
    matrix.row(
        "opaque",
        Request::bearer(&opaque),
        invalid("JWSError (CompactDecodeError Invalid number of parts: Expected 3 parts; got 1)"),
    );
    matrix.row(
        "no token",
        Request::default(),
        refused(
            "invalid-headers",
            "Missing 'Authorization' or 'Cookie' header in JWT authentication mode",
        ),
    );
    matrix.row(
        "lower-case bearer",
        Request::default().with("Authorization", format!("bearer {token}")),
        refused("invalid-headers", "Malformed Authorization header"),
    );
    matrix.check(&world).await
}

async fn a_role_taken_away_is_gone_from_the_next_token(world: Arc<World>) -> anyhow::Result<()> {
    shop(&world).await?;
    let alice = world.person("alice", &["user:reader", "user:maintainer"])?;
    let before = alice.token(&[]).await?;
    alice.lose("user:maintainer")?;
    let after = alice.token(&[]).await?;
    let as_maintainer =
        |token: &str| Request::bearer(token).with("x-hasura-role", "user:maintainer");
    let mut matrix = Matrix::default();
    matrix.row(
        "a token of before lives on",
        as_maintainer(&before),
        role("user:maintainer"),
    );
    matrix.row(
        "the next one lost the role",
        as_maintainer(&after),
        not_allowed(),
    );
    matrix.row(
        "and keeps the other",
        Request::bearer(&after),
        role("user:reader"),
    );
    matrix.check(&world).await
}

async fn a_binding_deleted_is_refused_with_the_next_token(world: Arc<World>) -> anyhow::Result<()> {
    shop(&world).await?;
    let alice = world.person("alice", &["user:reader", "user:maintainer"])?;
    world.delete::<HasuraRoleBinding>("user-maintainer").await?;
    world.gone::<HasuraRoleBinding>("user-maintainer").await?;
    let token = alice.token(&["maintain:user"]).await?;
    let mut matrix = Matrix::default();
    matrix.row(
        "deleted",
        Request::bearer(&token).with("x-hasura-role", "user:maintainer"),
        not_allowed(),
    );
    matrix.row("still bound", Request::bearer(&token), role("user:reader"));
    matrix.check(&world).await
}

async fn a_token_of_a_rotated_key_is_accepted_without_a_rollout(
    world: Arc<World>,
) -> anyhow::Result<()> {
    shop(&world).await?;
    let alice = world.person("alice", &["user:reader"])?;
    let pods = world.hasuras("hasura").await?;
    let old = alice.token(&[]).await?;
    world.logto.rotate_signing_key()?;
    let new = alice.token(&[]).await?;
    world.accepted(&Request::bearer(&new)).await?;
    let mut matrix = Matrix::default();
    matrix.row(
        "the key of before",
        Request::bearer(&old),
        role("user:reader"),
    );
    matrix.row("the new key", Request::bearer(&new), role("user:reader"));
    matrix.check(&world).await?;
    ensure!(world.hasuras("hasura").await? == pods, "the same pods");
    Ok(())
}

async fn machines_and_third_parties_get_what_they_asked_for(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    world.manage_machines().await?;
    let mut binding = world.binding("reporter", "reporter", "report");
    binding["spec"]["logtoRole"] = json!({"type": "MachineToMachine"});
    world.apply::<HasuraRoleBinding>(binding).await?;
    let everyone =
        json!({"spec": {"auth": {"jwt": {"everyoneRoles": ["user"], "defaultRole": "user"}}}});
    world.edit::<HasuraInstance>("shop", everyone).await?;
    world.ready::<HasuraRoleBinding>("reporter").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let tenant = world.logto.tenant();
    let alice = world.person("alice", &["user:reader"])?;
    world
        .until("everybody's role in the claims", || async {
            Ok(alice
                .roles()
                .await?
                .contains(&"user".to_owned())
                .then_some(()))
        })
        .await?;
    world
        .accepted(&Request::bearer(&alice.token(&[]).await?))
        .await?;

    let job = tenant.create_application("job")?.id;
    let holder = tenant.role_by_name("reporter").context("the role")?;
    tenant.assign_role_to_application(&job, &holder.id)?;
    let asked = world
        .logto
        .machine_token(&job, INDICATOR, &["report"])
        .await?;
    let silent = world.logto.machine_token(&job, INDICATOR, &[]).await?;
    let theirs = tenant.create_third_party_application("theirs")?.id;
    let without = world
        .logto
        .user_token(&alice.id, &theirs, Some(INDICATOR), &["read:user"])
        .await?;
    let resource = crate::bindings::resource_id(&world.logto).context("the resource")?;
    let scope = tenant
        .scopes(&resource)
        .into_iter()
        .find(|scope| scope.name == "read:user")
        .context("the scope")?;
    tenant.allow_consent(&theirs, &scope.id)?;
    let consented = world
        .logto
        .user_token(&alice.id, &theirs, Some(INDICATOR), &["read:user"])
        .await?;
    let organization = tenant.create_organization("acme");
    let bob = world.person("bob", &[])?;
    tenant.give_organization_role(&bob.id, &organization.id, "member", &[&scope.id])?;
    let member = world
        .logto
        .user_token(&bob.id, &bob.application, Some(INDICATOR), &["read:user"])
        .await?;
    let as_role = |token: &str, role: &str| Request::bearer(token).with("x-hasura-role", role);

    let mut matrix = Matrix::default();
    matrix.row(
        "machine with the scope",
        as_role(&asked, "reporter"),
        role("reporter"),
    );
    matrix.row(
        "machine, everybody's role",
        as_role(&asked, "user"),
        not_allowed(),
    );
    matrix.row(
        "machine without the scope",
        as_role(&silent, "reporter"),
        no_claims(),
    );
    matrix.row(
        "third party without consent",
        as_role(&without, "user:reader"),
        no_claims(),
    );
    matrix.row(
        "third party with consent",
        as_role(&consented, "user:reader"),
        role("user:reader"),
    );
    matrix.row(
        "third party, everybody's role",
        as_role(&consented, "user"),
        not_allowed(),
    );
    matrix.row(
        "scope by an organization role",
        as_role(&member, "user:reader"),
        not_allowed(),
    );
    matrix.row(
        "the same user as everybody",
        as_role(&member, "user"),
        role("user"),
    );
    matrix.check(&world).await
}

async fn callers_without_a_token_are_the_unauthorized_role_whatever_they_claim(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    let anonymous = json!({"spec": {"auth": {"unauthorizedRole": "anonymous"}}});
    world.edit::<HasuraInstance>("shop", anonymous).await?;
    world
        .apply::<HasuraRoleBinding>(world.binding("user-reader", "user:reader", "read:user"))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let expired = world
        .logto
        .sign(&made_up(&world.logto, json!({"exp": now() - 600})));
    world
        .accepted(&Request::bearer(
            &world.logto.sign(&made_up(&world.logto, json!({}))),
        ))
        .await?;
    let claims = Request::default()
        .with("x-hasura-role", "user:reader")
        .with("x-hasura-user-id", "alice");
    let mut matrix = Matrix::default();
    matrix.row("anonymous", Request::default(), role("anonymous"));
    matrix.row(
        "anonymous with a role and a user id of his own",
        claims,
        role("anonymous"),
    );
    matrix.row(
        "anonymous as admin",
        Request::default().with("x-hasura-role", "admin"),
        role("anonymous"),
    );
    matrix.row(
        "an expired token is no anonymous caller",
        Request::bearer(&expired),
        invalid("JWTExpired"),
    );
    matrix.check(&world).await
}

async fn a_session_variable_that_a_client_sends_beside_a_token_is_not_believed(
    world: Arc<World>,
) -> anyhow::Result<()> {
    shop(&world).await?;
    let alice = world.person("alice", &["user:reader"])?;
    let request = Request::bearer(&alice.token(&[]).await?)
        .with("x-hasura-user-id", "somebody-else")
        .with("x-hasura-org-id", "their-org");
    let (answer, session) = world.query(&request).await?;
    ensure!(answer == role("user:reader"), "{answer}");
    ensure!(
        session["x-hasura-user-id"] == alice.id.as_str(),
        "{session}"
    );
    ensure!(session.get("x-hasura-org-id").is_none(), "{session}");
    Ok(())
}

async fn a_request_without_a_role_gets_the_default_or_the_only_role(
    world: Arc<World>,
) -> anyhow::Result<()> {
    shop(&world).await?;
    let jwt = json!({"spec": {"auth": {"jwt": {"defaultRole": "user:maintainer"}}}});
    world.edit::<HasuraInstance>("shop", jwt).await?;
    let both = world.person("both", &["user:reader", "user:maintainer"])?;
    let reader = world.person("reader", &["user:reader"])?;
    world
        .until("the default role in the claims", || async {
            let claims = both.claims().await?.unwrap_or_default();
            Ok((claims["x-hasura-default-role"] == "user:maintainer").then_some(()))
        })
        .await?;
    let mut matrix = Matrix::default();
    matrix.row(
        "holds the default role",
        Request::bearer(&both.token(&[]).await?),
        role("user:maintainer"),
    );
    matrix.row(
        "holds only another one",
        Request::bearer(&reader.token(&[]).await?),
        role("user:reader"),
    );
    let none = json!({"spec": {"auth": {"jwt": {"defaultRole": null}}}});
    world.edit::<HasuraInstance>("shop", none).await?;
    world
        .until("no default role in the claims", || async {
            let claims = both.claims().await?.unwrap_or_default();
            Ok((claims["x-hasura-default-role"] == "(none)").then_some(()))
        })
        .await?;
    let token = both.token(&[]).await?;
    matrix.row(
        "holds two and there is no default",
        Request::bearer(&token),
        not_allowed(),
    );
    matrix.row(
        "names one of them",
        Request::bearer(&token).with("x-hasura-role", "user:reader"),
        role("user:reader"),
    );
    matrix.check(&world).await
}
