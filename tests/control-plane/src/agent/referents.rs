//! The Secrets and ConfigMaps that a container takes its environment from.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, Secret};
use kube::{Api, Client};

/// The Secrets and ConfigMaps that a container names, by name; nothing for one that does not exist.
#[derive(Default)]
pub(crate) struct Referents {
    pub(crate) secrets: BTreeMap<String, Option<Secret>>,
    pub(crate) config_maps: BTreeMap<String, Option<ConfigMap>>,
}

impl Referents {
    /// Reads what the container names.
    pub(crate) async fn read(
        client: &Client,
        namespace: &str,
        container: &Container,
    ) -> kube::Result<Self> {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let mut referents = Self::default();
        for from in container.env_from.iter().flatten() {
            if let Some(reference) = &from.secret_ref {
                let secret = secrets.get_opt(&reference.name).await?;
                referents.secrets.insert(reference.name.clone(), secret);
            }
            if let Some(reference) = &from.config_map_ref {
                let config_map = config_maps.get_opt(&reference.name).await?;
                referents
                    .config_maps
                    .insert(reference.name.clone(), config_map);
            }
        }
        for source in container
            .env
            .iter()
            .flatten()
            .filter_map(|env| env.value_from.as_ref())
        {
            if let Some(reference) = &source.secret_key_ref {
                let secret = secrets.get_opt(&reference.name).await?;
                referents.secrets.insert(reference.name.clone(), secret);
            }
            if let Some(reference) = &source.config_map_key_ref {
                let config_map = config_maps.get_opt(&reference.name).await?;
                referents
                    .config_maps
                    .insert(reference.name.clone(), config_map);
            }
        }
        Ok(referents)
    }

    /// All values of a Secret; nothing when it is optional and does not exist.
    pub(crate) fn secret(
        &self,
        name: &str,
        optional: Option<bool>,
    ) -> Result<Option<BTreeMap<String, String>>, String> {
        match self.secrets.get(name).and_then(Option::as_ref) {
            Some(secret) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let data = secret.data.iter().flatten();
                Ok(Some(
                    data.map(|(key, value)| (key.clone(), text(&value.0)))
                        .collect(),
                ))
            }
            None if optional == Some(true) => Ok(None),
            None => Err(format!("secret \"{name}\" not found")),
        }
    }

    /// All values of a ConfigMap; nothing when it is optional and does not exist.
    pub(crate) fn config_map(
        &self,
        name: &str,
        optional: Option<bool>,
    ) -> Result<Option<BTreeMap<String, String>>, String> {
        match self.config_maps.get(name).and_then(Option::as_ref) {
            Some(config_map) => Ok(Some(config_map.data.clone().unwrap_or_default())),
            None if optional == Some(true) => Ok(None),
            None => Err(format!("configmap \"{name}\" not found")),
        }
    }
}
