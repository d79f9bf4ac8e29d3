//! Policy Observe: what would be done, planned as it would be and written to the status instead.

use std::sync::Arc;

use super::{
    accept::{self, Accepted},
    api_resource, auth, claims,
    context::Context,
    registry::Connection,
    role_sync::{RoleSync, reason_of_conflict},
    status::{self, Detail, Verdict},
    subjects::SubjectSync,
    visit::{Error, Next, Outcome},
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding,
        binding::RoleStatus,
        policy::{PlanStatus, PlannedStep},
    },
    domain::words,
};

/// What was seen, for the status.
pub struct Seen {
    /// What the visit came to.
    pub outcome: Outcome,
    /// The condition InSync, when it could be told.
    pub details: Vec<Detail>,
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
                next: Next::Change,
            },
            details: vec![status::in_sync(count, trouble)],
            plan: Some(words::status(steps)),
        }
    }

    /// It could not be looked at.
    fn nothing(outcome: Outcome) -> Self {
        Self {
            outcome,
            details: Vec::new(),
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
    let seen = match visit.foresee(reread).await {
        Err(error) => return Some(Seen::nothing(visit.failed(&error, tenant))),
        Ok(Err(conflict)) => {
            let message = conflict.to_string();
            let verdict = Verdict::Stalled(reason_of_conflict(&conflict), message);
            Seen::all(vec![words::foreign(&conflict)], Some(&verdict))
        }
        Ok(Ok(mut steps)) => {
            let role = role(&visit);
            let subjects = SubjectSync {
                binding,
                visit: &visit,
                tenant,
                role: &role,
            };
            match subjects.foresee().await {
                Ok(further) => steps.extend(further),
                Err(outcome) => return Some(Seen::nothing(outcome)),
            }
            Seen::all(steps, None)
        }
    };
    if let Some(object) = ctx.stores.tenant(tenant) {
        claims::foresee(ctx, &object, connection, instance, binding);
    }
    Some(seen)
}

/// The role that the subjects would be given; its id is empty while it is not there.
fn role(visit: &RoleSync<'_>) -> RoleStatus {
    let name = visit.desired.role_name.clone();
    let there = visit.session.observe(|observed| {
        let role = observed.roles.get(&name);
        role.map(|role| role.id.clone())
    });
    RoleStatus {
        id: there.unwrap_or_default(),
        name,
        origin: None,
    }
}

/// Looks at an instance: its API resource, and its Deployment.
///
/// # Errors
/// When the API server fails in a way that says nothing about the Deployment.
pub async fn instance(
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    reread: bool,
) -> Result<Seen, Error> {
    let (mut steps, mut trouble) =
        match api_resource::foresee(instance, ctx, connection, reread).await {
            Ok(Ok(steps)) => (steps, None),
            Ok(Err(conflict)) => {
                let verdict = Verdict::Stalled(reason_of_conflict(&conflict), conflict.to_string());
                (vec![words::foreign(&conflict)], Some(verdict))
            }
            Err(outcome) => return Ok(Seen::nothing(outcome)),
        };
    let (further, in_the_way) = auth::foresee(instance, ctx, connection).await?;
    steps.extend(further);
    trouble = trouble.or(in_the_way);
    Ok(Seen::all(steps, trouble.as_ref()))
}
