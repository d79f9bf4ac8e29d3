use std::collections::BTreeSet;

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
    /// Whether it owns the reference to a Secret or ConfigMap that is there instead of a value.
    pub(super) reference: bool,
}

/// What managers other than the operator hold of an env entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeldByOthers {
    /// The entry as a whole, so that it stays when the operator drops it.
    pub(super) whole: bool,
    /// Its value, beside which no reference can be set.
    pub(super) value: bool,
    /// A reference in it, beside which no value can be set.
    pub(super) reference: bool,
}

/// The env entries that the operator owns in the live object, by its `managedFields`.
pub(super) fn owned_entries(deployment: &Deployment) -> Vec<OwnedEntry> {
    entries(owned_fields(deployment))
        .map(|(container, name, fields)| OwnedEntry {
            container,
            name,
            value: fields.contains_key("f:value"),
            reference: has_reference(fields),
        })
        .collect()
}

/// Whether the operator owns any env entry of the live object.
pub fn owns_entries(deployment: &Deployment) -> bool {
    entries(owned_fields(deployment)).next().is_some()
}

/// The containers that the operator owns env entries in: one, or two when the settings are to move from one to the other.
pub fn containers_of_ours(deployment: &Deployment) -> BTreeSet<String> {
    let owned = owned_entries(deployment).into_iter();
    owned.map(|entry| entry.container).collect()
}

/// Of the other managers of the pod template, the one whose fields changed last. Who only removes fields leaves no trace, so
/// it is a guess.
pub fn newest_other_manager(deployment: &Deployment) -> Option<&str> {
    let managed = deployment.metadata.managed_fields.iter().flatten();
    managed
        .filter(|entry| !is_ours(entry) && template_of(entry).is_some())
        .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))
        .and_then(|entry| entry.manager.as_deref())
}

/// What others hold of an env entry in the live object, by its `managedFields`.
pub(super) fn held_by_others(deployment: &Deployment, container: &str, name: &str) -> HeldByOthers {
    let mut held = HeldByOthers::default();
    for (in_container, entry, fields) in entries(templates(deployment, |entry| !is_ours(entry))) {
        if in_container == container && entry == name {
            held.whole |= fields.contains_key("f:name");
            held.value |= fields.contains_key("f:value");
            held.reference |= has_reference(fields);
        }
    }
    held
}

/// The env entries in the fields of pod templates, with the names of their containers.
fn entries<'a>(
    templates: impl Iterator<Item = &'a Value>,
) -> impl Iterator<Item = (String, String, &'a Map<String, Value>)> {
    templates
        .filter_map(|template| template.pointer("/f:spec/f:containers"))
        .flat_map(elements)
        .flat_map(|(container, fields)| {
            let env = fields.get("f:env").into_iter().flat_map(elements);
            env.map(move |(name, fields)| (container.clone(), name, fields))
        })
}

/// The reference itself is one field; who owns only `valueFrom` around it lost it to an update.
fn has_reference(fields: &Map<String, Value>) -> bool {
    let from = fields.get("f:valueFrom").and_then(Value::as_object);
    from.is_some_and(|from| from.keys().any(|key| key.starts_with("f:")))
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
    templates(deployment, is_ours)
}

/// What the managers that are chosen own of the pod template.
fn templates(
    deployment: &Deployment,
    is_chosen: fn(&ManagedFieldsEntry) -> bool,
) -> impl Iterator<Item = &Value> {
    let managed = deployment.metadata.managed_fields.iter().flatten();
    managed
        .filter(move |entry| is_chosen(entry))
        .filter_map(template_of)
}

/// What a manager owns of the pod template.
fn template_of(entry: &ManagedFieldsEntry) -> Option<&Value> {
    let fields = entry.fields_v1.as_ref()?;
    fields.0.pointer("/f:spec/f:template")
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
