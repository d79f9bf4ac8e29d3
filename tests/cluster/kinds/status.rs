//! The status is written through `/status` alone, and only within its bounds.

use std::sync::Arc;

use serde_json::json;

use super::{
    object::{Object, all, binding, instance, tenant},
    refusal::{complaint, none_of},
    server::Server,
    status_lists::{longest_key_set, longest_retained, most_subjects, subject},
    status_plan::{ACTIONS, longest_plan},
    status_rows::{bad, condition, longest_conditions, time},
    texts::letters,
};
use crate::{suite::Test, tests, world::World};

pub fn tests() -> Vec<Test> {
    tests![
        a_status_in_a_create_or_replace_is_dropped_for_one_of_no_generation,
        a_status_is_written_through_its_own_door_and_is_no_new_generation,
        the_spec_can_not_be_changed_through_the_status,
        statuses_out_of_bounds_are_refused_with_the_field_named,
        statuses_at_their_bounds_are_accepted,
        every_word_that_a_status_may_say_is_accepted,
    ]
}

/// A status that the operator could write, of the first generation.
fn with_status(object: Object) -> Object {
    let conditions = json!([condition()]);
    object
        .with("status.observedGeneration", 1)
        .with("status.conditions", conditions)
}

async fn a_status_in_a_create_or_replace_is_dropped_for_one_of_no_generation(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let unseen = json!({"observedGeneration": -1});
    for object in all().map(with_status) {
        server.create(&object).await?;
        let stored = server.get(&object).await?;
        anyhow::ensure!(
            stored["status"] == unseen,
            "created with a status: {stored}"
        );
        server.replace(&object).await?;
        let stored = server.get(&object).await?;
        anyhow::ensure!(
            stored["status"] == unseen,
            "replaced with a status: {stored}"
        );
    }
    Ok(())
}

async fn a_status_is_written_through_its_own_door_and_is_no_new_generation(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    for object in all() {
        server.create(&object).await?;
        let object = with_status(object);
        server.patch_status(&object).await?;
        let stored = server.get(&object).await?;
        anyhow::ensure!(&stored["status"] == object.at("status"), "stored: {stored}");
        anyhow::ensure!(
            stored["metadata"]["generation"] == 1,
            "a new generation: {stored}"
        );
        server.replace(&object.clone().without("status")).await?;
        let stored = server.get(&object).await?;
        anyhow::ensure!(
            &stored["status"] == object.at("status"),
            "a replace lost it: {stored}"
        );
    }
    Ok(())
}

async fn the_spec_can_not_be_changed_through_the_status(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let changes = [
        tenant().with("spec.allowPlainHttp", true),
        instance().with("spec.auth.unauthorizedRole", "anonymous"),
        binding().with("spec.scope.name", "write:user"),
    ];
    for (object, changed) in all().into_iter().zip(changes) {
        let created = server.create(&object).await?;
        server.replace_status(&with_status(changed)).await?;
        let stored = server.get(&object).await?;
        anyhow::ensure!(
            stored["status"]["observedGeneration"] == 1,
            "no status: {stored}"
        );
        anyhow::ensure!(
            stored["spec"] == created["spec"],
            "the spec was changed: {stored}"
        );
        anyhow::ensure!(
            stored["metadata"]["generation"] == 1,
            "a new generation: {stored}"
        );
    }
    Ok(())
}

async fn statuses_out_of_bounds_are_refused_with_the_field_named(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let (server, rows) = (Server::of(&world), bad());
    for object in all() {
        server.create(&object).await?;
    }
    let mut complaints = Vec::new();
    for row in &rows {
        let answer = server.would_patch_status(&row.object).await;
        if let Some(complaint) = complaint(answer, &row.field, row.because) {
            complaints.push(format!("{}, {}: {complaint}", row.object.kind(), row.what));
        }
    }
    none_of(&complaints, rows.len())
}

async fn statuses_at_their_bounds_are_accepted(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let id = letters(64);
    let row = json!({"endpoint": letters(256), "issuer": letters(512)});
    let deployment = json!({
        "name": letters(253), "container": letters(63), "defaultContainer": letters(63),
        "uid": id, "authHash": id, "rolledOut": true, "forcedFrom": letters(128),
    });
    let keys = json!({
        "jwtSecret": letters(253), "unauthorizedRole": letters(252),
        "authHook": letters(251), "authHookMode": letters(250),
    });
    let specific = [
        json!({
            "issuer": letters(512), "jwkUrl": letters(1024), "keySet": longest_key_set(),
            "previousIssuer": letters(512), "signInEndpoints": vec![row; 8],
            "retained": longest_retained(),
        }),
        json!({
            "apiResource": {
                "id": id, "origin": "Creating", "creatingSince": time(64), "proof": letters(43),
            },
            "deployment": deployment,
            "previousDeployments": vec![deployment.clone(); 4],
            "delivered": {
                "kind": "ConfigMap", "name": letters(253), "authHash": id, "keys": keys,
            },
        }),
        json!({
            "scope": {"id": id, "resourceId": id, "origin": "Adopted"},
            "role": {"id": id, "name": letters(128), "origin": "Adopted"},
            "tenantRef": {"name": letters(253), "namespace": letters(63)},
            "subjects": most_subjects(),
        }),
    ];
    for (object, status) in all().into_iter().zip(specific) {
        server.create(&object).await?;
        let object = object
            .with("status", status)
            .with("status.observedGeneration", i64::MAX)
            .with("status.lastHandledReconcileAt", letters(256))
            .with("status.conditions", longest_conditions())
            .with("status.plan", longest_plan());
        let stored = server.would_patch_status(&object).await?;
        anyhow::ensure!(
            &stored["status"] == object.at("status"),
            "became {}",
            stored["status"]
        );
    }
    Ok(())
}

async fn every_word_that_a_status_may_say_is_accepted(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    for object in all() {
        server.create(&object).await?;
        for word in ["True", "False", "Unknown"] {
            let mut condition = condition();
            condition["status"] = word.into();
            condition["observedGeneration"] = 0.into();
            let object = object.clone().with("status.observedGeneration", 0);
            let object = object.with("status.conditions", json!([condition]));
            server.would_patch_status(&object).await?;
        }
    }
    for origin in ["Creating", "Created", "Adopted"] {
        let scope = json!({"id": "s1", "resourceId": "r1", "origin": origin});
        let role = json!({"id": "o1", "name": "editor", "origin": origin});
        for object in [
            instance().with("status.apiResource.origin", origin),
            binding().with("status.scope", scope),
            binding().with("status.role", role),
        ] {
            server.would_patch_status(&object).await?;
        }
    }
    for kind in ["Secret", "ConfigMap"] {
        let object = instance().with(
            "status.delivered",
            json!({"kind": kind, "name": "a", "authHash": "h1"}),
        );
        server.would_patch_status(&object).await?;
    }
    for (object, action) in all().iter().flat_map(|object| ACTIONS.map(|a| (object, a))) {
        let step = json!({"action": action, "what": "role \"editor\""});
        let object = object.clone().with("status.plan.steps", json!([step]));
        server.would_patch_status(&object).await?;
    }
    for refresh in ["Never", "EachTick", "AfterMaxAge"] {
        let keys = json!({"keys": [], "refresh": refresh});
        let object = tenant().with("status.keySet", keys);
        server.would_patch_status(&object).await?;
    }
    let states = "Assigning Assigned HadRole TakenAway NotFound Ambiguous Renamed Refused";
    for state in states.split(' ') {
        for kind in ["User", "Application"] {
            let mut subject = subject();
            (subject["kind"], subject["state"]) = (kind.into(), state.into());
            let object = binding().with("status.subjects", json!([subject]));
            server.would_patch_status(&object).await?;
        }
    }
    Ok(())
}
