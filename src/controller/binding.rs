//! HasuraRoleBinding: its scope and its role in Logto.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Api, ResourceExt,
    runtime::{
        controller::Action,
        finalizer::{Event, finalizer},
        reflector::ObjectRef,
    },
};

use super::{
    access::{Access, access},
    context::{Context, Reread, key},
    release, rivals,
    role_sync::RoleSync,
    status::{self, Detail, Verdict, is_settled},
    visit::{self, Error, Next, Outcome},
};
use crate::{
    api::{
        FINALIZER, HasuraInstance, HasuraRoleBinding, HasuraRoleBindingStatus, LocalRef,
        RECONCILE_REQUESTED_AT,
        binding::{RoleStatus, ScopeStatus},
        conditions::{reasons, types},
    },
    domain::{
        desired::{Binding, Invalid},
        precedence::Key,
    },
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
    let reread = ctx.reread_asked(&*binding);
    let Some(visited) = converge(&binding, ctx, reread == Reread::Now).await else {
        return Ok(Action::await_change());
    };
    let mut outcome = visited.outcome.clone();
    if let Reread::After(wait) = reread {
        outcome.next = Next::After(wait);
    }
    let status = status_of(&binding, visited, reread);
    visit::end(ctx, &*binding, status, &outcome).await
}

/// What a visit found.
struct Visited {
    outcome: Outcome,
    accepted: bool,
    tenant: Option<Key>,
    scope: Option<ScopeStatus>,
    role: Option<RoleStatus>,
}

impl From<Outcome> for Visited {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            accepted: false,
            tenant: None,
            scope: None,
            role: None,
        }
    }
}

/// Carries the binding out; none when there is nothing new to say until its tenant or instance was visited.
async fn converge(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    reread: bool,
) -> Option<Visited> {
    let namespace = binding.namespace().unwrap_or_default();
    let name = &binding.spec.instance_ref.name;
    let Some(instance) = ctx
        .stores
        .instances
        .get(&ObjectRef::new(name).within(&namespace))
    else {
        let message = format!("HasuraInstance {name:?} is not in this namespace; it is waited for");
        return Some(Outcome::waiting(reasons::INSTANCE_NOT_FOUND, message).into());
    };
    let desired = match Binding::new(
        &ctx.owner,
        &namespace,
        &binding.name_any(),
        binding,
        &instance,
    ) {
        Ok(desired) => desired,
        Err(invalid) => {
            return Some(Outcome::stalled(reason_of(&invalid), invalid.to_string()).into());
        }
    };
    let tenant = Key {
        namespace,
        name: instance.spec.tenant_ref.name.clone(),
    };
    let connection = match access(ctx, &tenant) {
        Access::Open(connection) => connection,
        Access::NotFound(message) => {
            return Some(Outcome::waiting(reasons::TENANT_NOT_FOUND, message).into());
        }
        Access::Unvisited => return None,
        Access::Closed(_) if is_settled(&**binding) => return None,
        Access::Closed(message) => {
            return Some(Outcome::waiting(reasons::TENANT_NOT_READY, message).into());
        }
    };
    if !connection.vouches_for(&desired.indicator, &key(&*instance)) {
        let message =
            format!("the API resource of HasuraInstance {name:?} is not there yet; see its status");
        let says_something = !is_settled(&**binding) || is_refused(&instance);
        return says_something
            .then(|| Outcome::waiting(reasons::INSTANCE_NOT_READY, message).into());
    }
    let lost = connection.session.observe(|observed| {
        rivals::binding_lost(&ctx.stores, &ctx.owner, binding, &instance, observed)
    });
    if let Some(lost) = lost {
        let outcome = Outcome {
            verdict: rivals::verdict(&lost, &tenant.namespace),
            next: Next::Change,
        };
        return Some(Visited {
            tenant: Some(tenant),
            ..outcome.into()
        });
    }
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
    Some(Visited {
        outcome,
        accepted: true,
        tenant: Some(tenant),
        scope,
        role,
    })
}

/// Whether the instance was refused its API resource, and is not merely unvisited since the operator started.
fn is_refused(instance: &HasuraInstance) -> bool {
    let conditions = instance.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|condition| condition.type_ == types::STALLED)
}

fn reason_of(invalid: &Invalid) -> &'static str {
    match invalid {
        Invalid::Prefix { .. } | Invalid::NameTooLong(_) | Invalid::Admin(_) => {
            reasons::ROLE_NAME_INVALID
        }
        Invalid::DescriptionTooLong(_) => reasons::DESCRIPTION_TOO_LONG,
        Invalid::UnauthorizedRole(_) => reasons::UNAUTHORIZED_ROLE_BOUND,
    }
}

fn status_of(
    binding: &HasuraRoleBinding,
    visited: Visited,
    reread: Reread,
) -> HasuraRoleBindingStatus {
    let Visited {
        outcome,
        accepted,
        tenant,
        scope,
        role,
    } = visited;
    let verdict = &outcome.verdict;
    let before = binding.status.clone().unwrap_or_default();
    let details = vec![
        if accepted {
            Detail::well(
                types::ACCEPTED,
                "the instance takes it, and nothing else asks for the same",
            )
        } else {
            Detail::ill(types::ACCEPTED, verdict)
        },
        match verdict {
            Verdict::Ready(message) => Detail::well(types::ROLE_SYNCED, message),
            verdict => Detail::ill(types::ROLE_SYNCED, verdict),
        },
    ];
    let generation = binding.metadata.generation.unwrap_or_default();
    HasuraRoleBindingStatus {
        observed_generation: Some(generation),
        conditions: status::conditions(&before.conditions, generation, verdict, details),
        tenant_ref: tenant
            .map(|tenant| LocalRef { name: tenant.name })
            .or(before.tenant_ref),
        scope: if accepted { scope } else { before.scope },
        role: if accepted { role } else { before.role },
        last_handled_reconcile_at: match reread {
            Reread::Now => binding.annotations().get(RECONCILE_REQUESTED_AT).cloned(),
            _ => before.last_handled_reconcile_at,
        },
    }
}
