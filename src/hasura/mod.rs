//! Hasura as a Deployment: which environment variables it gets, whether it would start with them, and how far it has rolled out.
//!
//! [`diff`] says whether anything has to be applied, [`apply::judged_apply`] applies it after a dry run that [`startup`] has
//! judged, [`rollout`] reads the result, and [`progress`] what the [`pods`] add to it. [`hold`] changes who holds an entry, and
//! nothing that pods read.

pub mod anonymous;
pub mod apply;
pub mod apply_error;
mod command;
pub mod container;
pub mod delivered;
pub mod diff;
mod entries;
pub mod env;
pub mod env_from;
pub mod hold;
mod image;
mod live;
pub mod misread;
pub mod place;
pub mod pods;
pub mod progress;
pub mod refusal;
pub mod rollout;
mod settings;
pub mod startup;
mod strategy;
#[cfg(test)]
mod tests;
pub mod visibility;
pub mod whose;

pub use live::{containers_of_ours, newest_other_manager, owned_key_hash, owns_entries};

use std::fmt;

use k8s_openapi::api::apps::v1::Deployment;

/// The container of the Deployment that a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `namespace/name`.
    pub deployment: String,
    /// Name of the container.
    pub container: String,
}

impl Target {
    /// The container of this name in the Deployment.
    pub fn new(deployment: &Deployment, container: &str) -> Self {
        Self {
            deployment: full_name(deployment),
            container: container.to_owned(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Deployment {}, container {}",
            self.deployment, self.container
        )
    }
}

fn full_name(deployment: &Deployment) -> String {
    let metadata = &deployment.metadata;
    format!(
        "{}/{}",
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default()
    )
}
