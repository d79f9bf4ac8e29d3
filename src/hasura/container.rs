//! Which container of the Deployment is Hasura.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;

use super::full_name;

/// The name that Hasura's Helm chart gives the container, and the default of `spec.deploymentRef.container`.
pub const DEFAULT_CONTAINER: &str = "graphql-engine";

/// No container is known to be Hasura.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Deployment {deployment} has no container {wanted}; set spec.deploymentRef.container to one of: {}",
    names.join(", ")
)]
pub struct ContainerNotFound {
    /// `namespace/name`.
    pub deployment: String,
    /// The name looked for.
    pub wanted: String,
    /// The names that are there.
    pub names: Vec<String>,
}

/// The container of the wanted name; for the default name also the only container there is, whatever its name.
///
/// # Errors
/// [`ContainerNotFound`] lists the containers to choose from.
pub fn choose<'a>(
    deployment: &'a Deployment,
    wanted: &str,
) -> Result<&'a Container, ContainerNotFound> {
    let containers = containers(deployment);
    if let Some(found) = containers.iter().find(|c| c.name == wanted) {
        return Ok(found);
    }
    match containers {
        [only] if wanted == DEFAULT_CONTAINER => Ok(only),
        _ => Err(ContainerNotFound {
            deployment: full_name(deployment),
            wanted: wanted.to_owned(),
            names: containers.iter().map(|c| c.name.clone()).collect(),
        }),
    }
}

/// The container of exactly this name.
pub(super) fn named<'a>(deployment: &'a Deployment, name: &str) -> Option<&'a Container> {
    containers(deployment).iter().find(|c| c.name == name)
}

fn containers(deployment: &Deployment) -> &[Container] {
    deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref())
        .map_or(&[], |pod| &pod.containers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(names: &[&str]) -> Deployment {
        let containers: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        serde_json::from_value(json!({
            "metadata": {"name": "hasura", "namespace": "shop"},
            "spec": {"selector": {}, "template": {"spec": {"containers": containers}}},
        }))
        .unwrap()
    }

    fn chosen(names: &[&str], wanted: &str) -> Result<String, ContainerNotFound> {
        choose(&deployment(names), wanted).map(|c| c.name.clone())
    }

    #[test]
    fn the_named_container_is_taken_wherever_it_stands() {
        assert_eq!(
            chosen(&["proxy", "graphql-engine"], "graphql-engine").unwrap(),
            "graphql-engine"
        );
        assert_eq!(chosen(&["proxy", "engine"], "engine").unwrap(), "engine");
    }

    #[test]
    fn the_only_container_is_taken_for_the_default_name() {
        assert_eq!(chosen(&["hasura"], DEFAULT_CONTAINER).unwrap(), "hasura");
    }

    #[test]
    fn another_name_must_exist_even_when_there_is_one_container_only() {
        assert!(chosen(&["hasura"], "engine").is_err());
    }

    #[test]
    fn among_several_the_user_is_asked_to_choose() {
        let error = chosen(&["hasura", "proxy"], DEFAULT_CONTAINER).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Deployment shop/hasura has no container graphql-engine; \
             set spec.deploymentRef.container to one of: hasura, proxy"
        );
        assert!(choose(&Deployment::default(), DEFAULT_CONTAINER).is_err());
    }
}
