//! `POST /oidc/token`: access tokens of machines by client credentials, of users by token exchange.

mod client;
mod context;
mod draft;
mod exchange;
mod refusal;
mod target;

use crate::{
    answer::Answer,
    call::Call,
    logto::Logto,
    script::{Script, Step},
    store::Application,
};
use client::Grant;
use draft::{Audience, Draft, Subject};
use refusal::refused;

/// Prepares a token; the tenant's Custom JWT script for its kind runs before it is signed.
pub(crate) fn issue(logto: &mut Logto, call: &Call) -> Result<Step, Answer> {
    let draft = draft(logto, call).map_err(not_stored)?;
    let Some(custom_jwt) = logto.store.custom_jwt(draft.kind()) else {
        let answer = draft.finish(logto, None).unwrap_or_else(|refusal| refusal);
        return Ok(Step::Done(not_stored(answer)));
    };
    let token = draft.as_script_sees_it();
    let script = Script::new(custom_jwt, token, context::of(logto, &draft));
    let finish = move |logto: &mut Logto, outcome| {
        let reply = draft.finish(logto, Some(outcome));
        reply.map(not_stored).map_err(not_stored)
    };
    Ok(Step::Run(script, Box::new(finish)))
}

fn not_stored(answer: Answer) -> Answer {
    answer.with_header("cache-control", "no-store".to_owned())
}

fn draft(logto: &Logto, call: &Call) -> Result<Draft, Answer> {
    let form = Params(call.form()?);
    let client = client::authenticate(logto, call, &form)?;
    let mut draft = match client::grant_of(form.get("grant_type"), client)? {
        Grant::ClientCredentials => machine_draft(logto, &form, client),
        Grant::TokenExchange => exchange::draft(logto, &form, client),
    }?;
    draft.issuer = logto.issuer_for(call);
    Ok(draft)
}

fn machine_draft(logto: &Logto, form: &Params, client: &Application) -> Result<Draft, Answer> {
    if form.get("organization_id").is_some() {
        // Applications can not be put into organizations here.
        let description = "app has not associated with the organization";
        return Err(refused(403, "access_denied", description));
    }
    let resource = target::machine_resource_of(logto, form)?;
    let scope = target::machine_scope(logto, client, resource, form.get("scope"));
    let audience = Audience::Resource(resource.indicator.clone());
    let ttl = resource.access_token_ttl;
    Ok(Draft::new(client, Subject::Machine, audience, scope, ttl))
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
