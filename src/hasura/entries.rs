//! Which env entries an apply names, and whether by value or by reference.
//!
//! With a Secret or ConfigMap the references are the user's. Where the operator's own entry still stands, by a value from
//! mode PatchEnv, it refers itself, so that the switch is one apply and Hasura never lacks the setting: a manifest that
//! brings the reference could not be applied beside a value (422, by kubectl apply of both kinds). Once the manifest has
//! the reference, the operator gives its own up.

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::env::DesiredAuth;
use super::live::{held_by_others, owned_entries};

/// The env entries of an apply, as they stand in its body.
pub(super) fn applied(live: &Deployment, container: &str, desired: &DesiredAuth) -> Vec<Value> {
    let entries = desired.entries().into_iter();
    match &desired.delivered {
        None => entries
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect(),
        Some(object) => entries
            .filter(|(name, _)| is_ours_alone(live, container, name))
            .map(|(name, _)| object.entry(name))
            .collect(),
    }
}

/// Whether an entry is there because of the operator only.
pub(super) fn is_ours_alone(live: &Deployment, container: &str, name: &str) -> bool {
    let mut owned = owned_entries(live).into_iter();
    owned.any(|entry| entry.container == container && entry.name == name)
        && !held_by_others(live, container, name).whole
}
