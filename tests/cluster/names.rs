//! Names as people gave them before the operator came: a star in a scope, words in a role, and lists in a user's data.

use std::sync::Arc;

use anyhow::{Context, ensure};
use logto_emulator::RoleType;
use logto_hasura::api::{HasuraInstance, HasuraRoleBinding, LogtoTenant, Origin};
use serde_json::{Map, Value, json};

use crate::{
    hasura::Request,
    matrix::{Matrix, no_claims, not_allowed, role},
    sign_in::payload,
    suite::Test,
    tests,
    world::{INDICATOR, World},
};

const OF_ALL: &str = "messaging:message:*";
const SERVANT: &str = "Messaging Public Servant";

pub fn tests() -> Vec<Test> {
    tests![
        a_scope_with_a_star_and_roles_of_several_words_are_taken_over_and_let_their_holders_in,
        a_list_of_a_users_data_reaches_hasura_as_an_array_literal,
    ]
}

/// The tenant lets the scopes of the shop be taken over, and the role that was made by hand.
async fn adoptable(world: &World) -> anyhow::Result<()> {
    let adoption = json!({"spec": {"adoption": [{
        "namespaces": {"names": [world.namespace]},
        "indicators": [INDICATOR],
        "roles": ["Messaging *"],
    }]}});
    world.edit::<LogtoTenant>("main", adoption).await?;
    Ok(())
}

async fn a_scope_with_a_star_and_roles_of_several_words_are_taken_over_and_let_their_holders_in(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_base().await?;
    world.ready::<HasuraInstance>("shop").await?;
    adoptable(&world).await?;
    let tenant = world.logto.tenant();
    let resource = crate::bindings::resource_id(&world.logto).context("the resource")?;
    let of_all = tenant.create_scope(&resource, OF_ALL, Some("All messages"))?;
    let of_one = tenant.create_scope(&resource, "messaging:message:read", None)?;
    let by_hand = tenant.create_role(SERVANT, "By hand", RoleType::User, &[&of_all.id])?;
    tenant.create_role("Reader", "By hand", RoleType::User, &[&of_one.id])?;
    let servant = world.person("servant", &[SERVANT])?;
    let reader = world.person("reader", &["Reader"])?;

    let mut binding = world.binding("sales-manager", "Sales Manager", OF_ALL);
    binding["spec"]["adoptionPolicy"] = json!("Adopt");
    binding["spec"]["logtoRole"] = json!({"name": SERVANT});
    world.apply::<HasuraRoleBinding>(binding).await?;
    let binding = world.ready::<HasuraRoleBinding>("sales-manager").await?;
    let status = binding.status.context("a status")?;
    let (scope, adopted) = (status.scope.context("scope")?, status.role.context("role")?);
    ensure!(
        (scope.id.as_str(), scope.origin) == (of_all.id.as_str(), Some(Origin::Adopted)),
        "{scope:?}"
    );
    ensure!(
        (adopted.id.as_str(), adopted.origin) == (by_hand.id.as_str(), Some(Origin::Adopted)),
        "{adopted:?}"
    );
    let scopes = tenant.scopes(&resource);
    let untouched = scopes.iter().find(|scope| scope.id == of_one.id);
    ensure!(untouched == Some(&of_one), "{untouched:?}");

    let token = servant.token(&[OF_ALL]).await?;
    world.accepted(&Request::bearer(&token)).await?;
    let granted = payload(&token)?["scope"].clone();
    ensure!(granted == OF_ALL, "{granted}");
    let theirs = reader.token(&["messaging:message:read", OF_ALL]).await?;
    let as_role = |role: &str| Request::bearer(&token).with("x-hasura-role", role);
    let mut matrix = Matrix::default();
    matrix.row(
        "a role of two words",
        as_role("Sales Manager"),
        role("Sales Manager"),
    );
    matrix.row(
        "no role header",
        Request::bearer(&token),
        role("Sales Manager"),
    );
    matrix.row("its first word", as_role("Sales"), not_allowed());
    matrix.row("two spaces", as_role("Sales  Manager"), not_allowed());
    matrix.row("another case", as_role("sales manager"), not_allowed());
    matrix.row("the Logto role's name", as_role(SERVANT), not_allowed());
    matrix.row(
        "holds what the star could stand for",
        Request::bearer(&theirs),
        no_claims(),
    );
    matrix.check(&world).await
}

/// What somebody stored about himself.
fn data(fields: Value) -> Map<String, Value> {
    fields.as_object().cloned().unwrap_or_default()
}

async fn a_list_of_a_users_data_reaches_hasura_as_an_array_literal(
    world: Arc<World>,
) -> anyhow::Result<()> {
    world.start_operator(&[])?;
    world.apply_example().await?;
    let jwt = json!({"sessionVariables": [
        {"name": "x-hasura-org-ids", "from": "user.customData.orgs", "as": "List", "userEditable": true},
        {"name": "x-hasura-avatar_no", "from": "user.customData.avatar", "userEditable": true},
    ]});
    world
        .edit::<HasuraInstance>("shop", json!({"spec": {"auth": {"jwt": jwt}}}))
        .await?;
    world.ready::<HasuraInstance>("shop").await?;
    world.ready::<HasuraRoleBinding>("user-reader").await?;
    let alice = world.person("alice", &["user:reader"])?;
    let tenant = world.logto.tenant();
    let own = data(json!({"orgs": ["a", "b \"c\" \\d", 7], "avatar": 7}));
    tenant.edit_user(&alice.id, |user| user.custom_data = own)?;
    world
        .until("the list in the claims", || async {
            let claims = alice.claims().await?.unwrap_or_default();
            Ok(claims.get("x-hasura-org-ids").is_some().then_some(()))
        })
        .await?;
    let token = alice.token(&[]).await?;
    world.accepted(&Request::bearer(&token)).await?;
    let (_, session) = world.query(&Request::bearer(&token)).await?;
    ensure!(
        session["x-hasura-org-ids"] == r#"{"a","b \"c\" \\d","7"}"#,
        "{session}"
    );
    ensure!(session["x-hasura-avatar_no"] == "7", "{session}");

    // The other way around, there is nothing to compare with.
    let swapped = data(json!({"orgs": "a", "avatar": [7]}));
    tenant.edit_user(&alice.id, |user| user.custom_data = swapped)?;
    let request = Request::bearer(&alice.token(&[]).await?);
    let (answer, session) = world.query(&request).await?;
    ensure!(answer == role("user:reader"), "{answer}");
    for name in ["x-hasura-org-ids", "x-hasura-avatar_no"] {
        ensure!(session.get(name).is_none(), "{session}");
    }
    Ok(())
}
