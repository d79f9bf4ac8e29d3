//! What Hasura should be told, read off the spec and the tenant.

use k8s_openapi::api::apps::v1::Deployment;
use sha2::{Digest, Sha256};

use crate::{
    api::{HasuraInstance, conditions::reasons, instance::AuthMode},
    controller::{delivery, keys, registry::Connection, sign_in, visit::Outcome},
    domain::{auth_hook::auth_hook, jwt_secret::JwtSecret, sign_in::Issuers},
    hasura::{
        env::{AuthEnv, DesiredAuth},
        owned_key_hash,
    },
};

/// What Hasura should be told.
pub fn desired(
    instance: &HasuraInstance,
    connection: &Connection,
    live: Option<&Deployment>,
) -> Result<DesiredAuth, Outcome> {
    let env = env(instance, connection)?;
    let mut desired = DesiredAuth {
        env,
        key_hash: None,
        delivered: delivery::object_of(instance),
    };
    let is_jwt = matches!(desired.env, AuthEnv::Jwt { .. });
    desired.key_hash = match (&desired.delivered, live) {
        (None, Some(live)) if is_jwt => keys::key_hash(connection, live),
        (Some(_), Some(live)) if delivery::rolls_out(instance) => {
            let keys = keys::key_hash(connection, live).filter(|_| is_jwt);
            Some(settings_hash(&desired, keys.as_deref()))
        }
        // Its removal would be a rollout of its own, for which nobody asked.
        (Some(_), Some(live)) => owned_key_hash(live).map(str::to_owned),
        _ => None,
    };
    Ok(desired)
}

/// Of the settings in a Secret or ConfigMap, and of keys that a running Hasura would never read again: pods have to start
/// anew when they change.
fn settings_hash(desired: &DesiredAuth, keys: Option<&str>) -> String {
    let mut hash = Sha256::new();
    for (name, value) in desired.entries() {
        hash.update(name);
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    let digest = hash.finalize();
    let digits: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let settings = format!("{}{digits}", keys::SETTINGS);
    match keys {
        Some(keys) => format!("{settings}{}{keys}", keys::AND_KEYS),
        None => settings,
    }
}

fn env(instance: &HasuraInstance, connection: &Connection) -> Result<AuthEnv, Outcome> {
    let auth = &instance.spec.auth;
    let indicator = &instance.spec.api_resource.indicator;
    if auth.mode == AuthMode::Webhook {
        // At the origin of the keys, since the same check says whether it is the tenant's.
        let role = auth.unauthorized_role.as_deref();
        let url = auth_hook(&connection.jwk_url, indicator, role).into();
        return Ok(AuthEnv::Webhook { url });
    }
    let jwt = auth.jwt.clone().unwrap_or_default();
    let issuer = issuer(connection)?;
    let secret = JwtSecret::for_logto(
        connection.jwk_url.clone(),
        issuer.as_deref(),
        indicator,
        &jwt.claims_namespace,
        jwt.allowed_skew_seconds.unsigned_abs(),
    );
    let secret = secret.map_err(|invalid| {
        let message = format!("Hasura would not start with these settings: {invalid}");
        Outcome::stalled(reasons::JWT_SECRET_INVALID, message)
    })?;
    Ok(AuthEnv::Jwt {
        secret: secret.to_canonical_json(),
        unauthorized_role: auth.unauthorized_role.clone(),
    })
}

/// The issuer that Hasura checks; none where people sign in at several.
fn issuer(connection: &Connection) -> Result<Option<String>, Outcome> {
    match sign_in::issuers_of(connection) {
        Issuers::One(issuer) => Ok(Some(issuer)),
        Issuers::Several(_) => Ok(None),
        Issuers::Unknown { why, refused: true } => {
            Err(Outcome::stalled(reasons::SIGN_IN_REFUSED, why))
        }
        Issuers::Unknown { why, .. } => Err(Outcome::waiting(reasons::SIGN_IN_UNREACHABLE, why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another text would roll every Hasura that takes its settings from a Secret or ConfigMap, at an upgrade.
    #[test]
    fn the_annotation_for_the_same_settings_is_the_same_in_every_release() {
        let of = |env, keys| {
            let desired = DesiredAuth {
                env,
                key_hash: None,
                delivered: None,
            };
            settings_hash(&desired, keys)
        };
        let jwt = |role: Option<&str>| AuthEnv::Jwt {
            secret: r#"{"jwk_url":"https://logto.example.com/oidc/jwks"}"#.into(),
            unauthorized_role: role.map(str::to_owned),
        };
        let url = "https://logto.example.com/api/authn/hasura?resource=x".into();
        let hashes = [
            of(jwt(None), None),
            of(jwt(Some("anonymous")), None),
            of(jwt(None), Some("keys")),
            of(AuthEnv::Webhook { url }, None),
        ];
        let golden = [
            "settings-7a1d83234cc371525ff59bf77a666e71",
            "settings-05a6ff5480cb87efc5d1ea1a40c3584b",
            "settings-7a1d83234cc371525ff59bf77a666e71.keys",
            "settings-cfce9b7b183983183570a185deab4205",
        ];
        assert_eq!(hashes, golden);
    }
}
