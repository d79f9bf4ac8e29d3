//! The status of an instance: what a visit came to, in conditions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    context::{Context, Reread},
    delivery, lasting, moving,
    observe::Seen,
    rollout,
    status::{self, Detail, Verdict},
    visit::{self, Outcome},
    withdrawal,
};
use crate::api::{
    HasuraInstance, HasuraInstanceStatus,
    conditions::{reasons, types},
    instance::AuthMode,
};

/// How far a visit came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// To the API resource.
    Resource,
    /// To the Deployment.
    Auth,
    /// To its rollout.
    Rollout,
    /// To the end.
    Done,
}

/// What a visit came to.
pub struct Visited {
    /// How far it came.
    pub stage: Stage,
    /// What is said at the end.
    pub outcome: Outcome,
    /// Conditions that last, if the Deployment was looked at.
    pub lasting: Option<Vec<Detail>>,
}

impl Visited {
    /// It did not come beyond the API resource.
    pub fn resource(outcome: Outcome) -> Self {
        Self {
            stage: Stage::Resource,
            outcome,
            lasting: None,
        }
    }
}

/// What there is to say of an instance whose settings are rolled out.
pub fn well(instance: &HasuraInstance) -> String {
    let indicator = &instance.spec.api_resource.indicator;
    let auth = &instance.spec.auth;
    let well = match (auth.mode, &auth.unauthorized_role) {
        (AuthMode::Jwt, _) => {
            format!("tokens for {indicator:?} are accepted as of the last rollout")
        }
        (AuthMode::Webhook, Some(role)) => format!(
            "Hasura asks Logto at each request; who does not send Expected-Role, or does not hold that role, is {role:?}"
        ),
        (AuthMode::Webhook, None) => {
            "Hasura asks Logto at each request. Requests without the header Expected-Role are \
             refused, since there is no spec.auth.unauthorizedRole"
                .to_owned()
        }
    };
    well + &delivery::of_before(instance)
}

/// The status that ends a visit of an instance that is managed.
pub fn visited(
    instance: &HasuraInstance,
    visited: Visited,
    reread: Reread,
) -> HasuraInstanceStatus {
    let Visited {
        stage,
        outcome,
        lasting,
    } = visited;
    let before = instance.status.clone().unwrap_or_default();
    let stages = [
        (
            Stage::Resource,
            types::API_RESOURCE_SYNCED,
            "the API resource in Logto is as the spec says",
        ),
        (
            Stage::Auth,
            types::AUTH_CONFIGURED,
            "the Deployment carries the settings",
        ),
        (
            Stage::Rollout,
            types::ROLLED_OUT,
            "every replica ran with the settings that were last written",
        ),
    ];
    let detail = |(own, type_, well): (Stage, &'static str, &str)| match own.cmp(&stage) {
        std::cmp::Ordering::Less if own == Stage::Rollout && !rollout::is_watched(instance) => {
            Detail {
                type_,
                status: None,
                reason: reasons::NOT_WATCHED,
                message: delivery::unwatched(instance),
            }
        }
        std::cmp::Ordering::Less => Detail::well(type_, well),
        std::cmp::Ordering::Equal => Detail::ill(type_, &outcome.verdict),
        std::cmp::Ordering::Greater => Detail {
            type_,
            status: None,
            reason: reasons::PROGRESSING,
            message: "comes after what is not done yet".to_owned(),
        },
    };
    let details = stages.into_iter().map(detail).collect();
    let conditions = conditions(instance, &outcome.verdict, details, lasting);
    HasuraInstanceStatus {
        observed_generation: instance.metadata.generation,
        conditions,
        last_handled_reconcile_at: visit::handled(instance, reread),
        plan: None,
        ..before
    }
}

/// The status that ends a visit of an instance that is only observed.
pub fn observed(instance: &HasuraInstance, seen: Seen, reread: Reread) -> HasuraInstanceStatus {
    let verdict = &seen.outcome.verdict;
    HasuraInstanceStatus {
        observed_generation: instance.metadata.generation,
        conditions: conditions(instance, verdict, seen.details, seen.lasting),
        plan: seen.plan,
        last_handled_reconcile_at: visit::handled(instance, reread),
        ..instance.status.clone().unwrap_or_default()
    }
}

/// The verdict, the details, and what is said for as long as it lasts.
fn conditions(
    instance: &HasuraInstance,
    verdict: &Verdict,
    mut details: Vec<Detail>,
    lasting: Option<Vec<Detail>>,
) -> Vec<Condition> {
    let before = instance.status.as_ref();
    let before = before.map_or(&[][..], |status| &status.conditions);
    let generation = instance.metadata.generation.unwrap_or_default();
    details.extend(user_editable(instance));
    details.extend(moving::ambiguous(instance));
    let mut all = status::conditions(before, generation, verdict, details);
    all.extend(lasting::conditions(before, generation, lasting));
    all
}

/// Adds the condition that says until when tokens work whose grant lost its consent.
pub fn note_withdrawal(
    status: &mut HasuraInstanceStatus,
    instance: &HasuraInstance,
    ctx: &Context,
) {
    if let Some(withdrawn) = withdrawal::of_instance(ctx, instance) {
        let generation = instance.metadata.generation.unwrap_or_default();
        let before = instance.status.as_ref();
        let before = before.map_or(&[][..], |status| &status.conditions);
        status
            .conditions
            .push(status::condition(before, generation, withdrawn));
    }
}

/// The condition that warns of session variables that users choose themselves.
fn user_editable(instance: &HasuraInstance) -> Option<Detail> {
    let jwt = instance.spec.auth.jwt.as_ref()?;
    let names: Vec<&str> = jwt
        .session_variables
        .iter()
        .filter(|variable| variable.user_editable)
        .map(|variable| variable.name.as_str())
        .collect();
    (!names.is_empty()).then(|| Detail {
        type_: types::USER_EDITABLE_CLAIM,
        status: Some(true),
        reason: reasons::USER_EDITABLE,
        message: format!(
            "a user chooses these session variables himself at any sign-in, so nothing may be permitted because of them: {}",
            names.join(", ")
        ),
    })
}
