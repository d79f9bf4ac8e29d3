//! What Deployments of Hasura do here: roll out, crash-loop, get stuck and recover, as on a real cluster.
//!
//! One control plane serves nearly all tests, each in its own namespace. It is never dropped: it ends with this
//! process.
#![allow(clippy::unwrap_used)]

mod agent_restart;
mod bed;
#[path = "../support/mod.rs"]
mod support;
mod tokens;

use std::time::Duration;

use bed::{
    BED, create, good_env, in_namespace, is_crash_looping, is_past_its_deadline, is_ready,
    jwt_secret, waits,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::api::{DeleteParams, ListParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use support::Answer;

#[test]
fn a_hasura_with_good_settings_rolls_out() {
    in_namespace(async |space| {
        space.secret("hasura", json!({"admin": "secret"})).await;
        space.deploy(good_env()).await;
        space.until_rolled_out().await;
        for pod in space.pods().await {
            assert!(is_ready(&pod), "{pod:#?}");
            let log = BED.agent.log(&space.namespace, &pod.name_any()).unwrap();
            assert_eq!(
                log,
                "hasura-double: started; requests are authenticated by JSON web tokens\n"
            );
        }
    });
}

#[test]
fn a_bad_jwt_secret_gets_stuck_while_the_old_pods_serve_and_recovers_once_mended() {
    in_namespace(async |space| {
        space.secret("hasura", json!({"admin": "secret"})).await;
        space.deploy(good_env()).await;
        space.until_rolled_out().await;

        space.set_jwt_secret("{}").await;
        let stuck = space
            .until_deployment("not stuck", is_past_its_deadline)
            .await;
        assert_eq!(stuck.status.unwrap().available_replicas, Some(2));
        let pod = space.until_pod("no crash loop", is_crash_looping).await;
        let status = serde_json::to_string(&pod.status).unwrap();
        assert!(
            status.contains("\"exitCode\":1") && status.contains("\"phase\":\"Running\""),
            "{status}"
        );
        assert!(
            status.contains("restarting failed container=graphql-engine pod="),
            "{status}"
        );

        // Hasura's words are where they are on a real cluster: in the log, once for each start.
        assert!(!status.contains("jwk_url"), "{status}");
        let log = BED.agent.log(&space.namespace, &pod.name_any()).unwrap();
        let words = "Fatal Error:- Environment variable HASURA_GRAPHQL_JWT_SECRET: \
                     Error in $: key and jwk_url both cannot be empty";
        assert!(
            log.lines().count() >= 2 && log.lines().all(|line| line == words),
            "{log}"
        );

        space.set_jwt_secret(&jwt_secret("/jwks")).await;
        space.until_rolled_out().await;
    });
}

#[test]
fn a_crashed_hasura_starts_in_the_same_pod_once_its_keys_are_back() {
    in_namespace(async |space| {
        BED.keys.set("/late", Answer::Body(503, Vec::new()));
        space.secret("hasura", json!({"admin": "secret"})).await;
        space.deploy(good_env()).await;
        space.set_jwt_secret(&jwt_secret("/late")).await;
        let crashed = space.until_pod("no crash loop", is_crash_looping).await;

        BED.keys
            .set("/late", Answer::Body(200, br#"{"keys":[]}"#.to_vec()));
        space.until_rolled_out().await;
        let pod = space.api::<Pod>().get(&crashed.name_any()).await.unwrap();
        assert!(pod.status.unwrap().container_statuses.unwrap()[0].restart_count > 0);
        let log = BED
            .agent
            .log(&space.namespace, &crashed.name_any())
            .unwrap();
        let url = BED.keys.url("/late");
        assert!(
            log.starts_with(&format!("Non-2xx response on fetching JWK from: {url}\n")),
            "{log}"
        );
        assert!(log.ends_with("authenticated by JSON web tokens\n"), "{log}");
    });
}

#[test]
fn keys_that_can_not_be_reached_crash_it() {
    in_namespace(async |space| {
        space.secret("hasura", json!({"admin": "secret"})).await;
        space.deploy(good_env()).await;
        // Nothing listens on the discard port.
        space
            .set_jwt_secret(r#"{"jwk_url":"http://127.0.0.1:9/jwks"}"#)
            .await;
        let pod = space.until_pod("no crash loop", is_crash_looping).await;
        let log = BED.agent.log(&space.namespace, &pod.name_any()).unwrap();
        assert!(
            log.starts_with("Error fetching JWK: ConnectionFailure Connection refused"),
            "{log}"
        );
    });
}

#[test]
fn a_pod_whose_secret_is_missing_starts_when_it_is_there() {
    in_namespace(async |space| {
        space.deploy(good_env()).await;
        let is_not_configured =
            |pod: &Pod| waits(pod) == Some(("CreateContainerConfigError".to_owned(), 0));
        let pod = space.until_pod("no config error", is_not_configured).await;
        let status = serde_json::to_string(&pod.status).unwrap();
        assert!(
            status.contains(r#"secret \"hasura\" not found"#),
            "{status}"
        );
        assert_eq!(
            BED.agent.log(&space.namespace, &pod.name_any()).unwrap(),
            ""
        );

        space.secret("hasura", json!({"admin": "secret"})).await;
        space.until_rolled_out().await;
    });
}

#[test]
fn settings_come_from_config_maps_and_flags_too() {
    in_namespace(async |space| {
        let data = json!({"SECRET": "s", "UNAUTHORIZED_ROLE": "anonymous"});
        create::<ConfigMap>(
            &space.api(),
            json!({"metadata": {"name": "hasura"}, "data": data}),
        )
        .await;
        let pod = json!({
            "metadata": {"name": "hasura"},
            "spec": {"containers": [{
                "name": "engine",
                "image": "mirror.local:5000/hasura/graphql-engine",
                "args": ["graphql-engine", "serve", "--admin-secret", "$(HASURA_GRAPHQL_SECRET)"],
                "envFrom": [{"prefix": "HASURA_GRAPHQL_", "configMapRef": {"name": "hasura"}}]
            }, {"name": "sidecar", "image": "envoy"}]}
        });
        create::<Pod>(&space.api(), pod).await;
        space.until_pod("not ready", is_ready).await;
        let log = BED.agent.log(&space.namespace, "hasura").unwrap();
        assert!(
            log.ends_with("authenticated by the admin secret\n"),
            "{log}"
        );
    });
}

#[test]
fn a_pod_of_another_image_stays_pending() {
    in_namespace(async |space| {
        let pod = |name: &str, image: &str| json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": image}]}});
        create::<Pod>(&space.api(), pod("other", "postgres:16")).await;
        // The agent sees pods in the order of their creation.
        create::<Pod>(&space.api(), pod("hasura", "hasura/graphql-engine")).await;
        space.until_pod("not ready", is_ready).await;
        let other = space
            .api::<Pod>()
            .get("other")
            .await
            .unwrap()
            .status
            .unwrap();
        assert_eq!(
            (other.phase.as_deref(), other.container_statuses),
            (Some("Pending"), None)
        );
    });
}

#[test]
fn a_deleted_deployment_takes_its_pods_along() {
    in_namespace(async |space| {
        space.secret("hasura", json!({"admin": "secret"})).await;
        space.deploy(good_env()).await;
        space.until_rolled_out().await;
        let pods = space.pods().await;
        space
            .api::<Deployment>()
            .delete("hasura", &DeleteParams::background())
            .await
            .unwrap();
        for pod in pods {
            let (name, uid) = (pod.name_any(), pod.uid().unwrap());
            let waiting = await_condition(space.api::<Pod>(), &name, conditions::is_deleted(&uid));
            tokio::time::timeout(Duration::from_secs(20), waiting)
                .await
                .unwrap()
                .unwrap();
        }
    });
}

#[test]
fn a_deleted_namespace_is_gone_with_all_in_it() {
    in_namespace(async |space| {
        space.deploy(good_env()).await;
        space.until_pod("no pod", |_| true).await;
        let namespaces: Api<Namespace> = Api::all(space.client.clone());
        let uid = namespaces
            .get(&space.namespace)
            .await
            .unwrap()
            .uid()
            .unwrap();
        namespaces
            .delete(&space.namespace, &DeleteParams::default())
            .await
            .unwrap();
        let waiting = await_condition(namespaces, &space.namespace, conditions::is_deleted(&uid));
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .unwrap()
            .unwrap();
        assert!(space.pods().await.is_empty());
    });
}

#[test]
fn only_the_token_lets_in() {
    BED.runtime.block_on(async {
        let mut config = BED.plane.config();
        config.auth_info.token = Some("guess".to_owned().into());
        let stranger = Client::try_from(config).unwrap();
        let error = Api::<Namespace>::all(stranger)
            .list(&ListParams::default())
            .await
            .unwrap_err();
        assert!(
            matches!(&error, kube::Error::Api(status) if status.code == 401),
            "{error}"
        );

        let mut config = BED.plane.config();
        config.auth_info.token = None;
        let anonymous = Client::try_from(config).unwrap();
        let error = Api::<Namespace>::all(anonymous)
            .list(&ListParams::default())
            .await
            .unwrap_err();
        assert!(
            matches!(&error, kube::Error::Api(status) if status.is_forbidden()),
            "{error}"
        );
    });
}
