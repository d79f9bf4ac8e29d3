use rquickjs::{Context, Function, Persistent, Promise, Value};

use crate::engine::{Engine, eval, settled};
use crate::{Failure, clone};

/// Logto's side of the call. It shares the script's realm, as the worker does, but was there first.
const HOST: &str = "(() => {
class Denial extends Error { code = 'AccessDenied'; }
const api = Object.freeze({ denyAccess: (message = 'Access denied') => { throw new Denial(message); } });
return async (entry, payload) => ({ __proto__: null, value: await entry({ ...payload, api }) });
})()";

const ENTRY: &str = "\n;typeof getCustomJwtClaims === 'function' ? getCustomJwtClaims : undefined;";

/// A script that stays loaded, as in Logto's worker after 1.42: what it keeps or patches is there at the next run.
pub struct Worker {
    // Fields are dropped in this order, and the engine ends the process when a value outlives it.
    call: Persistent<Function<'static>>,
    entry: Persistent<Function<'static>>,
    realm: Context,
    engine: Engine,
}

impl Worker {
    /// Loads a script.
    ///
    /// # Errors
    /// [`Failure::Syntax`], [`Failure::Missing`], or what its top level throws. It has two seconds.
    pub fn new(script: &str) -> Result<Self, Failure> {
        let engine = Engine::new()?;
        let realm = engine.realm()?;
        let (call, entry) = realm.with(|ctx| {
            let load = |text: &str| {
                let value =
                    eval(&ctx, text).map_err(|error| Failure::of(&ctx, &engine.clock, &error))?;
                let function = value.into_function().ok_or(Failure::Missing)?;
                Ok(Persistent::save(&ctx, function))
            };
            Ok::<_, Failure>((load(HOST)?, load(&format!("{script}{ENTRY}"))?))
        })?;
        Ok(Self {
            call,
            entry,
            realm,
            engine,
        })
    }

    /// Runs it for a payload `{token, context, environmentVariables}`; the script gets `api.denyAccess` as well. What it
    /// gives leaves the engine as a structured clone: own enumerable properties, no `toJSON`, no functions.
    ///
    /// # Errors
    /// See [`Failure`]. Each run has two seconds.
    pub fn run(&self, payload: &serde_json::Value) -> Result<serde_json::Value, Failure> {
        let clock = &self.engine.clock;
        clock.restart();
        self.realm.with(|ctx| {
            let failed = |error: rquickjs::Error| Failure::of(&ctx, clock, &error);
            let call = self.call.clone().restore(&ctx).map_err(failed)?;
            let entry = self.entry.clone().restore(&ctx).map_err(failed)?;
            let payload = ctx.json_parse(payload.to_string()).map_err(failed)?;
            let promise: Promise<'_> = call.call((entry, payload)).map_err(failed)?;
            let boxed = settled(&ctx, clock, &promise)?;
            let boxed = boxed.as_object().ok_or(Failure::NotAnObject)?;
            let value: Value<'_> = boxed.get("value").map_err(failed)?;
            match clone::structured(&value).map_err(failed)? {
                object @ serde_json::Value::Object(_) => Ok(object),
                _ => Err(Failure::NotAnObject),
            }
        })
    }
}
