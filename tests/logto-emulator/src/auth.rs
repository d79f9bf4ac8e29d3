//! Who may call the Management API: the checks of packages/core/src/middleware/koa-auth of Logto, with the errors of
//! the jose library that it hands out.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    call::Call,
    errors,
    keys::{ALGORITHM, KeyRing},
    logto::Logto,
    store::{MANAGEMENT_RESOURCE_ID, now_ms},
};

/// Refuses a call that carries no token for the Management API with the scope `all`.
pub(crate) fn check(logto: &mut Logto, call: &Call) -> Result<(), Answer> {
    let resource = logto.store.resource(MANAGEMENT_RESOURCE_ID);
    let audience = resource.map(|resource| resource.indicator.clone());
    let token = bearer_of(call)?;
    let issuer = logto.issuer_for(call);
    let claims = verify(logto, token, &issuer, audience.as_deref()).map_err(unauthorized)?;
    if claims["sub"].as_str().is_none_or(str::is_empty) {
        return Err(errors::coded(
            401,
            "auth.jwt_sub_missing",
            "Missing `sub` in JWT.",
        ));
    }
    let scope = claims["scope"].as_str().unwrap_or_default();
    if !scope.split(' ').any(|scope| scope == "all") {
        return Err(errors::coded(
            403,
            "auth.forbidden",
            "Forbidden. Please check your user roles and permissions.",
        ));
    }
    Ok(())
}

/// The subject of a call's token when it is signed by this tenant, alive, and for `audience`; without one, for any.
pub(crate) fn subject_of(logto: &mut Logto, call: &Call, audience: Option<&str>) -> Option<String> {
    let issuer = logto.issuer_for(call);
    let claims = verify(logto, bearer_of(call).ok()?, &issuer, audience).ok()?;
    let subject = claims["sub"].as_str().filter(|sub| !sub.is_empty());
    subject.map(ToOwned::to_owned)
}

fn bearer_of(call: &Call) -> Result<&str, Answer> {
    let Some(authorization) = call
        .authorization
        .as_deref()
        .filter(|text| !text.is_empty())
    else {
        return Err(errors::coded(
            401,
            "auth.authorization_header_missing",
            "Authorization header is missing.",
        ));
    };
    let Some(rest) = authorization.strip_prefix("Bearer") else {
        return Err(errors::coded_with(
            401,
            "auth.authorization_token_type_not_supported",
            "Authorization type is not supported.",
            json!({"supportedTypes": ["Bearer"]}),
            None,
        ));
    };
    Ok(rest.get(1..).unwrap_or_default())
}

/// An error of jose, as JSON shows it.
enum JoseError {
    NotSupported,
    Malformed,
    NoMatchingKey,
    BadSignature,
    NotClaims,
    Claim {
        claim: &'static str,
        reason: &'static str,
        payload: Value,
    },
    Expired {
        payload: Value,
    },
}

fn unauthorized(error: JoseError) -> Answer {
    let plain = |code: &str, name: &str| json!({"code": code, "name": name});
    let data = match error {
        JoseError::NotSupported => plain("ERR_JOSE_NOT_SUPPORTED", "JOSENotSupported"),
        JoseError::Malformed => plain("ERR_JWS_INVALID", "JWSInvalid"),
        JoseError::NoMatchingKey => plain("ERR_JWKS_NO_MATCHING_KEY", "JWKSNoMatchingKey"),
        JoseError::BadSignature => plain(
            "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
            "JWSSignatureVerificationFailed",
        ),
        JoseError::NotClaims => plain("ERR_JWT_INVALID", "JWTInvalid"),
        JoseError::Claim {
            claim,
            reason,
            payload,
        } => json!({
            "code": "ERR_JWT_CLAIM_VALIDATION_FAILED", "name": "JWTClaimValidationFailed",
            "claim": claim, "reason": reason, "payload": payload,
        }),
        JoseError::Expired { payload } => json!({
            "code": "ERR_JWT_EXPIRED", "name": "JWTExpired",
            "claim": "exp", "reason": "check_failed", "payload": payload,
        }),
    };
    errors::coded_with(
        401,
        "auth.unauthorized",
        "Unauthorized. Please check credentials and its scope.",
        data,
        None,
    )
}

/// The claims of a token that is signed, of the issuer of the host that was called, meant for `audience` where one is given, and alive. There is no clock
/// tolerance.
fn verify(
    logto: &mut Logto,
    token: &str,
    issuer: &str,
    audience: Option<&str>,
) -> Result<Value, JoseError> {
    let payload = verify_signature(&mut logto.keys, token)?;
    if !payload.is_object() {
        return Err(JoseError::NotClaims);
    }
    let failed = |claim, reason| {
        Err(JoseError::Claim {
            claim,
            reason,
            payload: payload.clone(),
        })
    };
    for claim in ["iss", "aud"] {
        let is_checked = claim == "iss" || audience.is_some();
        if is_checked && payload.get(claim).is_none() {
            return failed(claim, "missing");
        }
    }
    if payload["iss"].as_str() != Some(issuer) {
        return failed("iss", "check_failed");
    }
    if audience.is_some_and(|audience| !is_for(&payload["aud"], audience)) {
        return failed("aud", "check_failed");
    }
    let now = now_ms() / 1000;
    if payload["nbf"].as_u64().is_some_and(|start| start > now) {
        return failed("nbf", "check_failed");
    }
    if payload["exp"].as_u64().is_some_and(|end| end <= now) {
        return Err(JoseError::Expired { payload });
    }
    Ok(payload)
}

/// Whether an `aud`, which may be one text or several, names the audience.
fn is_for(aud: &Value, audience: &str) -> bool {
    match aud {
        Value::Array(several) => several.iter().any(|one| one == audience),
        one => one == audience,
    }
}

fn verify_signature(keys: &mut KeyRing, token: &str) -> Result<Value, JoseError> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err(JoseError::Malformed);
    };
    let fields = decode(header).ok_or(JoseError::Malformed)?;
    let algorithm = fields["alg"].as_str().ok_or(JoseError::Malformed)?;
    // jose looks a key up by the family of the algorithm and knows no family for `none` or HMAC.
    if !["RS", "PS", "ES", "Ed", "ML"]
        .iter()
        .any(|family| algorithm.starts_with(family))
    {
        return Err(JoseError::NotSupported);
    }
    let key = keys
        .find(fields["kid"].as_str())
        .filter(|_| algorithm == ALGORITHM)
        .ok_or(JoseError::NoMatchingKey)?;
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| JoseError::Malformed)?;
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    if !keys.has_verified(token) {
        if !key.verifies(signed, &signature) {
            return Err(JoseError::BadSignature);
        }
        keys.remember(token);
    }
    decode(payload).ok_or(JoseError::NotClaims)
}

fn decode(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
