//! A Deployment or container that `spec.deploymentRef` comes to name after another one.
//!
//! Another container of one Deployment is one apply, which takes the entries out of the old one. Of another Deployment the
//! new one gets the settings first; what it has to leave is in the status before anything is written there, and is left
//! once the new one is rolled out. An instance claims what its spec names alone: whoever names the old Deployment by then
//! has it, with what is on it.

mod leave;

use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;

pub use leave::{end, foresee, of_before, release};

use super::{
    context::Context,
    status::{self, Detail},
    visit::Outcome,
};
use crate::{
    api::{
        HasuraInstance,
        conditions::{reasons, types},
        instance::DeploymentStatus,
    },
    domain::moves::{Place, noted, taken_by_default},
    hasura::{
        container::{self, Resolved},
        containers_of_ours,
    },
};

/// The container of the Deployment that the settings go to. What the status says was taken by default counts only while the
/// operator has nothing in other containers alone.
///
/// # Errors
/// What the instance's status says.
pub fn container(instance: &HasuraInstance, live: &Deployment) -> Result<Resolved, Outcome> {
    let named = instance.spec.deployment_ref.as_ref();
    let wanted = named.and_then(|named| named.container.as_deref());
    let uid = live.uid().unwrap_or_default();
    let ours = containers_of_ours(live);
    let before = taken_by_default(instance.status.as_ref(), &live.name_any(), &uid);
    let before = before.filter(|container| ours.is_empty() || ours.contains(*container));
    container::resolve(live, wanted, before)
        .map_err(|missing| Outcome::stalled(reasons::CONTAINER_NOT_FOUND, missing.to_string()))
}

/// What the status says of the Deployments once the settings go there: the one that has them, and those to leave.
///
/// # Errors
/// What the instance's status says.
pub fn planned(
    instance: &HasuraInstance,
    live: &Deployment,
    to: &Resolved,
) -> Result<(DeploymentStatus, Vec<DeploymentStatus>), Outcome> {
    let (deployment, uid) = (live.name_any(), live.uid().unwrap_or_default());
    let place = Place {
        deployment: &deployment,
        uid: &uid,
        container: &to.name,
        default_container: to.default.as_deref(),
    };
    noted(&instance.status.clone().unwrap_or_default(), place)
        .map_err(|error| Outcome::stalled(reasons::TOO_MANY_MOVES, error.to_string()))
}

/// Notes in the status where the settings go. Gives whether that has to be saved before anything is written there: else,
/// after a crash or another change of the spec, nobody would know of it.
///
/// # Errors
/// What the instance's status says.
pub fn note(
    instance: &mut HasuraInstance,
    live: &Deployment,
    to: &Resolved,
) -> Result<bool, Outcome> {
    let (now, previous) = planned(instance, live, to)?;
    let status = instance.status.get_or_insert_default();
    let same_place = status.deployment.as_ref().is_some_and(|before| {
        (&before.name, &before.uid, &before.container) == (&now.name, &now.uid, &now.container)
    });
    let is_known = same_place && status.previous_deployments == previous;
    status.deployment = Some(now);
    status.previous_deployments = previous;
    Ok(!is_known)
}

/// Saves the status as it was noted.
///
/// # Errors
/// What the instance's status says.
pub async fn save(instance: &mut HasuraInstance, ctx: &Context) -> Result<(), Outcome> {
    let mut stored = instance.clone();
    let noted = stored.status.take().unwrap_or_default();
    match status::write(&ctx.client, &stored, noted).await {
        Ok(written) => {
            *instance = written;
            Ok(())
        }
        Err(error) => {
            let message = format!(
                "nothing is written to the Deployment before its name is in the status, and that failed: {error}"
            );
            Err(Outcome::retry(reasons::KUBERNETES_ERROR, message))
        }
    }
}

/// What there is to say of the Deployments that the settings have not left, at the end of a message.
pub fn not_left(instance: &HasuraInstance) -> String {
    let status = instance.status.as_ref();
    let previous = status.map_or(&[][..], |status| &status.previous_deployments);
    let names = previous.iter().filter_map(|before| before.name.as_deref());
    let names: Vec<_> = names.map(|name| format!("{name:?}")).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        ". Named before and not left yet: Deployment {}, which waits for the rollout of the one that is named now",
        names.join(", ")
    )
}

/// The condition that says that another container would be taken by now, if the spec does not name one.
pub fn ambiguous(instance: &HasuraInstance) -> Option<Detail> {
    let named = instance.spec.deployment_ref.as_ref()?;
    let at = instance.status.as_ref()?.deployment.as_ref()?;
    let (container, default) = (at.container.as_ref()?, at.default_container.as_ref()?);
    let is_there = at.name.as_ref() == Some(&named.name) && named.container.is_none();
    if !is_there || container == default {
        return None;
    }
    let now = if default.is_empty() {
        "it can not be told any more which container runs Hasura".to_owned()
    } else {
        format!("container {default:?} would be taken by now")
    };
    Some(Detail {
        type_: types::CONTAINER_AMBIGUOUS,
        status: Some(true),
        reason: reasons::RESOLVES_ELSEWHERE,
        message: format!(
            "the settings are in container {container:?} of Deployment {:?} and stay there, but {now}: name the one that \
             runs Hasura in spec.deploymentRef.container",
            named.name
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn instance(reference: Value, status: Value) -> HasuraInstance {
        serde_json::from_value(json!({
            "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraInstance",
            "metadata": {"name": "shop", "namespace": "shop"},
            "spec": {
                "tenantRef": {"name": "main"},
                "apiResource": {"indicator": "https://shop.example.com/", "name": "Shop"},
                "deploymentRef": reference,
            },
            "status": status,
        }))
        .unwrap()
    }

    fn live(names: &[&str]) -> Deployment {
        let containers: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        serde_json::from_value(json!({
            "metadata": {"name": "hasura", "namespace": "shop", "uid": "1"},
            "spec": {"selector": {}, "template": {"spec": {"containers": containers}}},
        }))
        .unwrap()
    }

    #[test]
    fn it_is_saved_once_where_the_settings_go_and_not_at_each_visit() {
        let mut shop = instance(json!({"name": "hasura"}), Value::Null);
        let live = live(&["hasura"]);
        let to = container(&shop, &live).unwrap();
        assert_eq!(note(&mut shop, &live, &to), Ok(true));
        assert_eq!(note(&mut shop, &live, &to), Ok(false));
        assert!(ambiguous(&shop).is_none());
    }

    #[test]
    fn a_forged_status_does_not_say_which_container_has_the_settings() {
        let forged = json!({"deployment": {
            "name": "hasura", "container": "proxy", "defaultContainer": "proxy", "uid": "1", "authHash": "", "rolledOut": true,
        }});
        let shop = instance(json!({"name": "hasura"}), forged);
        let mut live = live(&["graphql-engine", "proxy"]);
        let entry =
            json!({r#"k:{"name":"HASURA_GRAPHQL_JWT_SECRET"}"#: {"f:name": {}, "f:value": {}}});
        let containers = json!({r#"k:{"name":"graphql-engine"}"#: {"f:env": entry}});
        live.metadata.managed_fields = serde_json::from_value(json!([{
            "manager": "logto-hasura", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}},
        }]))
        .unwrap();
        assert_eq!(container(&shop, &live).unwrap().name, "graphql-engine");
    }

    #[test]
    fn a_container_that_joins_is_said_and_takes_nothing_and_naming_one_settles_it() {
        let mut shop = instance(json!({"name": "hasura"}), Value::Null);
        let before = live(&["hasura"]);
        let to = container(&shop, &before).unwrap();
        note(&mut shop, &before, &to).unwrap();
        for (others, words) in [
            (
                live(&["hasura", "graphql-engine"]),
                "container \"graphql-engine\" would be taken",
            ),
            (live(&["hasura", "proxy"]), "can not be told any more"),
        ] {
            let to = container(&shop, &others).unwrap();
            assert_eq!(to.name, "hasura");
            assert_eq!(note(&mut shop, &others, &to), Ok(false));
            let detail = ambiguous(&shop).unwrap();
            assert!(detail.message.contains(words), "{}", detail.message);
            assert!(detail.message.contains("spec.deploymentRef.container"));
        }
        let named = json!({"name": "hasura", "container": "proxy"});
        let mut shop = instance(named, json!(shop.status));
        let others = live(&["hasura", "proxy"]);
        let to = container(&shop, &others).unwrap();
        assert_eq!(note(&mut shop, &others, &to), Ok(true));
        assert!(ambiguous(&shop).is_none());
    }

    #[test]
    fn those_that_are_not_left_yet_are_said() {
        let at = json!({"name": "old", "uid": "1", "authHash": "", "rolledOut": true});
        let shop = |previous: Value| {
            let status = json!({"previousDeployments": previous});
            not_left(&instance(json!({"name": "hasura"}), status))
        };
        assert!(shop(json!([at])).contains("Deployment \"old\""));
        assert_eq!(shop(json!([])), "");
    }
}
