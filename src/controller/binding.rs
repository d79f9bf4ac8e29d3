//! HasuraRoleBinding: its scope and its role in Logto.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Api, ResourceExt,
    runtime::{
        controller::Action,
        events::EventType,
        finalizer::{Event, finalizer},
        reflector::ObjectRef,
    },
};

use super::{
    access::{Access, access},
    context::{Context, Reread, key},
    release, rivals,
    status::{self, Detail, Verdict, is_settled},
    visit::{self, Error, Next, Outcome},
};
use crate::{
    api::{
        FINALIZER, HasuraInstance, HasuraRoleBinding, HasuraRoleBindingStatus,
        binding::{RoleStatus, ScopeStatus},
        conditions::{reasons, types},
    },
    domain::{
        desired::{Binding, Invalid},
        plan::{Conflict, Step, plan_binding},
        precedence::Key,
    },
    logto::{self, Session},
};

/// Plans that one visit carries out: each after the first follows something that changed under its feet.
const MOST_ROUNDS: usize = 4;

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
        return (!is_settled(&**binding))
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
    let visit = Visit {
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

/// One visit's view.
struct Visit<'a> {
    ctx: &'a Context,
    binding: &'a HasuraRoleBinding,
    instance: &'a HasuraInstance,
    desired: &'a Binding,
    session: &'a Session,
}

impl Visit<'_> {
    /// Plans and carries out until nothing is left to do.
    async fn sync(&self, reread: bool) -> Result<Outcome, logto::Error> {
        let mut fresh = reread
            || self
                .session
                .take_doubt(&self.binding.uid().unwrap_or_default());
        if fresh {
            self.reread().await?;
        }
        let mut done = Vec::new();
        for _ in 0..MOST_ROUNDS {
            match self.plan() {
                Err(conflict) if fresh => {
                    return Ok(Outcome::stalled(
                        reason_of_conflict(&conflict),
                        conflict.to_string(),
                    ));
                }
                Err(_) => {
                    // What stands in the way may be gone since the tenant was listed.
                    self.reread().await?;
                    fresh = true;
                }
                Ok(steps) if steps.is_empty() => {
                    if !self.link_is_read().await? {
                        continue;
                    }
                    self.tell(&done).await;
                    return Ok(self.ready());
                }
                Ok(steps) => {
                    if makes_role(&steps) && !fresh && self.session.roles_may_be_missing() {
                        self.session.reread_role(&self.desired.role_name).await?;
                        fresh = true;
                        continue;
                    }
                    match self.carry_out(steps, &mut done).await {
                        Err(logto::Error::Reread { .. } | logto::Error::NotFound { .. }) => {
                            self.reread().await?;
                            fresh = true;
                        }
                        result => result?,
                    }
                }
            }
        }
        let message = "what is in Logto kept changing while it was set right; it is tried again";
        Ok(Outcome::retry(reasons::PROGRESSING_WITH_RETRY, message))
    }

    fn plan(&self) -> Result<Vec<Step>, Conflict> {
        self.session
            .observe(|observed| plan_binding(self.desired, &self.ctx.owner, observed))
    }

    async fn reread(&self) -> Result<(), logto::Error> {
        let Binding {
            indicator,
            scope_name,
            role_name,
            ..
        } = self.desired;
        self.session
            .reread_binding(indicator, scope_name, role_name)
            .await
    }

    async fn carry_out(&self, steps: Vec<Step>, done: &mut Vec<Step>) -> Result<(), logto::Error> {
        for step in steps {
            self.session.execute(&step).await?;
            done.push(step);
        }
        Ok(())
    }

    /// Before Ready is said for the first time, the role is seen to hold the scope; later the resync sees to it.
    async fn link_is_read(&self) -> Result<bool, logto::Error> {
        let unread = self.session.observe(|observed| {
            let role = observed.roles.get(&self.desired.role_name)?;
            role.scopes.is_none().then(|| role.id.clone())
        });
        match unread {
            Some(id) if !is_settled(self.binding) => {
                self.session
                    .read_role_scopes(self.session.client(), &id)
                    .await?;
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    fn ready(&self) -> Outcome {
        let Binding {
            scope_name,
            role_name,
            ..
        } = self.desired;
        let message = format!("the role {role_name:?} holds the scope {scope_name:?}");
        Outcome {
            verdict: Verdict::Ready(message),
            next: Next::Change,
        }
    }

    fn failed(&self, error: &logto::Error, tenant: &Key) -> Outcome {
        if error.may_have_happened() {
            self.session.doubt(&self.binding.uid().unwrap_or_default());
        }
        self.session.note(error);
        if self.session.is_down() {
            self.ctx.triggers.tenant(&tenant.namespace, &tenant.name);
        }
        Outcome::of(error)
    }

    /// An event for what was done, when it was not simply the first time.
    async fn tell(&self, done: &[Step]) {
        let known = self
            .binding
            .status
            .as_ref()
            .and_then(|status| status.role.as_ref());
        if let Some(role) = known.filter(|_| makes_role(done)) {
            let note = format!(
                "the role {:?} was gone from Logto and was made again; whoever held it has to be given it again",
                role.name
            );
            self.ctx
                .event(self.binding, EventType::Warning, "AssignmentsLost", &note)
                .await;
        } else if !done.is_empty() && is_settled(self.binding) {
            let note = format!(
                "set right what had changed in Logto, in {} requests",
                done.len()
            );
            self.ctx
                .event(self.binding, EventType::Normal, "DriftCorrected", &note)
                .await;
        }
    }

    fn ids(&self) -> (Option<ScopeStatus>, Option<RoleStatus>) {
        self.session.observe(|observed| {
            let mark = &self.desired.mark;
            let resource = observed
                .resources
                .get(&self.instance.spec.api_resource.indicator);
            let scope = resource.and_then(|resource| {
                let scope = resource
                    .scopes
                    .get(&self.desired.scope_name)
                    .filter(|scope| scope.bears(mark))?;
                Some(ScopeStatus {
                    id: scope.id.clone(),
                    resource_id: resource.id.clone(),
                })
            });
            let role = observed
                .roles
                .get(&self.desired.role_name)
                .filter(|role| role.bears(mark));
            let role = role.map(|role| RoleStatus {
                id: role.id.clone(),
                name: self.desired.role_name.clone(),
            });
            (scope, role)
        })
    }
}

fn makes_role(steps: &[Step]) -> bool {
    steps
        .iter()
        .any(|step| matches!(step, Step::CreateRole { .. }))
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

/// The reason for a condition.
pub(super) fn reason_of_conflict(conflict: &Conflict) -> &'static str {
    match conflict {
        Conflict::Resource { .. } => reasons::API_RESOURCE_CONFLICT,
        Conflict::Scope { .. } => reasons::SCOPE_CONFLICT,
        Conflict::Role { .. } => reasons::ROLE_CONFLICT,
        Conflict::RoleType { .. } => reasons::ROLE_TYPE_CONFLICT,
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
            .map(|tenant| crate::api::LocalRef { name: tenant.name })
            .or(before.tenant_ref),
        scope: if accepted { scope } else { before.scope },
        role: if accepted { role } else { before.role },
        last_handled_reconcile_at: match reread {
            Reread::Now => binding
                .annotations()
                .get(crate::api::RECONCILE_REQUESTED_AT)
                .cloned(),
            _ => before.last_handled_reconcile_at,
        },
    }
}
