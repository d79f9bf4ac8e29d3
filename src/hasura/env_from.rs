//! The names of the variables that `envFrom` brings into a container. Of their values one alone is kept, the name of the role
//! of callers without a token, which decides who such callers are.

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, Secret};
use kube::Api;

use super::env::{DesiredAuth, UNAUTHORIZED_ROLE};

/// Longest role name that is kept, in characters; no role that is bound has a longer one.
pub(super) const MAX_ROLE: usize = 128;

/// What is known of all `envFrom` sources of a container, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvFromKeys {
    /// One entry for each source.
    pub sources: Vec<Source>,
    /// What the container's own entry for the role of callers without a token gives, where that is a reference.
    pub referenced_role: Option<Referenced>,
}

/// What an env entry's reference gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referenced {
    /// This value.
    Value(String),
    /// The object or its key is not there. Unless the reference is optional, no new pod starts.
    Absent,
    /// The operator may not read the object, or it is none.
    Unread,
}

/// One `envFrom` source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// Name of the Secret or ConfigMap, in the Deployment's namespace.
    pub name: String,
    /// What Kubernetes puts before each key.
    pub prefix: String,
    /// Its keys, as far as they are known.
    pub keys: Keys,
    /// The role that it gives callers without a token.
    pub role: Option<String>,
}

/// What an `envFrom` source refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// `secretRef`.
    Secret,
    /// `configMapRef`.
    ConfigMap,
}

/// The keys of an `envFrom` source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The keys as they stand in the object, without the prefix.
    Known(BTreeSet<String>),
    /// The object is not there. Unless it is optional, no new pod starts.
    Missing {
        /// Whether pods start without it.
        optional: bool,
    },
    /// The operator may not read the object.
    Unknown,
}

impl EnvFromKeys {
    /// The sources as they will be once the settings are in their object, which may not be there yet.
    pub(super) fn with(mut self, desired: &DesiredAuth) -> Self {
        let Some(object) = &desired.delivered else {
            return self;
        };
        let entries = desired.entries();
        let keys: BTreeSet<_> = entries
            .iter()
            .map(|(name, _)| object.key(name).to_owned())
            .collect();
        let role = entries.iter().find(|(name, _)| *name == UNAUTHORIZED_ROLE);
        for source in self.sources.iter_mut().filter(|source| object.is(source)) {
            source.keys = Keys::Known(keys.clone());
            source.role = role.map(|(_, value)| (*value).to_owned());
        }
        self
    }

    /// Whether the container takes from objects that nobody watches what is judged by more than its being there.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.referenced_role.is_none()
    }

    /// The source that is known to set the variable; the last one wins, as in Kubernetes.
    pub(super) fn setting(&self, variable: &str) -> Option<&Source> {
        self.sources.iter().rev().find(|s| s.sets(variable))
    }

    /// The first source that might set the variable, but can not be read.
    pub(super) fn unread(&self, variable: &str) -> Option<&Source> {
        let unknown = |s: &&Source| s.keys == Keys::Unknown && variable.starts_with(&s.prefix);
        self.sources.iter().find(unknown)
    }
}

impl Source {
    fn sets(&self, variable: &str) -> bool {
        match (&self.keys, variable.strip_prefix(self.prefix.as_str())) {
            (Keys::Known(keys), Some(key)) => keys.contains(key),
            _ => false,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        })
    }
}

/// Reads the key names of all sources, one `get` each, and one more where the role of callers without a token is a reference.
/// What may not be read is `Unknown`, what is not there `Missing`.
///
/// # Errors
/// Any other answer than 200, 403 and 404, so that a passing fault is not taken for an answer.
pub async fn read(
    secrets: &Api<Secret>,
    config_maps: &Api<ConfigMap>,
    container: &Container,
) -> Result<EnvFromKeys, kube::Error> {
    let mut sources = Vec::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.clone().unwrap_or_default();
        let role_key = UNAUTHORIZED_ROLE.strip_prefix(prefix.as_str());
        if let Some(reference) = &source.secret_ref {
            let found = secrets.get(&reference.name).await;
            let found = found.map(|secret| of_secret(secret, role_key));
            let (keys, role) = known(found, reference.optional)?;
            sources.push(Source {
                kind: SourceKind::Secret,
                name: reference.name.clone(),
                prefix: prefix.clone(),
                keys,
                role,
            });
        }
        if let Some(reference) = &source.config_map_ref {
            let found = config_maps.get(&reference.name).await;
            let found = found.map(|config_map| of_config_map(config_map, role_key));
            let (keys, role) = known(found, reference.optional)?;
            sources.push(Source {
                kind: SourceKind::ConfigMap,
                name: reference.name.clone(),
                prefix,
                keys,
                role,
            });
        }
    }
    let mut entries = container.env.iter().flatten().rev();
    let entry = entries.find(|entry| entry.name == UNAUTHORIZED_ROLE);
    let referenced_role = match entry.and_then(|entry| entry.value_from.as_ref()) {
        Some(from) => Some(referenced(secrets, config_maps, from).await?),
        None => None,
    };
    Ok(EnvFromKeys {
        sources,
        referenced_role,
    })
}

/// What a reference gives.
async fn referenced(
    secrets: &Api<Secret>,
    config_maps: &Api<ConfigMap>,
    from: &EnvVarSource,
) -> Result<Referenced, kube::Error> {
    let found = match (&from.secret_key_ref, &from.config_map_key_ref) {
        (Some(reference), _) => {
            let found = secrets.get(&reference.name).await;
            found.map(|secret| of_secret(secret, Some(&reference.key)))
        }
        (None, Some(reference)) => {
            let found = config_maps.get(&reference.name).await;
            found.map(|config_map| of_config_map(config_map, Some(&reference.key)))
        }
        (None, None) => return Ok(Referenced::Unread),
    };
    Ok(match known(found, None)? {
        (Keys::Unknown, _) => Referenced::Unread,
        (Keys::Missing { .. } | Keys::Known(_), None) => Referenced::Absent,
        (Keys::Missing { .. } | Keys::Known(_), Some(role)) => Referenced::Value(role),
    })
}

/// The keys of an object, and the value of the one that is the role of callers without a token.
type Seen = (BTreeSet<String>, Option<String>);

fn of_secret(secret: Secret, role_key: Option<&str>) -> Seen {
    let data = secret.data.unwrap_or_default();
    let role = role_key.and_then(|key| data.get(key));
    let role = role.map(|ByteString(value)| in_bounds(&String::from_utf8_lossy(value)));
    (data.into_keys().collect(), role)
}

// Kubernetes makes no variables of binaryData.
fn of_config_map(config_map: ConfigMap, role_key: Option<&str>) -> Seen {
    let data = config_map.data.unwrap_or_default();
    let role = role_key.and_then(|key| data.get(key));
    let role = role.map(|value| in_bounds(value));
    (data.into_keys().collect(), role)
}

/// A role's name, cut where no role that is bound could have it.
pub(super) fn in_bounds(role: &str) -> String {
    match role.char_indices().nth(MAX_ROLE) {
        Some((end, _)) => format!("{}…", &role[..end]),
        None => role.to_owned(),
    }
}

fn known(
    found: Result<Seen, kube::Error>,
    optional: Option<bool>,
) -> Result<(Keys, Option<String>), kube::Error> {
    match found {
        Ok((keys, role)) => Ok((Keys::Known(keys), role)),
        Err(kube::Error::Api(status)) if status.is_not_found() => {
            let optional = optional.unwrap_or(false);
            Ok((Keys::Missing { optional }, None))
        }
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok((Keys::Unknown, None)),
        Err(other) => Err(other),
    }
}
