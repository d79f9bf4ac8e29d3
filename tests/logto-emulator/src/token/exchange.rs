//! Token exchange: a subject token of the Management API stands in for a user who signed in
//! (packages/core/src/oidc/grants/token-exchange of Logto).

use super::{
    Params,
    draft::{Audience, Draft, Subject},
    refusal::{invalid_request, refused},
    target,
};
use crate::{
    answer::Answer,
    logto::Logto,
    oidc,
    store::{Application, SubjectToken, now_ms},
};

const SUBJECT_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Logto's default for tokens without a resource.
const DEFAULT_TTL_SECONDS: i64 = 3600;

pub(super) fn draft(logto: &Logto, form: &Params, client: &Application) -> Result<Draft, Answer> {
    let (text, token) = subject_token_of(logto, form)?;
    let subject = Subject::User {
        user_id: token.user_id.clone(),
        subject_token: text.to_owned(),
    };
    let organization_id = form.get("organization_id");
    if let Some(id) = organization_id {
        check_organization(logto, client, &token.user_id, id)?;
    }
    let asked = form.get("scope");
    let user_id = &token.user_id;
    let (audience, scope, ttl_seconds) = match (target::resource_of(logto, form)?, organization_id)
    {
        (Some(resource), _) => (
            Audience::Resource(resource.indicator.clone()),
            target::user_scope(logto, client, user_id, organization_id, resource, asked),
            resource.access_token_ttl,
        ),
        // Organizations have no permissions of their own here, so such a token carries no scope.
        (None, Some(id)) => (
            Audience::Organization(format!("urn:logto:organization:{id}")),
            String::new(),
            DEFAULT_TTL_SECONDS,
        ),
        (None, None) => (Audience::Opaque, oidc_scope(asked), DEFAULT_TTL_SECONDS),
    };
    let mut draft = Draft::new(client, subject, audience, scope, ttl_seconds);
    draft.organization_id = organization_id.map(ToOwned::to_owned);
    Ok(draft)
}

fn oidc_scope(asked: Option<&str>) -> String {
    let asked = asked.unwrap_or_default().split(' ');
    let scopes: Vec<&str> = asked.filter(|scope| oidc::SCOPES.contains(scope)).collect();
    scopes.join(" ")
}

fn subject_token_of<'a>(
    logto: &'a Logto,
    form: &'a Params,
) -> Result<(&'a str, &'a SubjectToken), Answer> {
    let missing = |name| invalid_request(&format!("missing required parameter '{name}'"));
    let text = form.get("subject_token");
    let text = text.ok_or_else(|| missing("subject_token"))?;
    let kind = form.get("subject_token_type");
    let kind = kind.ok_or_else(|| missing("subject_token_type"))?;
    let invalid = |description| Err(refused(400, "invalid_grant", description));
    if kind != SUBJECT_TOKEN_TYPE {
        return invalid("unsupported subject token type");
    }
    match logto.store.subject_token(text) {
        None => invalid("subject token not found"),
        Some(token) if token.expires_at <= now_ms() => invalid("subject token is expired"),
        Some(token) if token.is_consumed => invalid("subject token is already consumed"),
        Some(token) => Ok((text, token)),
    }
}

fn check_organization(
    logto: &Logto,
    client: &Application,
    user_id: &str,
    organization_id: &str,
) -> Result<(), Answer> {
    let denied = |description| Err(refused(403, "access_denied", description));
    let organizations = logto.store.organizations_of(user_id);
    if !organizations.iter().any(|row| row.id == organization_id) {
        return denied("user is not a member of the organization");
    }
    if client.is_third_party {
        // Nobody can grant an organization to an application here.
        return denied("organization access is not granted to the application");
    }
    Ok(())
}
