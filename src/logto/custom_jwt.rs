//! The Custom JWT scripts: one for the tokens of users, one for those of machines.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::gone;
use super::error::{Error, StopCause, Unexpected};
use super::refusal::unexpected;
use super::{Client, Operation};
use crate::domain::claims::{plan::Stored, program::Kind};

/// What is stored for both kinds of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomJwts {
    /// For users; none when there is no script.
    pub users: Option<Stored>,
    /// For machines; none when there is no script.
    pub machines: Option<Stored>,
}

impl CustomJwts {
    /// What is stored for one kind of tokens.
    pub fn of(&self, kind: Kind) -> Option<&Stored> {
        match kind {
            Kind::Users => self.users.as_ref(),
            Kind::Machines => self.machines.as_ref(),
        }
    }
}

#[derive(Deserialize)]
struct Row {
    key: String,
    value: Value,
}

/// How a dry run ended. What the script said is not kept: it is somebody's text.
#[derive(Clone, Debug, PartialEq)]
pub enum DryRunResult {
    /// It gave these claims.
    Claims(Value),
    /// It did not parse, threw, took too long or gave no object.
    Failed,
    /// It denied access.
    Denied,
}

impl Client {
    /// Both scripts as they are stored.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn custom_jwts(&self) -> Result<CustomJwts, Error> {
        let operation = Operation::ListCustomJwts;
        let url = self.url(operation, &["configs", "jwt-customizer"])?;
        let answer = self.call(operation, |http| http.get(url.clone())).await?;
        let rows: Vec<Row> = answer.decode(operation)?;
        let mut scripts = CustomJwts::default();
        for row in rows {
            let place = match row.key.as_str() {
                "jwt.accessToken" => &mut scripts.users,
                "jwt.clientCredentials" => &mut scripts.machines,
                _ => continue,
            };
            let stored = Stored::read(&row.value);
            *place =
                Some(stored.ok_or_else(|| {
                    unexpected(operation, answer.status, Unexpected::Undecodable)
                })?);
        }
        Ok(scripts)
    }

    /// Replaces a script with all that belongs to it. Logto looks at neither; see [`Client::dry_run`].
    ///
    /// # Errors
    /// No definite answer, or a refusal: more than 1 MB, or a plan of Logto Cloud without Custom JWT.
    pub async fn put_custom_jwt(&self, kind: Kind, stored: &Stored) -> Result<(), Error> {
        let operation = Operation::PutCustomJwt;
        let url = self.url(operation, &["configs", "jwt-customizer", kind.token_type()])?;
        let body = stored.body();
        let answer = self
            .call(operation, |http| http.put(url.clone()).json(&body))
            .await?;
        answer.decode::<Map<String, Value>>(operation).map(|_| ())
    }

    /// Deletes a script; a missing one is as good.
    ///
    /// # Errors
    /// No definite answer, or a refusal.
    pub async fn delete_custom_jwt(&self, kind: Kind) -> Result<(), Error> {
        let operation = Operation::DeleteCustomJwt;
        let url = self.url(operation, &["configs", "jwt-customizer", kind.token_type()])?;
        let result = self.call(operation, |http| http.delete(url.clone())).await;
        gone(operation, result)
    }

    /// Lets Logto run a script with a made-up token; `request` is the body of `POST /api/configs/jwt-customizer/test`.
    ///
    /// # Errors
    /// No usable answer, or a refusal that is not about the script.
    pub async fn dry_run(&self, request: &Value) -> Result<DryRunResult, Error> {
        let operation = Operation::DryRunCustomJwt;
        let url = self.url(operation, &["configs", "jwt-customizer", "test"])?;
        let result = self
            .call(operation, |http| http.post(url.clone()).json(request))
            .await;
        match result {
            Ok(answer) => Ok(DryRunResult::Claims(answer.decode(operation)?)),
            Err(Error::Stop {
                cause:
                    StopCause::Refused {
                        status,
                        code: Some(code),
                    },
                ..
            }) if code.as_str() == "jwt_customizer.general" => Ok(if status == 403 {
                DryRunResult::Denied
            } else {
                DryRunResult::Failed
            }),
            Err(error) => Err(error),
        }
    }
}
