//! `POST /oidc/token`: access tokens by client credentials.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, json};
use url::{Url, form_urlencoded};

use crate::{
    answer::{Answer, Reply},
    call::Call,
    errors,
    logto::Logto,
    store::{Application, ApplicationType, Resource, now_ms, random_id},
};

const CLIENT_CREDENTIALS: &str = "client_credentials";

/// Grants that Logto knows and no machine may use.
const OTHER_GRANTS: [&str; 5] = [
    "implicit",
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];

/// Answers a token request.
pub(crate) fn issue(logto: &mut Logto, call: &Call) -> Reply {
    let answer = grant(logto, call).unwrap_or_else(|refusal| refusal);
    Ok(answer.with_header("cache-control", "no-store".to_owned()))
}

fn grant(logto: &Logto, call: &Call) -> Reply {
    let form = Params(call.form()?);
    let client = authenticate(logto, call, &form)?;
    check_grant(form.get("grant_type"), client)?;
    let resource = resource_for(logto, &form)?;
    let scope = granted_scope(logto, client, resource, form.get("scope"));
    let token = sign(logto, client, resource, scope.as_deref())?;
    let mut body = Map::from_iter([
        ("access_token".to_owned(), json!(token)),
        ("expires_in".to_owned(), json!(resource.access_token_ttl)),
        ("token_type".to_owned(), json!("Bearer")),
    ]);
    if let Some(scope) = scope {
        body.insert("scope".to_owned(), json!(scope));
    }
    Ok(Answer::json(200, &body))
}

/// The parameters; an empty one counts as missing.
struct Params(Vec<(String, String)>);

impl Params {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }
}

fn authenticate<'a>(
    logto: &'a Logto,
    call: &Call,
    form: &Params,
) -> Result<&'a Application, Answer> {
    let (id, secret) = credentials(call, form)?;
    let Some(client) = logto.store.application(&id) else {
        let description = format!("invalid client {id}");
        return Err(refused(400, "invalid_client", &description));
    };
    let secret = secret.ok_or_else(|| wrong_secret(logto, call))?;
    match logto
        .store
        .secrets_of(&id)
        .find(|held| held.value == secret)
    {
        None => Err(wrong_secret(logto, call)),
        Some(held) if held.expires_at.is_some_and(|end| end < now_ms()) => {
            Err(invalid_request("client secret has expired"))
        }
        Some(_) => Ok(client),
    }
}

/// The client's id and secret, from HTTP Basic or from the form but not from both
/// (lib/shared/client_auth.js of oidc-provider).
fn credentials(call: &Call, form: &Params) -> Result<(String, Option<String>), Answer> {
    let form_id = form.get("client_id").map(ToOwned::to_owned);
    let form_secret = form.get("client_secret").map(ToOwned::to_owned);
    let Some(authorization) = call.authorization.as_deref() else {
        let id = form_id
            .ok_or_else(|| invalid_request("no client authentication mechanism provided"))?;
        return Ok((id, form_secret));
    };
    if form_secret.is_some() {
        return Err(invalid_request(
            "client authentication must only be provided using one mechanism",
        ));
    }
    let (id, secret) = basic(authorization)
        .ok_or_else(|| invalid_request("invalid authorization header value format"))?;
    if form_id.is_some_and(|form_id| form_id != id) {
        return Err(invalid_request("client_id mismatch"));
    }
    if secret.is_empty() {
        return Err(invalid_request(
            "client_secret must be provided in the Authorization header",
        ));
    }
    Ok((id, Some(secret)))
}

fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

// RFC 6749 wants both sides form-url-encoded before base64.
fn form_decoded(text: &str) -> String {
    let pair = format!("text={}", text.replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn check_grant(grant: Option<&str>, client: &Application) -> Result<(), Answer> {
    let machine = client.kind == ApplicationType::MachineToMachine;
    match grant {
        None => Err(invalid_request("missing required parameter 'grant_type'")),
        Some(CLIENT_CREDENTIALS) if machine => Ok(()),
        Some(known) if known == CLIENT_CREDENTIALS || OTHER_GRANTS.contains(&known) => {
            Err(refused(
                400,
                "unauthorized_client",
                "requested grant type is not allowed for this client",
            ))
        }
        Some(_) => Err(refused(
            400,
            "unsupported_grant_type",
            "unsupported grant_type requested",
        )),
    }
}

fn resource_for<'a>(logto: &'a Logto, form: &Params) -> Result<&'a Resource, Answer> {
    let invalid = |description| refused(400, "invalid_target", description);
    let asked: Vec<&str> = form.all("resource").collect();
    let Some(indicator) = asked.first() else {
        return logto
            .store
            .default_resource()
            .ok_or_else(|| invalid("both `resource` and `organization_id` are not provided"));
    };
    if asked.len() > 1 {
        return Err(invalid(
            "only a single resource indicator value is supported for this grant type",
        ));
    }
    let uri =
        Url::parse(indicator).map_err(|_| invalid("resource indicator must be an absolute URI"))?;
    if uri.fragment().is_some() {
        return Err(invalid(
            "resource indicator must not contain a fragment component",
        ));
    }
    logto
        .store
        .resource_by_indicator(indicator)
        .ok_or_else(|| invalid("resource indicator is missing, or unknown"))
}

/// What was asked for, as far as the client's roles hold it.
fn granted_scope(
    logto: &Logto,
    client: &Application,
    resource: &Resource,
    asked: Option<&str>,
) -> Option<String> {
    let held: Vec<&str> = logto
        .store
        .role_ids_of_application(&client.id)
        .iter()
        .flat_map(|role| logto.store.scopes_of_role(role))
        .filter(|scope| scope.resource_id == resource.id)
        .map(|scope| scope.name.as_str())
        .collect();
    let mut granted: Vec<&str> = Vec::new();
    for scope in asked.unwrap_or_default().split(' ') {
        if held.contains(&scope) && !granted.contains(&scope) {
            granted.push(scope);
        }
    }
    (!granted.is_empty()).then(|| granted.join(" "))
}

fn sign(
    logto: &Logto,
    client: &Application,
    resource: &Resource,
    scope: Option<&str>,
) -> Result<String, Answer> {
    let now = i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX);
    let mut claims = json!({
        "jti": random_id(43), "sub": client.id, "iat": now, "exp": now.saturating_add(resource.access_token_ttl),
        "client_id": client.id, "iss": logto.issuer, "aud": resource.indicator,
    });
    if let Some(scope) = scope {
        claims["scope"] = json!(scope);
    }
    logto.keys.sign(&claims).map_err(|_| errors::internal())
}

fn wrong_secret(logto: &Logto, call: &Call) -> Answer {
    let description = "client authentication failed";
    let refusal = refused(401, "invalid_client", description);
    if call.authorization.is_none() {
        return refusal;
    }
    refusal.with_header(
        "www-authenticate",
        format!(
            "Basic realm=\"{}\", error=\"invalid_client\", error_description=\"{description}\"",
            logto.issuer
        ),
    )
}

fn invalid_request(description: &str) -> Answer {
    refused(400, "invalid_request", description)
}

fn refused(status: u16, error: &str, description: &str) -> Answer {
    let code = format!("oidc.{error}");
    let message = match error {
        "invalid_request" => "Request is invalid.".to_owned(),
        "invalid_target" => "Invalid resource indicator.".to_owned(),
        "unsupported_grant_type" => "Unsupported `grant_type` requested.".to_owned(),
        _ => format!("An OIDC error occurred: {code}."),
    };
    Answer::json(
        status,
        &json!({"code": code, "message": message, "error": error, "error_description": description}),
    )
}
