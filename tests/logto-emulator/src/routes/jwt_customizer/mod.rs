//! `/api/configs/jwt-customizer`: one script for each kind of token. Logto takes any text for a script.

mod dry_run;
mod sample;

use serde_json::{Map, Value, json};

pub(super) use dry_run::dry_run;

use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    guard::{self, Form},
    logto::Logto,
    store::TokenKind,
};

const KEYS: [&str; 5] = [
    "script",
    "environmentVariables",
    "contextSample",
    "tokenSample",
    "blockIssuanceOnError",
];

pub(super) fn list(logto: &mut Logto, _call: &Call) -> Reply {
    let row = |kind: TokenKind| {
        let value = logto.store.custom_jwt(kind)?;
        Some(json!({"key": kind.key(), "value": value}))
    };
    let rows: Vec<Value> = TokenKind::ALL.into_iter().filter_map(row).collect();
    Ok(Answer::json(200, &rows))
}

pub(super) fn get(logto: &mut Logto, call: &Call) -> Reply {
    Ok(Answer::json(200, stored(logto, kind_of(call)?)?))
}

/// Replaces everything: what is not in the body is gone.
pub(super) fn put(logto: &mut Logto, call: &Call) -> Reply {
    let kind = kind_of(call)?;
    let value = value_of(call, kind)?;
    let was_there = logto.store.set_custom_jwt(kind, value.clone());
    Ok(Answer::json(if was_there { 200 } else { 201 }, &value))
}

/// Replaces the keys of the body, of which `script` must be one.
pub(super) fn patch(logto: &mut Logto, call: &Call) -> Reply {
    let kind = kind_of(call)?;
    let changes = value_of(call, kind)?;
    let mut value = stored(logto, kind)?.clone();
    value.extend(changes);
    logto.store.set_custom_jwt(kind, value.clone());
    Ok(Answer::json(200, &value))
}

pub(super) fn delete(logto: &mut Logto, call: &Call) -> Reply {
    let deleted = logto.store.delete_custom_jwt(kind_of(call)?);
    deleted.map_err(errors::violated)?;
    Ok(Answer::empty(204))
}

fn kind_of(call: &Call) -> Result<TokenKind, Answer> {
    let options = TokenKind::ALL.map(TokenKind::path);
    TokenKind::of_path(call.id())
        .ok_or_else(|| guard::wrong_param("tokenTypePath", &options, call.id()))
}

fn stored(logto: &Logto, kind: TokenKind) -> Result<&Map<String, Value>, Answer> {
    let value = logto.store.custom_jwt(kind);
    value.ok_or_else(|| errors::not_exists_with_id("logto_config", kind.key()))
}

fn value_of(call: &Call, kind: TokenKind) -> Result<Map<String, Value>, Answer> {
    let mut form = Form::of(call)?;
    form.text("script", 0, usize::MAX);
    form.optional_texts("environmentVariables");
    form.within("contextSample", |context| sample::context(context, kind));
    form.within("tokenSample", |token| sample::token(token, kind));
    form.optional_flag("blockIssuanceOnError");
    form.only(&KEYS);
    form.fields()
}
