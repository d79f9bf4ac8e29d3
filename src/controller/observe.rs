//! Policy Observe: what would be done, planned as it would be and written to the status instead.

use std::sync::Arc;

use kube::ResourceExt;

use super::{
    accept::{self, Accepted},
    api_resource, auth, claims,
    context::Context,
    registry::Connection,
    role_sync::{Foreseen, RoleSync, reason_of_conflict},
    status::{self, Detail, Verdict},
    stores::tenant_key,
    subjects::SubjectSync,
    visit::{Error, Next, Outcome},
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding,
        binding::RoleStatus,
        conditions::reasons,
        policy::{PlanStatus, PlannedAction, PlannedStep},
    },
    domain::{observed::Observed, plan::role_of, words},
};

/// What was seen, for the status.
pub struct Seen {
    /// What the visit came to.
    pub outcome: Outcome,
    /// The condition InSync, when it could be told.
    pub details: Vec<Detail>,
    /// Conditions of an instance that last, if its Deployment was looked at.
    pub lasting: Option<Vec<Detail>>,
    /// What would be done.
    pub plan: Option<PlanStatus>,
}

impl Seen {
    /// All was looked at: `steps` would be taken, and `trouble` stands in the way of some.
    pub fn all(steps: Vec<PlannedStep>, trouble: Option<&Verdict>) -> Self {
        let count = steps.len();
        let message = match (count, trouble) {
            (0, None) => "observed: all is as the spec says".to_owned(),
            (_, None) => format!("observed: {count} steps would be taken, see status.plan"),
            (_, Some(_)) => {
                "observed: something stands in the way, see the condition InSync".to_owned()
            }
        };
        Self {
            outcome: Outcome {
                verdict: Verdict::Observed(message),
                next: match trouble {
                    // It may pass without anything that is watched.
                    Some(Verdict::Waiting(..)) => Next::Backoff,
                    _ => Next::Change,
                },
            },
            details: vec![status::in_sync(count, trouble)],
            lasting: None,
            plan: Some(words::status(steps)),
        }
    }

    /// It could not be looked at.
    fn nothing(outcome: Outcome) -> Self {
        Self {
            outcome,
            details: Vec::new(),
            lasting: None,
            plan: None,
        }
    }
}

/// Looks at a binding; none when there is nothing new to say until its tenant or instance was visited.
pub async fn binding(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    reread: bool,
) -> Option<Seen> {
    let accepted = match accept::look(binding, ctx) {
        Ok(accepted) => accepted,
        Err(refusal) => return refusal.map(|refusal| Seen::nothing(refusal.outcome)),
    };
    if let Some(refusal) = accept::refused(binding, ctx, &accepted) {
        return Some(Seen::nothing(refusal.outcome));
    }
    let Accepted {
        instance,
        tenant,
        desired,
        connection,
    } = &accepted;
    let visit = RoleSync {
        ctx,
        binding,
        instance,
        desired,
        session: &connection.session,
    };
    let object = ctx.stores.tenant(tenant);
    let seen = match visit.foresee(reread).await {
        Err(error) => return Some(Seen::nothing(visit.failed(&error, tenant))),
        Ok(Foreseen::KeptChanging) => return Some(Seen::nothing(kept_changing())),
        Ok(Foreseen::Conflict(conflict)) => {
            let message = conflict.to_string();
            let verdict = Verdict::Stalled(reason_of_conflict(&conflict), message);
            Seen::all(vec![words::foreign(&conflict)], Some(&verdict))
        }
        // Nothing of a binding is done before its instance has its API resource.
        Ok(Foreseen::Steps(_)) if api_resource::is_in_conflict(instance, ctx, connection) => {
            let message = format!(
                "the API resource of HasuraInstance {:?} is somebody else's, and nothing is done for its bindings before that \
                 is settled; see its status",
                instance.name_any()
            );
            let foreign = words::in_bounds(PlannedAction::Foreign, &message);
            let verdict = Verdict::Stalled(reasons::API_RESOURCE_CONFLICT, message);
            Seen::all(vec![foreign], Some(&verdict))
        }
        Ok(Foreseen::Steps(mut steps)) => {
            let role = role(&visit);
            let subjects = SubjectSync {
                binding,
                visit: &visit,
                tenant,
                role: &role,
            };
            let (further, held_back) = match subjects.foresee().await {
                Ok(seen) => seen,
                Err(outcome) => return Some(Seen::nothing(outcome)),
            };
            steps.extend(further);
            let (grant, in_the_way) = object
                .as_ref()
                .map(|object| claims::of_binding(ctx, object, connection, instance, binding))
                .unwrap_or_default();
            steps.extend(grant);
            Seen::all(steps, held_back.or(in_the_way).as_ref())
        }
    };
    if let Some(object) = object {
        claims::foresee(ctx, &object, connection, instance, binding);
    }
    Some(seen)
}

fn kept_changing() -> Outcome {
    let message = "what is in Logto kept changing while it was looked at; it is tried again";
    Outcome::retry(reasons::PROGRESSING_WITH_RETRY, message)
}

/// The role that the subjects would be given, under whatever name; its id is empty while it is not there.
fn role(visit: &RoleSync<'_>) -> RoleStatus {
    let there = |observed: &Observed| Some(role_of(visit.desired, observed)?.id.clone());
    RoleStatus {
        id: visit.session.observe(there).unwrap_or_default(),
        name: visit.desired.role_name.clone(),
        origin: None,
    }
}

/// Looks at an instance: its API resource, its Deployment, and its settings in the claims.
///
/// # Errors
/// When the API server fails in a way that says nothing about the Deployment.
pub async fn instance(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    reread: bool,
) -> Result<Seen, Error> {
    let mut steps = match api_resource::foresee(instance, ctx, connection, reread).await {
        Ok(Ok(steps)) => steps,
        Ok(Err(conflict)) => {
            // Manage would stop here: the Deployment is not told of a resource that the instance does not have.
            let verdict = Verdict::Stalled(reason_of_conflict(&conflict), conflict.to_string());
            return Ok(Seen::all(vec![words::foreign(&conflict)], Some(&verdict)));
        }
        Err(outcome) => return Ok(Seen::nothing(outcome)),
    };
    let foreseen = auth::foresee(instance, ctx, connection).await?;
    steps.extend(foreseen.steps);
    let (of_claims, in_the_way) = ctx
        .stores
        .tenant(&tenant_key(instance))
        .map(|tenant| claims::of_instance(ctx, &tenant, connection, instance))
        .unwrap_or_default();
    steps.extend(of_claims);
    let mut seen = Seen::all(steps, foreseen.trouble.or(in_the_way).as_ref());
    seen.outcome.next = seen.outcome.next.sooner(foreseen.look_again);
    seen.lasting = foreseen.lasting;
    Ok(seen)
}
