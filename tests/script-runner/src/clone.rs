//! How a result leaves the engine.

use rquickjs::object::Filter;
use rquickjs::{Error, Object, Value};
use serde_json::{Map, Number};

use crate::Failure;

/// Deeper than any claim, and shallow enough for the stack.
const MAX_DEPTH: usize = 64;

/// The JSON text that the host's copy of the result gave.
pub(crate) fn parsed(text: &Value<'_>) -> Result<serde_json::Value, Failure> {
    let text = text.as_string().ok_or(Failure::NotAnObject)?;
    let text = text.to_string().map_err(|_| not_unicode())?;
    // JSON.stringify writes a lone surrogate as an escape, which no other JSON reader takes.
    let value = serde_json::from_str(&text).map_err(|_| not_unicode())?;
    match value {
        serde_json::Value::Object(_) => Ok(value),
        _ => Err(Failure::NotAnObject),
    }
}

fn not_unicode() -> Failure {
    Failure::Threw("the result holds text that is not Unicode".to_owned())
}

/// A structured clone of plain data. Anything else can not be cloned, which is an error as for `postMessage`.
pub(crate) fn structured(value: &Value<'_>) -> Result<serde_json::Value, Error> {
    at_depth(value, 0)
}

fn at_depth(value: &Value<'_>, depth: usize) -> Result<serde_json::Value, Error> {
    if value.is_undefined() || value.is_null() {
        return Ok(serde_json::Value::Null);
    }
    if let Some(bool) = value.as_bool() {
        return Ok(bool.into());
    }
    if let Some(number) = value.as_number() {
        return Ok(number_of(number));
    }
    if let Some(string) = value.as_string() {
        return Ok(string.to_string()?.into());
    }
    match value.as_object() {
        Some(object) if depth < MAX_DEPTH && is_plain(value) => of_object(object, depth),
        _ => Err(Error::new_from_js(value.type_name(), "a structured clone")),
    }
}

fn is_plain(value: &Value<'_>) -> bool {
    !(value.is_function() || value.is_proxy() || value.is_promise())
}

fn of_object(object: &Object<'_>, depth: usize) -> Result<serde_json::Value, Error> {
    let own = object.own_props::<String, Value<'_>>(Filter::new().string().enum_only());
    if let Some(array) = object.as_array() {
        let mut items = vec![serde_json::Value::Null; array.len()];
        for property in own {
            let (key, value) = property?;
            if let Some(item) = key.parse().ok().and_then(|i: usize| items.get_mut(i)) {
                *item = at_depth(&value, depth + 1)?;
            }
        }
        return Ok(items.into());
    }
    let mut map = Map::new();
    for property in own {
        let (key, value) = property?;
        // Cloned as undefined, and then left out where the token is written as JSON.
        if !value.is_undefined() {
            map.insert(key, at_depth(&value, depth + 1)?);
        }
    }
    Ok(map.into())
}

fn number_of(number: f64) -> serde_json::Value {
    const SAFE: f64 = 9_007_199_254_740_991.0;
    if number.fract() == 0.0 && number.abs() <= SAFE {
        return (number as i64).into();
    }
    Number::from_f64(number).map_or(serde_json::Value::Null, serde_json::Value::Number)
}
