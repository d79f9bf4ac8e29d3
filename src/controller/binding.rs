//! HasuraRoleBinding: its scope and its role in Logto.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Api, ResourceExt,
    runtime::{
        controller::Action,
        finalizer::{Event, finalizer},
    },
};

use super::{
    accept::{self, Accepted, accept},
    claims::{self, Publication},
    context::{Context, Reread},
    observe,
    policy::{self, Hands},
    registry::Connection,
    release,
    role_sync::RoleSync,
    rollout,
    status::{self, Detail, Verdict, is_true},
    subjects::{self, Assignments, SubjectSync},
    visit::{self, Error, Next, Outcome},
    withdrawal,
};
use crate::{
    api::{
        FINALIZER, HasuraInstance, HasuraRoleBinding, HasuraRoleBindingStatus, Reference,
        binding::{RoleStatus, ScopeStatus},
        conditions::{reasons, types},
    },
    domain::precedence::Key,
};

/// Visits a binding.
///
/// # Errors
/// When the API server fails; Logto's failures end in the status.
pub async fn reconcile(
    binding: Arc<HasuraRoleBinding>,
    ctx: Arc<Context>,
) -> Result<Action, Error> {
    let api = Api::namespaced(ctx.client.clone(), &binding.namespace().unwrap_or_default());
    let visit = |event| async {
        match event {
            Event::Apply(binding) => apply(&binding, &ctx).await,
            Event::Cleanup(binding) => release::binding(&binding, &ctx).await,
        }
    };
    Ok(finalizer(&api, FINALIZER, binding, visit).await?)
}

async fn apply(binding: &HasuraRoleBinding, ctx: &Context) -> Result<Action, Error> {
    let first_status = |conditions: Vec<Condition>, generation| HasuraRoleBindingStatus {
        conditions,
        observed_generation: Some(generation),
        ..HasuraRoleBindingStatus::default()
    };
    let binding = Arc::new(visit::begin(ctx, binding, first_status).await?);
    let hands = policy::of_binding(&ctx.stores, &binding);
    if hands == Hands::Off {
        return suspended(&binding, ctx).await;
    }
    let reread = ctx.reread_asked(&*binding);
    if hands == Hands::Observe {
        return observed(&binding, ctx, reread).await;
    }
    let Some(visited) = converge(&binding, ctx, reread == Reread::Now).await else {
        return Ok(Action::await_change());
    };
    let mut outcome = visited.outcome.clone();
    if let Reread::After(wait) = reread {
        outcome.next = Next::After(wait);
    }
    let mut binding = binding;
    if let Some(assignments) = &visited.assignments {
        outcome.next = outcome.next.sooner(assignments.next);
        // Its status may have been written meanwhile.
        binding = Arc::clone(&assignments.binding);
    }
    let mut status = status_of(&binding, visited, reread);
    note_withdrawal(&mut status, &binding, ctx);
    visit::end(ctx, &*binding, status, &outcome).await
}

/// Nothing is looked at but the consent, which ends a grant all the same when it is withdrawn.
async fn suspended(binding: &Arc<HasuraRoleBinding>, ctx: &Context) -> Result<Action, Error> {
    accept::note_consent(binding, ctx);
    let before = binding.status.clone().unwrap_or_default();
    let generation = binding.metadata.generation.unwrap_or_default();
    let withdrawn = withdrawal::of_binding(ctx, binding);
    let status = HasuraRoleBindingStatus {
        observed_generation: Some(generation),
        conditions: status::suspended(&before.conditions, generation, withdrawn),
        plan: None,
        ..before
    };
    let outcome = Outcome {
        verdict: Verdict::Suspended,
        next: Next::Change,
    };
    visit::end(ctx, &**binding, status, &outcome).await
}

/// Everything is looked at, and nothing done.
async fn observed(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    reread: Reread,
) -> Result<Action, Error> {
    let Some(mut seen) = observe::binding(binding, ctx, reread == Reread::Now).await else {
        return Ok(Action::await_change());
    };
    if let Reread::After(wait) = reread {
        seen.outcome.next = Next::After(wait);
    }
    let before = binding.status.clone().unwrap_or_default();
    let generation = binding.metadata.generation.unwrap_or_default();
    let verdict = &seen.outcome.verdict;
    let mut status = HasuraRoleBindingStatus {
        observed_generation: Some(generation),
        conditions: status::conditions(&before.conditions, generation, verdict, seen.details),
        plan: seen.plan,
        last_handled_reconcile_at: visit::handled(&**binding, reread),
        ..before
    };
    note_withdrawal(&mut status, binding, ctx);
    visit::end(ctx, &**binding, status, &seen.outcome).await
}

/// Adds the condition that says until when tokens work whose grant lost its consent.
fn note_withdrawal(
    status: &mut HasuraRoleBindingStatus,
    binding: &HasuraRoleBinding,
    ctx: &Context,
) {
    if let Some(withdrawn) = withdrawal::of_binding(ctx, binding) {
        let generation = binding.metadata.generation.unwrap_or_default();
        let before = binding.status.as_ref();
        let before = before.map_or(&[][..], |status| &status.conditions);
        status
            .conditions
            .push(status::condition(before, generation, withdrawn));
    }
}

/// What a visit found.
struct Visited {
    outcome: Outcome,
    accepted: bool,
    /// What the role and its scope came to, when that is not what the whole came to.
    synced: Option<String>,
    /// What the claims came to, when the operator is to deploy them.
    published: Option<Detail>,
    tenant: Option<Key>,
    scope: Option<ScopeStatus>,
    role: Option<RoleStatus>,
    /// What the subjects came to, once the role was there.
    assignments: Option<Assignments>,
}

impl From<Outcome> for Visited {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            accepted: false,
            synced: None,
            published: None,
            tenant: None,
            scope: None,
            role: None,
            assignments: None,
        }
    }
}

/// Carries the binding out; none when there is nothing new to say until its tenant or instance was visited.
async fn converge(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    reread: bool,
) -> Option<Visited> {
    let Accepted {
        instance,
        tenant,
        desired,
        connection,
    } = match accept(binding, ctx) {
        Ok(accepted) => accepted,
        Err(refusal) => {
            return refusal.map(|refusal| Visited {
                tenant: refusal.tenant,
                ..refusal.outcome.into()
            });
        }
    };
    let visit = RoleSync {
        ctx,
        binding,
        instance: &instance,
        desired: &desired,
        session: &connection.session,
    };
    let outcome = match visit.sync(reread).await {
        Ok(outcome) => outcome,
        Err(error) => visit.failed(&error, &tenant),
    };
    let (scope, role) = visit.ids();
    let assignments = match (&outcome.verdict, &role) {
        (Verdict::Ready(_), Some(role)) => {
            let subjects = SubjectSync {
                binding,
                visit: &visit,
                tenant: &tenant,
                role,
            };
            Some(subjects.sync(reread).await)
        }
        _ => None,
    };
    let visited = Visited {
        outcome,
        accepted: true,
        synced: None,
        published: None,
        tenant: Some(tenant),
        scope,
        role,
        assignments,
    };
    Some(granted(binding, &instance, ctx, &connection, visited))
}

/// What is left once the role holds its scope: the claims, and a Hasura that runs with the settings.
fn granted(
    binding: &HasuraRoleBinding,
    instance: &HasuraInstance,
    ctx: &Context,
    connection: &Connection,
    visited: Visited,
) -> Visited {
    let Some(tenant) = visited
        .tenant
        .as_ref()
        .and_then(|tenant| ctx.stores.tenant(tenant))
    else {
        return visited;
    };
    let synced = match &visited.outcome.verdict {
        Verdict::Ready(message) => message.clone(),
        Verdict::Stalled(..) => {
            claims::refuse(ctx, &tenant, connection, binding);
            return visited;
        }
        Verdict::Starting | Verdict::Waiting(..) | Verdict::Observed(_) | Verdict::Suspended => {
            return visited;
        }
    };
    let publication = claims::grant(ctx, &tenant, connection, instance, binding);
    let published = publication.detail();
    let mut outcome = match publication {
        Publication::No(outcome) => outcome,
        Publication::Yes => visited.outcome.clone(),
        Publication::NotOurs(why) => Outcome {
            verdict: Verdict::Ready(format!("{synced}; {why}")),
            next: visited.outcome.next,
        },
    };
    if outcome.verdict.is_ready()
        && let Some(waiting) = instance_is_behind(instance)
    {
        outcome = waiting;
    }
    Visited {
        outcome,
        synced: Some(synced),
        published,
        ..visited
    }
}

/// A role that Hasura's pods would not accept yet is not ready.
fn instance_is_behind(instance: &HasuraInstance) -> Option<Outcome> {
    let is_delivered = !rollout::is_watched(instance) && is_true(instance, types::AUTH_CONFIGURED);
    if is_delivered || is_true(instance, types::ROLLED_OUT) {
        return None;
    }
    if rollout::lacks_replicas(instance) {
        let message = format!(
            "the role is in Logto, but no replica of HasuraInstance {:?} runs with its settings: its Deployment is scaled to 0",
            instance.name_any()
        );
        return Some(Outcome::waiting(reasons::NO_REPLICAS, message));
    }
    let message = format!(
        "the role is in Logto, but HasuraInstance {:?} does not run with its settings yet; see its status",
        instance.name_any()
    );
    Some(Outcome::waiting(reasons::INSTANCE_NOT_READY, message))
}

fn status_of(
    binding: &HasuraRoleBinding,
    visited: Visited,
    reread: Reread,
) -> HasuraRoleBindingStatus {
    let Visited {
        outcome,
        accepted,
        synced,
        published,
        tenant,
        scope,
        role,
        assignments,
    } = visited;
    let verdict = &outcome.verdict;
    let before = binding.status.clone().unwrap_or_default();
    let mut details = vec![
        if accepted {
            Detail::well(
                types::ACCEPTED,
                "the instance takes it, and nothing else asks for the same",
            )
        } else {
            Detail::ill(types::ACCEPTED, verdict)
        },
        match (synced, verdict) {
            (Some(message), _) => Detail::well(types::ROLE_SYNCED, message),
            (None, Verdict::Ready(message)) => Detail::well(types::ROLE_SYNCED, message),
            (None, verdict) => Detail::ill(types::ROLE_SYNCED, verdict),
        },
    ];
    details.extend(published);
    let (role, rows) = match assignments {
        Some(assignments) => {
            details.extend(assignments.details);
            (assignments.role, assignments.rows)
        }
        None => {
            details.extend(subjects::not_looked_at(binding, verdict));
            // Rows speak of the role that stands beside them, so the two move together.
            let has_subjects = !binding.spec.subjects.is_empty() || !before.subjects.is_empty();
            let keeps = !accepted || has_subjects;
            (if keeps { before.role } else { role }, before.subjects)
        }
    };
    let generation = binding.metadata.generation.unwrap_or_default();
    HasuraRoleBindingStatus {
        observed_generation: Some(generation),
        conditions: status::conditions(&before.conditions, generation, verdict, details),
        tenant_ref: tenant
            .map(|tenant| Reference {
                name: tenant.name,
                namespace: Some(tenant.namespace),
            })
            .or(before.tenant_ref),
        scope: if accepted { scope } else { before.scope },
        role,
        subjects: rows,
        plan: None,
        last_handled_reconcile_at: visit::handled(binding, reread),
    }
}
