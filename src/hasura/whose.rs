//! For which instance the operator's entries on a Deployment were written, read off the entries themselves.

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::Value;
use url::Url;

use super::container::named;
use super::delivered::Delivered;
use super::env::{AUTH_HOOK, JWT_SECRET};
use super::live::{OwnedEntry, owned_entries, owned_key_hash};

/// Whose the operator's entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The operator has nothing on the Deployment.
    Nobodys,
    /// They are settings for the API resource that was asked about, or there is nothing but the annotation.
    Ours,
    /// They are settings for another API resource, or it can not be told.
    Anothers,
}

/// Whether what the operator has on the Deployment was written for this API resource, by values or by references to one of
/// these objects.
pub fn whose(deployment: &Deployment, indicator: &str, objects: &[Delivered]) -> Whose {
    let owned = owned_entries(deployment);
    if owned.is_empty() {
        return match owned_key_hash(deployment) {
            Some(_) => Whose::Ours,
            None => Whose::Nobodys,
        };
    }
    let told: Vec<bool> = owned
        .iter()
        .filter_map(|entry| is_for(deployment, entry, indicator, objects))
        .collect();
    if told.is_empty() || told.contains(&false) {
        return Whose::Anothers;
    }
    Whose::Ours
}

/// Whether one entry is for the API resource; nothing where it does not tell.
fn is_for(
    deployment: &Deployment,
    owned: &OwnedEntry,
    indicator: &str,
    objects: &[Delivered],
) -> Option<bool> {
    let env = named(deployment, &owned.container)?.env.as_deref()?;
    let entry = env.iter().find(|entry| entry.name == owned.name)?;
    if entry.value_from.is_some() {
        let is_one = |object: &Delivered| object.key_of(entry).is_some();
        return Some(objects.iter().any(is_one));
    }
    let value = entry.value.as_deref()?;
    match owned.name.as_str() {
        JWT_SECRET => Some(
            audiences(value)
                .iter()
                .any(|audience| audience == indicator),
        ),
        AUTH_HOOK => Some(resource(value).as_deref() == Some(indicator)),
        _ => None,
    }
}

fn audiences(secret: &str) -> Vec<String> {
    let secret: Value = serde_json::from_str(secret).unwrap_or_default();
    let one = |value: &Value| value.as_str().map(str::to_owned);
    match &secret["audience"] {
        Value::Array(several) => several.iter().filter_map(one).collect(),
        single => one(single).into_iter().collect(),
    }
}

fn resource(hook: &str) -> Option<String> {
    let url = Url::parse(hook).ok()?;
    let mut pairs = url.query_pairs();
    let (_, resource) = pairs.find(|(name, _)| name == "resource")?;
    Some(resource.into_owned())
}
