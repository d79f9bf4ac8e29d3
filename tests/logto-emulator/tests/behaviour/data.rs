//! Rules of the data that no recording shows.

use logto_emulator::{Role, RoleType, Tenant, Violation};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::bed::Bed;

async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

fn role(tenant: &Tenant, name: &str, kind: RoleType) -> Role {
    tenant.create_role(name, "d", kind, &[]).unwrap()
}

#[tokio::test]
async fn a_body_over_one_megabyte_is_not_found() {
    let bed = Bed::new().await;
    let resource =
        |size: usize| json!({"name": "n".repeat(size), "indicator": "https://big.example/"});
    let path = "/api/resources";
    let answer = bed
        .send(Method::POST, path, resource(1_100_000))
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.text().await.unwrap(), "Not Found");
    let answer = bed
        .send(Method::POST, path, resource(900_000))
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let bed = Bed::new().await;
    let id = async || -> String {
        let answer = bed.get("/api/roles").await.unwrap();
        let id = &answer.headers()["logto-core-request-id"];
        id.to_str().unwrap().to_owned()
    };
    assert_ne!(id().await, id().await);
}

#[tokio::test]
async fn a_nul_in_a_text_is_an_internal_error() {
    let bed = Bed::new().await;
    assert_eq!(bed.make_role("a\0b").await.unwrap().status(), 500);
}

#[tokio::test]
async fn replacing_a_user_s_roles_with_a_machine_role_loses_them_all() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let user = tenant.create_user("alice").unwrap();
    let held = role(&tenant, "reader", RoleType::User);
    let machine = role(&tenant, "job", RoleType::MachineToMachine);
    tenant.assign_role(&user, &held.id).unwrap();
    let path = format!("/api/users/{user}/roles");
    let answer = bed
        .send(Method::PUT, &path, json!({"roleIds": [machine.id]}))
        .await
        .unwrap();
    assert_eq!(answer.status(), 422);
    assert_eq!(
        json_of(answer).await["code"],
        "entity.db_constraint_violated"
    );
    assert_eq!(tenant.roles_of_user(&user), []);
    let answer = bed
        .send(Method::PUT, &path, json!({"roleIds": [held.id]}))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(tenant.roles_of_user(&user), [held]);
}

#[tokio::test]
async fn an_id_given_twice_breaks_a_unique_key_and_links_nothing() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let shop = tenant
        .create_resource("Shop", "https://shop.example.com/")
        .unwrap();
    let read = tenant.create_scope(&shop.id, "read", None).unwrap();
    let reader = role(&tenant, "reader", RoleType::User);
    let path = format!("/api/roles/{}/scopes", reader.id);
    let body = json!({"scopeIds": [read.id, read.id]});
    assert_eq!(
        bed.send(Method::POST, &path, body).await.unwrap().status(),
        500
    );
    assert_eq!(tenant.scopes_of_role(&reader.id), []);
}

#[tokio::test]
async fn a_default_role_goes_to_users_made_later() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let before = tenant.create_user("before").unwrap();
    let member = role(&tenant, "member", RoleType::User);
    tenant
        .edit_role(&member.id, |row| row.is_default = true)
        .unwrap();
    let body = json!({"username": "after"});
    let after = json_of(bed.send(Method::POST, "/api/users", body).await.unwrap()).await;
    assert_eq!(tenant.roles_of_user(&before), []);
    let names: Vec<String> = tenant
        .roles_of_user(after["id"].as_str().unwrap())
        .into_iter()
        .map(|role| role.name)
        .collect();
    assert_eq!(names, ["member"]);
}

#[tokio::test]
async fn two_search_keys_leak_scopes_of_other_resources() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let one = tenant
        .create_resource("One", "https://one.example/")
        .unwrap();
    let two = tenant
        .create_resource("Two", "https://two.example/")
        .unwrap();
    tenant.create_scope(&one.id, "read", None).unwrap();
    tenant.create_scope(&two.id, "read", None).unwrap();
    let base = format!(
        "/api/resources/{}/scopes?search.id=x&search.name=read",
        one.id
    );
    let found = async |path: &str| -> usize {
        let rows = json_of(bed.get(path).await.unwrap()).await;
        rows.as_array().unwrap().len()
    };
    assert_eq!(found(&base).await, 2);
    assert_eq!(found(&format!("{base}&joint=and")).await, 0);
}

#[tokio::test]
async fn a_scope_is_changed_through_another_resource_s_path() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let one = tenant
        .create_resource("One", "https://one.example/")
        .unwrap();
    let two = tenant
        .create_resource("Two", "https://two.example/")
        .unwrap();
    let scope = tenant.create_scope(&one.id, "read", None).unwrap();
    let path = format!("/api/resources/{}/scopes/{}", two.id, scope.id);
    let answer = bed
        .send(Method::PATCH, &path, json!({"name": "write"}))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(tenant.scopes(&one.id)[0].name, "write");
    assert_eq!(
        bed.send(Method::DELETE, &path, json!({}))
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(tenant.scopes(&one.id), []);
}

#[tokio::test]
async fn the_console_keeps_the_constraints_of_the_database() {
    let bed = Bed::new().await;
    let tenant = bed.emulator.tenant();
    let shop = tenant
        .create_resource("Shop", "https://shop.example.com/")
        .unwrap();
    assert_eq!(
        tenant.create_resource("Again", &shop.indicator),
        Err(Violation::Unique)
    );
    let read = tenant.create_scope(&shop.id, "read", Some("")).unwrap();
    assert_eq!(read.description, None, "an empty text is stored as none");
    assert_eq!(
        tenant.create_scope("nosuch", "a", None),
        Err(Violation::ForeignKey)
    );
    let reader = tenant
        .create_role("reader", "d", RoleType::User, &[&read.id])
        .unwrap();
    role(&tenant, "writer", RoleType::User);
    let renamed = tenant.edit_role(&reader.id, |row| row.name = "writer".to_owned());
    assert_eq!(renamed, Err(Violation::Unique));
    assert_eq!(
        tenant.role_by_name("reader"),
        Some(reader.clone()),
        "and nothing changed"
    );
    assert_eq!(
        tenant.attach_scope(&reader.id, &read.id),
        Err(Violation::Unique)
    );
    let job = tenant.create_application("job").unwrap();
    assert_eq!(tenant.secrets(&job.id).len(), 1);
    let given = tenant.assign_role_to_application(&job.id, &reader.id);
    assert_eq!(given, Err(Violation::Check));
    tenant.delete_resource(&shop.id).unwrap();
    assert_eq!(
        tenant.scopes_of_role(&reader.id),
        [],
        "the scope went with its resource"
    );
    assert_eq!(
        tenant.detach_scope(&reader.id, &read.id),
        Err(Violation::Missing)
    );
    tenant.delete_role(&reader.id).unwrap();
    assert_eq!(tenant.delete_role(&reader.id), Err(Violation::Missing));
    assert!(
        bed.emulator.requests().is_empty(),
        "nothing of this was a request"
    );
}
