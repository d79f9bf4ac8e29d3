use serde_json::{Value, json};

use super::server::{Seen, Server, empty, json, role};
use crate::logto::{
    NewResource, NewRole, NewScope, Patch, ResourceChanges, Role, RoleChanges, RoleType, Scope,
    ScopeChanges,
};

fn resource() -> Value {
    json!({"tenantId": "default", "id": "r1", "name": "Shop", "indicator": "https://shop.example.com/api",
        "isDefault": false, "accessTokenTtl": 3600})
}

fn scope() -> Value {
    json!({"tenantId": "default", "id": "s1", "resourceId": "r1", "name": "read:user", "description": null,
        "createdAt": 1795457502666u64})
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

/// Logto's answers on 1.42, as far as the shape goes.
fn answer(seen: &Seen) -> Option<axum::response::Response> {
    let path = seen.path.split('?').next()?;
    let scopes = json!([scope()]);
    Some(match (seen.method.as_str(), path) {
        ("GET", "/api/resources") => json(200, json!([with(resource(), "scopes", scopes)])),
        ("POST", "/api/resources") => json(201, with(resource(), "scopes", json!([]))),
        ("GET" | "PATCH", "/api/resources/r1") => json(200, resource()),
        ("GET", "/api/resources/r1/scopes") => json(200, scopes),
        ("POST", "/api/resources/r1/scopes") => json(201, scope()),
        ("PATCH", "/api/resources/r1/scopes/s1") => json(200, scope()),
        ("GET", "/api/roles") => json(200, json!([role("x1")])),
        ("POST", "/api/roles") | ("GET" | "PATCH", "/api/roles/x1") => json(200, role("x1")),
        ("GET", "/api/roles/x1/scopes") => {
            json(200, json!([with(scope(), "resource", resource())]))
        }
        ("POST", "/api/roles/x1/scopes") => json(201, scopes),
        ("DELETE", _) => empty(204),
        _ => return None,
    })
}

/// The one request that a call made, as method, path and body.
fn made(server: &Server) -> (String, String, Value) {
    let seen = server.seen().pop().unwrap();
    (seen.method.clone(), seen.path.clone(), seen.json())
}

fn request(method: &str, path: &str, body: Value) -> (String, String, Value) {
    (method.to_owned(), path.to_owned(), body)
}

#[tokio::test]
async fn resources_are_listed_made_read_changed_and_deleted() {
    let server = Server::start(answer).await;
    let client = server.client().await;

    let all = client.list_resources_with_scopes().await.unwrap();
    assert_eq!(
        made(&server),
        request("GET", "/api/resources?includeScopes=true", Value::Null)
    );
    assert_eq!(all[0].resource.indicator, "https://shop.example.com/api");
    assert_eq!(all[0].scopes[0].name, "read:user");

    let new = NewResource {
        name: "Shop",
        indicator: "https://shop.example.com/api",
        access_token_ttl: Some(900),
    };
    let created = client.create_resource(&new).await.unwrap();
    let body =
        json!({"name": "Shop", "indicator": "https://shop.example.com/api", "accessTokenTtl": 900});
    assert_eq!(made(&server), request("POST", "/api/resources", body));
    assert_eq!(client.get_resource("r1").await.unwrap(), created);

    let changes = ResourceChanges {
        access_token_ttl: Some(60),
        ..ResourceChanges::default()
    };
    client
        .update_resource("r1", &Patch::new(changes).unwrap())
        .await
        .unwrap();
    assert_eq!(
        made(&server),
        request("PATCH", "/api/resources/r1", json!({"accessTokenTtl": 60}))
    );
    client.delete_resource("r1").await.unwrap();
    assert_eq!(
        made(&server),
        request("DELETE", "/api/resources/r1", Value::Null)
    );
}

#[tokio::test]
async fn scopes_are_found_made_changed_and_deleted() {
    let server = Server::start(answer).await;
    let client = server.client().await;

    let found = client.find_scope("r1", "read:user").await.unwrap();
    let expected = Scope {
        id: "s1".to_owned(),
        resource_id: "r1".to_owned(),
        name: "read:user".to_owned(),
        description: None,
    };
    assert_eq!(found, Some(expected));
    let path =
        "/api/resources/r1/scopes?search.name=read%3Auser&mode.name=exact&isCaseSensitive=true";
    assert_eq!(made(&server), request("GET", path, Value::Null));
    assert_eq!(
        client.find_scope("r1", "Read:user").await.unwrap(),
        None,
        "another case is another scope"
    );

    let new = NewScope {
        name: "read:user",
        description: None,
    };
    client.create_scope("r1", &new).await.unwrap();
    assert_eq!(
        made(&server),
        request(
            "POST",
            "/api/resources/r1/scopes",
            json!({"name": "read:user"})
        )
    );

    let changes = ScopeChanges {
        description: Some(String::new()),
        ..ScopeChanges::default()
    };
    client
        .update_scope("r1", "s1", &Patch::new(changes).unwrap())
        .await
        .unwrap();
    assert_eq!(
        made(&server),
        request(
            "PATCH",
            "/api/resources/r1/scopes/s1",
            json!({"description": ""})
        )
    );
    client.delete_scope("r1", "s1").await.unwrap();
    assert_eq!(
        made(&server),
        request("DELETE", "/api/resources/r1/scopes/s1", Value::Null)
    );
}

#[tokio::test]
async fn roles_are_found_made_changed_and_deleted() {
    let server = Server::start(answer).await;
    let client = server.client().await;

    let found = client.find_role("name-x1").await.unwrap().unwrap();
    let path = "/api/roles?search.name=name-x1&mode.name=exact&isCaseSensitive=true";
    assert_eq!(made(&server), request("GET", path, Value::Null));
    assert_eq!((found.users_count, found.applications_count), (2, 1));
    assert_eq!(client.find_role("NAME-x1").await.unwrap(), None);

    let scope_ids = ["s1".to_owned()];
    let mut new = NewRole {
        name: "name-x1",
        description: "d",
        role_type: RoleType::MachineToMachine,
        scope_ids: &scope_ids,
    };
    client.create_role(&new).await.unwrap();
    let mut body = json!({"name": "name-x1", "description": "d", "type": "MachineToMachine", "scopeIds": ["s1"]});
    assert_eq!(made(&server), request("POST", "/api/roles", body.clone()));
    new.scope_ids = &[];
    client.create_role(&new).await.unwrap();
    body.as_object_mut().unwrap().remove("scopeIds");
    assert_eq!(made(&server), request("POST", "/api/roles", body));

    let read: Role = client.get_role("x1").await.unwrap();
    assert_eq!(read, found.role);
    let changes = RoleChanges {
        is_default: Some(false),
        ..RoleChanges::default()
    };
    client
        .update_role("x1", &Patch::new(changes).unwrap())
        .await
        .unwrap();
    assert_eq!(
        made(&server),
        request("PATCH", "/api/roles/x1", json!({"isDefault": false}))
    );
    client.delete_role("x1").await.unwrap();
    assert_eq!(
        made(&server),
        request("DELETE", "/api/roles/x1", Value::Null)
    );
}

#[tokio::test]
async fn a_role_is_given_and_loses_a_scope() {
    let server = Server::start(answer).await;
    let client = server.client().await;
    assert_eq!(client.list_role_scopes("x1").await.unwrap()[0].id, "s1");
    assert_eq!(client.add_role_scope("x1", "s1").await.unwrap()[0].id, "s1");
    assert_eq!(
        made(&server),
        request("POST", "/api/roles/x1/scopes", json!({"scopeIds": ["s1"]}))
    );
    client.remove_role_scope("x1", "s1").await.unwrap();
    assert_eq!(
        made(&server),
        request("DELETE", "/api/roles/x1/scopes/s1", Value::Null)
    );
}

#[test]
fn an_empty_patch_can_not_be_made() {
    assert!(Patch::new(ResourceChanges::default()).is_none());
    assert!(Patch::new(ScopeChanges::default()).is_none());
    assert!(Patch::new(RoleChanges::default()).is_none());
}

#[test]
fn a_type_of_role_that_a_later_logto_has_does_not_spoil_the_list() {
    let read: Role = serde_json::from_value(with(role("x1"), "type", json!("Agent"))).unwrap();
    assert_eq!(read.role_type, RoleType::Unknown);
}
