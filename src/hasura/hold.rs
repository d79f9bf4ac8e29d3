//! What the operator holds of a container's env, changed without a change of what pods read.
//!
//! An entry that it holds beside a manifest stays when the manifest gives it up, and one that it gives up stays with the
//! manifest. Both keep a switch of the delivery from costing Hasura its settings for the time between.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::apply::{Apis, send, template};
use super::apply_error::ApplyError;
use super::container::named;
use super::delivered::Delivered;
use super::env::AUTH_HASH;
use super::live::{OwnedEntry, held_by_others, owned_entries, owned_key_hash};

/// Where a manifest refers to the object of before a switch to values: the entries to hold, these references among them;
/// nothing when there is none that the operator does not hold yet.
pub fn with_references(
    live: &Deployment,
    container: &str,
    object: &Delivered,
    variables: &[&str],
) -> Option<BTreeSet<String>> {
    let owned = owned_entries(live);
    let is_owned = |name: &str| {
        let mut owned = owned.iter();
        owned.any(|entry| entry.name == name && entry.reference)
    };
    let env = named(live, container)?.env.iter().flatten();
    let new: BTreeSet<String> = env
        .filter(|entry| variables.contains(&entry.name.as_str()) && !is_owned(&entry.name))
        .filter(|entry| object.key_of(entry).is_some())
        .map(|entry| entry.name.clone())
        .collect();
    (!new.is_empty()).then(|| new.into_iter().chain(names(&owned)).collect())
}

/// The entries to hold without the values that another manager holds too: beside a value of the operator's, it could not
/// apply a reference in their place. Nothing when there is none.
pub fn without_shared_values(live: &Deployment, container: &str) -> Option<BTreeSet<String>> {
    let owned = owned_entries(live);
    let is_shared = |entry: &OwnedEntry| {
        entry.container == container
            && entry.value
            && held_by_others(live, container, &entry.name).value
    };
    let kept = owned.iter().filter(|entry| !is_shared(entry));
    let kept: BTreeSet<String> = kept.map(|entry| entry.name.clone()).collect();
    (kept.len() < owned.len()).then_some(kept)
}

fn names(owned: &[OwnedEntry]) -> impl Iterator<Item = String> {
    owned.iter().map(|entry| entry.name.clone())
}

/// Holds these entries of the container as they are, and no other. A dry run goes first: nothing is written if pods would
/// read anything else afterwards.
///
/// # Errors
/// [`ApplyError`]; nothing has been changed, except that [`ApplyError::Other`] can stand for a lost answer.
pub async fn hold(
    apis: &Apis,
    live: &Deployment,
    container: &str,
    entries: &BTreeSet<String>,
) -> Result<(), ApplyError> {
    let body = body(live, container, entries);
    let result = send(&apis.deployments, live, container, &body, (false, true)).await?;
    if template(&result) == template(live) {
        send(&apis.deployments, live, container, &body, (false, false)).await?;
    }
    Ok(())
}

fn body(live: &Deployment, container: &str, held: &BTreeSet<String>) -> Value {
    let owned = owned_entries(live);
    let env = named(live, container).and_then(|container| container.env.as_deref());
    let entries = env.unwrap_or_default().iter();
    let entries = entries.filter(|entry| held.contains(&entry.name));
    let as_it_is = entries.map(|entry| {
        let owned = owned.iter().find(|owned| owned.name == entry.name);
        let mut body = json!({"name": entry.name});
        // Of an entry that it holds already, nothing more than it holds.
        if let Some(value) = &entry.value
            && owned.is_none_or(|owned| owned.value)
        {
            body["value"] = json!(value);
        }
        if let Some(from) = &entry.value_from {
            body["valueFrom"] = json!(from);
        }
        body
    });
    let as_it_is: Vec<Value> = as_it_is.collect();
    let mut body = json!({});
    if !as_it_is.is_empty() {
        let container = json!({"name": container, "env": as_it_is});
        body["spec"]["template"]["spec"] = json!({"containers": [container]});
    }
    if let Some(hash) = owned_key_hash(live) {
        body["spec"]["template"]["metadata"] = json!({"annotations": {AUTH_HASH: hash}});
    }
    body
}
