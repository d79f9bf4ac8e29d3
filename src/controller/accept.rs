//! Whether a binding is to be carried out: its instance takes it, and nothing else holds what it asks for.

use std::sync::Arc;

use kube::ResourceExt;

use super::{
    access::{Access, access},
    claims,
    context::{Context, key},
    policy,
    registry::Connection,
    rivals,
    status::is_true,
    stores::{instance_key, tenant_key},
    visit::{Next, Outcome},
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding,
        conditions::{reasons, types},
    },
    domain::{
        consent::Consent,
        desired::{Binding, Invalid},
        precedence::Key,
    },
};

/// A binding that may refer to what it refers to, and makes sense there.
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
    let accepted = look(binding, ctx)?;
    let Accepted {
        instance,
        desired,
        connection,
        ..
    } = &accepted;
    if !connection.vouches_for(&desired.indicator, &key(&**instance)) {
        let message = format!(
            "the API resource of HasuraInstance {:?} is not there yet; see its status",
            instance.name_any()
        );
        // One that is stalled was refused its resource, and is not merely unvisited since the operator started.
        let says_something = !has_nothing_new(binding, ctx) || is_true(&**instance, types::STALLED);
        let outcome = Outcome::waiting(reasons::INSTANCE_NOT_READY, message);
        return Err(says_something.then(|| outcome.into()));
    }
    match refused(binding, ctx, &accepted) {
        Some(refusal) => Err(Some(refusal)),
        None => Ok(accepted),
    }
}

/// The same before it is known whether the instance has its API resource, and what others ask for.
pub fn look(binding: &Arc<HasuraRoleBinding>, ctx: &Context) -> Result<Accepted, Option<Refusal>> {
    let said = |outcome: Outcome| Some(Refusal::from(outcome));
    let instance = instance(binding, ctx)?;
    let tenant = tenant_key(&instance);
    let Key { namespace, name } = key(&**binding);
    let mut desired =
        Binding::new(&ctx.owner, &namespace, &name, binding, &instance).map_err(|invalid| {
            claims::refuse_if_connected(ctx, &tenant, binding);
            said(Outcome::stalled(reason_of(&invalid), invalid.to_string()))
        })?;
    if let Some(refusal) = subjects_refused(binding, ctx, &instance, &tenant)? {
        return Err(said(refusal));
    }
    let elsewhere = |message: String| {
        if tenant.namespace == namespace {
            message
        } else {
            // What is wrong with another namespace's tenant is for its owner to read.
            format!(
                "the LogtoTenant of HasuraInstance {:?} is not there or not connected; it is waited for",
                instance.name_any()
            )
        }
    };
    let connection = match access(ctx, &instance, &**binding) {
        Access::Open(connection) => connection,
        Access::NotFound(message) => {
            if ctx.stores.consent_to_instance(&instance) == Consent::Withheld {
                claims::refuse_if_connected(ctx, &tenant, binding);
            }
            let message = elsewhere(message);
            return Err(said(Outcome::waiting(reasons::TENANT_NOT_FOUND, message)));
        }
        Access::Unvisited => return Err(None),
        Access::Closed(_) if has_nothing_new(binding, ctx) => return Err(None),
        Access::Closed(message) => {
            let message = elsewhere(message);
            return Err(said(Outcome::waiting(reasons::TENANT_NOT_READY, message)));
        }
    };
    end_default(&mut desired, ctx, &connection, &instance, binding);
    Ok(Accepted {
        instance,
        tenant,
        desired,
        connection,
    })
}

/// Takes the role back from newcomers where the instance does not let the binding say who is given it.
pub fn end_default(
    desired: &mut Binding,
    ctx: &Context,
    connection: &Connection,
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) {
    if ctx.stores.consent_to_subjects(instance, binding) == Consent::Withheld {
        connection
            .session
            .observe(|observed| desired.end_default(observed));
    }
}

/// The instance that a binding names, if it takes the binding. One that does not is as if it were not there.
fn instance(
    binding: &Arc<HasuraRoleBinding>,
    ctx: &Context,
) -> Result<Arc<HasuraInstance>, Option<Refusal>> {
    if let Some(instance) = ctx.stores.instance_of(binding) {
        match ctx.stores.consent_to_binding(&instance, binding) {
            Consent::Given => return Ok(instance),
            // What can not be told changes nothing.
            Consent::Unknown if has_nothing_new(binding, ctx) => return Err(None),
            Consent::Unknown => {}
            Consent::Withheld => claims::refuse_if_connected(ctx, &tenant_key(&instance), binding),
        }
    }
    let Key { namespace, name } = instance_key(binding);
    let message = if binding.namespace().as_ref() == Some(&namespace) {
        format!("HasuraInstance {name:?} is not in this namespace; it is waited for")
    } else {
        format!(
            "there is no HasuraInstance {name:?} in namespace {namespace:?} whose spec.allowedBindings takes this role from \
             this namespace; it is waited for"
        )
    };
    let outcome = Outcome::waiting(reasons::INSTANCE_NOT_FOUND, message);
    Err(Some(outcome.into()))
}

/// Whether all that may be done was done before what is in the way now came.
fn has_nothing_new(binding: &HasuraRoleBinding, ctx: &Context) -> bool {
    policy::is_settled(binding, policy::of_binding(&ctx.stores, binding))
}

/// Ends the grant of a binding whose consent was withdrawn, whatever else is to be done for it.
pub fn note_consent(binding: &HasuraRoleBinding, ctx: &Context) {
    let Some(instance) = ctx.stores.instance_of(binding) else {
        return;
    };
    if ctx.stores.consent_to_grant(&instance, binding) == Consent::Withheld {
        claims::refuse_if_connected(ctx, &tenant_key(&instance), binding);
    }
}

/// What a binding comes to that says who is given the role, although it may not.
fn subjects_refused(
    binding: &HasuraRoleBinding,
    ctx: &Context,
    instance: &HasuraInstance,
    tenant: &Key,
) -> Result<Option<Outcome>, Option<Refusal>> {
    match ctx.stores.consent_to_grant(instance, binding) {
        Consent::Given => return Ok(None),
        // What can not be told changes nothing.
        Consent::Unknown if policy::was_settled(binding) => return Err(None),
        Consent::Unknown => {}
        Consent::Withheld => claims::refuse_if_connected(ctx, tenant, binding),
    }
    let message = "HasuraInstance's spec.allowedBindings lets bindings of this namespace have the role, but not say who \
                   is given it: leave out spec.subjects and spec.logtoRole.isDefault, or ask its owner for subjects: Allow";
    Ok(Some(Outcome::stalled(reasons::SUBJECTS_FORBIDDEN, message)))
}

/// What speaks against a binding that would be carried out else: what it lost to another one, or claims that nobody gives.
pub fn refused(
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
            verdict: rivals::verdict(&lost, &binding.namespace().unwrap_or_default()),
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
