//! Discovery and the key set.

use serde_json::{Value, json};

use crate::{
    answer::{Answer, Reply},
    call::Call,
    keys::ALGORITHM,
    logto::Logto,
};

/// `GET /oidc/.well-known/openid-configuration`: the issuer is fixed but at custom domains, the endpoints follow
/// the host that was called.
pub(crate) fn discovery(logto: &mut Logto, call: &Call) -> Reply {
    let mut document = capabilities();
    document["issuer"] = json!(logto.issuer_for(call));
    let base = format!("{}/oidc", call.origin());
    for (name, path) in ENDPOINTS {
        document[name] = json!(format!("{base}{path}"));
    }
    Ok(Answer::json(200, &document))
}

/// `GET /oidc/jwks`.
pub(crate) fn jwks(logto: &mut Logto, _call: &Call) -> Reply {
    let copied = logto.switches.copied_key_set();
    let answer = Answer::key_set(&copied.unwrap_or_else(|| logto.keys.published()));
    let caching = logto.switches.cache_control_of_jwks();
    let header = caching.map(|value| ("cache-control", value));
    Ok(answer.with_headers(header.into_iter().collect()))
}

/// `GET /api/status`.
pub(crate) fn status(_logto: &mut Logto, _call: &Call) -> Reply {
    Ok(Answer::empty(204))
}

/// The scopes of Logto itself, which need no role and belong to no resource.
pub(crate) const SCOPES: [&str; 13] = [
    "openid",
    "offline_access",
    "profile",
    "email",
    "phone",
    "address",
    "custom_data",
    "identities",
    "roles",
    "urn:logto:scope:organizations",
    "urn:logto:scope:organization_roles",
    "urn:logto:scope:sessions",
    "urn:logto:scope:trusted_devices",
];

const ENDPOINTS: [(&str, &str); 9] = [
    ("authorization_endpoint", "/auth"),
    ("device_authorization_endpoint", "/device/auth"),
    ("end_session_endpoint", "/session/end"),
    ("introspection_endpoint", "/token/introspection"),
    ("jwks_uri", "/jwks"),
    ("pushed_authorization_request_endpoint", "/request"),
    ("revocation_endpoint", "/token/revocation"),
    ("token_endpoint", "/token"),
    ("userinfo_endpoint", "/me"),
];

fn capabilities() -> Value {
    json!({
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_session_supported": true,
        "backchannel_logout_supported": true,
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": false,
        "claims_supported": [
            "sub", "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
            "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "username", "created_at",
            "email", "email_verified", "phone_number", "phone_number_verified", "address", "custom_data", "identities",
            "sso_identities", "roles", "organizations", "organization_data", "organization_roles", "sid", "auth_time",
            "iss",
        ],
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": [
            "implicit", "authorization_code", "refresh_token", "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "request_uri_parameter_supported": false,
        "response_modes_supported": ["form_post", "fragment", "query"],
        "response_types_supported": ["code id_token", "code", "id_token", "none"],
        "scopes_supported": SCOPES,
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_jwt", "client_secret_post", "private_key_jwt", "none",
        ],
        "token_endpoint_auth_signing_alg_values_supported": [
            "HS256", "RS256", "PS256", "ES256", "Ed25519", "EdDSA",
        ],
    })
}
