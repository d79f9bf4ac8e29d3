//! The floor: a client that knows nothing but makes the same writes, as many at a time.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use logto_emulator::Emulator;
use reqwest::Client;
use serde_json::{Value, json};

use crate::bed::{indicator, instances, names};

/// As many requests at a time as the operator makes.
const CONCURRENCY: usize = 4;

/// As long as the operator's, mark included.
const DESCRIPTION: &str = "Reads things [logto-hasura:a1b2c3d4/nrBZQoXKpRdtWSSdKzFoQQ]";

/// How long the writes of so many bindings take on an emulated Logto of their own.
pub async fn converge(bindings: usize, latency: Duration) -> anyhow::Result<Duration> {
    let logto = Emulator::start().await?;
    logto.switches().latency(latency);
    let bare = Bare {
        http: Client::builder().no_proxy().build()?,
        endpoint: logto.endpoint(),
        token: String::new(),
    };
    let start = Instant::now();
    let token = bare.token(logto.client_id(), logto.client_secret()).await?;
    let bare = Bare { token, ..bare };
    let resources: Vec<String> = stream::iter(0..instances(bindings))
        .map(|number| bare.resource(number))
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    stream::iter(0..bindings)
        .map(|number| bare.binding(number, &resources))
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    let took = start.elapsed();
    let writes = usize::try_from(logto.writes())?;
    ensure!(writes == 2 * bindings + instances(bindings), "{writes}");
    Ok(took)
}

struct Bare {
    http: Client,
    endpoint: String,
    token: String,
}

impl Bare {
    async fn token(&self, id: &str, secret: &str) -> anyhow::Result<String> {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", "https://default.logto.app/api"),
            ("scope", "all"),
        ];
        let request = self.http.post(format!("{}/oidc/token", self.endpoint));
        let answer = request
            .basic_auth(id, Some(secret))
            .form(&form)
            .send()
            .await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        let token = answer["access_token"].as_str().context("a token")?;
        Ok(token.to_owned())
    }

    async fn resource(&self, number: usize) -> anyhow::Result<String> {
        let body = json!({"name": "Shop", "indicator": indicator(number), "accessTokenTtl": 3600});
        self.create("/api/resources", body).await
    }

    async fn binding(&self, number: usize, resources: &[String]) -> anyhow::Result<()> {
        let (instance, role, scope) = names(number);
        let path = format!("/api/resources/{}/scopes", resources[instance]);
        let body = json!({"name": scope, "description": DESCRIPTION});
        let scope = self.create(&path, body).await?;
        let body = json!({
            "name": role, "description": DESCRIPTION, "type": "User", "scopeIds": [scope],
        });
        self.create("/api/roles", body).await?;
        Ok(())
    }

    /// Gives the id of what was made.
    async fn create(&self, path: &str, body: Value) -> anyhow::Result<String> {
        let request = self.http.post(format!("{}{path}", self.endpoint));
        let answer = request.bearer_auth(&self.token).json(&body).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        Ok(answer["id"].as_str().context("an id")?.to_owned())
    }
}
