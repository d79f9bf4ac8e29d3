use rquickjs::{Function, Persistent, Promise, Value};

use crate::engine::{Engine, eval, settled};
use crate::{Failure, clone};

/// Logto's side of the call, in a realm of its own as in Node: payload, promise and the copy of the result are made by
/// intrinsics that the script can not patch by name. The copy is what zod's `z.record(z.unknown())` makes.
const HOST: &str = "
class Denial extends Error { code = 'AccessDenied'; }
const api = Object.freeze({ denyAccess: (message = 'Access denied') => { throw new Denial(message); } });
({
  call: (customFunction, payload) => (async () => customFunction({ ...payload, api }))(),
  record: (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const copy = {};
    for (const key in value) if (key !== '__proto__') copy[key] = value[key];
    return JSON.stringify(copy);
  },
})";

/// QuickJS makes the promise of an async function with the intrinsics of its caller's realm, where ECMAScript says its own:
/// called through this function, which is of the script's realm, it is its own.
const IN_OWN_REALM: &str = "(call) => (payload) => call(payload)";

/// Runs a script once, in a fresh realm, as Logto up to 1.42 does for each token.
///
/// `payload` is `{token, context, environmentVariables}`; the script gets `api.denyAccess` as well. The appended
/// `;getCustomJwtClaims;` follows the text directly, so a script that ends in a `//` comment without a newline is
/// [`Failure::Missing`] or worse, as it is there.
///
/// # Errors
/// See [`Failure`]. A script has two seconds.
pub fn run(script: &str, payload: &serde_json::Value) -> Result<serde_json::Value, Failure> {
    let engine = Engine::new()?;
    let clock = &engine.clock;
    let own = engine.realm()?;
    let host = engine.realm()?;
    let entry = own.with(|ctx| {
        let failed = |error: rquickjs::Error| Failure::of(&ctx, clock, &error);
        let in_own_realm = eval(&ctx, IN_OWN_REALM).map_err(failed)?;
        let in_own_realm = in_own_realm.into_function().ok_or(Failure::Missing)?;
        let value = eval(&ctx, &format!("{script};getCustomJwtClaims;")).map_err(failed)?;
        let entry = value.into_function().ok_or(Failure::Missing)?;
        let entry: Function<'_> = in_own_realm.call((entry,)).map_err(failed)?;
        Ok(Persistent::save(&ctx, entry))
    })?;
    host.with(|ctx| {
        let failed = |error: rquickjs::Error| Failure::of(&ctx, clock, &error);
        let entry = entry.restore(&ctx).map_err(failed)?;
        let logto = eval(&ctx, HOST).map_err(failed)?;
        let logto = logto.as_object().ok_or(Failure::Missing)?;
        let call: Function<'_> = logto.get("call").map_err(failed)?;
        let record: Function<'_> = logto.get("record").map_err(failed)?;
        let payload = ctx.json_parse(payload.to_string()).map_err(failed)?;
        let promise: Promise<'_> = call.call((entry, payload)).map_err(failed)?;
        let value = settled(&ctx, clock, &promise)?;
        let text: Value<'_> = record.call((value,)).map_err(failed)?;
        clone::parsed(&text)
    })
}
