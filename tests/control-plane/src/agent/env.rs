//! The environment of a container, as the kubelet makes it (pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables).
//!
//! Left out: variables for Services, resourceFieldRef and fileKeyRef.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod, Secret,
};
use kube::{Api, Client};

use super::expansion::expand;

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

    /// All values of a Secret.
    fn secret(
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

    /// All values of a ConfigMap.
    fn config_map(
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

/// The values of all variables: those of `envFrom`, then those of `env`, which win.
///
/// # Errors
/// The kubelet's message for a container that can not be configured.
pub(crate) fn resolve(
    pod: &Pod,
    container: &Container,
    referents: &Referents,
) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    for from in container.env_from.iter().flatten() {
        let data = match (&from.secret_ref, &from.config_map_ref) {
            (Some(reference), _) => referents.secret(&reference.name, reference.optional)?,
            (None, Some(reference)) => referents.config_map(&reference.name, reference.optional)?,
            (None, None) => None,
        };
        let prefix = from.prefix.as_deref().unwrap_or_default();
        values.extend(
            data.into_iter()
                .flatten()
                .map(|(key, value)| (format!("{prefix}{key}"), value)),
        );
    }
    for env in container.env.iter().flatten() {
        if let Some(value) = value_of(pod, env, referents, &values)? {
            values.insert(env.name.clone(), value);
        }
    }
    Ok(values)
}

/// The value of one variable; nothing when it is taken from something optional that is not there.
fn value_of(
    pod: &Pod,
    env: &EnvVar,
    referents: &Referents,
    earlier: &BTreeMap<String, String>,
) -> Result<Option<String>, String> {
    match (env.value.as_deref(), &env.value_from) {
        (None | Some(""), Some(source)) => sourced(pod, source, referents),
        (value, _) => Ok(Some(expand(value.unwrap_or_default(), earlier))),
    }
}

fn sourced(
    pod: &Pod,
    source: &EnvVarSource,
    referents: &Referents,
) -> Result<Option<String>, String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    if let Some(reference) = &source.secret_key_ref {
        let data = referents.secret(&reference.name, reference.optional)?;
        let found = data.and_then(|mut data| data.remove(&reference.key));
        return required(found, reference.optional, || {
            format!(
                "couldn't find key {} in Secret {namespace}/{}",
                reference.key, reference.name
            )
        });
    }
    if let Some(reference) = &source.config_map_key_ref {
        let data = referents.config_map(&reference.name, reference.optional)?;
        let found = data.and_then(|mut data| data.remove(&reference.key));
        return required(found, reference.optional, || {
            format!(
                "couldn't find key {} in ConfigMap {namespace}/{}",
                reference.key, reference.name
            )
        });
    }
    match &source.field_ref {
        Some(field) => field_of(pod, field).map(Some),
        None => {
            Err("the node agent knows only secretKeyRef, configMapKeyRef and fieldRef".to_owned())
        }
    }
}

fn required(
    found: Option<String>,
    optional: Option<bool>,
    message: impl Fn() -> String,
) -> Result<Option<String>, String> {
    if found.is_some() || optional == Some(true) {
        Ok(found)
    } else {
        Err(message())
    }
}

/// The fields of the pod itself; those of its node and addresses are not known here.
fn field_of(pod: &Pod, field: &ObjectFieldSelector) -> Result<String, String> {
    let metadata = &pod.metadata;
    let entry = |entries: &Option<BTreeMap<String, String>>, subscript: &str| {
        let key = subscript.trim_matches(|c| "[]'\"".contains(c));
        entries
            .as_ref()
            .and_then(|entries| entries.get(key))
            .cloned()
            .unwrap_or_default()
    };
    let path = field.field_path.as_str();
    Ok(match path {
        "metadata.name" => metadata.name.clone().unwrap_or_default(),
        "metadata.namespace" => metadata.namespace.clone().unwrap_or_default(),
        "metadata.uid" => metadata.uid.clone().unwrap_or_default(),
        "spec.serviceAccountName" => pod
            .spec
            .as_ref()
            .and_then(|spec| spec.service_account_name.clone())
            .unwrap_or_default(),
        _ => {
            if let Some(subscript) = path.strip_prefix("metadata.labels") {
                entry(&metadata.labels, subscript)
            } else if let Some(subscript) = path.strip_prefix("metadata.annotations") {
                entry(&metadata.annotations, subscript)
            } else {
                return Err(format!("the node agent does not know the field {path}"));
            }
        }
    })
}
