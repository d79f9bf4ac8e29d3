//! What an instance can not say together: settings of one mode in the other, and roles for callers with and without a
//! token.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    good::Good,
    object::instance,
    refusal::{Bad, complaint, none_of},
    server::Server,
    updates::{CLAIMS, CLAIMS_FIELD, PREFIX},
};
use crate::{suite::Test, tests, world::World};

const AUTH: &str = "spec.auth";
const JWT: &str = "spec.auth.jwt";
const PREFIX_FIELD: &str = "spec.logtoRoleNamePrefix";
const JWT_BELONGS: &str = "jwt belongs to mode JWT";
const NO_PREFIX: &str = "has to be empty in mode Webhook";

pub fn tests() -> Vec<Test> {
    tests![
        a_switch_between_the_modes_is_one_change,
        a_switch_that_leaves_settings_of_the_other_mode_is_refused,
        an_instance_with_a_prefix_can_not_become_a_webhook,
    ]
}

pub fn bad() -> Vec<Bad> {
    let good = instance();
    let claims = json!({"claimsNamespace": "https://hasura.io/jwt/claims"});
    let with_jwt = |what: &str, jwt: Value| {
        let auth = json!({"mode": "Webhook", "jwt": jwt});
        good.clone()
            .with(AUTH, auth)
            .refused(what, JWT, JWT_BELONGS)
    };
    let webhook = good.clone().with("spec.auth.mode", "Webhook");
    let mut rows = vec![
        with_jwt("nothing in it, mode Webhook", json!({})),
        with_jwt("a claims namespace, mode Webhook", claims),
        with_jwt(
            "a default role, mode Webhook",
            json!({"defaultRole": "user"}),
        ),
        webhook
            .field(PREFIX_FIELD)
            .bad("mode Webhook", "shop-", NO_PREFIX),
    ];
    let signed_in = [
        json!({"defaultRole": "user"}),
        json!({"everyoneRoles": ["user"]}),
        json!({"everyoneRoles": ["editor", "user"], "defaultRole": "editor"}),
        json!({"everyoneRoles": ["editor"], "defaultRole": "user"}),
    ];
    for jwt in signed_in {
        let what = jwt.to_string();
        let auth = json!({"unauthorizedRole": "user", "jwt": jwt});
        let object = good.clone().with(AUTH, auth);
        let because = "unauthorizedRole can not be a role of signed-in users";
        rows.push(object.refused(&what, "spec.auth.unauthorizedRole", because));
    }
    rows
}

pub fn good() -> Vec<Good> {
    let good = instance();
    let auth = good.field(AUTH);
    let jwt = json!({
        "claimsNamespace": "https://hasura.io/jwt/claims",
        "allowedSkewSeconds": 60,
        "everyoneRoles": ["user", "Anonymous"],
        "defaultRole": "user",
        "roleSource": "GrantedScopes",
        "sessionVariables": [],
    });
    let apart = json!({"mode": "JWT", "unauthorizedRole": "anonymous", "jwt": jwt});
    vec![
        auth.good("a webhook", json!({"mode": "Webhook"})),
        auth.good(
            "a webhook for callers without a token",
            json!({"mode": "Webhook", "unauthorizedRole": "anonymous"}),
        ),
        auth.good("callers with and without a token apart", apart),
    ]
}

async fn a_switch_between_the_modes_is_one_change(world: Arc<World>) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let jwt = instance().with(CLAIMS_FIELD, "https://a.example/claims");
    server.create(&jwt).await?;
    // A merge patch takes away what is null, and a replace what is left out.
    let webhook = instance().with(AUTH, json!({"mode": "Webhook", "jwt": null}));
    for _ in 0..2 {
        let stored = server.patch_spec(&webhook).await?;
        let auth = &stored["spec"]["auth"];
        anyhow::ensure!(auth == &json!({"mode": "Webhook"}), "stored: {auth}");
        let stored = server.replace(&jwt).await?;
        let auth = &stored["spec"]["auth"];
        anyhow::ensure!(
            auth["mode"] == "JWT" && auth["jwt"]["claimsNamespace"] == "https://a.example/claims",
            "stored: {auth}"
        );
    }
    // No token is checked by the old one any more, so that another can be chosen on the way back.
    server.replace(&webhook).await?;
    let other = instance().with(CLAIMS_FIELD, "https://b.example/claims");
    server.replace(&other).await?;
    let row = jwt.refused("without the way around", CLAIMS_FIELD, CLAIMS);
    let answer = server.replace(&row.object).await;
    none_of(
        &Vec::from_iter(complaint(answer, &row.field, row.because)),
        1,
    )
}

async fn a_switch_that_leaves_settings_of_the_other_mode_is_refused(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    let jwt = instance().with(CLAIMS_FIELD, "https://a.example/claims");
    server.create(&jwt).await?;
    let only_the_mode = instance().with("spec.auth.mode", "Webhook");
    let answer = server.patch_spec(&only_the_mode).await;
    let mut complaints = Vec::from_iter(complaint(answer, JWT, JWT_BELONGS));
    server.replace(&only_the_mode).await?;
    let answer = server.patch_spec(&jwt).await;
    complaints.extend(complaint(answer, JWT, JWT_BELONGS));
    none_of(&complaints, 2)
}

/// The prefix can not be changed, so such an instance stays with mode JWT.
async fn an_instance_with_a_prefix_can_not_become_a_webhook(
    world: Arc<World>,
) -> anyhow::Result<()> {
    let server = Server::of(&world);
    server
        .create(&instance().with(PREFIX_FIELD, "shop-"))
        .await?;
    let webhook = instance().with("spec.auth.mode", "Webhook");
    let answer = server.patch_spec(&webhook).await;
    let mut complaints = Vec::from_iter(complaint(answer, PREFIX_FIELD, NO_PREFIX));
    let without = webhook.with(PREFIX_FIELD, "");
    let answer = server.patch_spec(&without).await;
    complaints.extend(complaint(answer, PREFIX_FIELD, PREFIX));
    none_of(&complaints, 2)
}
