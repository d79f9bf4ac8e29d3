//! Which way of authentication the settings make, and which combinations end Hasura at start-up.

use std::fmt;

use crate::Fatal;
use crate::jwt::config::{JwtConfig, KeySource};
use crate::options::Options;

/// What Hasura runs with once it has started.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How a request is authenticated.
    pub auth: AuthMode,
    /// What makes a request the admin's; none where there is no authentication, and where it is disabled.
    pub admin_secret: Option<AdminSecret>,
    /// The role of a request that brings no credentials at all.
    pub unauthorized_role: Option<String>,
}

/// The admin secret; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminSecret(String);

impl AdminSecret {
    pub(crate) fn new(secret: &str) -> Self {
        Self(secret.to_owned())
    }

    pub(crate) fn is(&self, sent: &str) -> bool {
        self.0 == sent
    }
}

impl fmt::Debug for AdminSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminSecret(…)")
    }
}

/// How a request is authenticated.
#[derive(Debug, Clone, PartialEq)]
pub enum AuthMode {
    /// No secret at all: everybody is admin.
    NoAuth,
    /// Only the admin secret.
    AdminSecret,
    /// JSON web tokens beside the admin secret.
    Jwt(Box<JwtConfig>),
    /// A webhook beside the admin secret.
    Webhook(Webhook),
}

/// The authorization webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where it is asked. Hasura does not check it at start.
    pub url: String,
    /// How it is asked.
    pub method: HookMethod,
    /// Whether a POST carries the GraphQL request; always false for GET.
    pub send_request_body: bool,
}

/// The HTTP method of the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookMethod {
    /// The client's headers go along as headers.
    Get,
    /// The client's headers are in the body.
    Post,
}

const NEEDS_ADMIN_SECRET: &str = " requires --admin-secret (HASURA_GRAPHQL_ADMIN_SECRET) or  \
                                  --access-key (HASURA_GRAPHQL_ACCESS_KEY) to be set";

/// The engine's `setupAuthMode`, its cases in its order.
pub(crate) fn set_up(options: Options) -> Result<Settings, Fatal> {
    if options.admin_secret_disabled {
        return set_up_without_admin_secret(options);
    }
    let Options {
        admin_secret,
        hook,
        jwt,
        unauthorized_role,
        ..
    } = options;
    let has_secret = admin_secret.is_some();
    let auth = match (has_secret, hook, jwt) {
        (true, None, None) => AuthMode::AdminSecret,
        (true, None, Some(jwt)) => jwt_mode(jwt)?,
        _ if unauthorized_role.is_some() => {
            return Err(Fatal::new(format!(
                "Fatal Error: --unauthorized-role (HASURA_GRAPHQL_UNAUTHORIZED_ROLE){NEEDS_ADMIN_SECRET} \
                 and is not allowed when --auth-hook (HASURA_GRAPHQL_AUTH_HOOK) is set"
            )));
        }
        (false, None, None) => AuthMode::NoAuth,
        (true, Some(hook), None) => AuthMode::Webhook(hook),
        (false, Some(_), None) => {
            return Err(Fatal::new(format!(
                "Fatal Error : --auth-hook (HASURA_GRAPHQL_AUTH_HOOK){NEEDS_ADMIN_SECRET}"
            )));
        }
        (false, None, Some(_)) => {
            return Err(Fatal::new(format!(
                "Fatal Error : --jwt-secret (HASURA_GRAPHQL_JWT_SECRET){NEEDS_ADMIN_SECRET}"
            )));
        }
        (_, Some(_), Some(_)) => return Err(both_modes()),
    };
    Ok(Settings {
        auth,
        admin_secret,
        unauthorized_role,
    })
}

/// HASURA_GRAPHQL_DISABLE_ADMIN_SECRET, since 2.50. Only the beginning of its two messages is known from upstream.
fn set_up_without_admin_secret(options: Options) -> Result<Settings, Fatal> {
    let Options {
        hook,
        jwt,
        unauthorized_role,
        ..
    } = options;
    if unauthorized_role.as_deref() == Some("admin") {
        return Err(Fatal::new(
            "Fatal Error: the unauthorized role can not be admin",
        ));
    }
    let auth = match (hook, jwt) {
        (None, None) => {
            return Err(Fatal::new(
                "Fatal Error: requires either HASURA_GRAPHQL_AUTH_HOOK",
            ));
        }
        (Some(_), Some(_)) => return Err(both_modes()),
        (Some(hook), None) => AuthMode::Webhook(hook),
        (None, Some(jwt)) => jwt_mode(jwt)?,
    };
    Ok(Settings {
        auth,
        admin_secret: None,
        unauthorized_role,
    })
}

fn both_modes() -> Fatal {
    Fatal::new("Fatal Error: Both webhook and JWT mode cannot be enabled at the same time")
}

/// A jwk_url may be any URI, but only http and https can be fetched.
fn jwt_mode(jwt: JwtConfig) -> Result<AuthMode, Fatal> {
    if let KeySource::Url(url) = &jwt.keys {
        match url::Url::parse(url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            _ => return Err(Fatal::new("Error fetching JWK: \"Invalid scheme\"")),
        }
    }
    Ok(AuthMode::Jwt(Box::new(jwt)))
}
