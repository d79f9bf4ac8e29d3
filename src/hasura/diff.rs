//! Whether the live Deployment already says what it shall, in fields that the operator owns.

use crate::api::conditions::reasons;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::EnvVar;

use super::Target;
use super::container::named;
use super::env::{AUTH_HASH, DesiredAuth};
use super::live::{OwnedEntry, key_hash, owned_entries, owned_key_hash};

/// One env entry, or the pod template's annotation, that an apply would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is absent or has another value.
    Set(&'static str),
    /// The value is there, but the operator does not own it and could not hold or remove it.
    Own(&'static str),
    /// The operator owns it, and it is no longer wanted.
    Drop(String),
}

/// The live Deployment is such that an apply would fail, or destroy what is somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {finding}")]
pub struct Blocked {
    /// What was looked at.
    pub target: Target,
    /// What stands in the way.
    pub finding: Finding,
}

/// What stands in the way of an apply, with its mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// An entry can not have both `value` and `valueFrom`, so the API server would answer 422.
    #[error("the env entry {name} uses valueFrom; remove it, so that its value can be set")]
    EnvUsesValueFrom {
        /// The variable.
        name: String,
    },
    /// Server-side apply can not tell entries of one name apart.
    #[error("the env entry {name} is there more than once; keep one")]
    EnvDuplicated {
        /// The variable.
        name: String,
    },
    /// Somebody else changed the value of an entry that the operator made; an apply without it would remove theirs.
    #[error(
        "the value of the env entry {name} was changed by another manager and would be removed with the operator's entry; remove the entry by hand"
    )]
    ValueTakenOver {
        /// The variable.
        name: String,
    },
    /// The operator has entries in another container of the Deployment, and one apply replaces all that it owns.
    #[error(
        "the operator also owns env entries in container {container}; only one container of a Deployment can be managed"
    )]
    OwnsOtherContainer {
        /// The other container.
        container: String,
    },
}

impl Finding {
    /// The reason for a condition.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::EnvUsesValueFrom { .. } => reasons::ENV_USES_VALUE_FROM,
            Self::EnvDuplicated { .. } => reasons::ENV_DUPLICATED,
            Self::ValueTakenOver { .. } => reasons::VALUE_TAKEN_OVER,
            Self::OwnsOtherContainer { .. } => reasons::OWNS_OTHER_CONTAINER,
        }
    }
}

/// What an apply would change in the container and the annotation; an empty list means that there is nothing to do.
///
/// `desired` is nothing when the operator's entries shall go. The live object needs its `managedFields`: without them every
/// entry looks like somebody else's.
///
/// # Errors
/// [`Blocked`] when an apply must not be tried.
pub fn diff(
    live: &Deployment,
    container: &str,
    desired: Option<&DesiredAuth>,
) -> Result<Vec<Change>, Blocked> {
    compare(live, container, desired).map_err(|finding| Blocked {
        target: Target::new(live, container),
        finding,
    })
}

fn compare(
    live: &Deployment,
    container: &str,
    desired: Option<&DesiredAuth>,
) -> Result<Vec<Change>, Finding> {
    let owned = owned_entries(live);
    if let Some(elsewhere) = owned.iter().find(|entry| entry.container != container) {
        return Err(Finding::OwnsOtherContainer {
            container: elsewhere.container.clone(),
        });
    }
    let env = named(live, container).and_then(|c| c.env.as_deref());
    let env = env.unwrap_or_default();
    let mut changes = Vec::new();
    let entries = desired.map(DesiredAuth::entries).unwrap_or_default();
    for (name, value) in &entries {
        changes.extend(change(env, &owned, name, value)?);
    }
    changes.extend(annotation(live, desired));
    for entry in owned {
        let wanted = entries.iter().any(|(name, _)| *name == entry.name);
        match (wanted, entry.value) {
            (true, _) => {}
            (false, true) => changes.push(Change::Drop(entry.name)),
            (false, false) => return Err(Finding::ValueTakenOver { name: entry.name }),
        }
    }
    Ok(changes)
}

fn annotation(live: &Deployment, desired: Option<&DesiredAuth>) -> Option<Change> {
    let wanted = desired.and_then(|desired| desired.key_hash.as_deref());
    match (wanted, key_hash(live), owned_key_hash(live)) {
        (None, _, None) => None,
        (None, _, Some(_)) => Some(Change::Drop(AUTH_HASH.to_owned())),
        (Some(wanted), _, Some(owned)) if wanted == owned => None,
        (Some(wanted), Some(found), _) if wanted == found => Some(Change::Own(AUTH_HASH)),
        (Some(_), _, _) => Some(Change::Set(AUTH_HASH)),
    }
}

fn change(
    env: &[EnvVar],
    owned: &[OwnedEntry],
    name: &'static str,
    value: &str,
) -> Result<Option<Change>, Finding> {
    let found: Vec<_> = env.iter().filter(|entry| entry.name == name).collect();
    let entry = match found.as_slice() {
        [] => return Ok(Some(Change::Set(name))),
        [entry] => entry,
        _ => return Err(Finding::EnvDuplicated { name: name.into() }),
    };
    if entry.value_from.is_some() {
        return Err(Finding::EnvUsesValueFrom { name: name.into() });
    }
    if entry.value.as_deref() != Some(value) {
        return Ok(Some(Change::Set(name)));
    }
    let is_owned = owned.iter().any(|o| o.name == name && o.value);
    Ok((!is_owned).then_some(Change::Own(name)))
}
