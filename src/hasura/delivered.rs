//! The Secret or ConfigMap that holds the settings, as a container refers to it.

use std::fmt;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource};
use serde_json::{Value, json};

use super::env::VARIABLES;
use super::env_from::{Source, SourceKind};

/// An object of the Deployment's namespace whose keys are named as the variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What it is.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
}

impl Delivered {
    /// The env entries that take these variables from the object, as YAML with one entry a line.
    pub fn stanza<'a>(&self, variables: impl IntoIterator<Item = &'a str>) -> String {
        let reference = match self.kind {
            SourceKind::Secret => "secretKeyRef",
            SourceKind::ConfigMap => "configMapKeyRef",
        };
        let object = &self.name;
        let line = |name| {
            format!(
                "- {{name: {name}, valueFrom: {{{reference}: {{name: {object}, key: {name}}}}}}}"
            )
        };
        let lines: Vec<_> = variables.into_iter().map(line).collect();
        lines.join("\n")
    }

    /// The env entry that takes a variable from the object.
    pub(super) fn entry(&self, variable: &str) -> Value {
        let key = json!({"name": self.name, "key": variable});
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

    /// Whether a container takes a variable from the object: by an entry of its name, else by `envFrom` without a prefix.
    pub(super) fn gives(&self, container: &Container, variable: &str) -> bool {
        let mut env = container.env.iter().flatten();
        match env.rfind(|entry| entry.name == variable) {
            Some(entry) => self.key_of(entry) == Some(variable),
            None => self.is_in_env_from(container, |prefix| prefix.is_empty()),
        }
    }

    fn is_in_env_from(&self, container: &Container, prefix: impl Fn(&str) -> bool) -> bool {
        container.env_from.iter().flatten().any(|source| {
            let name = match self.kind {
                SourceKind::Secret => source.secret_ref.as_ref().map(|r| &r.name),
                SourceKind::ConfigMap => source.config_map_ref.as_ref().map(|r| &r.name),
            };
            name == Some(&self.name) && prefix(source.prefix.as_deref().unwrap_or_default())
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

    /// Whether any container takes this variable from the object.
    pub fn gives_any(&self, deployment: &Deployment, variable: &str) -> bool {
        containers(deployment).any(|container| self.gives(container, variable))
    }

    /// Whether any container takes all keys of the object.
    pub fn is_taken_whole(&self, deployment: &Deployment) -> bool {
        containers(deployment).any(|container| self.is_in_env_from(container, |_| true))
    }

    /// Whether any container takes its environment from the object.
    pub fn is_referred_to(&self, deployment: &Deployment) -> bool {
        !self.keys_named(deployment).is_empty() || self.is_taken_whole(deployment)
    }
}

/// The objects that entries of the operator's variables take their values from.
pub fn referred(deployment: &Deployment) -> Vec<Delivered> {
    let entries = containers(deployment).flat_map(|container| container.env.iter().flatten());
    let ours = entries.filter(|entry| VARIABLES.contains(&entry.name.as_str()));
    let object = |entry: &EnvVar| {
        let from = entry.value_from.as_ref()?;
        let secret = from.secret_key_ref.as_ref();
        let secret = secret.map(|r| (SourceKind::Secret, &r.name));
        let config_map = from.config_map_key_ref.as_ref();
        let config_map = config_map.map(|r| (SourceKind::ConfigMap, &r.name));
        let (kind, name) = secret.or(config_map)?;
        let name = name.clone();
        Some(Delivered { kind, name })
    };
    ours.filter_map(object).collect()
}

fn containers(deployment: &Deployment) -> impl Iterator<Item = &Container> {
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
