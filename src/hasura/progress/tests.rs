use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::*;

const SETTLE: Duration = Duration::from_secs(30);

fn time(second: i64) -> String {
    Timestamp::from_second(second).unwrap().to_string()
}

/// What the Deployment controller says of a rollout that it took for done at second 1000.
fn done() -> Value {
    json!([
        {"type": "Available", "status": "True", "lastTransitionTime": time(1000)},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastUpdateTime": time(1000)},
    ])
}

fn gave_up() -> Value {
    json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}])
}

struct Case {
    probe: &'static str,
    replicas: i32,
    available: i32,
    old: i32,
    conditions: Value,
    pods: Pods,
    now: i64,
}

impl Case {
    /// One replica, available since second 1000, of a container without a probe.
    fn new(pods: Pods) -> Self {
        Self {
            probe: "",
            replicas: 1,
            available: 1,
            old: 0,
            conditions: done(),
            pods,
            now: 1010,
        }
    }

    fn deployment(&self) -> Deployment {
        let mut container = json!({"name": "hasura"});
        if !self.probe.is_empty() {
            container[self.probe] = json!({"httpGet": {"path": "/healthz", "port": 8080}});
        }
        let labels = json!({"app": "hasura"});
        serde_json::from_value(json!({
            "metadata": {"name": "hasura", "namespace": "shop", "generation": 2},
            "spec": {
                "replicas": self.replicas, "selector": {"matchLabels": labels}, "progressDeadlineSeconds": 60,
                "template": {"spec": {"containers": [container]}},
            },
            "status": {
                "observedGeneration": 2, "updatedReplicas": self.replicas, "replicas": self.replicas + self.old,
                "availableReplicas": self.available, "conditions": self.conditions,
            },
        }))
        .unwrap()
    }

    fn judged(&self) -> Progress {
        judge(Sight {
            deployment: &self.deployment(),
            container: "hasura",
            pods: &self.pods,
            settle_after: SETTLE,
            now: Timestamp::from_second(self.now).unwrap(),
        })
    }
}

fn pod(phase: &str, state: Value, restarts: i32, ready: bool) -> Pod {
    let last = json!({"terminated": {"exitCode": 1}});
    serde_json::from_value(json!({"status": {
        "phase": phase,
        "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": time(1000)}],
        "containerStatuses": [{
            "name": "hasura", "image": "hasura/graphql-engine", "imageID": "", "ready": ready, "restartCount": restarts,
            "state": state, "lastState": if restarts > 0 { last } else { json!({}) },
        }],
    }}))
    .unwrap()
}

fn seen(pods: impl IntoIterator<Item = Pod>) -> Pods {
    Pods::Seen(Newest {
        pods: pods.into_iter().collect(),
        is_cut: false,
    })
}

fn up(since: i64, restarts: i32) -> Pods {
    let state = json!({"running": {"startedAt": time(since)}});
    seen([pod("Running", state, restarts, true)])
}

fn waits(reason: &str, message: &str, restarts: i32) -> Pods {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    seen([pod("Pending", state, restarts, false)])
}

fn under(progress: Progress) -> (String, Look) {
    match progress {
        Progress::Under { message, look } => (message, look),
        other => panic!("{other:?}"),
    }
}

fn stuck(progress: Progress) -> (String, Look) {
    match progress {
        Progress::Stuck { message, look } => (message, look),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pod_that_counts_as_available_at_once_has_to_run_for_a_while() {
    let fresh = Case::new(up(1000, 0));
    let (message, look) = under(fresh.judged());
    assert!(message.contains("no readiness probe"), "{message}");
    assert_eq!(look, Look::In(Duration::from_secs(20)));
    let later = Case { now: 1030, ..fresh };
    assert_eq!(later.judged(), Progress::RolledOut);
    // A probe tells it, also one of the start alone; one of life does not.
    for probe in ["readinessProbe", "startupProbe"] {
        let probed = Case {
            probe,
            ..Case::new(Pods::Unseen)
        };
        assert_eq!(probed.judged(), Progress::RolledOut, "{probe}");
        assert!(!hinges_on_pods(&probed.deployment(), "hasura"));
    }
    let alive = Case {
        probe: "livenessProbe",
        ..Case::new(up(1000, 0))
    };
    assert!(hinges_on_pods(&alive.deployment(), "hasura"));
    under(alive.judged());
}

#[test]
fn one_that_ends_after_seconds_is_never_rolled_out_and_says_the_same_up_or_down() {
    let mut words = std::collections::BTreeSet::new();
    for (now, pods, available) in [
        (1012, up(1011, 1), 1),
        (1014, waits("CrashLoopBackOff", "back-off 10s", 1), 0),
        (1058, up(1057, 1), 1),
    ] {
        let case = Case {
            now,
            available,
            ..Case::new(pods)
        };
        let (message, look) = under(case.judged());
        assert_eq!(look, Look::Soon);
        words.insert(message);
    }
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(
        words.iter().all(|it| it.contains("exit code 1")),
        "{words:?}"
    );
    // Kubernetes took the rollout for done and never gives up; the Deployment's own deadline counts all the same.
    let case = Case {
        now: 1060,
        available: 0,
        ..Case::new(waits("CrashLoopBackOff", "back-off 10s", 4))
    };
    let (message, look) = stuck(case.judged());
    assert!(
        message.contains("exit code 1, restarted 4 times"),
        "{message}"
    );
    assert!(!message.contains("old pods"), "{message}");
    assert_eq!(look, Look::Soon);
    // One that was started anew much later, and has not ended since, is no reason to give up.
    let moved = Case {
        now: 5000,
        ..Case::new(up(4990, 0))
    };
    assert_eq!(under(moved.judged()).1, Look::In(Duration::from_secs(20)));
}

#[test]
fn without_the_right_to_read_pods_the_deployment_alone_tells_how_long_it_was_available() {
    let case = Case::new(Pods::Forbidden);
    assert_eq!(under(case.judged()).1, Look::In(Duration::from_secs(20)));
    let later = Case { now: 1030, ..case };
    assert_eq!(later.judged(), Progress::RolledOut);
    let mut conditions = done();
    conditions[0]["lastTransitionTime"] = json!(time(1025));
    let flapping = Case {
        now: 1030,
        conditions,
        ..Case::new(Pods::Forbidden)
    };
    assert_eq!(
        under(flapping.judged()).1,
        Look::In(Duration::from_secs(25))
    );
    // Long after the rollout was done it still comes and goes, and says the same in both.
    let mut words = std::collections::BTreeSet::new();
    for (available, at) in [(1, Look::In(Duration::from_secs(25))), (0, Look::OnChange)] {
        let mut conditions = done();
        conditions[0]["lastTransitionTime"] = json!(time(1095));
        let case = Case {
            now: 1100,
            available,
            conditions,
            ..Case::new(Pods::Forbidden)
        };
        let (message, look) = stuck(case.judged());
        assert_eq!(look, at);
        words.insert(message);
    }
    assert!(
        words.len() == 1 && words.iter().all(|it| it.contains("kubectl")),
        "{words:?}"
    );
    let silent = Case {
        conditions: json!([]),
        ..Case::new(Pods::Forbidden)
    };
    assert_eq!(under(silent.judged()).1, Look::OnChange);
    // Pods that could not be read this time are read again.
    assert_eq!(under(Case::new(Pods::Unseen).judged()).1, Look::Soon);
}

#[test]
fn what_new_pods_wait_for_is_said_at_once_and_when_kubernetes_gives_up() {
    let pods = waits(
        "CreateContainerConfigError",
        "secret \"hasura-env\" not found",
        0,
    );
    let running = Case {
        probe: "readinessProbe",
        available: 0,
        old: 1,
        conditions: json!([]),
        ..Case::new(pods.clone())
    };
    let (message, look) = under(running.judged());
    assert!(
        message.contains(r#"secret "hasura-env" not found"#),
        "{message}"
    );
    assert!(message.contains("old pods go on serving"), "{message}");
    assert_eq!(look, Look::Soon);
    let given_up = Case {
        conditions: gave_up(),
        ..running
    };
    let (message, look) = stuck(given_up.judged());
    for part in [
        "timed out",
        r#"secret "hasura-env" not found"#,
        "old pods go on serving",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(look, Look::Soon);
}

#[test]
fn a_rollout_that_merely_takes_its_time_says_how_far_it_is() {
    let case = Case {
        probe: "readinessProbe",
        available: 0,
        old: 1,
        conditions: json!([]),
        ..Case::new(waits("ContainerCreating", "", 0))
    };
    let (message, _) = under(case.judged());
    assert_eq!(
        message,
        "the rollout goes on: 1 old replicas are still there"
    );
}

#[test]
fn a_stuck_rollout_says_where_to_look_if_the_pods_do_not_tell() {
    let of = |pods: Pods| {
        let case = Case {
            probe: "readinessProbe",
            available: 0,
            conditions: gave_up(),
            ..Case::new(pods)
        };
        stuck(case.judged())
    };
    let command = "kubectl -n shop describe pods -l 'app=hasura'";
    let (message, look) = of(Pods::Forbidden);
    assert!(message.contains(command), "{message}");
    assert_eq!(look, Look::OnChange);
    assert!(of(Pods::Unseen).0.contains(command));
    assert!(of(waits("ContainerCreating", "", 0)).0.contains(command));
    assert!(of(seen([])).0.contains("no new pod"));
    let cut = Newest {
        pods: Vec::new(),
        is_cut: true,
    };
    let (message, _) = of(Pods::Seen(cut));
    assert!(!message.contains("no new pod") && message.contains(command));
    let state = json!({"running": {"startedAt": time(900)}});
    let (message, _) = of(seen([pod("Running", state, 0, false)]));
    assert!(message.contains("not ready"), "{message}");
    // While it goes on, too: pods that fail can not be told from those that take their time.
    let case = Case {
        probe: "readinessProbe",
        available: 0,
        conditions: json!([]),
        ..Case::new(Pods::Forbidden)
    };
    assert!(under(case.judged()).0.contains(command));
}

#[test]
fn no_replicas_prove_nothing_and_need_no_pods() {
    let case = Case {
        replicas: 0,
        available: 0,
        ..Case::new(Pods::Unseen)
    };
    assert_eq!(case.judged(), Progress::NoReplicas);
    assert!(!hinges_on_pods(&case.deployment(), "hasura"));
    let leaving = Case {
        replicas: 0,
        available: 0,
        old: 2,
        ..Case::new(Pods::Unseen)
    };
    assert!(hinges_on_pods(&leaving.deployment(), "hasura"));
    under(leaving.judged());
}
