//! The names of the variables that `envFrom` brings into a container. Values are never kept.

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::api::core::v1::{ConfigMap, EnvFromSource, Secret};
use kube::Api;

use super::env::DesiredAuth;

/// What is known of all `envFrom` sources of a container, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvFromKeys {
    /// One entry for each source.
    pub sources: Vec<Source>,
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
}

/// What an `envFrom` source refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let names = desired.entries().into_iter();
        let keys: BTreeSet<_> = names.map(|(name, _)| object.key(name).to_owned()).collect();
        for source in self.sources.iter_mut().filter(|source| object.is(source)) {
            source.keys = Keys::Known(keys.clone());
        }
        self
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

/// Reads the key names of all sources, one `get` each. What may not be read is `Unknown`, what is not there `Missing`.
///
/// # Errors
/// Any other answer than 200, 403 and 404, so that a passing fault is not taken for an answer.
pub async fn read(
    secrets: &Api<Secret>,
    config_maps: &Api<ConfigMap>,
    env_from: &[EnvFromSource],
) -> Result<EnvFromKeys, kube::Error> {
    let mut sources = Vec::new();
    for source in env_from {
        let prefix = source.prefix.clone().unwrap_or_default();
        if let Some(reference) = &source.secret_ref {
            let keys = secrets.get(&reference.name).await.map(secret_keys);
            sources.push(Source {
                kind: SourceKind::Secret,
                name: reference.name.clone(),
                prefix: prefix.clone(),
                keys: known(keys, reference.optional)?,
            });
        }
        if let Some(reference) = &source.config_map_ref {
            let keys = config_maps.get(&reference.name).await.map(config_map_keys);
            sources.push(Source {
                kind: SourceKind::ConfigMap,
                name: reference.name.clone(),
                prefix,
                keys: known(keys, reference.optional)?,
            });
        }
    }
    Ok(EnvFromKeys { sources })
}

fn secret_keys(secret: Secret) -> BTreeSet<String> {
    secret.data.unwrap_or_default().into_keys().collect()
}

// Kubernetes makes no variables of binaryData.
fn config_map_keys(config_map: ConfigMap) -> BTreeSet<String> {
    config_map.data.unwrap_or_default().into_keys().collect()
}

fn known(
    keys: Result<BTreeSet<String>, kube::Error>,
    optional: Option<bool>,
) -> Result<Keys, kube::Error> {
    match keys {
        Ok(keys) => Ok(Keys::Known(keys)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Keys::Missing {
            optional: optional.unwrap_or(false),
        }),
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(Keys::Unknown),
        Err(other) => Err(other),
    }
}
