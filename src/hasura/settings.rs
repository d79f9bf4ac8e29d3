use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource};

use super::command::Command;
use super::env::DesiredAuth;
use super::env_from::{EnvFromKeys, Source, SourceKind};
use super::place::Place;

/// How one container configures Hasura: by flag, by `env`, or by `envFrom`, in this order of weight.
pub(super) struct Settings<'a> {
    pub(super) command: Command<'a>,
    pub(super) env_from: &'a EnvFromKeys,
    pub(super) env: &'a [EnvVar],
    pub(super) container: &'a Container,
    /// What the references to the operator's Secret or ConfigMap give.
    delivered: Option<&'a DesiredAuth>,
}

/// Where a setting is made, and what is known of its value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting<'a> {
    Flag {
        name: &'static str,
        value: &'a str,
    },
    Literal {
        name: &'static str,
        value: &'a str,
    },
    Reference {
        name: &'static str,
        from: &'a EnvVarSource,
    },
    EnvFrom {
        name: &'static str,
        source: &'a Source,
    },
}

impl<'a> Settings<'a> {
    pub(super) fn of(
        container: &'a Container,
        env_from: &'a EnvFromKeys,
        desired: Option<&'a DesiredAuth>,
    ) -> Self {
        Self {
            command: Command::of(container),
            env_from,
            env: container.env.as_deref().unwrap_or_default(),
            container,
            delivered: desired.filter(|desired| desired.delivered.is_some()),
        }
    }

    /// The value that the container gets for this variable from the operator's Secret or ConfigMap.
    pub(super) fn delivered(&self, name: &str) -> Option<&'a str> {
        let desired = self.delivered?;
        let object = desired.delivered.as_ref()?;
        let by_entry = self.env.iter().any(|entry| entry.name == name);
        let by_source = self.env_from.setting(name).is_some_and(|s| object.is(s));
        if !object.gives(self.container, name) || !(by_entry || by_source) {
            return None;
        }
        let mut entries = desired.entries().into_iter();
        entries
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The flag, else the variable.
    pub(super) fn effective(
        &self,
        flag: &'static str,
        variable: &'static str,
    ) -> Option<Setting<'a>> {
        self.flag(flag).or_else(|| self.variable(variable))
    }

    pub(super) fn flag(&self, name: &'static str) -> Option<Setting<'a>> {
        let value = self.command.flag(name)?;
        Some(Setting::Flag { name, value })
    }

    /// `env` wins over `envFrom`, and the last of several entries over the others.
    pub(super) fn variable(&self, name: &'static str) -> Option<Setting<'a>> {
        if let Some(value) = self.delivered(name) {
            return Some(Setting::Literal { name, value });
        }
        match self.env.iter().rev().find(|entry| entry.name == name) {
            None => {
                let source = self.env_from.setting(name)?;
                Some(Setting::EnvFrom { name, source })
            }
            Some(entry) => Some(match &entry.value_from {
                Some(from) => Setting::Reference { name, from },
                None => Setting::Literal {
                    name,
                    value: entry.value.as_deref().unwrap_or_default(),
                },
            }),
        }
    }

    /// Whether the container takes any of its env from objects, which nobody watches.
    pub(super) fn takes_from_objects(&self) -> bool {
        let refers = self.env.iter().any(|entry| entry.value_from.is_some());
        refers || !self.env_from.sources.is_empty()
    }

    /// All entries of this name in `env`.
    pub(super) fn entries(&self, name: &str) -> impl Iterator<Item = &'a EnvVar> {
        self.env.iter().filter(move |entry| entry.name == name)
    }
}

impl Setting<'_> {
    /// The value, where the Deployment itself holds it.
    pub(super) fn value(&self) -> Option<&str> {
        match self {
            Self::Flag { value, .. } | Self::Literal { value, .. } => Some(value),
            Self::Reference { .. } | Self::EnvFrom { .. } => None,
        }
    }

    /// Where it is made.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Flag { name, .. } => Place::Flag(name),
            Self::Literal { name, .. } => Place::Entry(name),
            Self::Reference { name, from } => Place::Reference {
                name,
                object: object(from),
            },
            Self::EnvFrom { name, source } => Place::EnvFrom {
                name,
                source: (source.kind, source.name.clone()),
            },
        }
    }
}

/// The object that a reference names, if it is one.
fn object(from: &EnvVarSource) -> Option<(SourceKind, String)> {
    let secret = from.secret_key_ref.as_ref();
    let secret = secret.map(|r| (SourceKind::Secret, r.name.clone()));
    let config_map = from.config_map_key_ref.as_ref();
    secret.or_else(|| config_map.map(|r| (SourceKind::ConfigMap, r.name.clone())))
}

/// Whether pods start without what a reference names.
pub(super) fn is_optional(from: &EnvVarSource) -> bool {
    let secret = from.secret_key_ref.as_ref().and_then(|r| r.optional);
    let config_map = from.config_map_key_ref.as_ref().and_then(|r| r.optional);
    secret.or(config_map).unwrap_or(false)
}
