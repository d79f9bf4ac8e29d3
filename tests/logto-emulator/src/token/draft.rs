//! A token that is granted and not signed yet, so that a script can add claims of its own.

use script_runner::Failure;
use serde_json::{Map, Value, json};

use super::{client::TOKEN_EXCHANGE, refusal::refused};
use crate::{
    answer::{Answer, Reply},
    errors,
    logto::Logto,
    script::Outcome,
    store::{Application, TokenKind, now_ms, random_id},
};

/// Claims that a script can not set, also where Logto has no value for them (lib/models/formats/jwt.js of
/// oidc-provider).
const STANDARD_CLAIMS: [&str; 10] = [
    "jti",
    "sub",
    "iat",
    "exp",
    "scope",
    "client_id",
    "iss",
    "aud",
    "authorization_details",
    "__proto__",
];

/// Whom a token is about.
pub(super) enum Subject {
    Machine,
    User {
        user_id: String,
        /// The token that was exchanged; it is spent once the new one is given out.
        subject_token: String,
    },
}

/// Whom a token is for.
pub(super) enum Audience {
    Resource(String),
    Organization(String),
    /// Nobody but Logto itself: no JWT.
    Opaque,
}

/// A token before it is signed.
pub(super) struct Draft {
    jti: String,
    grant_id: String,
    pub(super) client_id: String,
    pub(super) subject: Subject,
    audience: Audience,
    /// Granted scopes between spaces; empty where there are none.
    scope: String,
    ttl_seconds: i64,
    /// That of the host that was called.
    pub(super) issuer: String,
    pub(super) organization_id: Option<String>,
}

impl Draft {
    pub(super) fn new(
        client: &Application,
        subject: Subject,
        audience: Audience,
        scope: String,
        ttl_seconds: i64,
    ) -> Self {
        Self {
            jti: random_id(43),
            grant_id: random_id(21),
            client_id: client.id.clone(),
            subject,
            audience,
            scope,
            ttl_seconds,
            issuer: String::new(),
            organization_id: None,
        }
    }

    /// Whose script is asked for more claims.
    pub(super) fn kind(&self) -> TokenKind {
        match self.subject {
            Subject::Machine => TokenKind::ClientCredentials,
            Subject::User { .. } => TokenKind::AccessToken,
        }
    }

    fn aud(&self) -> Option<&str> {
        match &self.audience {
            Audience::Resource(aud) | Audience::Organization(aud) => Some(aud),
            Audience::Opaque => None,
        }
    }

    /// The fields of oidc-provider's token that a script gets: no `iat`, `exp`, `iss` and `sub`, and no `aud` where
    /// the token is opaque.
    pub(super) fn as_script_sees_it(&self) -> Value {
        let mut token = Map::from_iter([
            ("jti".to_owned(), json!(self.jti)),
            ("kind".to_owned(), json!("ClientCredentials")),
            ("clientId".to_owned(), json!(self.client_id)),
        ]);
        if let Some(aud) = self.aud() {
            token.insert("aud".to_owned(), json!(aud));
        }
        match &self.subject {
            // Of machines an empty scope is undefined (packages/core/src/oidc/grants/client-credentials.ts).
            Subject::Machine if self.scope.is_empty() => {}
            _ => {
                token.insert("scope".to_owned(), json!(self.scope));
            }
        }
        if let Subject::User {
            user_id,
            subject_token,
        } = &self.subject
        {
            token.extend([
                ("kind".to_owned(), json!("AccessToken")),
                ("accountId".to_owned(), json!(user_id)),
                ("grantId".to_owned(), json!(self.grant_id)),
                ("gty".to_owned(), json!(TOKEN_EXCHANGE)),
                ("extra".to_owned(), json!({"subjectTokenId": subject_token})),
            ]);
        }
        Value::Object(token)
    }

    /// Signs the token. A script that failed adds nothing, but one that denies access is obeyed.
    pub(super) fn finish(&self, logto: &mut Logto, outcome: Option<Outcome>) -> Reply {
        let custom = match outcome {
            Some(Ok(Value::Object(claims))) => claims,
            Some(Err(Failure::Denied(reason))) => {
                return Err(refused(400, "access_denied", &reason));
            }
            _ => Map::new(),
        };
        let token = match self.audience {
            Audience::Opaque => random_id(43),
            _ => {
                let claims = self.claims(custom);
                logto.keys.sign(&claims).map_err(|_| errors::internal())?
            }
        };
        if let Subject::User { subject_token, .. } = &self.subject {
            logto.store.consume_subject_token(subject_token);
        }
        Ok(self.answer(&token))
    }

    fn answer(&self, token: &str) -> Answer {
        let mut body = json!({
            "access_token": token, "expires_in": self.ttl_seconds, "token_type": "Bearer",
        });
        let is_machine = matches!(self.subject, Subject::Machine);
        if !is_machine || !self.scope.is_empty() {
            body["scope"] = json!(self.scope);
        }
        Answer::json(200, &body)
    }

    fn claims(&self, custom: Map<String, Value>) -> Value {
        let mut claims = Map::new();
        if let (Audience::Resource(_), Some(id)) = (&self.audience, &self.organization_id) {
            claims.insert("organization_id".to_owned(), json!(id));
        }
        claims.extend(custom);
        claims.retain(|claim, _| !STANDARD_CLAIMS.contains(&claim.as_str()));
        let subject = match &self.subject {
            Subject::Machine => &self.client_id,
            Subject::User { user_id, .. } => user_id,
        };
        let now = i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX);
        claims.extend([
            ("jti".to_owned(), json!(self.jti)),
            ("sub".to_owned(), json!(subject)),
            ("iat".to_owned(), json!(now)),
            (
                "exp".to_owned(),
                json!(now.saturating_add(self.ttl_seconds)),
            ),
            ("client_id".to_owned(), json!(self.client_id)),
            ("iss".to_owned(), json!(self.issuer)),
            ("aud".to_owned(), json!(self.aud())),
        ]);
        if !self.scope.is_empty() {
            claims.insert("scope".to_owned(), json!(self.scope));
        }
        Value::Object(claims)
    }
}
