use super::*;

fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

#[test]
fn ready_is_unknown_before_anything_was_looked_at() {
    let all = conditions(&[], 1, &Verdict::Starting, vec![]);
    assert_eq!(find(&all, types::READY).unwrap().status, "Unknown");
    assert_eq!(find(&all, types::RECONCILING).unwrap().status, "True");
}

#[test]
fn reconciling_and_stalled_are_there_only_while_true_and_never_both() {
    let ready = conditions(&[], 1, &Verdict::Ready("ok".into()), vec![]);
    assert_eq!(ready.len(), 1);
    let waiting = conditions(
        &ready,
        1,
        &Verdict::Waiting(reasons::ROLLING_OUT, "1 of 2".into()),
        vec![],
    );
    assert!(
        find(&waiting, types::RECONCILING).is_some() && find(&waiting, types::STALLED).is_none()
    );
    let stalled = conditions(
        &waiting,
        1,
        &Verdict::Stalled(reasons::ROLLOUT_STUCK, "crash".into()),
        vec![],
    );
    assert!(
        find(&stalled, types::RECONCILING).is_none() && find(&stalled, types::STALLED).is_some()
    );
}

#[test]
fn a_transition_time_moves_only_when_the_status_flips() {
    let old = Time(jiff::Timestamp::from_second(1_000_000_000).unwrap());
    let mut before = conditions(
        &[],
        1,
        &Verdict::Waiting(reasons::ROLLING_OUT, "a".into()),
        vec![],
    );
    before
        .iter_mut()
        .for_each(|condition| condition.last_transition_time = old.clone());
    let same = conditions(
        &before,
        2,
        &Verdict::Stalled(reasons::ROLLOUT_STUCK, "b".into()),
        vec![],
    );
    assert_eq!(find(&same, types::READY).unwrap().last_transition_time, old);
    let flipped = conditions(&same, 2, &Verdict::Ready(String::new()), vec![]);
    assert_ne!(
        find(&flipped, types::READY).unwrap().last_transition_time,
        old
    );
}

/// An API server that counts what it is asked and stores nothing.
fn counting_client(count: &std::sync::Arc<std::sync::atomic::AtomicUsize>) -> Client {
    let count = std::sync::Arc::clone(count);
    let answer = move |body: String| async move {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        body
    };
    Client::new(axum::Router::new().fallback(answer), "shop")
}

#[tokio::test]
async fn a_status_that_says_nothing_new_is_not_sent_to_the_api_server() {
    let requests = std::sync::Arc::default();
    let client = counting_client(&requests);
    let tenant: LogtoTenant = serde_json::from_value(serde_json::json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "LogtoTenant",
        "metadata": {"name": "main", "namespace": "shop", "generation": 1},
        "spec": {"tenantId": "default", "credentialsSecretRef": {"name": "logto-m2m"}},
    }))
    .unwrap();
    let said = LogtoTenantStatus {
        conditions: conditions(&[], 1, &Verdict::Ready("ok".into()), vec![]),
        observed_generation: Some(1),
        ..LogtoTenantStatus::default()
    };
    let written = write(&client, &tenant, said.clone()).await.unwrap();
    assert_eq!(requests.load(std::sync::atomic::Ordering::Relaxed), 1);
    let again = conditions(&said.conditions, 1, &Verdict::Ready("ok".into()), vec![]);
    let again = LogtoTenantStatus {
        conditions: again,
        ..said
    };
    write(&client, &written, again).await.unwrap();
    assert_eq!(requests.load(std::sync::atomic::Ordering::Relaxed), 1);
}
