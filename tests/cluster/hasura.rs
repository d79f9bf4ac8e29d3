//! Requests to the Hasuras that a rollout started.

use anyhow::Context;
use control_plane::TEST_ADDRESS;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::world::World;

/// A request as a client sends it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub headers: Vec<(&'static str, String)>,
}

impl Request {
    pub fn bearer(token: &str) -> Self {
        Self::default().with("Authorization", format!("Bearer {token}"))
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What Hasura made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was answered for this role.
    Role(String),
    /// It was refused, with Hasura's code and message.
    Refused(String, String),
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(role) => write!(f, "200, role {role}"),
            Self::Refused(code, message) => write!(f, "{code}: {message}"),
        }
    }
}

impl World {
    /// The addresses of the Hasuras of a Deployment's ready pods.
    pub async fn hasuras(&self, deployment: &str) -> anyhow::Result<Vec<String>> {
        let labels = ListParams::default().labels(&format!("app={deployment}"));
        let pods = self.api::<Pod>().list(&labels).await?;
        let address = |pod: Pod| pod.metadata.annotations?.remove(TEST_ADDRESS);
        Ok(pods.items.into_iter().filter_map(address).collect())
    }

    /// Sends a query to one of the Hasuras of the Deployment `hasura`; gives what it said, and the session variables.
    pub async fn query(&self, request: &Request) -> anyhow::Result<(Answer, Value)> {
        let address = self.hasuras("hasura").await?;
        let address = address.first().context("no Hasura is ready")?;
        let mut post = reqwest::Client::new()
            .post(format!("{address}/v1/graphql"))
            .json(&json!({"query": "{ __typename }"}));
        for (name, value) in &request.headers {
            post = post.header(*name, value);
        }
        let answer = post.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        anyhow::ensure!(
            status == 200,
            "a GraphQL endpoint answers 200, not {status}: {body}"
        );
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let error = &body["errors"][0];
        let answer = if error.is_null() {
            Answer::Role(text(&body["data"]["role"]))
        } else {
            Answer::Refused(text(&error["extensions"]["code"]), text(&error["message"]))
        };
        Ok((answer, body["data"]["session"].clone()))
    }
}
