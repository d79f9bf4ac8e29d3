//! What `/v1alpha1/config` shows of the settings; never the audience, the issuer, the URL of the keys or the header.

use serde_json::{Map, Value, json};

use crate::jwt::json_path;
use crate::{AuthMode, Claims, ClaimsFormat, ClaimsMap, JwtConfig, Mapped, Namespace, Settings};

/// The answer; what is not about authentication has the engine's defaults.
pub(crate) fn of(settings: &Settings, version: &str) -> Value {
    let jwt: Vec<_> = match &settings.auth {
        AuthMode::Jwt(config) => vec![jwt(config)],
        AuthMode::NoAuth | AuthMode::AdminSecret | AuthMode::Webhook(_) => Vec::new(),
    };
    json!({
        "version": version,
        "is_function_permissions_inferred": true,
        "is_remote_schema_permissions_enabled": false,
        "is_admin_secret_set": settings.admin_secret.is_some(),
        "is_auth_hook_set": matches!(settings.auth, AuthMode::Webhook(_)),
        "is_jwt_set": !jwt.is_empty(),
        "jwt": jwt,
        "is_allow_list_enabled": false,
        "live_queries": {"batch_size": 100, "refetch_delay": 1},
        "streaming_queries": {"batch_size": 100, "refetch_delay": 1},
        "console_assets_dir": null,
        "experimental_features": [],
        "is_prometheus_metrics_enabled": false,
        "default_naming_convention": "hasura-default",
        "feature_flags": [],
        "is_apollo_federation_enabled": false,
    })
}

fn jwt(config: &JwtConfig) -> Value {
    match &config.claims {
        Claims::Namespace { namespace, format } => {
            let namespace = match namespace {
                Namespace::Key(key) => key.clone(),
                Namespace::Path(path) => json_path::write(path),
            };
            let format = match format {
                ClaimsFormat::Json => "json",
                ClaimsFormat::StringifiedJson => "stringified_json",
            };
            json!({"claims_namespace": namespace, "claims_format": format, "claims_map": null})
        }
        Claims::Map(map) => json!({
            "claims_namespace": "https://hasura.io/jwt/claims",
            "claims_format": "json",
            "claims_map": claims_map(map),
        }),
    }
}

fn claims_map(map: &ClaimsMap) -> Value {
    let mut shown = Map::new();
    shown.insert(
        "x-hasura-allowed-roles".to_owned(),
        mapped(&map.allowed_roles),
    );
    shown.insert(
        "x-hasura-default-role".to_owned(),
        mapped(&map.default_role),
    );
    let others = map.others.iter();
    shown.extend(others.map(|(name, value)| (name.clone(), mapped(value))));
    Value::Object(shown)
}

fn mapped<T: serde::Serialize>(mapped: &Mapped<T>) -> Value {
    match mapped {
        Mapped::Literal(value) => json!(value),
        Mapped::Path { path, default } => {
            json!({"path": json_path::write(path), "default": default})
        }
    }
}
