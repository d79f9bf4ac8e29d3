//! `POST /api/configs/jwt-customizer/test`: runs a script that is not stored.

use script_runner::Failure;
use serde_json::{Value, json};

use super::sample;
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    script::{Outcome, Script, Step},
    store::TokenKind,
};

pub(in crate::routes) fn dry_run(_logto: &mut Logto, call: &Call) -> Result<Step, Answer> {
    let mut form = Form::of(call)?;
    let kinds = TokenKind::ALL.map(TokenKind::path);
    let kind = form.choice("tokenType", &kinds);
    form.text("script", 0, usize::MAX);
    form.optional_texts("environmentVariables");
    form.required("token", "object");
    form.required("context", "object");
    // Without a kind the refusal is certain, and what it says about the rest does not matter.
    let kind = TokenKind::of_path(&kind).unwrap_or(TokenKind::AccessToken);
    form.within("token", |token| sample::token(token, kind));
    form.within("context", |context| sample::context(context, kind));
    let fields = form.fields()?;
    let part = |key: &str| fields.get(key).cloned().unwrap_or_else(|| json!({}));
    let script = Script::new(&fields, part("token"), part("context"));
    Ok(Step::Run(script, Box::new(|_logto, outcome| told(outcome))))
}

fn told(outcome: Outcome) -> Reply {
    let failure = match outcome {
        Ok(claims) => return Ok(Answer::json(200, &claims)),
        Err(failure) => failure,
    };
    let (status, data) = match failure {
        Failure::Denied(reason) => {
            let error = json!({"code": "AccessDenied", "message": reason});
            (403, json!({"message": reason, "error": error}))
        }
        other => (422, json!({"message": words_for(other)})),
    };
    Err(refused(status, data))
}

fn words_for(failure: Failure) -> String {
    match failure {
        Failure::Syntax(words) | Failure::Threw(words) | Failure::Denied(words) => words,
        Failure::Missing => {
            "The script does not have a function named `getCustomJwtClaims`".to_owned()
        }
        Failure::NotAnObject => "Invalid input".to_owned(),
        Failure::TimedOut => "Script execution timed out".to_owned(),
    }
}

fn refused(status: u16, data: Value) -> Answer {
    let message = "An error occurred while customizing the token claims. Please try again later.";
    errors::coded_with(status, "jwt_customizer.general", message, data, None)
}
