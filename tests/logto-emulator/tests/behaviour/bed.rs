//! An emulator, a client, and a token for the Management API.

use logto_emulator::{Emulator, FaultRule, Options, RoleType};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

pub struct Bed {
    pub emulator: Emulator,
    pub client: Client,
    pub token: String,
}

impl Bed {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let emulator = Emulator::start_with(options).await.unwrap();
        let mut bed = Self {
            emulator,
            client: Client::new(),
            token: String::new(),
        };
        bed.token = bed.fresh_token().await;
        bed.emulator.reset_requests();
        bed
    }

    /// Asks for a token for the Management API.
    pub async fn ask_for_token(&self, secret: &str) -> Response {
        self.ask(secret, "https://default.logto.app/api", "all")
            .await
    }

    /// What the token endpoint says about a token for `resource`.
    pub async fn token_for(&self, resource: &str, scope: &str) -> Value {
        let secret = self.emulator.client_secret();
        let answer = self.ask(secret, resource, scope).await;
        answer.json().await.unwrap()
    }

    async fn ask(&self, secret: &str, resource: &str, scope: &str) -> Response {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", scope),
            ("client_id", self.emulator.client_id()),
            ("client_secret", secret),
        ];
        let url = format!("{}/oidc/token", self.emulator.endpoint());
        self.client.post(url).form(&form).send().await.unwrap()
    }

    pub async fn fresh_token(&self) -> String {
        let answer = self.ask_for_token(self.emulator.client_secret()).await;
        let body: Value = answer.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> reqwest::Result<Response> {
        let url = format!("{}{path}", self.emulator.endpoint());
        let request = self.client.request(method, url).bearer_auth(&self.token);
        request.json(&body).send().await
    }

    pub async fn get(&self, path: &str) -> reqwest::Result<Response> {
        let url = format!("{}{path}", self.emulator.endpoint());
        self.client.get(url).bearer_auth(&self.token).send().await
    }

    pub async fn status_of(&self, path: &str) -> u16 {
        self.get(path).await.unwrap().status().as_u16()
    }

    pub async fn make_role(&self, name: &str) -> reqwest::Result<Response> {
        let body = json!({"name": name, "description": "d"});
        self.send(Method::POST, "/api/roles", body).await
    }

    pub fn fail(&self, rule: FaultRule) {
        self.emulator.switches().fail(rule);
    }

    pub fn has_role(&self, name: &str) -> bool {
        self.emulator.tenant().role_by_name(name).is_some()
    }

    pub fn make_roles(&self, count: usize) -> Vec<String> {
        let tenant = self.emulator.tenant();
        let make = |number| {
            let name = format!("role-{number:03}");
            tenant
                .create_role(&name, "d", RoleType::User, &[])
                .unwrap()
                .id
        };
        (0..count).map(make).collect()
    }

    /// One page of 100 roles: the ids, and the total.
    pub async fn page(&self, number: usize) -> (Vec<String>, usize) {
        let path = format!("/api/roles?page={number}&page_size=100");
        let answer = self.get(&path).await.unwrap();
        let total = answer.headers()["total-number"].to_str().unwrap();
        let total = total.parse().unwrap();
        let rows: Vec<Value> = answer.json().await.unwrap();
        let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
        (rows.iter().map(id).collect(), total)
    }
}
