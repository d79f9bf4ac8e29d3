//! Whether the live Deployment already says what it shall, in fields that the operator owns.

use crate::api::conditions::reasons;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, EnvVar};

use super::Target;
use super::container::named;
use super::delivered::Delivered;
use super::entries::is_ours_alone;
use super::env::{AUTH_HASH, DesiredAuth};
use super::live::{
    HeldByOthers, OwnedEntry, held_by_others, key_hash, owned_entries, owned_key_hash,
};

/// One env entry, or the pod template's annotation, that an apply would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is absent or has another value.
    Set(&'static str),
    /// The value is there, but the operator does not own it and could not hold or remove it.
    Own(&'static str),
    /// The operator owns it, and it is no longer wanted.
    Drop(String),
    /// The operator owns it in another container, where the settings were before.
    Leave {
        /// The other container.
        container: String,
        /// The variable.
        name: String,
    },
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
    /// The container does not take the settings from the Secret or ConfigMap that holds them.
    #[error(
        "it does not take all its settings from {object}; put these lines into the container's env, in place of entries of the same name, and it is rolled out:\n{stanza}"
    )]
    NotReferenced {
        /// Kind and name.
        object: String,
        /// The variables that it does not take from there.
        missing: Vec<&'static str>,
        /// The lines to put in, one for each of them.
        stanza: String,
    },
    /// An entry refers to a key of the Secret or ConfigMap that is no setting any more.
    #[error(
        "the env entry {name} takes a setting from {object} that is none any more, so it stays as it was; remove the entry"
    )]
    StaleReference {
        /// Kind and name.
        object: String,
        /// The variable.
        name: String,
    },
}

impl Finding {
    /// The reason for a condition.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::EnvUsesValueFrom { .. } => reasons::ENV_USES_VALUE_FROM,
            Self::EnvDuplicated { .. } => reasons::ENV_DUPLICATED,
            Self::ValueTakenOver { .. } => reasons::VALUE_TAKEN_OVER,
            Self::NotReferenced { .. } | Self::StaleReference { .. } => reasons::NOT_REFERENCED,
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
    let blocked = |container: &str, finding| Blocked {
        target: Target::new(live, container),
        finding,
    };
    let owned = owned_entries(live);
    let wanted = wanted(live, container, &owned, desired);
    let (mut changes, kept) = wanted.map_err(|finding| blocked(container, finding))?;
    changes.extend(annotation(live, desired));
    for entry in &owned {
        let is_here = entry.container == container;
        if is_here && kept.contains(&entry.name.as_str()) {
            continue;
        }
        // One apply replaces all that the operator owns, in other containers too.
        let held = held_by_others(live, &entry.container, &entry.name);
        let name = entry.name.clone();
        if !(entry.value || entry.reference || held.whole) {
            return Err(blocked(&entry.container, Finding::ValueTakenOver { name }));
        }
        changes.push(if is_here {
            Change::Drop(name)
        } else {
            let container = entry.container.clone();
            Change::Leave { container, name }
        });
    }
    Ok(changes)
}

/// What has to be changed so that all that is wanted is there, and which entries stay the operator's.
fn wanted(
    live: &Deployment,
    container: &str,
    owned: &[OwnedEntry],
    desired: Option<&DesiredAuth>,
) -> Result<(Vec<Change>, Vec<&'static str>), Finding> {
    let nothing = Container::default();
    let at = Place {
        live,
        container: named(live, container).unwrap_or(&nothing),
        owned,
    };
    let mut changes = Vec::new();
    let mut kept = Vec::new();
    if let Some(desired) = desired {
        let entries = desired.entries();
        match &desired.delivered {
            None => {
                for (name, value) in &entries {
                    changes.extend(at.value(name, value)?);
                    kept.push(*name);
                }
            }
            Some(object) => {
                let names: Vec<_> = entries.iter().map(|(name, _)| *name).collect();
                changes.extend(at.references(object, &names)?);
                kept.extend(names.iter().filter(|name| at.is_ours_alone(name)));
            }
        }
    }
    Ok((changes, kept))
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

/// Hasura's container, and what the operator owns of it.
struct Place<'a> {
    live: &'a Deployment,
    container: &'a Container,
    owned: &'a [OwnedEntry],
}

impl Place<'_> {
    /// What an apply of a value changes.
    fn value(&self, name: &'static str, value: &str) -> Result<Option<Change>, Finding> {
        let Some(entry) = self.entry(name)? else {
            return Ok(Some(Change::Set(name)));
        };
        let owned = self.owned(name);
        if entry.value_from.is_some() {
            // Its only owner can replace a reference by a value in one apply.
            let is_ours = owned.is_some_and(|owned| owned.reference);
            if is_ours && !self.held(name).reference {
                return Ok(Some(Change::Set(name)));
            }
            return Err(Finding::EnvUsesValueFrom { name: name.into() });
        }
        if entry.value.as_deref() != Some(value) {
            return Ok(Some(Change::Set(name)));
        }
        let is_owned = owned.is_some_and(|owned| owned.value);
        Ok((!is_owned).then_some(Change::Own(name)))
    }

    /// What has to change where the container takes the settings from an object.
    fn references(
        &self,
        object: &Delivered,
        names: &[&'static str],
    ) -> Result<Vec<Change>, Finding> {
        let mut changes = Vec::new();
        let mut missing = Vec::new();
        for name in names {
            let entry = self.entry(name)?;
            let owned = self.owned(name).filter(|_| self.is_ours_alone(name));
            let is_given = object.gives(self.container, name);
            match owned {
                Some(owned) if is_given && owned.reference => {}
                Some(_) if is_given && entry.is_some() => changes.push(Change::Own(name)),
                Some(owned) if owned.value || owned.reference => changes.push(Change::Set(name)),
                _ if is_given => {}
                _ => missing.push(*name),
            }
        }
        if !missing.is_empty() {
            return Err(Finding::NotReferenced {
                object: object.to_string(),
                stanza: object.stanza(missing.iter().copied()),
                missing,
            });
        }
        self.stale(object, names).map_or(Ok(changes), Err)
    }

    /// An entry of somebody else's for a key that is no setting any more.
    fn stale(&self, object: &Delivered, names: &[&'static str]) -> Option<Finding> {
        let keys: Vec<&str> = names.iter().map(|name| object.key(name)).collect();
        let mut env = self.container.env.iter().flatten();
        let entry = env.find(|entry| {
            let key = object.key_of(entry);
            key.is_some_and(|key| !keys.contains(&key)) && !self.is_ours_alone(&entry.name)
        })?;
        Some(Finding::StaleReference {
            object: object.to_string(),
            name: entry.name.clone(),
        })
    }

    /// The entry of this name.
    fn entry(&self, name: &str) -> Result<Option<&EnvVar>, Finding> {
        let mut found = self.container.env.iter().flatten();
        let entry = found.find(|entry| entry.name == name);
        if found.any(|entry| entry.name == name) {
            return Err(Finding::EnvDuplicated { name: name.into() });
        }
        Ok(entry)
    }

    fn owned(&self, name: &str) -> Option<&OwnedEntry> {
        let mut here = self.owned.iter();
        here.find(|owned| owned.container == self.container.name && owned.name == name)
    }

    fn is_ours_alone(&self, name: &str) -> bool {
        is_ours_alone(self.live, &self.container.name, name)
    }

    fn held(&self, name: &str) -> HeldByOthers {
        held_by_others(self.live, &self.container.name, name)
    }
}
