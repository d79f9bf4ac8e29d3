//! Which container of the Deployment is Hasura.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;

use super::command::{HASURA, runs_hasura};
use super::full_name;
use super::image::last_part;

/// The most names that a message lists.
const MOST_NAMES: usize = 16;

/// The container that the settings go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its name.
    pub name: String,
    /// What the default comes to by now: nothing where the spec names the container, empty where none can be told.
    pub default: Option<String>,
}

/// No container is known to be Hasura.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}; set spec.deploymentRef.container to one of: {}", self.what(), names.join(", "))]
pub struct ContainerNotFound {
    /// `namespace/name`.
    pub deployment: String,
    /// The name that the spec has.
    pub wanted: Option<String>,
    /// The names that are there.
    pub names: Vec<String>,
}

impl ContainerNotFound {
    fn what(&self) -> String {
        let deployment = &self.deployment;
        match &self.wanted {
            Some(wanted) => format!("Deployment {deployment} has no container {wanted}"),
            None => format!(
                "it can not be told which container of Deployment {deployment} runs Hasura: none is called {HASURA}, and not \
                 exactly one has an image or a command of that name"
            ),
        }
    }
}

/// The container that the spec names; without a name the one that was taken before, while it is there, else the default.
///
/// # Errors
/// [`ContainerNotFound`] lists the containers to choose from.
pub fn resolve(
    deployment: &Deployment,
    wanted: Option<&str>,
    taken_before: Option<&str>,
) -> Result<Resolved, ContainerNotFound> {
    let is_there = |name: &&str| named(deployment, name).is_some();
    let default = || by_default(deployment).map(|container| container.name.clone());
    let found = match wanted {
        Some(wanted) => Some(wanted).filter(is_there).map(|name| Resolved {
            name: name.to_owned(),
            default: None,
        }),
        None => {
            let default = default();
            let stays = taken_before.filter(is_there).map(str::to_owned);
            stays.or_else(|| default.clone()).map(|name| Resolved {
                name,
                default: Some(default.unwrap_or_default()),
            })
        }
    };
    found.ok_or_else(|| ContainerNotFound {
        deployment: full_name(deployment),
        wanted: wanted.map(str::to_owned),
        names: containers(deployment)
            .iter()
            .take(MOST_NAMES)
            .map(|container| container.name.clone())
            .collect(),
    })
}

/// The container of the name that Hasura's Helm chart gives it; else the only one whose image or command is Hasura's; else
/// the only one.
fn by_default(deployment: &Deployment) -> Option<&Container> {
    let containers = containers(deployment);
    let is_hasura = |container: &&Container| {
        let image = container.image.as_deref().unwrap_or_default();
        last_part(image) == HASURA || runs_hasura(container)
    };
    let mut hasuras = containers.iter().filter(is_hasura);
    named(deployment, HASURA).or_else(|| match (hasuras.next(), hasuras.next()) {
        (Some(only), None) => Some(only),
        (Some(_), Some(_)) => None,
        (None, _) => match containers {
            [only] => Some(only),
            _ => None,
        },
    })
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
    use serde_json::{Value, json};

    use super::*;

    fn deployment(containers: &Value) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"name": "hasura", "namespace": "shop"},
            "spec": {"selector": {}, "template": {"spec": {"containers": containers}}},
        }))
        .unwrap()
    }

    fn named_only(names: &[&str]) -> Deployment {
        let containers: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        deployment(&json!(containers))
    }

    /// The default's container.
    fn taken(containers: &Value) -> Result<String, String> {
        let found = resolve(&deployment(containers), None, None);
        let found = found.map_err(|missing| missing.to_string())?;
        assert_eq!(found.default.as_ref(), Some(&found.name));
        Ok(found.name)
    }

    fn proxy() -> Value {
        json!({"name": "cloudsql-proxy", "image": "registry.example.com/cloudsql-proxy:1.33",
               "command": ["/cloud_sql_proxy", "-instances=p:r:i=tcp:5432"]})
    }

    #[test]
    fn hasura_is_found_by_its_name_its_image_or_its_command_wherever_it_stands() {
        let shell =
            "set -a; . /plain/secret.env; set +a\nexec docker-entrypoint.sh graphql-engine serve\n";
        for hasura in [
            json!({"name": "graphql-engine", "image": "registry.example.com/shop/a:1"}),
            json!({"name": "hasura", "image": "hasura/graphql-engine:v2.15.0"}),
            json!({"name": "hasura", "image": "registry.example.com:5000/a/graphql-engine:v2@sha256:0a1b"}),
            json!({"name": "hasura", "image": "registry.example.com/shop/a:1", "command": ["graphql-engine", "serve"]}),
            json!({"name": "hasura", "image": "registry.example.com/shop/a:1", "command": ["sh", "-c"], "args": [shell]}),
        ] {
            let name = Ok(hasura["name"].as_str().unwrap().to_owned());
            assert_eq!(taken(&json!([proxy(), hasura])), name, "{hasura}");
            assert_eq!(taken(&json!([hasura, proxy()])), name, "{hasura}");
        }
    }

    #[test]
    fn in_deployments_as_people_have_them_hasura_is_found_without_being_named() {
        let one = |name: &str, image: &str| json!([{"name": name, "image": image}]);
        let sql_proxy = json!({"name": "sql-proxy", "image": "registry.example.com/sql-proxy:2",
                               "args": ["--port=5432", "project:region:db"]});
        let with_shell = json!({"name": "hasura", "image": "hasura/graphql-engine:v2.8.1.cli-migrations-v3",
                                "command": ["/bin/sh", "-c"], "args": ["exec docker-entrypoint.sh graphql-engine serve"]});
        for (containers, name) in [
            (
                one("shop-hasura", "hasura/graphql-engine:v2.36.0"),
                "shop-hasura",
            ),
            (one("hasura", "hasura/graphql-engine:v2.40.0"), "hasura"),
            (one("app", "registry.example.com/shop/hasura:3f2a1"), "app"),
            (json!([sql_proxy, with_shell]), "hasura"),
            (
                json!([proxy(), {"name": "hasura", "image": "hasura/graphql-engine:v2.15.0"}]),
                "hasura",
            ),
            (
                one(
                    "hasura",
                    "registry.example.com/shop/hasura-with-migrations:2024-05-01",
                ),
                "hasura",
            ),
            (
                one("hasura", "hasura/graphql-engine:v2.2.0.cli-migrations-v3"),
                "hasura",
            ),
        ] {
            assert_eq!(taken(&containers), Ok(name.to_owned()), "{containers}");
        }
    }

    #[test]
    fn the_name_goes_before_the_image_and_the_image_before_being_the_only_one() {
        let named = json!({"name": "graphql-engine", "image": "registry.example.com/shop/a:1"});
        let other = json!({"name": "hasura", "image": "hasura/graphql-engine:v2"});
        assert_eq!(taken(&json!([other, named])), Ok("graphql-engine".into()));
        // As people write it who give the container the project's name.
        assert_eq!(taken(&json!([{"name": "shop"}])), Ok("shop".into()));
    }

    #[test]
    fn among_none_or_several_that_may_be_hasura_the_user_is_asked_to_choose() {
        let hasura = |name: &str| json!({"name": name, "image": "hasura/graphql-engine:v2"});
        for containers in [
            json!([hasura("blue"), hasura("green")]),
            json!([{"name": "blue"}, {"name": "green"}]),
        ] {
            assert_eq!(
                taken(&containers),
                Err(
                    "it can not be told which container of Deployment shop/hasura runs Hasura: none is called \
                     graphql-engine, and not exactly one has an image or a command of that name; set \
                     spec.deploymentRef.container to one of: blue, green"
                        .to_owned()
                )
            );
        }
        assert!(resolve(&Deployment::default(), None, None).is_err());
    }

    #[test]
    fn the_container_that_the_spec_names_has_to_be_there_and_is_taken_whatever_it_is() {
        let live = named_only(&["hasura", "proxy"]);
        let found = resolve(&live, Some("proxy"), Some("hasura")).unwrap();
        assert_eq!((found.name.as_str(), found.default), ("proxy", None));
        let missing = resolve(&named_only(&["hasura"]), Some("engine"), None).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "Deployment shop/hasura has no container engine; set spec.deploymentRef.container to one of: hasura"
        );
    }

    #[test]
    fn what_was_taken_before_stays_while_it_is_there_and_it_is_said_what_the_default_would_be() {
        let found = |names: &[&str], before| resolve(&named_only(names), None, Some(before));
        let resolved = |name: &str, default: &str| {
            Ok(Resolved {
                name: name.into(),
                default: Some(default.into()),
            })
        };
        let names = ["hasura", "graphql-engine"];
        assert_eq!(found(&names, "hasura"), resolved("hasura", names[1]));
        assert_eq!(found(&["a", "b"], "a"), resolved("a", ""));
        assert_eq!(found(&names, "gone"), resolved(names[1], names[1]));
        assert!(found(&["a", "b"], "gone").is_err());
    }
}
