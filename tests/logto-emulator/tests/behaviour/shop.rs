//! One API with one scope, one role that holds it, a user who has the role, and an application of theirs.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use logto_emulator::{Application, Emulator, Resource, Role, RoleType, Scope, TokenKind};
use serde_json::{Map, Value, json};

use crate::bed::Bed;

pub const INDICATOR: &str = "https://shop.example.com/v1/graphql";

pub struct Shop {
    pub bed: Bed,
    pub resource: Resource,
    pub read: Scope,
    pub reader: Role,
    pub alice: String,
    pub web: Application,
}

impl Shop {
    pub async fn new() -> Self {
        let bed = Bed::new().await;
        let tenant = bed.emulator.tenant();
        let resource = tenant.create_resource("Shop", INDICATOR).unwrap();
        let read = tenant.create_scope(&resource.id, "read", None).unwrap();
        let reader = tenant
            .create_role("reader", "d", RoleType::User, &[&read.id])
            .unwrap();
        let alice = tenant.create_user("alice").unwrap();
        tenant.assign_role(&alice, &reader.id).unwrap();
        let web = tenant.create_web_application("web").unwrap();
        Self {
            bed,
            resource,
            read,
            reader,
            alice,
            web,
        }
    }

    pub fn emulator(&self) -> &Emulator {
        &self.bed.emulator
    }

    /// Puts a script without variables in place, as somebody in the console would.
    pub fn script(&self, kind: TokenKind, text: &str) {
        let tenant = self.emulator().tenant();
        let value = Map::from_iter([("script".to_owned(), json!(text))]);
        tenant.set_custom_jwt(kind, value);
    }

    /// The claims of a token of that user for the shop with the scope `read`.
    pub async fn claims(&self, user_id: &str, application_id: &str) -> Value {
        let emulator = self.emulator();
        let token = emulator.user_token(user_id, application_id, Some(INDICATOR), &["read"]);
        claims_of(&token.await.unwrap())
    }

    /// The claims of a token of alice.
    pub async fn claims_of_alice(&self) -> Value {
        self.claims(&self.alice, &self.web.id).await
    }
}

pub fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
