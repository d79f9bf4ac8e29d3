//! The tenant's signing keys: whether Hasura would get them, what the status says of them, and what makes a Hasura that
//! would never read them again start anew when they change.

use k8s_openapi::api::apps::v1::Deployment;

use super::{
    context::Context,
    registry::{Connection, lock},
    status::{Detail, Verdict},
    webhook,
};
use crate::{
    api::{
        conditions::{reasons, types},
        tenant::{KeyRefresh, KeySetStatus, SigningKey},
    },
    domain::precedence::Key,
    hasura::owned_key_hash,
    logto::{Error, KeySet, Refresh},
};

/// What the annotation begins with where it speaks of the settings in a Secret or ConfigMap.
pub const SETTINGS: &str = "settings-";

/// What stands between their hash and that of the keys, which is there only when the keys need it.
pub const AND_KEYS: char = '.';

/// The most keys that a status lists; Logto has three at most.
const MOST_KEYS: usize = 16;

/// Reads the key set and notes it; says whether the keys answer where Hasura will fetch them, and are the tenant's. Hasura
/// would crash at start if not.
///
/// Instances are woken when they have to roll because of it.
pub async fn check(ctx: &Context, tenant: &Key, connection: &Connection) -> Verdict {
    match read(connection).await {
        Ok(found) => {
            note(ctx, tenant, connection, found);
            Verdict::Ready(String::new())
        }
        Err(verdict) => verdict,
    }
}

async fn read(connection: &Connection) -> Result<KeySet, Verdict> {
    let client = connection.session.client();
    let Some(base) = &connection.check_keys_at else {
        // With jwksCheck Skip nothing is required of the keys: what was read last stays, and nobody waits for it.
        return client
            .keys()
            .await
            .map_err(|_| Verdict::Ready(String::new()));
    };
    let unreachable = |error: Error| {
        let message = format!(
            "the key set at {} that Hasura would fetch: {error}",
            connection.jwk_url
        );
        Verdict::Waiting(reasons::JWKS_UNREACHABLE, message)
    };
    let at_hasura = client.keys_at(base).await.map_err(unreachable)?;
    if connection.jwk_url == client.discovery().jwks_uri {
        return Ok(at_hasura);
    }
    if client.keys().await.map_err(unreachable)?.keys == at_hasura.keys {
        return Ok(at_hasura);
    }
    let message = format!(
        "the key set at {} is not the tenant's: spec.endpointForHasura has to be the same Logto",
        connection.jwk_url
    );
    Err(Verdict::Stalled(reasons::JWKS_MISMATCH, message))
}

fn note(ctx: &Context, tenant: &Key, connection: &Connection, found: KeySet) {
    let now = hash(&found);
    let keys = found.keys.clone();
    let before = lock(&connection.key_set).replace(found);
    let is_replaced = |before: &KeySet| !before.keys.shares_a_key(&keys);
    if before.as_ref().is_some_and(is_replaced) {
        // A rotation leaves one of them: it is another Logto, or one that was set up anew.
        connection.outdate();
        ctx.triggers.tenant(tenant);
    }
    // The first reading of a connection is news for everybody anyway.
    if now.is_none() || before.is_none_or(|before| hash(&before) == now) {
        return;
    }
    for instance in ctx.stores.instances_of(tenant) {
        if !webhook::is_asked_for(&instance) {
            ctx.triggers.instance(&instance);
        }
    }
}

/// What pods have to be started with, when a running Hasura would not read the set again.
fn hash(set: &KeySet) -> Option<String> {
    (set.refresh == Refresh::Never).then(|| set.keys.fingerprint())
}

/// The annotation for the pod template of an instance in mode JWT.
///
/// Once there it stays as it is while nothing has to change: taking it away, or a new value that nobody needs, would be
/// a rollout too.
pub fn key_hash(connection: &Connection, live: &Deployment) -> Option<String> {
    let needed = lock(&connection.key_set).as_ref().and_then(hash);
    needed.or_else(|| Some(of_keys(owned_key_hash(live)?)?.to_owned()))
}

/// The part of an annotation that speaks of the keys.
fn of_keys(annotation: &str) -> Option<&str> {
    match annotation.strip_prefix(SETTINGS) {
        None => Some(annotation),
        Some(settings) => settings.split_once(AND_KEYS).map(|(_, keys)| keys),
    }
}

/// For the tenant's status: the key set as it was last read.
pub fn key_set(connection: &Connection) -> Option<KeySetStatus> {
    let set = lock(&connection.key_set);
    let KeySet { keys, refresh } = set.as_ref()?;
    let keys = keys.ids_and_algorithms().into_iter().take(MOST_KEYS);
    let (refresh, max_age_seconds) = match refresh {
        Refresh::Never => (KeyRefresh::Never, None),
        Refresh::EachTick => (KeyRefresh::EachTick, None),
        Refresh::AfterSeconds(seconds) => (KeyRefresh::AfterMaxAge, Some(*seconds)),
        Refresh::AtExpires => (KeyRefresh::AfterMaxAge, None),
    };
    Some(KeySetStatus {
        keys: keys
            .map(|(id, algorithm)| SigningKey { id, algorithm })
            .collect(),
        refresh,
        max_age_seconds,
    })
}

/// The condition JwksCacheable. It says what to do and holds nothing back.
pub fn detail(set: Option<&KeySetStatus>) -> Detail {
    let ill = |reason, message: &str| {
        Detail::ill(
            types::JWKS_CACHEABLE,
            &Verdict::Waiting(reason, message.to_owned()),
        )
    };
    match set.map(|set| (set.refresh, set.max_age_seconds)) {
        None => Detail {
            type_: types::JWKS_CACHEABLE,
            status: None,
            reason: reasons::PROGRESSING,
            message: "the key set was not read yet".to_owned(),
        },
        Some((KeyRefresh::AfterMaxAge, Some(seconds))) => Detail::well(
            types::JWKS_CACHEABLE,
            format!("a running Hasura reads the key set again after {seconds} s"),
        ),
        Some((KeyRefresh::AfterMaxAge, None)) => Detail::well(
            types::JWKS_CACHEABLE,
            "a running Hasura reads the key set again at the time that its header Expires names",
        ),
        Some((KeyRefresh::EachTick, _)) => ill(
            reasons::REFRESHED_EACH_TICK,
            "the key set may not be kept, so each running Hasura fetches it once a minute, and before Hasura 2.41 once a \
             second: use Hasura 2.41 or later, or let a proxy before Logto answer with Cache-Control: max-age=60",
        ),
        Some((KeyRefresh::Never, _)) => ill(
            reasons::NEVER_REFRESHED,
            "the key set comes without a usable caching header, so a running Hasura never reads it again; the operator \
             rolls the Deployments in mode JWT when keys change. Logto 1.39 or later, or a proxy before it that answers \
             with Cache-Control: max-age=60, spares that",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(
        refresh: KeyRefresh,
        max_age_seconds: Option<i64>,
    ) -> (Option<bool>, &'static str, String) {
        let set = KeySetStatus {
            keys: Vec::new(),
            refresh,
            max_age_seconds,
        };
        let detail = detail(Some(&set));
        assert_eq!(detail.type_, "JwksCacheable");
        (detail.status, detail.reason, detail.message)
    }

    #[test]
    fn the_keys_are_found_in_the_annotation_of_either_delivery() {
        assert_eq!(of_keys("0a1b"), Some("0a1b"));
        assert_eq!(of_keys("settings-ffff.0a1b"), Some("0a1b"));
        assert_eq!(of_keys("settings-ffff"), None);
    }

    #[test]
    fn the_condition_says_how_hasura_refreshes_and_what_to_do() {
        let (status, reason, message) = said(KeyRefresh::AfterMaxAge, Some(60));
        assert_eq!((status, reason), (Some(true), "Succeeded"));
        assert!(message.contains("60 s"), "{message}");
        let (status, reason, _) = said(KeyRefresh::AfterMaxAge, None);
        assert_eq!((status, reason), (Some(true), "Succeeded"));
        let (status, reason, message) = said(KeyRefresh::EachTick, None);
        assert_eq!((status, reason), (Some(false), "RefreshedEachTick"));
        assert!(
            message.contains("2.41") && message.contains("max-age=60"),
            "{message}"
        );
        let (status, reason, message) = said(KeyRefresh::Never, None);
        assert_eq!((status, reason), (Some(false), "NeverRefreshed"));
        assert!(message.contains("rolls the Deployments"), "{message}");
        assert_eq!(detail(None).status, None);
    }
}
