use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::super::apply::{
    Apis, AuthPatch, Judged, JudgedApplyError, judged_apply, judged_dry_run,
};
use super::super::apply_error::{ApplyError, FieldConflict};
use super::super::env::DesiredAuth;
use super::super::refusal::Note;
use super::{
    FakeApi, Seen, admin_secret, deployment, desired, hook_entries, jwt_secret, status, webhook,
    with_containers,
};

const DRY_RUN: &str =
    "PATCH /apis/apps/v1/namespaces/shop/deployments/hasura?&dryRun=All&fieldManager=logto-hasura";
const APPLY: &str =
    "PATCH /apis/apps/v1/namespaces/shop/deployments/hasura?&fieldManager=logto-hasura";

/// Hasura as it is before the first apply.
fn before() -> Deployment {
    deployment(json!({"env": [admin_secret()]}))
}

/// The answer to a good apply.
fn after() -> (u16, Value) {
    answer(json!({"env": [admin_secret(), jwt_secret()]}))
}

fn answer(container: Value) -> (u16, Value) {
    (200, serde_json::to_value(deployment(container)).unwrap())
}

struct Outcome {
    result: Result<Judged, JudgedApplyError>,
    seen: Vec<Seen>,
}

impl Outcome {
    fn lines(&self) -> Vec<&str> {
        self.seen.iter().map(|seen| seen.line.as_str()).collect()
    }

    fn apply_error(self) -> ApplyError {
        match self.result {
            Err(JudgedApplyError::Apply(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

async fn apply(
    live: &Deployment,
    desired: Option<&DesiredAuth>,
    answers: impl IntoIterator<Item = (u16, Value)>,
) -> Outcome {
    let fake = FakeApi::answering(answers);
    let patch = AuthPatch {
        live,
        container: "graphql-engine",
        desired,
        bound_roles: &BTreeSet::new(),
        allow_recreate: false,
        force: false,
    };
    Outcome {
        result: judged_apply(&Apis::new(&fake.client(), "shop"), patch).await,
        seen: fake.seen(),
    }
}

/// The error after the dry run was answered like this.
async fn refused_by(answer: (u16, Value)) -> ApplyError {
    apply(&before(), Some(&desired()), [answer])
        .await
        .apply_error()
}

#[tokio::test]
async fn a_good_patch_is_tried_first_and_claims_nothing_but_its_entry() {
    let outcome = apply(&before(), Some(&desired()), [after(), after()]).await;
    assert_eq!(outcome.lines(), [DRY_RUN, APPLY]);
    for seen in &outcome.seen {
        assert_eq!(
            seen.body,
            json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "hasura", "uid": "6f1c", "resourceVersion": "230"},
                "spec": {"template": {"spec": {"containers": [{
                    "name": "graphql-engine",
                    "env": [{"name": "HASURA_GRAPHQL_JWT_SECRET", "value": "{}"}],
                }]}}},
            })
        );
    }
    assert_eq!(outcome.result.unwrap().notes, []);
}

#[tokio::test]
async fn taking_the_entries_away_states_nothing_but_the_object() {
    let same = answer(json!({"env": [admin_secret()]}));
    let outcome = apply(&before(), None, [same.clone(), same]).await;
    assert_eq!(outcome.lines(), [DRY_RUN, APPLY]);
    assert_eq!(outcome.seen[1].body.get("spec"), None);
    assert!(outcome.result.is_ok());
}

#[tokio::test]
async fn a_patch_that_would_stop_hasura_is_never_applied() {
    let without_admin_secret = answer(json!({"env": [jwt_secret()]}));
    let outcome = apply(&before(), Some(&desired()), [without_admin_secret, after()]).await;
    assert_eq!(outcome.lines(), [DRY_RUN]);
    assert_eq!(outcome.result.unwrap_err().reason(), "AdminSecretMissing");
}

#[tokio::test]
async fn a_removal_that_would_open_hasura_is_never_applied() {
    let outcome = apply(&before(), None, [answer(json!({})), answer(json!({}))]).await;
    assert_eq!(outcome.lines(), [DRY_RUN]);
    assert_eq!(outcome.result.unwrap_err().reason(), "AdminSecretMissing");
}

/// Two containers, the entry in the second of them and the operator's; this admin secret is in the second.
fn entry_in_the_second(env: Value, admin: Option<Value>) -> Deployment {
    let own: Vec<Value> = admin
        .into_iter()
        .chain(env.as_array().unwrap().clone())
        .collect();
    let mut live = with_containers(json!([
        {"name": "graphql-engine", "env": [admin_secret(), jwt_secret()]},
        {"name": "second", "env": own},
    ]));
    let key = |name: &str| format!("k:{}", json!({"name": name}));
    let entry = json!({key("HASURA_GRAPHQL_JWT_SECRET"): {".": {}, "f:name": {}, "f:value": {}}});
    let containers = json!({key("second"): {"f:env": entry}});
    live.metadata.managed_fields = serde_json::from_value(json!([{
        "manager": "logto-hasura", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}},
    }]))
    .unwrap();
    live
}

#[tokio::test]
async fn a_move_to_another_container_is_one_apply_and_never_one_that_would_open_the_old_one() {
    for (admin, expected) in [
        (Some(admin_secret()), Ok(2)),
        (None, Err("AdminSecretMissing")),
    ] {
        let live = entry_in_the_second(json!([jwt_secret()]), admin.clone());
        let after = entry_in_the_second(json!([]), admin);
        let after = (200, serde_json::to_value(after).unwrap());
        let outcome = apply(&live, Some(&desired()), [after.clone(), after]).await;
        let containers = &outcome.seen[0].body["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers[0]["name"], "graphql-engine");
        assert_eq!(containers.as_array().map(Vec::len), Some(1));
        let count = outcome.seen.len();
        let result = outcome.result.map(|_| count);
        if let Err(error) = &result {
            assert_eq!(count, 1);
            assert!(error.to_string().contains("container second"), "{error}");
        }
        assert_eq!(result.map_err(|error| error.reason()), expected);
    }
}

#[tokio::test]
async fn the_sources_of_the_result_are_read_before_it_is_judged() {
    let env_from = json!([{"secretRef": {"name": "s"}}]);
    let with_source = || answer(json!({"env": [jwt_secret()], "envFrom": env_from}));
    let secret = (
        200,
        json!({"data": {"HASURA_GRAPHQL_ADMIN_SECRET": "eA=="}}),
    );
    let outcome = apply(
        &before(),
        Some(&desired()),
        [with_source(), secret, with_source()],
    )
    .await;
    let get = "GET /api/v1/namespaces/shop/secrets/s";
    assert_eq!(outcome.lines(), [DRY_RUN, get, APPLY]);
    assert!(outcome.result.is_ok());
}

#[tokio::test]
async fn nothing_is_applied_while_a_source_does_not_answer() {
    let with_source = answer(
        json!({"env": [admin_secret(), jwt_secret()], "envFrom": [{"secretRef": {"name": "s"}}]}),
    );
    let down = status(503, "ServiceUnavailable", "etcd is away", json!([]));
    let outcome = apply(&before(), Some(&desired()), [with_source, down]).await;
    assert_eq!(outcome.seen.len(), 2);
    assert_eq!(outcome.result.unwrap_err().reason(), "EnvFromUnreadable");
}

#[tokio::test]
async fn what_would_fail_or_destroy_is_not_even_tried() {
    let from = json!({"name": "HASURA_GRAPHQL_JWT_SECRET", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}});
    let live = deployment(json!({"env": [admin_secret(), from]}));
    let outcome = apply(&live, Some(&desired()), [after()]).await;
    assert!(outcome.seen.is_empty());
    assert_eq!(outcome.result.unwrap_err().reason(), "EnvUsesValueFrom");
}

#[tokio::test]
async fn an_object_without_identity_is_never_patched_for_it_would_be_created() {
    for strip in [
        (|live: &mut Deployment| live.metadata.uid = None) as fn(&mut Deployment),
        |live| live.metadata.resource_version = None,
        |live| live.metadata.name = None,
    ] {
        let mut live = before();
        strip(&mut live);
        let outcome = apply(&live, Some(&desired()), [after()]).await;
        assert!(outcome.seen.is_empty());
        assert!(matches!(outcome.apply_error(), ApplyError::Gone { .. }));
    }
}

#[tokio::test]
async fn observing_sends_the_dry_run_only() {
    let fake = FakeApi::answering([after()]);
    let live = before();
    let patch = AuthPatch {
        live: &live,
        container: "graphql-engine",
        desired: Some(&desired()),
        bound_roles: &BTreeSet::new(),
        allow_recreate: false,
        force: false,
    };
    let judged = judged_dry_run(&Apis::new(&fake.client(), "shop"), patch)
        .await
        .unwrap();
    assert_eq!(judged.notes, Vec::<Note>::new());
    let lines: Vec<_> = fake.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, [DRY_RUN]);
}

#[tokio::test]
async fn a_conflict_names_the_other_manager_and_the_field() {
    let field = ".spec.template.spec.containers[name=\"graphql-engine\"].env[name=\"HASURA_GRAPHQL_JWT_SECRET\"].value";
    let conflict = status(
        409,
        "Conflict",
        "Apply failed with 1 conflict",
        json!([{"reason": "FieldManagerConflict", "message": "conflict with \"kubectl-edit\" using apps/v1", "field": field}]),
    );
    let error = refused_by(conflict).await;
    assert!(
        error
            .to_string()
            .contains("held by field manager \"kubectl-edit\""),
        "{error}"
    );
    let expected = FieldConflict {
        manager: "kubectl-edit".into(),
        field: field.into(),
    };
    assert!(matches!(error, ApplyError::Conflict { conflicts, .. } if conflicts == [expected]));
}

#[tokio::test]
async fn each_answer_of_the_api_server_is_told_by_what_can_be_done() {
    let cause =
        |field: &str, reason: &str| json!([{"reason": reason, "message": "m", "field": field}]);
    let cases = [
        (
            status(
                422,
                "Invalid",
                "m",
                cause(
                    "spec.template.spec.containers[0].env[0].valueFrom",
                    "FieldValueInvalid",
                ),
            ),
            "EnvUsesValueFrom",
        ),
        (
            status(
                422,
                "Invalid",
                "m",
                cause(
                    "spec.template.spec.containers[1].image",
                    "FieldValueRequired",
                ),
            ),
            "ContainerNotFound",
        ),
        (
            status(404, "NotFound", "m", json!([])),
            "DeploymentNotFound",
        ),
        (
            status(
                409,
                "Conflict",
                "uid mismatch: the provided object specified uid 6f1c, and no existing object was found",
                json!([]),
            ),
            "DeploymentNotFound",
        ),
        (
            status(
                422,
                "Invalid",
                "field is immutable",
                cause("metadata.uid", "FieldValueInvalid"),
            ),
            "DeploymentNotFound",
        ),
        (
            status(
                409,
                "Conflict",
                "the object has been modified; please apply your changes to the latest version",
                json!([]),
            ),
            "DeploymentChanged",
        ),
        (
            status(403, "Forbidden", "cannot patch resource", json!([])),
            "Forbidden",
        ),
        (
            status(
                422,
                "Invalid",
                "m",
                cause("spec.replicas", "FieldValueInvalid"),
            ),
            "ApplyFailed",
        ),
        (status(500, "InternalError", "m", json!([])), "ApplyFailed"),
    ];
    for (answer, reason) in cases {
        assert_eq!(
            refused_by(answer.clone()).await.reason(),
            reason,
            "{}",
            answer.1
        );
    }
}

#[tokio::test]
async fn another_fault_is_told_in_a_sentence_with_its_object() {
    let error = refused_by(status(500, "InternalError", "etcd is away", json!([]))).await;
    let sentence = "patching Deployment shop/hasura failed: 500 etcd is away";
    assert_eq!(error.to_string(), sentence);
}

#[tokio::test]
async fn a_refusal_of_the_real_apply_is_told_too() {
    let changed = status(409, "Conflict", "the object has been modified", json!([]));
    let outcome = apply(&before(), Some(&desired()), [after(), changed]).await;
    assert_eq!(outcome.lines(), [DRY_RUN, APPLY]);
    assert!(matches!(outcome.apply_error(), ApplyError::Changed { .. }));
}

#[tokio::test]
async fn a_switch_to_the_webhook_is_one_apply_of_its_two_entries() {
    let live = deployment(json!({"env": [admin_secret(), jwt_secret()]}));
    let [hook, method] = hook_entries();
    let switched = answer(json!({"env": [admin_secret(), hook, method]}));
    let outcome = apply(&live, Some(&webhook()), [switched.clone(), switched]).await;
    assert_eq!(outcome.lines(), [DRY_RUN, APPLY]);
    let containers = &outcome.seen[1].body["spec"]["template"]["spec"]["containers"];
    let expected = json!([{"name": "graphql-engine", "env": [hook, method]}]);
    assert_eq!(containers, &expected);
    assert!(outcome.result.is_ok());
}

#[tokio::test]
async fn the_hash_of_the_keys_goes_with_the_entries_in_one_apply() {
    let hash = "logto-hasura.dev/auth-hash";
    let desired = DesiredAuth {
        key_hash: Some("a".into()),
        ..desired()
    };
    let mut with_hash = after();
    with_hash.1["spec"]["template"]["metadata"] = json!({"annotations": {hash: "a"}});
    let outcome = apply(&before(), Some(&desired), [with_hash.clone(), with_hash]).await;
    assert_eq!(outcome.lines(), [DRY_RUN, APPLY]);
    let template = &outcome.seen[1].body["spec"]["template"];
    assert_eq!(template["metadata"], json!({"annotations": {hash: "a"}}));
    assert_eq!(
        template["spec"]["containers"][0]["env"],
        json!([jwt_secret()])
    );
    assert!(outcome.result.is_ok());
    // A policy of the cluster that takes it away again would make an apply without end.
    let outcome = apply(&before(), Some(&desired), [after()]).await;
    assert_eq!(outcome.result.unwrap_err().reason(), "EnvNotKept");
}
