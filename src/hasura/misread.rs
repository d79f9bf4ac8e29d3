//! Whether the settings in a Secret or ConfigMap are read as what they are, and as nothing else.
//!
//! They are no secrets: whoever knows the spec can guess them. So they may never become the admin secret of a Hasura, nor
//! anything else that a pod takes for one. Files of a volume are not looked at; Hasura reads none of its secrets from files.

use std::fmt;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;

use super::delivered::{Delivered, containers};
use super::env::VARIABLES;

/// A container that reads a setting as another variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    container: String,
    variable: String,
    key: String,
    meant: Option<&'static str>,
    by: By,
    object: Delivered,
}

/// How it comes to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// An entry with `valueFrom`.
    Reference,
    /// An entry whose value has `$(NAME)` of a setting in it.
    Expansion,
    /// A source of `envFrom`.
    EnvFrom,
}

/// The first place of the pod template, its init containers included, that reads one of the object's keys as another
/// variable than the one that it is for.
pub fn misread(deployment: &Deployment, object: &Delivered) -> Option<Misread> {
    containers(deployment).find_map(|container| {
        by_reference(container, object)
            .or_else(|| by_expansion(container, object))
            .or_else(|| by_env_from(container, object))
    })
}

/// A key that is no setting now may have been one, and still hold it.
fn by_reference(container: &Container, object: &Delivered) -> Option<Misread> {
    container.env.iter().flatten().find_map(|entry| {
        let key = object.key_of(entry)?;
        let meant = object.variable_of(key);
        let is_meant = match meant {
            Some(meant) => entry.name == meant,
            None => VARIABLES.contains(&entry.name.as_str()),
        };
        (!is_meant).then(|| Misread {
            container: container.name.clone(),
            variable: entry.name.clone(),
            key: key.to_owned(),
            meant,
            by: By::Reference,
            object: object.clone(),
        })
    })
}

/// `$$` is a dollar sign, and no beginning of `$(NAME)`.
fn by_expansion(container: &Container, object: &Delivered) -> Option<Misread> {
    container.env.iter().flatten().find_map(|entry| {
        let value = entry.value.as_deref()?.replace("$$", "");
        let mut all = VARIABLES.into_iter();
        let meant = all
            .find(|name| value.contains(&format!("$({name})")) && object.gives(container, name))?;
        Some(Misread {
            container: container.name.clone(),
            variable: entry.name.clone(),
            key: object.key(meant).to_owned(),
            meant: Some(meant),
            by: By::Expansion,
            object: object.clone(),
        })
    })
}

fn by_env_from(container: &Container, object: &Delivered) -> Option<Misread> {
    object.prefixes(container).find_map(|prefix| {
        let mut all = VARIABLES.into_iter();
        let meant = all.find(|meant| format!("{prefix}{}", object.key(meant)) != *meant)?;
        let key = object.key(meant);
        Some(Misread {
            container: container.name.clone(),
            variable: format!("{prefix}{key}"),
            key: key.to_owned(),
            meant: Some(meant),
            by: By::EnvFrom,
            object: object.clone(),
        })
    })
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (object, key, variable) = (&self.object, &self.key, &self.variable);
        write!(f, "in container {:?} ", self.container)?;
        match self.by {
            By::Reference => write!(
                f,
                "the env entry {variable:?} reads key {key:?} of {object}"
            ),
            By::Expansion => write!(
                f,
                "the value of the env entry {variable:?} has key {key:?} of {object} in it"
            ),
            By::EnvFrom => write!(
                f,
                "envFrom makes key {key:?} of {object} the variable {variable:?}"
            ),
        }?;
        f.write_str(", which holds settings of Hasura that everybody can guess")?;
        if let Some(meant) = self.meant {
            write!(f, ", that key for {meant} alone")?;
        }
        f.write_str(": take it out of the Deployment")?;
        if self.by == By::EnvFrom {
            f.write_str(" and put env entries in its place")?;
        }
        f.write_str(", or let spec.delivery name another object")
    }
}
