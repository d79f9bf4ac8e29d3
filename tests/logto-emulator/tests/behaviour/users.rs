//! Users: sign-ups, default roles, and names that differ in case alone.

use logto_emulator::{RoleType, Violation};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bed::Bed,
    shop::{INDICATOR, Shop},
};

async fn found(bed: &Bed, query: &str) -> Vec<String> {
    let answer = bed.get(&format!("/api/users?{query}")).await.unwrap();
    let rows: Vec<Value> = answer.json().await.unwrap();
    let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = rows.iter().map(id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_username_in_another_case_is_another_user_s_and_the_default_search_finds_both() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let alice = tenant.create_user("alice").unwrap();
    let variant = tenant.register("Alice").unwrap();
    assert_eq!(tenant.register("alice"), Err(Violation::Unique));
    let body = json!({"username": "alice"});
    let taken = bed.send(Method::POST, "/api/users", body).await.unwrap();
    assert_eq!(taken.status(), 422);
    let exact = "search.username=alice&mode.username=exact";
    let mut both = [alice.clone(), variant.clone()];
    both.sort();
    assert_eq!(found(&bed, exact).await, both);
    let strict = format!("{exact}&isCaseSensitive=true");
    assert_eq!(found(&bed, &strict).await, [alice]);
    let other = "search.username=Alice&mode.username=exact&isCaseSensitive=true";
    assert_eq!(found(&bed, other).await, [variant]);
}

#[tokio::test]
async fn a_user_is_found_by_address_and_by_id() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let alice = tenant
        .create_user_with_email("alice", "alice@example.com")
        .unwrap();
    tenant
        .create_user_with_email("bob", "alice@example.community")
        .unwrap();
    assert_eq!(
        tenant.create_user_with_email("carol", "alice@example.com"),
        Err(Violation::Unique)
    );
    for query in [
        "search.primaryEmail=alice@example.com&mode.primaryEmail=exact&isCaseSensitive=true"
            .to_owned(),
        format!("search.id={alice}&mode.id=exact"),
    ] {
        assert_eq!(
            found(&bed, &query).await,
            std::slice::from_ref(&alice),
            "{query}"
        );
    }
}

#[tokio::test]
async fn who_signs_up_later_has_the_default_roles_and_can_lose_them() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let member = tenant
        .create_role("member", "d", RoleType::User, &[])
        .unwrap();
    tenant
        .edit_role(&member.id, |row| row.is_default = true)
        .unwrap();
    let dave = tenant.register("dave").unwrap();
    let holders: Vec<String> = tenant
        .users_of_role(&member.id)
        .into_iter()
        .map(|user| user.id)
        .collect();
    assert_eq!(holders, std::slice::from_ref(&dave));
    tenant.unassign_role(&dave, &member.id).unwrap();
    assert_eq!(
        tenant.unassign_role(&dave, &member.id),
        Err(Violation::Missing)
    );
}

#[tokio::test]
async fn a_deleted_user_or_application_is_gone_from_its_roles_and_gets_no_token() {
    let shop = Shop::new().await;
    let tenant = shop.emulator().tenant();
    let job = tenant.create_application("job").unwrap();
    let worker = tenant
        .create_role("worker", "d", RoleType::MachineToMachine, &[])
        .unwrap();
    tenant
        .assign_role_to_application(&job.id, &worker.id)
        .unwrap();
    tenant.delete_user(&shop.alice).unwrap();
    tenant.delete_application(&job.id).unwrap();
    assert_eq!(tenant.users_of_role(&shop.reader.id), []);
    assert_eq!(tenant.applications_of_role(&worker.id), []);
    let emulator = shop.emulator();
    let user = emulator.user_token(&shop.alice, &shop.web.id, Some(INDICATOR), &[]);
    assert!(user.await.is_err());
    let machine = emulator.machine_token(&job.id, INDICATOR, &[]).await;
    let error = machine.unwrap_err().to_string();
    assert!(error.contains("invalid client"), "{error}");
    let path = format!("/api/users/{}", shop.alice);
    assert_eq!(shop.bed.status_of(&path).await, 404);
}
