//! The environment of a container, as the kubelet makes it (pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables).
//!
//! Left out: variables for Services, resourceFieldRef and fileKeyRef.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ObjectFieldSelector, Pod};

use super::expansion::expand;
use super::referents::Referents;

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn resolved(container: Value) -> Result<BTreeMap<String, String>, String> {
        let pod = json!({
            "metadata": {"name": "hasura-1", "namespace": "shop", "uid": "u", "labels": {"app.kubernetes.io/name": "hasura"}},
            "spec": {"containers": [], "serviceAccountName": "sa"}
        });
        let secret = json!({"data": {"A": "c2VjcmV0", "B": "Yg=="}});
        let config_map = json!({"data": {"A": "config", "C": "$(A)"}});
        let mut container = container;
        container["name"] = json!("graphql-engine");
        let referents = Referents {
            secrets: BTreeMap::from([
                ("s".to_owned(), serde_json::from_value(secret).unwrap()),
                ("gone".to_owned(), None),
            ]),
            config_maps: BTreeMap::from([
                ("c".to_owned(), serde_json::from_value(config_map).unwrap()),
                ("gone".to_owned(), None),
            ]),
        };
        let parse = |value: Value| serde_json::from_value(value).unwrap();
        resolve(
            &parse(pod),
            &serde_json::from_value(container).unwrap(),
            &referents,
        )
    }

    fn values(pairs: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        Ok(pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect())
    }

    #[test]
    fn env_wins_over_env_from_and_a_later_source_over_an_earlier() {
        let container = json!({
            "envFrom": [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "c"}}, {"prefix": "P_", "secretRef": {"name": "s"}}],
            "env": [{"name": "B", "value": "own"}]
        });
        // A value that comes from elsewhere is not expanded.
        let expected = [
            ("A", "config"),
            ("B", "own"),
            ("C", "$(A)"),
            ("P_A", "secret"),
            ("P_B", "b"),
        ];
        assert_eq!(resolved(container), values(&expected));
    }

    #[test]
    fn a_value_refers_to_earlier_ones_and_the_last_of_a_name_holds() {
        let container = json!({
            "envFrom": [{"secretRef": {"name": "s"}}],
            "env": [
                {"name": "X", "value": "$(A)-$(Y)"},
                {"name": "Y", "value": "y"},
                {"name": "Y", "value": "$(Y)$(Y)"},
                {"name": "E"}
            ]
        });
        let expected = [
            ("A", "secret"),
            ("B", "b"),
            ("E", ""),
            ("X", "secret-$(Y)"),
            ("Y", "yy"),
        ];
        assert_eq!(resolved(container), values(&expected));
    }

    #[test]
    fn single_keys_and_fields_of_the_pod_are_taken() {
        let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
        let container = json!({"env": [
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "A"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "A"}}},
            field("POD", "metadata.name"),
            field("NAMESPACE", "metadata.namespace"),
            field("UID", "metadata.uid"),
            field("ACCOUNT", "spec.serviceAccountName"),
            field("LABEL", "metadata.labels['app.kubernetes.io/name']"),
            field("NONE", "metadata.annotations['x']")
        ]});
        let expected = [
            ("ACCOUNT", "sa"),
            ("C", "config"),
            ("LABEL", "hasura"),
            ("NAMESPACE", "shop"),
            ("NONE", ""),
            ("POD", "hasura-1"),
            ("S", "secret"),
            ("UID", "u"),
        ];
        assert_eq!(resolved(container), values(&expected));
    }

    #[test]
    fn what_is_missing_is_an_error_unless_it_is_optional() {
        let vectors = [
            (
                json!({"envFrom": [{"secretRef": {"name": "gone"}}]}),
                "secret \"gone\" not found",
            ),
            (
                json!({"envFrom": [{"configMapRef": {"name": "gone"}}]}),
                "configmap \"gone\" not found",
            ),
            (
                json!({"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "gone", "key": "A"}}}]}),
                "secret \"gone\" not found",
            ),
            (
                json!({"env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "Z"}}}]}),
                "couldn't find key Z in Secret shop/s",
            ),
            (
                json!({"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "Z"}}}]}),
                "couldn't find key Z in ConfigMap shop/c",
            ),
            (
                json!({"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}),
                "the node agent does not know the field status.podIP",
            ),
        ];
        for (container, message) in vectors {
            assert_eq!(resolved(container), Err(message.to_owned()));
        }
        let optional = json!({
            "envFrom": [{"secretRef": {"name": "gone", "optional": true}}, {"configMapRef": {"name": "gone", "optional": true}}],
            "env": [
                {"name": "X", "valueFrom": {"secretKeyRef": {"name": "gone", "key": "A", "optional": true}}},
                {"name": "Y", "valueFrom": {"secretKeyRef": {"name": "s", "key": "Z", "optional": true}}},
                {"name": "Z", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "Z", "optional": true}}}
            ]
        });
        assert_eq!(resolved(optional), values(&[]));
    }
}
