//! `/api/subject-tokens`.

use serde_json::json;

use super::user;
use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::Form,
    logto::Logto,
    store::SUBJECT_TOKEN_LIFE_SECONDS,
};

pub(super) fn create(logto: &mut Logto, call: &Call) -> Reply {
    let mut form = Form::of(call)?;
    let user_id = form.text("userId", 0, usize::MAX);
    let context = form.optional_object("context").unwrap_or_default();
    form.done()?;
    user(logto, &user_id)?;
    let token = logto.store.insert_subject_token(&user_id, context);
    let token = token.map_err(errors::violated)?;
    let body = json!({"subjectToken": token, "expiresIn": SUBJECT_TOKEN_LIFE_SECONDS});
    Ok(Answer::json(201, &body))
}
