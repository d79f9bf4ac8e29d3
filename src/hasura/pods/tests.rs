use serde_json::{Value, json};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn time(second: i64) -> String {
    at(second).to_string()
}

fn pod(status: Value) -> Pod {
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "hasura-2", "uid": "set-2", "controller": true});
    serde_json::from_value(json!({
        "metadata": {"name": "hasura-2-a", "namespace": "shop", "ownerReferences": [owner]},
        "status": status,
    }))
    .unwrap()
}

/// A pod of one container, `hasura`.
fn of(state: Value, last_state: Value, restarts: i32, ready: bool) -> Pod {
    pod(json!({
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": time(100)}],
        "containerStatuses": [{
            "name": "hasura", "image": "hasura/graphql-engine:v2.48.6", "imageID": "", "ready": ready,
            "restartCount": restarts, "state": state, "lastState": last_state,
        }],
    }))
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": message}})
}

fn ended(code: i32) -> Value {
    json!({"terminated": {"exitCode": code, "reason": "Error", "message": "password=hunter2"}})
}

fn running(since: i64) -> Value {
    json!({"running": {"startedAt": time(since)}})
}

fn watched(settle_after: Option<u64>) -> Watched<'static> {
    Watched {
        container: "hasura",
        settle_after: settle_after.map(Duration::from_secs),
        now: at(130),
    }
}

fn said(pods: &[Pod]) -> Option<String> {
    failures(pods, watched(None))
}

#[test]
fn each_thing_that_a_pod_waits_for_is_named() {
    let cases = [
        (
            of(
                waiting(
                    "ImagePullBackOff",
                    "Back-off pulling https://cdn/?signature=s3cret",
                ),
                json!({}),
                0,
                false,
            ),
            Some(
                r#"container "hasura" waits for its image "hasura/graphql-engine:v2.48.6" (ImagePullBackOff)"#,
            ),
        ),
        (
            of(waiting("InvalidImageName", "x"), json!({}), 0, false),
            Some(
                r#"container "hasura" waits for its image "hasura/graphql-engine:v2.48.6" (InvalidImageName)"#,
            ),
        ),
        (
            of(
                waiting(
                    "CreateContainerConfigError",
                    r#"secret "hasura-env" not found"#,
                ),
                json!({}),
                0,
                false,
            ),
            Some(
                r#"container "hasura" can not be started (CreateContainerConfigError): secret "hasura-env" not found"#,
            ),
        ),
        (
            of(
                waiting("CrashLoopBackOff", "back-off 10s"),
                ended(7),
                3,
                false,
            ),
            Some(
                r#"container "hasura" ended with exit code 7, restarted 3 times (CrashLoopBackOff)"#,
            ),
        ),
        (
            of(ended(1), json!({}), 0, false),
            Some(r#"container "hasura" ended with exit code 1"#),
        ),
        (
            of(
                json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
                json!({}),
                1,
                false,
            ),
            Some(
                r#"container "hasura" ended with exit code 137 (OOMKilled), restarted once (CrashLoopBackOff)"#,
            ),
        ),
        (
            of(waiting("ContainerCreating", ""), json!({}), 0, false),
            None,
        ),
        (
            of(waiting("PodInitializing", ""), json!({}), 0, false),
            None,
        ),
        (of(running(100), json!({}), 0, false), None),
        (of(running(100), json!({}), 0, true), None),
        // It ended once, and is up for good.
        (of(running(100), ended(1), 1, true), None),
        // It ended, and nobody can tell yet whether it will again.
        (
            of(running(100), ended(1), 1, false),
            Some(r#"container "hasura" ended with exit code 1, restarted once (CrashLoopBackOff)"#),
        ),
        (pod(json!({"phase": "Pending"})), None),
        (
            pod(json!({"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
            ]})),
            Some("no node takes a pod: 0/3 nodes are available"),
        ),
    ];
    for (pod, words) in cases {
        assert_eq!(
            said(std::slice::from_ref(&pod)).as_deref(),
            words,
            "{pod:?}"
        );
    }
}

#[test]
fn init_containers_come_first_and_one_that_is_done_says_nothing() {
    let with_init = |state: Value, last_state: Value, restarts: i32| {
        let init = json!({"name": "migrate", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
            "state": state, "lastState": last_state});
        let hasura = json!({"name": "hasura", "image": "h", "imageID": "", "ready": false, "restartCount": 0,
            "state": waiting("PodInitializing", "")});
        said(&[pod(
            json!({"initContainerStatuses": [init], "containerStatuses": [hasura]}),
        )])
    };
    assert_eq!(with_init(ended(0), json!({}), 0), None);
    assert_eq!(with_init(running(1), json!({}), 0), None);
    let crashed =
        r#"init container "migrate" ended with exit code 2, restarted 2 times (CrashLoopBackOff)"#
            .to_owned();
    assert_eq!(
        with_init(waiting("CrashLoopBackOff", ""), ended(2), 2),
        Some(crashed.clone())
    );
    assert_eq!(with_init(running(1), ended(2), 2), Some(crashed));
    assert_eq!(
        with_init(
            waiting("CreateContainerConfigError", "configmap \"m\" not found"),
            json!({}),
            0
        )
        .as_deref(),
        Some(
            r#"init container "migrate" can not be started (CreateContainerConfigError): configmap "m" not found"#
        )
    );
}

#[test]
fn without_a_probe_a_container_that_keeps_ending_gives_the_same_words_at_every_moment() {
    let unprobed = |pod: Pod| failures(&[pod], watched(Some(30)));
    let expected =
        r#"container "hasura" ended with exit code 1, restarted 2 times (CrashLoopBackOff)"#;
    for pod in [
        of(waiting("CrashLoopBackOff", "back-off"), ended(1), 2, false),
        of(ended(1), ended(1), 2, false),
        of(running(128), ended(1), 2, true),
    ] {
        assert_eq!(unprobed(pod.clone()).as_deref(), Some(expected), "{pod:?}");
    }
    assert_eq!(unprobed(of(running(100), ended(1), 2, true)), None);
    assert_eq!(unprobed(of(running(128), json!({}), 0, true)), None);
}

#[test]
fn what_can_not_be_run_gives_the_same_words_between_two_starts() {
    let end = json!({"terminated": {"exitCode": 128, "reason": "StartError"}});
    let of =
        |reason, message| said(&[of(waiting(reason, message), end.clone(), 2, false)]).unwrap();
    let words = of("CrashLoopBackOff", "back-off 20s");
    assert!(words.contains("128 (its program can not be run), restarted 2 times"));
    for reason in ["RunContainerError", "ContainerCreating", ""] {
        assert_eq!(of(reason, "exec"), words, "{reason}");
    }
    assert!(of("ErrImagePull", "").contains("waits for its image"));
    assert!(of("CreateContainerConfigError", "no Secret").ends_with("no Secret"));
}

#[test]
fn what_others_say_is_cut_and_escaped_and_never_the_end_of_a_log() {
    let long = format!("\u{1b}[31m\u{202e}{}", "x".repeat(900));
    let words = said(&[of(
        waiting("CreateContainerError", &long),
        json!({}),
        0,
        false,
    )])
    .unwrap();
    assert!(words.chars().count() < 500, "{words}");
    assert!(
        !words.contains('\u{1b}') && !words.contains('\u{202e}'),
        "{words}"
    );
    let crashed = said(&[of(ended(1), ended(1), 4, false)]).unwrap();
    assert!(!crashed.contains("hunter2"), "{crashed}");
    let pulled = said(&[of(
        waiting("ErrImagePull", "https://cdn/?signature=s3cret"),
        json!({}),
        0,
        false,
    )])
    .unwrap();
    assert!(!pulled.contains("s3cret"), "{pulled}");
    let strange = said(&[of(waiting("\u{1b}[0m", ""), json!({}), 0, false)]).unwrap();
    assert!(!strange.contains('\u{1b}'), "{strange}");
}

#[test]
fn pods_that_fail_alike_are_said_once_and_of_many_failures_a_few() {
    let crash = |code, restarts| {
        of(
            waiting("CrashLoopBackOff", ""),
            ended(code),
            restarts,
            false,
        )
    };
    assert_eq!(
        said(&[crash(1, 2), crash(1, 4), crash(1, 3)]).as_deref(),
        Some(r#"container "hasura" ended with exit code 1, restarted 4 times (CrashLoopBackOff)"#)
    );
    let words = said(&[
        crash(1, 0),
        crash(2, 0),
        crash(3, 0),
        crash(4, 0),
        crash(5, 0),
    ])
    .unwrap();
    assert!(
        words.contains("code 3") && !words.contains("code 4"),
        "{words}"
    );
    assert!(words.ends_with("and 2 more"), "{words}");
}

#[test]
fn a_pod_that_fails_for_days_changes_its_words_seldom() {
    let words = in_steps;
    assert_eq!(words(6), words(10));
    assert_eq!(words(11), words(20));
    assert_ne!(words(20), words(21));
    assert_eq!(words(5000), words(i32::MAX));
    let all: std::collections::BTreeSet<String> = (0..10_000).map(words).collect();
    assert!(all.len() < 16, "{all:?}");
}

fn deployment(revision: &str) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "hasura", "uid": "deployment", "annotations": {REVISION: revision}},
    }))
    .unwrap()
}

fn set(uid: &str, owner: &str, revision: &str) -> ReplicaSet {
    let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "hasura", "uid": owner, "controller": true});
    serde_json::from_value(json!({"metadata": {
        "name": uid, "uid": uid, "annotations": {REVISION: revision}, "ownerReferences": [owner],
    }}))
    .unwrap()
}

#[test]
fn only_living_pods_of_the_newest_replica_set_count() {
    let sets = [
        set("set-1", "deployment", "1"),
        set("set-2", "deployment", "2"),
    ];
    let newest = pod(json!({"phase": "Running"}));
    let mut older = newest.clone();
    older.metadata.owner_references.as_mut().unwrap()[0].uid = "set-1".to_owned();
    let mut leaving = newest.clone();
    leaving.metadata.deletion_timestamp = Some(Time(at(1)));
    let evicted = pod(json!({"phase": "Failed"}));
    let mut nobodys = newest.clone();
    nobodys.metadata.owner_references = None;
    let all = vec![older, leaving, evicted, nobodys, newest.clone()];
    assert_eq!(of_newest(&deployment("2"), all.clone(), &sets), [newest]);
    // The newest has no pods yet, or is not known: then those of before say nothing.
    assert!(of_newest(&deployment("3"), all.clone(), &sets).is_empty());
    let foreign = [set("set-2", "another", "2")];
    assert!(of_newest(&deployment("2"), all, &foreign).is_empty());
}

#[test]
fn only_a_name_is_asked_for_as_the_maker_of_a_pod() {
    let made_by = |name: &str, kind: &str| {
        let mut pod = pod(json!({}));
        let owner = &mut pod.metadata.owner_references.as_mut().unwrap()[0];
        (owner.name, owner.kind) = (name.to_owned(), kind.to_owned());
        maker(&pod).map(str::to_owned)
    };
    assert_eq!(
        made_by("hasura-6d4.x", "ReplicaSet").as_deref(),
        Some("hasura-6d4.x")
    );
    assert_eq!(made_by("hasura-6d4", "StatefulSet"), None);
    for name in [
        "..",
        "../secrets/a",
        "a/../b",
        "a?watch=true",
        "a%2fb",
        "A",
        "",
    ] {
        assert_eq!(made_by(name, "ReplicaSet"), None, "{name}");
    }
}

#[test]
fn pods_have_settled_once_the_last_of_them_has_run_for_long_enough() {
    let newest = |starts: &[i64]| Newest {
        pods: starts
            .iter()
            .map(|start| of(running(*start), json!({}), 0, true))
            .collect(),
        is_cut: false,
    };
    let after = |newest: &Newest, wanted| settled(newest, wanted, watched(Some(30)));
    assert_eq!(after(&newest(&[90, 100]), 2), Settled::Yes);
    assert_eq!(
        after(&newest(&[90, 110]), 2),
        Settled::In(Duration::from_secs(10))
    );
    // A clock that is ahead.
    assert_eq!(
        after(&newest(&[500]), 1),
        Settled::In(Duration::from_secs(30))
    );
    assert_eq!(after(&newest(&[90]), 2), Settled::NotUp);
    assert_eq!(after(&newest(&[]), 0), Settled::NotUp);
    let cut = Newest {
        is_cut: true,
        ..newest(&[90])
    };
    assert_eq!(after(&cut, 500), Settled::Yes);
    // The pod's readiness came later than its container.
    let mut late = newest(&[90]);
    let status = late.pods[0].status.as_mut().unwrap();
    status.conditions.as_mut().unwrap()[0].last_transition_time = Some(Time(at(125)));
    assert_eq!(after(&late, 1), Settled::In(Duration::from_secs(25)));
    for down in [
        of(waiting("CrashLoopBackOff", ""), ended(1), 1, false),
        of(ended(1), json!({}), 0, false),
        of(running(90), json!({}), 0, false),
        pod(json!({"phase": "Pending"})),
    ] {
        let newest = Newest {
            pods: vec![down],
            is_cut: false,
        };
        assert_eq!(after(&newest, 1), Settled::NotUp);
    }
}
