//! Conditions that say for as long as it lasts what `Ready` can not speak of, or what makes it worth less.
//!
//! They are told anew whenever the Deployment is looked at. A visit that ends before says what was said before.

use k8s_openapi::{api::apps::v1::Deployment, apimachinery::pkg::apis::meta::v1::Condition};

use super::{
    rollout,
    status::{self, Detail},
};
use crate::{
    api::conditions::{reasons, types},
    hasura::{
        env_from::EnvFromKeys,
        visibility::{Unseen, exposed_admin_secret, unseen},
    },
};

const TYPES: [&str; 3] = [
    types::SETTINGS_UNSEEN,
    types::ADMIN_SECRET_EXPOSED,
    types::NO_READINESS_PROBE,
];

/// What there is to say of Hasura's container. `env_from` was just read of it; `is_watched` says whether its rollout counts.
pub fn look(
    deployment: &Deployment,
    container: &str,
    env_from: &EnvFromKeys,
    is_watched: bool,
) -> Vec<Detail> {
    let hidden = settings_unseen(&unseen(deployment, container, env_from));
    let exposed = exposed_admin_secret(deployment, container, env_from).map(|place| Detail {
        type_: types::ADMIN_SECRET_EXPOSED,
        status: Some(true),
        reason: reasons::STANDS_IN_PLAIN_TEXT,
        message: format!(
            "the admin secret stands in plain text in {place}: put it into a Secret, and set HASURA_GRAPHQL_ADMIN_SECRET by a \
             secretKeyRef in the container's env"
        ),
    });
    let unprobed = rollout::unprobed(deployment, container).filter(|_| is_watched);
    hidden.into_iter().chain(exposed).chain(unprobed).collect()
}

fn settings_unseen(unseen: &[Unseen]) -> Option<Detail> {
    let reason = match unseen.first()? {
        Unseen::Image(_) => reasons::OWN_IMAGE,
        Unseen::Shell | Unseen::Program(_) => reasons::OWN_COMMAND,
        Unseen::Source(_) => reasons::SOURCE_UNREADABLE,
    };
    let causes: Vec<_> = unseen.iter().map(ToString::to_string).collect();
    Some(Detail {
        type_: types::SETTINGS_UNSEEN,
        status: Some(true),
        reason,
        message: format!(
            "some of Hasura's settings can not be seen: {}. With a JWT secret or webhook of its own Hasura would refuse Logto's \
             tokens, and it may give requests without a token a role: see yourself that it has none of these",
            causes.join("; ")
        ),
    })
}

/// Whether some of the settings can not be seen.
pub fn hides_settings(details: &[Detail]) -> bool {
    let mut details = details.iter();
    details.any(|detail| detail.type_ == types::SETTINGS_UNSEEN)
}

/// The conditions: as looked at in this visit, else as they were before.
pub fn conditions(
    before: &[Condition],
    generation: i64,
    looked: Option<Vec<Detail>>,
) -> Vec<Condition> {
    match looked {
        Some(details) => {
            let details = details.into_iter();
            let condition = |detail| status::condition(before, generation, detail);
            details.map(condition).collect()
        }
        None => {
            let before = before.iter();
            let lasting = before.filter(|condition| TYPES.contains(&condition.type_.as_str()));
            lasting.cloned().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;
    use serde_json::json;

    use super::*;

    fn looked_at(image: &str) -> Vec<Detail> {
        let from = json!({"secretKeyRef": {"name": "hasura", "key": "admin"}});
        let env = json!([{"name": "HASURA_GRAPHQL_ADMIN_SECRET", "valueFrom": from}]);
        let container = json!({"name": "hasura", "image": image, "env": env});
        let template = json!({"spec": {"containers": [container]}});
        let deployment = json!({"spec": {"selector": {}, "template": template}});
        let deployment: Deployment = serde_json::from_value(deployment).unwrap();
        look(&deployment, "hasura", &EnvFromKeys::default(), false)
    }

    #[test]
    fn what_lasts_is_said_the_same_until_a_look_finds_it_gone() {
        let first = conditions(&[], 1, Some(looked_at("example.com/own:1")));
        let types: Vec<_> = first.iter().map(|found| found.type_.as_str()).collect();
        assert_eq!(types, [types::SETTINGS_UNSEEN]);
        assert_eq!(
            conditions(&first, 1, Some(looked_at("example.com/own:1"))),
            first
        );
        assert_eq!(conditions(&first, 1, None), first, "it was not looked at");
        let own = conditions(&first, 2, Some(looked_at("hasura/graphql-engine:v2")));
        assert_eq!(own, []);
    }
}
