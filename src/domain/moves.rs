//! Where the settings of an instance go, and which Deployments they have to leave yet, when its spec comes to name another
//! Deployment or container.

use crate::api::instance::{DeploymentStatus, HasuraInstanceStatus};

/// The most Deployments that a status remembers beside the one that is named; its schema has the same bound.
const MOST_PREVIOUS: usize = 4;

/// The container that the settings go to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Name of the Deployment.
    pub deployment: &'a str,
    /// Its uid.
    pub uid: &'a str,
    /// Name of the container.
    pub container: &'a str,
    /// What the default comes to; nothing where the spec names the container, empty where none can be told.
    pub default_container: Option<&'a str>,
}

/// The status remembers as many Deployments as it may, with none of them rolled out since.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "spec.deploymentRef.name was changed {} times, and none of the Deployments that it named was rolled out with the settings \
     since: name one of these again, so that the others can be released: {}",
    names.len(),
    names.join(", ")
)]
pub struct TooManyMoves {
    /// The Deployments that the settings have not left.
    pub names: Vec<String>,
}

/// What the status says of the Deployments once the settings go to this place: of the one that has them, and of those that
/// they have to leave. One that is named again is no more to be left; one that was made anew has nothing.
///
/// # Errors
/// [`TooManyMoves`] when there would be more to leave than the status holds.
pub fn noted(
    status: &HasuraInstanceStatus,
    place: Place<'_>,
) -> Result<(DeploymentStatus, Vec<DeploymentStatus>), TooManyMoves> {
    let is_named = |before: &DeploymentStatus| before.name.as_deref() == Some(place.deployment);
    let mut previous = status.previous_deployments.clone();
    let again = previous.iter().position(is_named);
    let again = again.map(|at| previous.remove(at));
    let before = match &status.deployment {
        // Without a name it is of a time in which the name could not be changed.
        Some(before) if is_named(before) || before.name.is_none() => Some(before.clone()),
        Some(left) => {
            previous.retain(|before| before.name != left.name);
            if previous.len() >= MOST_PREVIOUS {
                let names = previous.into_iter().filter_map(|before| before.name);
                let names = names.chain(left.name.clone()).collect();
                return Err(TooManyMoves { names });
            }
            previous.push(left.clone());
            again
        }
        None => again,
    };
    let same = before.filter(|before| before.uid == place.uid);
    let now = DeploymentStatus {
        name: Some(place.deployment.to_owned()),
        container: Some(place.container.to_owned()),
        default_container: place.default_container.map(str::to_owned),
        uid: place.uid.to_owned(),
        ..same.unwrap_or_default()
    };
    Ok((now, previous))
}

/// The container that was taken by default in this Deployment before.
pub fn taken_by_default<'a>(
    status: Option<&'a HasuraInstanceStatus>,
    deployment: &str,
    uid: &str,
) -> Option<&'a str> {
    let status = status?;
    let mut known = status.deployment.iter().chain(&status.previous_deployments);
    let before = known.find(|before| before.name.as_deref() == Some(deployment))?;
    let is_the_same = before.uid == uid && before.default_container.is_some();
    before.container.as_deref().filter(|_| is_the_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'a>(deployment: &'a str, uid: &'a str) -> Place<'a> {
        Place {
            deployment,
            uid,
            container: "hasura",
            default_container: Some("hasura"),
        }
    }

    fn written(name: &str, uid: &str) -> DeploymentStatus {
        DeploymentStatus {
            auth_hash: "h".into(),
            rolled_out: true,
            ..blank(name, uid)
        }
    }

    fn blank(name: &str, uid: &str) -> DeploymentStatus {
        DeploymentStatus {
            name: Some(name.into()),
            container: Some("hasura".into()),
            default_container: Some("hasura".into()),
            uid: uid.into(),
            ..DeploymentStatus::default()
        }
    }

    fn status(deployment: DeploymentStatus, previous: &[DeploymentStatus]) -> HasuraInstanceStatus {
        HasuraInstanceStatus {
            deployment: Some(deployment),
            previous_deployments: previous.to_vec(),
            ..HasuraInstanceStatus::default()
        }
    }

    #[test]
    fn the_first_one_is_noted_and_nothing_is_to_be_left() {
        let nothing = HasuraInstanceStatus::default();
        let expected = (blank("a", "1"), vec![]);
        assert_eq!(noted(&nothing, place("a", "1")), Ok(expected));
    }

    #[test]
    fn another_container_of_the_same_deployment_leaves_nothing_behind() {
        let before = status(written("a", "1"), &[]);
        let there = Place {
            container: "engine",
            default_container: None,
            ..place("a", "1")
        };
        let (now, previous) = noted(&before, there).unwrap();
        assert_eq!(now.container.as_deref(), Some("engine"));
        assert_eq!(now.default_container, None);
        assert_eq!((now.auth_hash.as_str(), previous.len()), ("h", 0));
    }

    #[test]
    fn another_deployment_begins_with_nothing_and_the_one_of_before_is_to_be_left() {
        let before = status(written("a", "1"), &[]);
        let expected = (blank("b", "2"), vec![written("a", "1")]);
        assert_eq!(noted(&before, place("b", "2")), Ok(expected));
    }

    #[test]
    fn one_that_is_named_again_is_known_again_and_not_left() {
        let before = status(blank("b", "2"), &[written("a", "1")]);
        let expected = (written("a", "1"), vec![blank("b", "2")]);
        assert_eq!(noted(&before, place("a", "1")), Ok(expected));
        // Made anew meanwhile, it has nothing.
        let expected = (blank("a", "3"), vec![blank("b", "2")]);
        assert_eq!(noted(&before, place("a", "3")), Ok(expected));
    }

    #[test]
    fn one_made_anew_is_another_one_of_its_name_and_the_old_one_is_gone() {
        let before = status(written("a", "1"), &[]);
        let expected = (blank("a", "2"), vec![]);
        assert_eq!(noted(&before, place("a", "2")), Ok(expected));
    }

    #[test]
    fn no_more_are_remembered_than_the_status_holds_and_naming_one_of_them_goes_on() {
        let all = ["a", "b", "c", "d"].map(|name| blank(name, name));
        let full = status(blank("e", "e"), &all);
        let error = noted(&full, place("f", "f")).unwrap_err();
        assert!(error.to_string().ends_with("a, b, c, d, e"), "{error}");
        let (now, previous) = noted(&full, place("b", "b")).unwrap();
        assert_eq!((now.name.as_deref(), previous.len()), (Some("b"), 4));
    }

    #[test]
    fn only_what_was_taken_by_default_in_this_very_deployment_is_taken_again() {
        let named = DeploymentStatus {
            default_container: None,
            ..written("b", "2")
        };
        let status = status(named, &[written("a", "1")]);
        let taken = |name: &str, uid: &str| taken_by_default(Some(&status), name, uid);
        assert_eq!(taken("a", "1"), Some("hasura"));
        assert_eq!(taken("a", "3"), None);
        assert_eq!(taken("b", "2"), None);
        assert_eq!(taken_by_default(None, "a", "1"), None);
    }
}
