use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};

use super::env::{AUTH_HASH, FIELD_MANAGER};

/// An env entry that the operator owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnedEntry {
    pub(super) container: String,
    pub(super) name: String,
    /// Whether it owns the value as well: an update by somebody else takes the value and leaves the name.
    pub(super) value: bool,
}

/// The env entries that the operator owns in the live object, by its `managedFields`.
pub(super) fn owned_entries(deployment: &Deployment) -> Vec<OwnedEntry> {
    owned_fields(deployment)
        .filter_map(|template| template.pointer("/f:spec/f:containers"))
        .flat_map(elements)
        .flat_map(|(container, fields)| {
            let env = fields.get("f:env").into_iter().flat_map(elements);
            env.map(move |(name, fields)| OwnedEntry {
                container: container.clone(),
                name,
                value: fields.contains_key("f:value"),
            })
        })
        .collect()
}

/// The value of the annotation [`AUTH_HASH`] on the pod template, if the operator owns it.
pub fn owned_key_hash(deployment: &Deployment) -> Option<&str> {
    let field = format!("f:{AUTH_HASH}");
    let is_owned = owned_fields(deployment)
        .filter_map(|template| template.pointer("/f:metadata/f:annotations"))
        .any(|annotations| annotations.get(&field).is_some());
    is_owned.then(|| key_hash(deployment)).flatten()
}

/// The value of the annotation [`AUTH_HASH`] on the pod template.
pub(super) fn key_hash(deployment: &Deployment) -> Option<&str> {
    let template = &deployment.spec.as_ref()?.template;
    let annotations = template.metadata.as_ref()?.annotations.as_ref()?;
    annotations.get(AUTH_HASH).map(String::as_str)
}

/// What the operator owns of the pod template.
fn owned_fields(deployment: &Deployment) -> impl Iterator<Item = &Value> {
    let managed = deployment.metadata.managed_fields.iter().flatten();
    managed
        .filter(|entry| is_ours(entry))
        .filter_map(|entry| entry.fields_v1.as_ref())
        .filter_map(|fields| fields.0.pointer("/f:spec/f:template"))
}

fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(FIELD_MANAGER)
        && entry.operation.as_deref() == Some("Apply")
        && entry.subresource.as_deref().unwrap_or_default().is_empty()
}

/// The elements of a list that is keyed by name: their keys read `k:{"name":"…"}`.
fn elements(list: &Value) -> impl Iterator<Item = (String, &Map<String, Value>)> {
    list.as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, fields)| {
            let key: Value = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
            let name = key.get("name")?.as_str()?.to_owned();
            Some((name, fields.as_object()?))
        })
}
