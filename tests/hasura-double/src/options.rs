//! What the command line and the environment say about authentication.
//!
//! The plural HASURA_GRAPHQL_JWT_SECRETS and HASURA_GRAPHQL_ADMIN_SECRETS are for the Enterprise Edition; the Community
//! Edition starts as if they were not there (hasura/graphql-engine#9276).

use std::collections::BTreeMap;

use crate::auth_mode::{AdminSecret, HookMethod, Webhook};
use crate::jwt::config::{self, JwtConfig};
use crate::{Fatal, aeson};

/// The values as read, before they are judged together.
pub(crate) struct Options {
    pub(crate) admin_secret: Option<AdminSecret>,
    pub(crate) admin_secret_disabled: bool,
    pub(crate) hook: Option<Webhook>,
    pub(crate) jwt: Option<JwtConfig>,
    pub(crate) unauthorized_role: Option<String>,
}

type Env = BTreeMap<String, String>;

/// Reads all values; the command line first, as the engine does.
pub(crate) fn read(env: &Env, command_line: &[String]) -> Result<Options, Fatal> {
    let flags = Flags::scan(command_line)?;
    let jwt_flag = flags.parse("jwt-secret", read_jwt)?;
    let method_flag = flags.parse("auth-hook-mode", read_method)?;
    let send_flag = flags.parse("auth-hook-send-request-body", read_bool)?;

    // The old name counts only where the new one is on neither side.
    let given = |flag: &str, name: &str| flags.get(flag).or(env.get(name).map(String::as_str));
    let admin_secret = given("admin-secret", "HASURA_GRAPHQL_ADMIN_SECRET")
        .or_else(|| given("access-key", "HASURA_GRAPHQL_ACCESS_KEY"))
        .map(AdminSecret::new);
    let hook = read_hook(env, &flags, method_flag, send_flag)?;
    let jwt = match jwt_flag {
        Some(jwt) => Some(jwt),
        None => consider(env, "HASURA_GRAPHQL_JWT_SECRET", read_jwt)?,
    };
    let unauthorized_role = match flags.get("unauthorized-role") {
        // An empty flag counts as none, an empty variable as an error.
        Some(role) if !role.is_empty() => Some(role.to_owned()),
        _ => consider(env, "HASURA_GRAPHQL_UNAUTHORIZED_ROLE", read_role)?,
    };
    let admin_secret_disabled = flags.switch("disable-admin-secret")
        || consider(env, "HASURA_GRAPHQL_DISABLE_ADMIN_SECRET", read_bool)?.unwrap_or(false);
    Ok(Options {
        admin_secret,
        admin_secret_disabled,
        hook,
        jwt,
        unauthorized_role,
    })
}

fn read_hook(
    env: &Env,
    flags: &Flags<'_>,
    method: Option<HookMethod>,
    send_request_body: Option<bool>,
) -> Result<Option<Webhook>, Fatal> {
    let url = flags
        .get("auth-hook")
        .or(env.get("HASURA_GRAPHQL_AUTH_HOOK").map(String::as_str));
    let method = match method {
        Some(method) => method,
        None => {
            // Both names are read, so that a bad value of either is fatal, with or without a webhook.
            let mode = consider(env, "HASURA_GRAPHQL_AUTH_HOOK_MODE", read_method)?;
            let legacy = consider(env, "HASURA_GRAPHQL_AUTH_HOOK_TYPE", read_method)?;
            mode.or(legacy).unwrap_or(HookMethod::Get)
        }
    };
    let send_request_body = match (method, send_request_body) {
        (HookMethod::Get, _) => false,
        (HookMethod::Post, Some(send)) => send,
        (HookMethod::Post, None) => {
            consider(env, "HASURA_GRAPHQL_AUTH_HOOK_SEND_REQUEST_BODY", read_bool)?.unwrap_or(true)
        }
    };
    Ok(url.map(|url| Webhook {
        url: url.to_owned(),
        method,
        send_request_body,
    }))
}

/// A variable that is present, even when empty, has to be readable.
fn consider<T>(
    env: &Env,
    name: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Fatal> {
    let Some(value) = env.get(name) else {
        return Ok(None);
    };
    parse(value)
        .map(Some)
        .map_err(|reason| Fatal::in_env(name, reason))
}

fn read_jwt(text: &str) -> Result<JwtConfig, String> {
    aeson::decode(text.as_bytes())
        .and_then(|value| config::parse(&value))
        .map_err(|error| error.to_string())
}

fn read_method(text: &str) -> Result<HookMethod, String> {
    match text {
        "GET" => Ok(HookMethod::Get),
        "POST" => Ok(HookMethod::Post),
        _ => Err("Only expecting GET / POST".to_owned()),
    }
}

fn read_role(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("empty string not allowed".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn read_bool(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" => Ok(true),
        "false" | "f" | "no" | "n" => Ok(false),
        _ => Err(" Not a valid boolean text. True values are [\"true\",\"t\",\"yes\",\"y\"] and  False values are \
                  [\"false\",\"f\",\"no\",\"n\"]. All values are case insensitive"
            .to_owned()),
    }
}

/// The flags of `serve` that this crate knows; all others are passed over.
struct Flags<'a> {
    values: BTreeMap<&'a str, &'a str>,
    switches: Vec<&'a str>,
}

const WITH_VALUE: &[&str] = &[
    "admin-secret",
    "access-key",
    "auth-hook",
    "auth-hook-mode",
    "auth-hook-send-request-body",
    "jwt-secret",
    "unauthorized-role",
];

impl<'a> Flags<'a> {
    /// Takes `--name value` and `--name=value`; a flag given twice or without its value is an error, as for the engine.
    fn scan(command_line: &'a [String]) -> Result<Self, Fatal> {
        let mut flags = Self {
            values: BTreeMap::new(),
            switches: Vec::new(),
        };
        let mut words = command_line.iter();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--") else {
                continue;
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            };
            if !WITH_VALUE.contains(&name) {
                flags.switches.push(name);
                continue;
            }
            let value = value.or_else(|| words.next().map(String::as_str));
            let Some(value) = value else {
                return Err(Fatal::new(format!(
                    "The option `--{name}` expects an argument."
                )));
            };
            if flags.values.insert(name, value).is_some() {
                return Err(Fatal::new(format!("Invalid option `--{name}'")));
            }
        }
        Ok(flags)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.values.get(name).copied()
    }

    fn switch(&self, name: &str) -> bool {
        self.switches.contains(&name)
    }

    fn parse<T>(
        &self,
        name: &str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Fatal> {
        self.get(name)
            .map(parse)
            .transpose()
            .map_err(|reason| Fatal::in_flag(name, reason))
    }
}
