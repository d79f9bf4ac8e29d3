//! The Hasuras of a rollout take requests.

use std::time::Duration;

use control_plane::TEST_ADDRESS;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::bed::{BED, Space, good_env, in_namespace, jwt_secret};
use crate::support::Answer;

/// The public half of a P-384 key that signed [`TOKEN`] and was thrown away.
const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-384","use":"sig","alg":"ES384","kid":"k",
    "x":"2nanGMdEWFGlirAI0icwVGT1UQ-RjydkUEikyj4Bfr9gDQVwMEkhNLwQoHv-NRZ8",
    "y":"d1c00RwvA2w2SkkIlAWsetSxtZ6XecfUXPmziMzbkXuiQmls1Plk2LZPF_WwwXoe"}]}"#;

/// It grants the role `user` to `u1`, has no end and names no audience.
const TOKEN: &str = "eyJhbGciOiJFUzM4NCIsInR5cCI6ImF0K2p3dCJ9.\
    eyJzdWIiOiJ1MSIsImh0dHBzOi8vaGFzdXJhLmlvL2p3dC9jbGFpbXMiOnsieC1oYXN1cmEtYWxsb3dlZC1yb2xlcyI6WyJ1c2VyIl0sIngtaGFz\
    dXJhLWRlZmF1bHQtcm9sZSI6InVzZXIiLCJ4LWhhc3VyYS11c2VyLWlkIjoidTEifX0.\
    ekl0jsdxcfnwcN7StmW0okcqjvFT0Zm7fuWbqHfxuoi1D8gXMVGiRWo-dWVXztXhDITkVvRCwJkXH5_96lDY1edWGohIaXigYzj-dwxYWvSN5Xe4\
    HvEIlJ5OATPt7P1G";

pub fn address(pod: &Pod) -> String {
    pod.annotations()[TEST_ADDRESS].clone()
}

pub async fn ask(address: &str, token: &str) -> reqwest::Result<Value> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client
        .post(format!("{address}/v1/graphql"))
        .header("authorization", format!("Bearer {token}"))
        .body(r#"{"query":"{ __typename }"}"#);
    request.send().await?.json().await
}

/// Waits until the pod's Hasura has fetched its keys again, which it does right after its start.
async fn until_taken(address: &str) -> Value {
    let mut answer = Value::Null;
    for _ in 0..200 {
        answer = ask(address, TOKEN).await.unwrap();
        if answer["data"].is_object() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    answer
}

async fn rolled_out(space: &Space) -> Vec<Pod> {
    BED.keys.set(
        "/real",
        Answer::Body(200, KEYS.replace('\n', "").into_bytes()),
    );
    space.secret("hasura", json!({"admin": "secret"})).await;
    let mut env = good_env();
    env[1]["value"] = json!(jwt_secret("/real"));
    space.deploy(env).await;
    space.until_rolled_out().await;
    space.pods().await
}

#[test]
fn every_pod_of_a_rollout_takes_a_token_of_the_key_at_its_jwk_url() {
    in_namespace(async |space| {
        let pods = rolled_out(&space).await;
        assert_eq!(pods.len(), 2);
        assert_ne!(address(&pods[0]), address(&pods[1]));
        let expected = json!({"data": {
            "role": "user", "session": {"x-hasura-role": "user", "x-hasura-user-id": "u1"}
        }});
        for pod in &pods {
            let address = address(pod);
            assert_eq!(until_taken(&address).await, expected);
            let forged = TOKEN.replace("ekl0jsd", "ekl0jse");
            let refused = ask(&address, &forged).await.unwrap();
            let message = "Could not verify JWT: JWSError JWSInvalidSignature";
            assert_eq!(refused["errors"][0]["message"], message);
        }
    });
}

#[test]
fn a_pod_that_is_deleted_takes_its_hasura_along() {
    in_namespace(async |space| {
        let pods = rolled_out(&space).await;
        let (gone, kept) = (address(&pods[0]), address(&pods[1]));
        let name = pods[0].name_any();
        let params = DeleteParams::default();
        space.api::<Pod>().delete(&name, &params).await.unwrap();
        for _ in 0..200 {
            match ask(&gone, TOKEN).await {
                Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => {
                    assert!(error.is_connect(), "{error:?}");
                    assert!(until_taken(&kept).await["data"].is_object());
                    return;
                }
            }
        }
        panic!("the Hasura of a pod that is gone answers still");
    });
}
