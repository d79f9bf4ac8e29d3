//! Requests to the Hasura that a rollout started.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use control_plane::TEST_ADDRESS;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{ListParams, PostParams, Request},
};
use serde_json::{Value, json};

use crate::{
    hasura,
    play::NAMESPACE,
    screen::{Screen, Style},
    stage::Stage,
};

/// How long Hasura may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// One Hasura of the Deployment.
pub struct Hasura {
    /// Kubernetes' client speaks to any server that takes JSON.
    client: Client,
    /// The header by which a client chooses its role there.
    header: &'static str,
}

/// Somebody asks for something.
pub struct Question<'a> {
    pub who: &'a str,
    pub token: Option<&'a str>,
    pub role: Option<&'a str>,
    /// The role that Hasura has to take the request for; `None` when it has to refuse.
    pub expected: Option<&'a str>,
}

impl Hasura {
    /// One that runs with this env entry, once all do.
    pub async fn running_with(
        stage: &Stage,
        entry: &str,
        header: &'static str,
    ) -> Result<(Self, String)> {
        let pods: Api<Pod> = Api::namespaced(stage.client.clone(), NAMESPACE);
        let selector = ListParams::default().labels("app=hasura");
        let what = format!("every pod to run with {entry}");
        let (pod, address) = stage
            .until(&what, async || {
                let pods = pods.list(&selector).await?.items;
                if !pods.iter().all(|pod| hasura::has_env(pod, entry)) {
                    return Ok(None);
                }
                let found = pods.iter().find_map(|pod| {
                    let address = pod.annotations().get(TEST_ADDRESS)?;
                    Some((pod.name_any(), address.clone()))
                });
                Ok(found)
            })
            .await?;
        let mut config = Config::new(address.parse().context("the address of a pod's Hasura")?);
        config.read_timeout = Some(ANSWER_WITHIN);
        let client = Client::try_from(config)?;
        Ok((Self { client, header }, format!("{pod} at {address}")))
    }

    /// Asks, and shows what Hasura answered.
    ///
    /// # Errors
    /// When that is not what has to be.
    pub async fn ask_all(&self, screen: &Screen, questions: &[Question<'_>]) -> Result<()> {
        let header = ["WHO", &self.header.to_uppercase(), "HASURA ANSWERS"].map(str::to_owned);
        let mut rows = Vec::new();
        for question in questions {
            let answer = self.ask(question).await?;
            let who = question.who.to_owned();
            let role = question.role.unwrap_or("-").to_owned();
            rows.push(vec![who, role, judged(screen, question, &answer)?]);
        }
        Ok(screen.table(&header, &rows)?)
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Value> {
        let query = json!({"query": "query { users { id } }"});
        let mut request = Request::new("/v1/graphql")
            .create(&PostParams::default(), serde_json::to_vec(&query)?)?;
        let headers = request.headers_mut();
        if let Some(token) = question.token {
            headers.insert("authorization", format!("Bearer {token}").parse()?);
        }
        if let Some(role) = question.role {
            headers.insert(self.header, role.parse()?);
        }
        let answer = self.client.request(request).await;
        answer.context("asking Hasura")
    }
}

/// Hasura's answer in a line. Its status says nothing: it is always 200.
fn judged(screen: &Screen, question: &Question<'_>, answer: &Value) -> Result<String> {
    let Some(error) = answer["errors"].get(0) else {
        // The stand-in for Hasura has no tables: it answers with the session that it made of the request.
        let role = answer["data"]["role"].as_str();
        let role =
            role.with_context(|| format!("Hasura answered neither data nor errors: {answer}"))?;
        let user = answer["data"]["session"]["x-hasura-user-id"].as_str();
        ensure!(
            question.expected == Some(role),
            "{} was taken for {role}, not {:?}",
            question.who,
            question.expected
        );
        let accepted = screen.styled(Style::Good, "accepted");
        return Ok(format!(
            "{accepted} as {role}, user id {}",
            user.unwrap_or("-")
        ));
    };
    let (Some(message), Some(code)) = (
        error["message"].as_str(),
        error["extensions"]["code"].as_str(),
    ) else {
        bail!("Hasura refused without a message: {answer}");
    };
    ensure!(
        question.expected.is_none(),
        "{} was refused: {message}",
        question.who
    );
    let refused = screen.styled(Style::Bad, "refused");
    Ok(format!("{refused}: {message} ({code})"))
}
