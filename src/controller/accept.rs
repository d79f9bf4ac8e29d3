//! Whether a binding is to be carried out: its instance takes it, and nothing else holds what it asks for.

use std::sync::Arc;

use kube::ResourceExt;

use super::{
    access::{Access, access},
    claims,
    context::{Context, key},
    registry::Connection,
    rivals,
    status::{is_settled, is_true},
    visit::{Next, Outcome},
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding,
        conditions::{reasons, types},
    },
    domain::{
        desired::{Binding, Invalid},
        precedence::Key,
    },
};

/// A binding that its instance takes and that lost nothing to another one.
pub struct Accepted {
    /// The instance.
    pub instance: Arc<HasuraInstance>,
    /// Its LogtoTenant.
    pub tenant: Key,
    /// What both ask for.
    pub desired: Binding,
    /// The way to Logto.
    pub connection: Arc<Connection>,
}

/// Why a binding is not carried out.
pub struct Refusal {
    /// For its status.
    pub outcome: Outcome,
    /// The LogtoTenant, once it is known that the binding has to do with it.
    pub tenant: Option<Key>,
}

impl From<Outcome> for Refusal {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            tenant: None,
        }
    }
}

/// Whether the binding is to be carried out; else what its status says, or nothing new until its tenant or instance was
/// visited.
pub fn accept(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
) -> Result<Accepted, Option<Refusal>> {
    let said = |outcome: Outcome| Some(Refusal::from(outcome));
    let namespace = binding.namespace().unwrap_or_default();
    let name = &binding.spec.instance_ref.name;
    let Some(instance) = ctx.stores.instance_of(binding) else {
        let message = format!("HasuraInstance {name:?} is not in this namespace; it is waited for");
        return Err(said(Outcome::waiting(reasons::INSTANCE_NOT_FOUND, message)));
    };
    let tenant = Key {
        namespace: namespace.clone(),
        name: instance.spec.tenant_ref.name.clone(),
    };
    let desired = Binding::new(
        &ctx.owner,
        &namespace,
        &binding.name_any(),
        binding,
        &instance,
    )
    .map_err(|invalid| {
        claims::refuse_if_connected(ctx, &tenant, binding);
        said(Outcome::stalled(reason_of(&invalid), invalid.to_string()))
    })?;
    let connection = match access(ctx, &tenant) {
        Access::Open(connection) => connection,
        Access::NotFound(message) => {
            return Err(said(Outcome::waiting(reasons::TENANT_NOT_FOUND, message)));
        }
        Access::Unvisited => return Err(None),
        Access::Closed(_) if is_settled(&**binding) => return Err(None),
        Access::Closed(message) => {
            return Err(said(Outcome::waiting(reasons::TENANT_NOT_READY, message)));
        }
    };
    if !connection.vouches_for(&desired.indicator, &key(&*instance)) {
        let message =
            format!("the API resource of HasuraInstance {name:?} is not there yet; see its status");
        // One that is stalled was refused its resource, and is not merely unvisited since the operator started.
        let says_something = !is_settled(&**binding) || is_true(&*instance, types::STALLED);
        let outcome = Outcome::waiting(reasons::INSTANCE_NOT_READY, message);
        return Err(says_something.then(|| outcome.into()));
    }
    let accepted = Accepted {
        instance,
        tenant,
        desired,
        connection,
    };
    match refused(binding, ctx, &accepted) {
        Some(refusal) => Err(Some(refusal)),
        None => Ok(accepted),
    }
}

/// What speaks against a binding that would be carried out else: what it lost to another one, or claims that nobody gives.
fn refused(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
    accepted: &Accepted,
) -> Option<Refusal> {
    let Accepted {
        instance,
        tenant,
        connection,
        ..
    } = accepted;
    let lost = connection.session.observe(|observed| {
        rivals::binding_lost(&ctx.stores, &ctx.owner, binding, instance, observed)
    });
    if let Some(lost) = lost {
        // The claims of one whose holder is leaving pass on to it without a gap.
        if !lost.holder_deleting {
            claims::refuse_if_connected(ctx, tenant, binding);
        }
        let outcome = Outcome {
            verdict: rivals::verdict(&lost, &tenant.namespace),
            next: Next::Change,
        };
        return Some(Refusal {
            outcome,
            tenant: Some(tenant.clone()),
        });
    }
    let outcome = claims::ignored(ctx, tenant, instance, binding)?;
    claims::refuse_if_connected(ctx, tenant, binding);
    Some(outcome.into())
}

fn reason_of(invalid: &Invalid) -> &'static str {
    match invalid {
        Invalid::Prefix { .. } | Invalid::NameTooLong(_) | Invalid::Admin(_) => {
            reasons::ROLE_NAME_INVALID
        }
        Invalid::RoleNameDiffers { .. } => reasons::ROLE_NAME_DIFFERS,
        Invalid::MachineRole => reasons::MACHINE_ROLE_IN_WEBHOOK_MODE,
        Invalid::DescriptionTooLong(_) => reasons::DESCRIPTION_TOO_LONG,
        Invalid::UnauthorizedRole(_) => reasons::UNAUTHORIZED_ROLE_BOUND,
    }
}
