//! The origins at which people sign in, and which issuers Hasura has to take because of them.

use std::sync::Mutex;

use futures::future::join_all;

use super::{
    context::Context,
    registry::{Connection, lock},
    resync,
    status::{Detail, Verdict},
};
use crate::{
    api::{
        LogtoTenant, LogtoTenantStatus,
        conditions::{reasons, types},
        tenant::SignInEndpoint,
    },
    domain::sign_in::{Found, Issuers, Standing, issuers, judge},
    logto::{Endpoint, Jwks, SignInDoubt},
};

/// The origins of `spec.signInEndpoints`, and what each counts as.
#[derive(Default)]
pub struct SignIn(Mutex<Vec<Origin>>);

#[derive(Clone)]
struct Origin {
    at: Endpoint,
    /// None before the first look.
    standing: Option<Standing>,
}

impl SignIn {
    /// Those of the spec. What an origin counted as for the connection before, to the same tenant with the same keys, it counts
    /// as until it is looked at.
    pub fn new(origins: Vec<Endpoint>, before: Option<&Self>) -> Self {
        let before = before.map(Self::origins).unwrap_or_default();
        let known = |at: &Endpoint| before.iter().find(|origin| origin.at == *at);
        let origins = origins.into_iter().map(|at| Origin {
            standing: known(&at).and_then(|origin| origin.standing.clone()),
            at,
        });
        Self(Mutex::new(origins.collect()))
    }

    fn origins(&self) -> Vec<Origin> {
        lock(&self.0).clone()
    }

    fn standings(&self) -> Vec<Standing> {
        let unseen = || Standing::Unclear("it was not looked at yet".to_owned());
        let origins = self.origins().into_iter();
        origins
            .map(|origin| origin.standing.unwrap_or_else(unseen))
            .collect()
    }
}

/// The issuers that Hasura has to take: the tenant's own, unless the spec says where people sign in.
pub fn issuers_of(connection: &Connection) -> Issuers {
    let standings = connection.sign_in.standings();
    if standings.is_empty() {
        return Issuers::One(connection.session.client().discovery().issuer.clone());
    }
    issuers(&standings)
}

/// Looks at the origins at which people sign in, and says whether all of them count. Who has to roll because of it is woken.
pub async fn check(ctx: &Context, tenant: &LogtoTenant, connection: &Connection) -> Verdict {
    let before = connection.sign_in.origins();
    if before.is_empty() {
        return Verdict::Ready(String::new());
    }
    let issuers_before = issuers_of(connection);
    let found = look(connection, &before).await;
    let now = before.into_iter().zip(found).map(|(origin, found)| Origin {
        standing: Some(judge(origin.standing.as_ref(), found)),
        ..origin
    });
    *lock(&connection.sign_in.0) = now.collect();
    if issuers_of(connection) != issuers_before {
        resync::wake_all(ctx, tenant);
    }
    verdict(&connection.sign_in.standings())
}

async fn look(connection: &Connection, origins: &[Origin]) -> Vec<Found> {
    let client = connection.session.client();
    let own = match client.keys().await {
        Ok(own) => own.keys,
        Err(error) => {
            let why = format!(
                "the tenant's own keys, which those of spec.signInEndpoints are compared with: {error}"
            );
            return origins.iter().map(|_| Found::NotNow(why.clone())).collect();
        }
    };
    let looks = origins
        .iter()
        .map(|origin| found(connection, &origin.at, &own));
    join_all(looks).await
}

async fn found(connection: &Connection, at: &Endpoint, own: &Jwks) -> Found {
    let why = |doubt: &SignInDoubt| doubt.to_string();
    match connection.session.client().issuer_at(at, own).await {
        Ok(issuer) => Found::Issuer(issuer),
        Err(doubt) if doubt.is_foreign() => Found::Foreign(why(&doubt)),
        Err(doubt) if doubt.is_passing() => Found::NotNow(why(&doubt)),
        Err(doubt) => Found::Unusable(why(&doubt)),
    }
}

/// What somebody has to change goes before what is waited for.
fn verdict(standings: &[Standing]) -> Verdict {
    let refused = standings.iter().find_map(|standing| match standing {
        Standing::Refused(why) => Some(Verdict::Stalled(
            reasons::SIGN_IN_REFUSED,
            format!("{why}. It is not used: Hasura takes the issuers of the others alone"),
        )),
        _ => None,
    });
    let unclear = standings.iter().find_map(|standing| match standing {
        Standing::Unclear(why) => Some(Verdict::Waiting(
            reasons::SIGN_IN_UNREACHABLE,
            format!("{why}. Until it answers, Hasuras keep the issuer that they have"),
        )),
        _ => None,
    });
    refused
        .or(unclear)
        .unwrap_or_else(|| Verdict::Ready(String::new()))
}

/// For the tenant's status: each origin and its issuer, if it counts. What can not be told keeps what was said.
pub fn rows(connection: &Connection, before: &LogtoTenantStatus) -> Vec<SignInEndpoint> {
    let origins = connection.sign_in.origins().into_iter();
    let said = |endpoint: &str| {
        let mut rows = before.sign_in_endpoints.iter();
        rows.find(|row| row.endpoint == endpoint)?.issuer.clone()
    };
    origins
        .map(|origin| {
            let endpoint = origin.at.to_string();
            let issuer = match origin.standing {
                Some(Standing::Counts(issuer)) => Some(issuer),
                Some(Standing::Refused(_)) => None,
                Some(Standing::Unclear(_)) | None => said(&endpoint),
            };
            SignInEndpoint { endpoint, issuer }
        })
        .collect()
}

/// The condition IssuerUnchecked, while Hasura is told no issuer. It holds nothing back.
pub fn detail(connection: &Connection) -> Option<Detail> {
    let Issuers::Several(issuers) = issuers_of(connection) else {
        return None;
    };
    let issuers: Vec<String> = issuers.into_iter().collect();
    Some(Detail {
        type_: types::ISSUER_UNCHECKED,
        status: Some(true),
        reason: reasons::SEVERAL_ISSUERS,
        message: format!(
            "people sign in at origins of {} issuers, and Hasura can check one alone, so it checks none: audience and keys \
             guard it. The issuers: {}",
            issuers.len(),
            issuers.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_change_something_is_told_before_what_is_waited_for() {
        let counts = Standing::Counts("https://a.example/oidc".to_owned());
        let unclear = Standing::Unclear("no answer".to_owned());
        let refused = Standing::Refused("its keys differ".to_owned());
        assert!(verdict(std::slice::from_ref(&counts)).is_ready());
        let waits = verdict(&[counts.clone(), unclear.clone()]);
        assert!(
            matches!(&waits, Verdict::Waiting("SignInUnreachable", why) if why.contains("no answer"))
        );
        let stalled = verdict(&[counts, unclear, refused]);
        assert!(
            matches!(&stalled, Verdict::Stalled("SignInRefused", why) if why.contains("its keys differ"))
        );
    }

    #[test]
    fn an_origin_keeps_its_standing_in_a_new_connection_and_a_new_one_has_none() {
        let at = |text: &str| Endpoint::parse(text, false).unwrap();
        let (one, two) = (at("https://one.example"), at("https://two.example"));
        let before = SignIn::new(vec![one.clone()], None);
        assert!(matches!(before.standings()[..], [Standing::Unclear(_)]));
        let counts = Standing::Counts("i".to_owned());
        lock(&before.0)[0].standing = Some(counts.clone());
        let after = SignIn::new(vec![two, one], Some(&before));
        assert!(
            matches!(&after.standings()[..], [Standing::Unclear(_), known] if *known == counts)
        );
    }
}
