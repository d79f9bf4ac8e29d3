use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::super::apply::{Apis, AuthPatch, judged_dry_run};
use super::super::env_from::{EnvFromKeys, Keys, SourceKind};
use super::super::place::Place;
use super::super::refusal::Refusal;
use super::super::visibility::{Unseen, exposed_admin_secret, unseen};
use super::startup::{entry, judged, known, source};
use super::{
    ADMIN, FakeApi, admin_secret, deployment, desired, hook_entries, jwt, jwt_secret, webhook,
    with_containers,
};

fn unseen_of(container: Value) -> Vec<Unseen> {
    unseen(
        &deployment(container),
        "graphql-engine",
        &EnvFromKeys::default(),
    )
}

#[test]
fn hasuras_own_image_by_its_own_command_hides_nothing() {
    for image in [
        "hasura/graphql-engine",
        "hasura/graphql-engine:v2.48.6",
        "docker.io/hasura/graphql-engine:v2.48.6.cli-migrations-v3",
        "registry.local:5000/mirror/hasura/graphql-engine@sha256:abc",
        "registry.local:5000/hasura/graphql-engine:v2@sha256:abc",
    ] {
        assert_eq!(unseen_of(json!({"image": image})), [], "{image}");
    }
    let command = ["graphql-engine", "serve"];
    let direct = json!({"image": "hasura/graphql-engine", "command": command});
    assert_eq!(unseen_of(direct), []);
}

#[test]
fn an_image_a_shell_a_program_and_an_unread_source_hide_settings() {
    for image in [
        "registry.example.com/shop/hasura-with-migrations:2024-05-01",
        "not-hasura/graphql-engine",
        "hasura/graphql-engine-base:1",
        "graphql-engine:v2",
        "localhost:5000/graphql-engine",
    ] {
        assert_eq!(
            unseen_of(json!({"image": image})),
            [Unseen::Image(image.into())]
        );
    }
    let shell = json!({"command": ["/bin/sh", "-c"], "args": ["exec graphql-engine serve"]});
    assert_eq!(unseen_of(shell), [Unseen::Shell]);
    let wrapper = json!({"command": ["/usr/bin/vault-env", "graphql-engine", "serve"]});
    assert_eq!(unseen_of(wrapper), [Unseen::Program("vault-env".into())]);
    let unread = source(Keys::Unknown);
    assert_eq!(
        unseen(&deployment(json!({})), "graphql-engine", &unread),
        [Unseen::Source("Secret hasura-env".into())]
    );
    let long = unseen_of(json!({"image": "x".repeat(1000)}));
    assert!(long[0].to_string().len() < 300, "{long:?}");
}

#[test]
fn without_an_admin_secret_in_sight_it_is_unknown_whether_an_image_or_shell_brings_one() {
    for (container, part) in [
        (
            json!({"image": "registry.example.com/shop/hasura:1"}),
            "image",
        ),
        (
            json!({"command": ["sh", "-c", ". /plain/secret.env; graphql-engine serve"]}),
            "a shell",
        ),
    ] {
        let mut container = container;
        container["env"] = json!([jwt_secret()]);
        let refused = judged(
            &deployment(container),
            Some(&desired()),
            &EnvFromKeys::default(),
        );
        let refused = refused.unwrap_err();
        assert_eq!(refused.reason(), "AdminSecretUnknown");
        let message = refused.to_string();
        assert!(
            message.contains(part) && !message.contains("has no admin secret"),
            "{message}"
        );
        assert!(
            message.contains("secretKeyRef") && !refused.unwatched,
            "{message}"
        );
    }
}

#[test]
fn what_a_shell_visibly_sets_is_refused_in_both_modes() {
    let with = |desired, env: &[Value], text: &str| {
        let env = [&[admin_secret()][..], env].concat();
        let hasura = deployment(json!({"env": env, "command": ["sh", "-c", text]}));
        judged(&hasura, Some(&desired), &EnvFromKeys::default()).map_err(|refused| refused.refusals)
    };
    for (text, name) in [
        (
            "export HASURA_GRAPHQL_JWT_SECRET=\"$(cat /plain/jwt.json)\"; graphql-engine serve",
            "HASURA_GRAPHQL_JWT_SECRET",
        ),
        (
            "HASURA_GRAPHQL_AUTH_HOOK=http://x graphql-engine serve",
            "HASURA_GRAPHQL_AUTH_HOOK",
        ),
        ("graphql-engine serve --jwt-secret '{}'", "--jwt-secret"),
    ] {
        let refused = Err(vec![Refusal::CommandSets { name }]);
        assert_eq!(with(desired(), &[jwt_secret()], text), refused);
        assert_eq!(with(webhook(), &hook_entries(), text), refused);
    }
    let reads = "test -n \"$HASURA_GRAPHQL_JWT_SECRET\" && exec graphql-engine serve";
    assert!(with(desired(), &[jwt_secret()], reads).is_ok());
    // To take the operator's entries away makes nothing worse.
    let env = [admin_secret()];
    let text = "export HASURA_GRAPHQL_JWT_SECRET=x; graphql-engine serve";
    let hasura = deployment(json!({"env": env, "command": ["sh", "-c", text]}));
    assert!(judged(&hasura, None, &EnvFromKeys::default()).is_ok());
}

#[test]
fn an_admin_secret_in_plain_text_is_named_and_one_in_a_secret_is_not() {
    let exposed = |env: Value, sources: &EnvFromKeys| {
        exposed_admin_secret(&deployment(json!({"env": env})), "graphql-engine", sources)
    };
    let none = EnvFromKeys::default();
    assert_eq!(exposed(json!([admin_secret()]), &none), None);
    assert_eq!(exposed(json!([]), &none), None);
    assert_eq!(
        exposed(json!([entry(ADMIN, "$(OF_A_SECRET)")]), &none),
        None
    );
    assert_eq!(
        exposed(json!([entry(ADMIN, "x")]), &none),
        Some(Place::Entry(ADMIN))
    );
    let of_secret = source(known(&[ADMIN]));
    assert_eq!(exposed(json!([]), &of_secret), None);
    let mut of_config_map = of_secret;
    of_config_map.sources[0].kind = SourceKind::ConfigMap;
    let place = exposed(json!([]), &of_config_map).unwrap().to_string();
    assert_eq!(
        place,
        "HASURA_GRAPHQL_ADMIN_SECRET from envFrom ConfigMap hasura-env"
    );
}

#[test]
fn only_what_hinges_on_an_unwatched_object_is_looked_at_again() {
    let unwatched = |container: Value, sources: &EnvFromKeys| {
        let judged = judged(&deployment(container), Some(&desired()), sources);
        judged.unwrap_err().unwatched
    };
    let none = EnvFromKeys::default();
    let hook = "HASURA_GRAPHQL_AUTH_HOOK";
    let well = || json!({"env": [admin_secret(), jwt_secret()]});
    assert!(unwatched(well(), &source(known(&[hook]))));
    assert!(unwatched(
        well(),
        &source(known(&["HASURA_GRAPHQL_JWT_SECRETS"]))
    ));
    let literal = json!({"env": [admin_secret(), jwt_secret(), entry(hook, "http://x")]});
    assert!(!unwatched(literal.clone(), &none));
    assert!(!unwatched(literal, &source(known(&[ADMIN]))));
    let reference =
        json!({"name": hook, "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}});
    assert!(unwatched(
        json!({"env": [admin_secret(), jwt_secret(), reference]}),
        &none
    ));
    // It may come into any source that there is.
    let open = || json!({"env": [jwt_secret()]});
    assert!(!unwatched(open(), &none));
    assert!(unwatched(open(), &source(known(&["X"]))));
}

fn owning(mut deployment: Deployment, names: &[&str]) -> Deployment {
    let entries: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| {
            (
                format!("k:{{\"name\":\"{name}\"}}"),
                json!({".": {}, "f:name": {}, "f:value": {}}),
            )
        })
        .collect();
    let fields = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {
        "k:{\"name\":\"graphql-engine\"}": {".": {}, "f:name": {}, "f:env": entries}
    }}}}});
    let managed = json!([{
        "manager": "logto-hasura", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields
    }]);
    deployment.metadata.managed_fields = serde_json::from_value(managed).unwrap();
    deployment
}

#[tokio::test]
async fn what_works_again_without_our_entries_is_known_before_they_are_taken_away() {
    let env_from = json!([{"configMapRef": {"name": "hasura-config"}}]);
    let live = deployment(json!({"env": [admin_secret(), jwt_secret()], "envFrom": env_from}));
    let live = owning(live, &["HASURA_GRAPHQL_JWT_SECRET"]);
    let without = deployment(json!({"env": [admin_secret()], "envFrom": env_from}));
    let returning = |config_map: Value| {
        let (live, without) = (live.clone(), serde_json::to_value(&without).unwrap());
        async move {
            let fake = FakeApi::answering([(200, without), (200, config_map)]);
            let patch = AuthPatch {
                live: &live,
                container: "graphql-engine",
                desired: None,
                bound_roles: &std::collections::BTreeSet::new(),
                allow_recreate: false,
                force: false,
            };
            let judged = judged_dry_run(&Apis::new(&fake.client(), "shop"), patch).await;
            let returning = judged.unwrap().returning;
            returning
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        }
    };
    let old = json!({"data": {"HASURA_GRAPHQL_JWT_SECRET": "hunter2", "HASURA_GRAPHQL_UNAUTHORIZED_ROLE": "guest"}});
    let place = "HASURA_GRAPHQL_JWT_SECRET from envFrom ConfigMap hasura-config";
    assert_eq!(
        returning(old).await,
        [place],
        "the role was never overridden"
    );
    let none = returning(json!({"data": {"X": "y"}})).await;
    assert!(none.is_empty(), "{none:?}");
}

/// The settings of `old` move to `graphql-engine`; `old` takes this ConfigMap by envFrom.
async fn moved_from_old(config_map: Value) -> Result<Vec<String>, &'static str> {
    let old = |env: Value| json!({"name": "old", "env": env, "envFrom": [{"configMapRef": {"name": "hasura-config"}}]});
    let new = |env: Value| json!({"name": "graphql-engine", "env": env});
    let role = json!({"name": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "value": "anonymous"});
    let ours = json!([admin_secret(), jwt_secret(), role]);
    let mut live = with_containers(json!([new(json!([admin_secret()])), old(ours.clone())]));
    let key = |name: &str| format!("k:{}", json!({"name": name}));
    let fields = json!({".": {}, "f:name": {}, "f:value": {}});
    let entries = json!({
        key("HASURA_GRAPHQL_JWT_SECRET"): fields, key("HASURA_GRAPHQL_UNAUTHORIZED_ROLE"): fields,
    });
    let containers = json!({key("old"): {"f:env": entries}});
    live.metadata.managed_fields = serde_json::from_value(json!([{
        "manager": "logto-hasura", "operation": "Apply", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}},
    }]))
    .unwrap();
    let after = with_containers(json!([new(ours), old(json!([admin_secret()]))]));
    let after = (200, serde_json::to_value(&after).unwrap());
    let fake = FakeApi::answering([after, (200, config_map)]);
    let patch = AuthPatch {
        live: &live,
        container: "graphql-engine",
        desired: Some(&jwt(Some("anonymous"))),
        bound_roles: &std::collections::BTreeSet::from(["user".to_owned()]),
        allow_recreate: true,
        force: false,
    };
    assert_eq!(patch.leaves().into_iter().collect::<Vec<_>>(), ["old"]);
    let judged = judged_dry_run(&Apis::new(&fake.client(), "shop"), patch).await;
    let judged = judged.map_err(|error| error.reason())?;
    Ok(judged.returning.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn what_works_again_in_a_container_that_is_left_is_known_and_is_no_signed_in_users_role() {
    let role = |role: &str| json!({"data": {"HASURA_GRAPHQL_UNAUTHORIZED_ROLE": role}});
    let place = "HASURA_GRAPHQL_UNAUTHORIZED_ROLE from envFrom ConfigMap hasura-config";
    assert_eq!(
        moved_from_old(role("guest")).await,
        Ok(vec![place.to_owned()])
    );
    assert_eq!(
        moved_from_old(role("user")).await,
        Err("UnauthorizedRoleBound")
    );
    assert_eq!(moved_from_old(json!({"data": {}})).await, Ok(vec![]));
}
