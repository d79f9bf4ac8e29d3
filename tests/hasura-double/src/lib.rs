//! Hasura v2 as the operator sees it: what it checks of its settings when it starts, and who a request is to it.
//!
//! It is independent of the operator's own code on purpose: a rule that both got wrong in the same way would pass every
//! test. Rules and texts are those of hasura/graphql-engine, Community Edition 2.49.4, without its databases, caches,
//! websockets, batches and licences: a GraphQL request is answered with the role and the session variables that it
//! would run with. Where the engine shows a message of one of its libraries (a JSON syntax error, a broken PEM block),
//! only the part before it is the engine's own.
//!
//! [`start_up`] judges settings alone, [`Server`] runs with them.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! let env = BTreeMap::from([("HASURA_GRAPHQL_JWT_SECRET".to_owned(), "{}".to_owned())]);
//! let fatal = hasura_double::start_up(&env, &[]).unwrap_err();
//! assert!(fatal.to_string().ends_with("key and jwk_url both cannot be empty"));
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aeson;
mod auth_mode;
mod authenticate;
mod config;
mod fatal;
mod hook;
mod jwt;
mod keys;
mod options;
mod refusal;
mod routes;
mod server;
mod session;
mod token;
mod uri;

use std::collections::BTreeMap;

pub use auth_mode::{AdminSecret, AuthMode, HookMethod, Settings, Webhook};
pub use fatal::Fatal;
pub use jwt::claims::{Claims, ClaimsFormat, ClaimsMap, Mapped, Namespace};
pub use jwt::config::{JwtConfig, KeySource, TokenLocation};
pub use jwt::json_path::PathElement;
pub use keys::Key;
pub use server::{Running, Server, ServerOptions, StartError};

/// Checks the settings as `graphql-engine serve` does before it listens, up to the first request it would make.
///
/// `command_line` is the container's command followed by its args; flags win over `env`. Flags that are hidden in the
/// script of a shell (`sh -c "graphql-engine serve --jwt-secret …"`) are not seen.
///
/// A [`KeySource::Url`] in the result is not fetched here; Hasura does not start without its keys, nor does [`Server`].
///
/// # Errors
/// [`Fatal`] with the engine's own words, when the engine would end with exit code 1.
pub fn start_up(
    env: &BTreeMap<String, String>,
    command_line: &[String],
) -> Result<Settings, Fatal> {
    auth_mode::set_up(options::read(env, command_line)?)
}
