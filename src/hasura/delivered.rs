//! The Secret or ConfigMap that holds the settings, as a container refers to it.

use std::fmt;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource};
use serde_json::{Value, json};

use super::env::{AUTH_HOOK, AUTH_HOOK_MODE, JWT_SECRET, UNAUTHORIZED_ROLE, VARIABLES};
use super::env_from::{Source, SourceKind};
use crate::api::delivery::DeliveryKeys;

/// An object of the Deployment's namespace with a key for each variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What it is.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
    /// The names of its keys.
    pub keys: DeliveryKeys,
}

impl Delivered {
    /// Whether it is the same object, whatever its keys are called.
    pub fn is_same_object(&self, other: &Self) -> bool {
        (self.kind, &self.name) == (other.kind, &other.name)
    }

    /// The key that a variable's value stands under.
    pub fn key<'a>(&'a self, variable: &'a str) -> &'a str {
        match variable {
            JWT_SECRET => &self.keys.jwt_secret,
            UNAUTHORIZED_ROLE => &self.keys.unauthorized_role,
            AUTH_HOOK => &self.keys.auth_hook,
            AUTH_HOOK_MODE => &self.keys.auth_hook_mode,
            other => other,
        }
    }

    /// The field of `spec.delivery.keys` that names a variable's key.
    pub fn field(variable: &str) -> &'static str {
        match variable {
            UNAUTHORIZED_ROLE => "unauthorizedRole",
            AUTH_HOOK => "authHook",
            AUTH_HOOK_MODE => "authHookMode",
            _ => "jwtSecret",
        }
    }

    /// The variable whose value stands under a key.
    pub(super) fn variable_of(&self, key: &str) -> Option<&'static str> {
        let mut all = VARIABLES.into_iter();
        all.find(|variable| self.key(variable) == key)
    }

    /// The env entries that take these variables from the object, as YAML with one entry a line.
    pub fn stanza<'a>(&self, variables: impl IntoIterator<Item = &'a str>) -> String {
        let reference = match self.kind {
            SourceKind::Secret => "secretKeyRef",
            SourceKind::ConfigMap => "configMapKeyRef",
        };
        let object = &self.name;
        let line = |name| {
            let key = self.key(name);
            format!(
                "- {{name: {name}, valueFrom: {{{reference}: {{name: {object}, key: {key}}}}}}}"
            )
        };
        let lines: Vec<_> = variables.into_iter().map(line).collect();
        lines.join("\n")
    }

    /// The env entry that takes a variable from the object.
    pub(super) fn entry(&self, variable: &str) -> Value {
        let key = json!({"name": self.name, "key": self.key(variable)});
        let from = match self.kind {
            SourceKind::Secret => json!({"secretKeyRef": key}),
            SourceKind::ConfigMap => json!({"configMapKeyRef": key}),
        };
        json!({"name": variable, "valueFrom": from})
    }

    /// The key of the object that an env entry takes its value from.
    pub(super) fn key_of<'a>(&self, entry: &'a EnvVar) -> Option<&'a str> {
        self.key_in(entry.value_from.as_ref()?)
    }

    fn key_in<'a>(&self, from: &'a EnvVarSource) -> Option<&'a str> {
        let (name, key) = match self.kind {
            SourceKind::Secret => from.secret_key_ref.as_ref().map(|r| (&r.name, &r.key)),
            SourceKind::ConfigMap => from.config_map_key_ref.as_ref().map(|r| (&r.name, &r.key)),
        }?;
        (*name == self.name).then_some(key)
    }

    /// Whether an `envFrom` source is the object.
    pub(super) fn is(&self, source: &Source) -> bool {
        source.kind == self.kind && source.name == self.name
    }

    /// Whether a container takes a variable from the object: by an entry of its name, else by `envFrom`.
    pub(super) fn gives(&self, container: &Container, variable: &str) -> bool {
        let keys = self.keys_of(container, variable);
        keys.contains(&self.key(variable))
    }

    /// The keys of the object that a container takes a variable from, whichever it should be.
    fn keys_of<'a>(&self, container: &'a Container, variable: &'a str) -> Vec<&'a str> {
        let mut env = container.env.iter().flatten();
        match env.rfind(|entry| entry.name == variable) {
            Some(entry) => self.key_of(entry).into_iter().collect(),
            None => {
                let prefixes = self.prefixes(container);
                prefixes
                    .filter_map(|prefix| variable.strip_prefix(prefix))
                    .collect()
            }
        }
    }

    /// What the `envFrom` sources of a container that are the object put before each key.
    pub(super) fn prefixes<'a>(&self, container: &'a Container) -> impl Iterator<Item = &'a str> {
        let sources = container.env_from.iter().flatten();
        sources.filter_map(|source| {
            let name = match self.kind {
                SourceKind::Secret => source.secret_ref.as_ref().map(|r| &r.name),
                SourceKind::ConfigMap => source.config_map_ref.as_ref().map(|r| &r.name),
            };
            let prefix = source.prefix.as_deref().unwrap_or_default();
            (name == Some(&self.name)).then_some(prefix)
        })
    }

    /// The keys that the env entries of any container name. A pod does not start when one of them is missing.
    pub fn keys_named(&self, deployment: &Deployment) -> Vec<String> {
        let entries = containers(deployment).flat_map(|container| container.env.iter().flatten());
        entries
            .filter_map(|entry| self.key_of(entry))
            .map(str::to_owned)
            .collect()
    }

    /// The variable of the operator's that an entry of any container takes from the object, whichever key it should be.
    pub fn variable_read(&self, deployment: &Deployment) -> Option<String> {
        let mut entries =
            containers(deployment).flat_map(|container| container.env.iter().flatten());
        let reads = |entry: &&EnvVar| read_by(entry).is_some_and(|at| at.is_same_object(self));
        entries.find(reads).map(|entry| entry.name.clone())
    }

    /// The keys that any container takes this variable from.
    pub fn keys_read_as<'a>(&self, deployment: &'a Deployment, variable: &'a str) -> Vec<&'a str> {
        containers(deployment)
            .flat_map(|container| self.keys_of(container, variable))
            .collect()
    }

    /// Whether any container takes all keys of the object.
    pub fn is_taken_whole(&self, deployment: &Deployment) -> bool {
        containers(deployment).any(|container| self.prefixes(container).next().is_some())
    }

    /// Whether any container takes its environment from the object.
    pub fn is_referred_to(&self, deployment: &Deployment) -> bool {
        !self.keys_named(deployment).is_empty() || self.is_taken_whole(deployment)
    }
}

/// The objects that entries of the operator's variables take their values from.
pub fn referred(deployment: &Deployment) -> Vec<Delivered> {
    let entries = containers(deployment).flat_map(|container| container.env.iter().flatten());
    entries.filter_map(read_by).collect()
}

/// The object that a container takes a variable of the operator's from by an entry, under the key that it names.
pub fn read_as(deployment: &Deployment, container: &str, variable: &str) -> Option<Delivered> {
    let container = containers(deployment).find(|found| found.name == container)?;
    let mut env = container.env.iter().flatten();
    read_by(env.rfind(|entry| entry.name == variable)?)
}

/// The object that an entry of a variable of the operator's takes its value from, with the key that it names in the place
/// of the variable's.
fn read_by(entry: &EnvVar) -> Option<Delivered> {
    let from = entry.value_from.as_ref()?;
    let secret = from.secret_key_ref.as_ref();
    let secret = secret.map(|r| (SourceKind::Secret, &r.name, &r.key));
    let config_map = from.config_map_key_ref.as_ref();
    let config_map = config_map.map(|r| (SourceKind::ConfigMap, &r.name, &r.key));
    let (kind, name, key) = secret.or(config_map)?;
    let mut keys = DeliveryKeys::default();
    let place = match entry.name.as_str() {
        JWT_SECRET => &mut keys.jwt_secret,
        UNAUTHORIZED_ROLE => &mut keys.unauthorized_role,
        AUTH_HOOK => &mut keys.auth_hook,
        AUTH_HOOK_MODE => &mut keys.auth_hook_mode,
        _ => return None,
    };
    place.clone_from(key);
    let name = name.clone();
    Some(Delivered { kind, name, keys })
}

/// All containers of the pod template, those that run before the others too.
pub(super) fn containers(deployment: &Deployment) -> impl Iterator<Item = &Container> {
    let spec = deployment.spec.as_ref();
    let pod = spec.and_then(|spec| spec.template.spec.as_ref());
    pod.into_iter().flat_map(|pod| {
        pod.containers
            .iter()
            .chain(pod.init_containers.iter().flatten())
    })
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.name)
    }
}
