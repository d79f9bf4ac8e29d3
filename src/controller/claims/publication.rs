//! What a binding has to know of the claims, and what they have to know of it.

use kube::ResourceExt;

use super::{
    ledger::{Grant, Standing},
    policy_for,
    title::Titles,
    wanted,
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding, LogtoTenant,
        conditions::{reasons, types},
        tenant::ClaimsPolicy,
    },
    controller::{
        context::{Context, deleting, key},
        registry::Connection,
        status::{Detail, Verdict, is_true},
        stores::tenant_key,
        visit::Outcome,
        webhook,
    },
    domain::{claims::program::Kind, consent::Consent, precedence::Key},
};

/// What a binding's grant comes to.
pub enum Publication {
    /// It is deployed.
    Yes,
    /// No script is needed or managed for it; why.
    NotOurs(&'static str),
    /// It is not deployed; the outcome says why.
    No(Outcome),
}

impl Publication {
    /// The binding's condition ClaimsPublished; none where the operator is not to publish.
    pub fn detail(&self) -> Option<Detail> {
        match self {
            Self::Yes => Some(Detail::well(
                types::CLAIMS_PUBLISHED,
                "the deployed claims grant the Hasura role to who holds the Logto role",
            )),
            Self::NotOurs(_) => None,
            Self::No(outcome) => Some(Detail::ill(types::CLAIMS_PUBLISHED, &outcome.verdict)),
        }
    }
}

/// What a binding for machines comes to while nobody gives machines their claims.
pub fn ignored(
    ctx: &Context,
    tenant: &Key,
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) -> Option<Outcome> {
    let tenant = ctx.stores.tenant(tenant)?;
    let is_ignored = !webhook::is_asked_for(instance)
        && wanted::token_kind(binding) == Kind::Machines
        && policy_for(&tenant, Kind::Machines) == ClaimsPolicy::Ignore;
    is_ignored.then(|| {
        let whose = if tenant.namespace() == binding.namespace() {
            format!("LogtoTenant {:?}", tenant.name_any())
        } else {
            format!("the LogtoTenant of HasuraInstance {:?}", instance.name_any())
        };
        let message = format!(
            "customClaims.machines of {whose} is Ignore, so no machine's token would hold the role: let its owner set it to Manage"
        );
        Outcome::stalled(reasons::MACHINE_CLAIMS_IGNORED, message)
    })
}

/// Notes that a binding's role holds its scope, and tells whether the deployed claims grant it.
pub fn grant(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) -> Publication {
    if webhook::is_asked_for(instance) {
        return Publication::NotOurs("Hasura asks Logto at each request, so no claims are needed");
    }
    let kind = wanted::token_kind(binding);
    if policy_for(tenant, kind) == ClaimsPolicy::Ignore {
        return Publication::NotOurs(
            "its claims are not the operator's: customClaims.users of the LogtoTenant is Ignore",
        );
    }
    let grant = grant_of(instance, binding);
    if connection
        .claims
        .note(key(binding), Standing::Granted(grant.clone()))
    {
        ask_for_publication(ctx, tenant);
    }
    let ledger = &connection.claims;
    let trouble = ledger.trouble(&grant.indicator);
    // Two entries for one audience grant nothing, though each names the role.
    let is_taken = matches!(&trouble, Some(Verdict::Stalled(reasons::AUDIENCE_TAKEN, _)));
    if !is_taken && ledger.grants(kind, &grant.indicator, &grant.hasura_role, &grant.scope) {
        return Publication::Yes;
    }
    Publication::No(match (ledger.verdict(), trouble) {
        (_, Some(Verdict::Stalled(reason, message))) => Outcome::stalled(reason, message),
        (Verdict::Stalled(_, message) | Verdict::Waiting(_, message), _) => Outcome::waiting(
            reasons::CLAIMS_NOT_DEPLOYED,
            if tenant.namespace() == binding.namespace() {
                format!("LogtoTenant {:?}: {message}", tenant.name_any())
            } else {
                // What is wrong with another namespace's tenant is for its owner to read.
                format!(
                    "the claims of HasuraInstance {:?} are not deployed: the condition ClaimsDeployed of its LogtoTenant says why",
                    instance.name_any()
                )
            },
        ),
        _ => Outcome::waiting(
            reasons::CLAIMS_PENDING,
            format!(
                "the role holds its scope; the claims that grant it are deployed with the next write of the script, at most one in {} s",
                ctx.clocks.claims_pause.as_secs_f64()
            ),
        ),
    })
}

/// Whether the deployed claims grant what a binding asks for, and not because of another one.
pub fn names_binding(
    ctx: &Context,
    connection: &Connection,
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) -> bool {
    let indicator = &instance.spec.api_resource.indicator;
    is_granted_alone(ctx, connection, indicator, binding)
}

/// Whatever scope the spec names by now: the Hasura role stays the same, and is one binding's alone in an instance.
fn is_granted_alone(
    ctx: &Context,
    connection: &Connection,
    indicator: &str,
    binding: &HasuraRoleBinding,
) -> bool {
    let kind = wanted::token_kind(binding);
    let titles = Titles {
        ctx,
        connection,
        kind,
    };
    let role = &binding.spec.hasura_role;
    let scopes = connection.claims.scopes_of(kind, indicator, role);
    scopes
        .iter()
        .any(|scope| !titles.has_heir(binding, (indicator, scope)))
}

/// Notes what an observed binding would be granted.
pub fn foresee(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    instance: &HasuraInstance,
    binding: &HasuraRoleBinding,
) {
    let standing = Standing::Foreseen(grant_of(instance, binding));
    if connection.claims.note(key(binding), standing) {
        ask_for_publication(ctx, tenant);
    }
}

pub(super) fn grant_of(instance: &HasuraInstance, binding: &HasuraRoleBinding) -> Grant {
    Grant {
        indicator: instance.spec.api_resource.indicator.clone(),
        kind: wanted::token_kind(binding),
        hasura_role: binding.spec.hasura_role.clone(),
        scope: binding.spec.scope.name.clone(),
    }
}

/// Notes that a binding is not to be granted anything.
pub fn refuse(
    ctx: &Context,
    tenant: &LogtoTenant,
    connection: &Connection,
    binding: &HasuraRoleBinding,
) {
    if connection.claims.note(key(binding), Standing::Refused) {
        ask_for_publication(ctx, tenant);
    }
}

/// The same, where the way to the tenant was not gone yet.
pub fn refuse_if_connected(ctx: &Context, tenant: &Key, binding: &HasuraRoleBinding) {
    let entry = ctx.registry.get(tenant);
    let connection = entry.and_then(|entry| entry.connection);
    if let (Some(connection), Some(tenant)) = (connection, ctx.stores.tenant(tenant)) {
        refuse(ctx, &tenant, &connection, binding);
    }
}

fn ask_for_publication(ctx: &Context, tenant: &LogtoTenant) {
    ctx.triggers.tenant(&key(tenant));
}

/// Whether a binding's deletion has to wait, because the deployed claims still grant what the binding granted and can be
/// expected to be written anew.
pub fn is_still_granted(
    ctx: &Context,
    tenant: &Key,
    connection: &Connection,
    binding: &HasuraRoleBinding,
) -> bool {
    // With the tenant, all of its claims go.
    let Some(object) = ctx
        .stores
        .tenant(tenant)
        .filter(|tenant| !deleting(&**tenant))
    else {
        return false;
    };
    let kind = wanted::token_kind(binding);
    if policy_for(&object, kind) == ClaimsPolicy::Ignore || !connection.claims.verdict().is_ready()
    {
        return false;
    }
    let Some(indicator) = indicator_of(ctx, connection, binding) else {
        return false;
    };
    let granted = is_granted_alone(ctx, connection, &indicator, binding);
    if granted {
        connection.claims.touch();
        ctx.triggers.tenant(tenant);
    }
    granted
}

/// Whether an instance's deletion has to wait, because the deployed claims still speak of its API resource and can be
/// expected to be written anew. A script that the operator does not manage is not.
pub fn is_still_named(
    ctx: &Context,
    tenant: &Key,
    connection: &Connection,
    indicator: &str,
) -> bool {
    let object = ctx.stores.tenant(tenant);
    // With the tenant, all of its claims go.
    let Some(object) = object.filter(|tenant| !deleting(&**tenant)) else {
        return false;
    };
    let ledger = &connection.claims;
    if !ledger.verdict().is_ready() {
        return false;
    }
    let mut managed = Kind::ALL
        .into_iter()
        .filter(|kind| policy_for(&object, *kind) == ClaimsPolicy::Manage);
    let is_named = managed.clone().any(|kind| ledger.names_in(kind, indicator));
    if is_named {
        ledger.touch();
        ctx.triggers.tenant(tenant);
        return true;
    }
    // Once the instance is gone, what comes back looks like the claims of one that was deleted with policy Retain.
    let may_come_back = managed.any(|kind| ledger.may_come_back(kind, indicator));
    if may_come_back && ledger.time_to_look().is_none() {
        ledger.look_again();
        ctx.triggers.tenant(tenant);
    }
    may_come_back
}

/// Whether the end of an instance has to wait, because the deployed claims still speak of it although its consent was
/// withdrawn: without it nobody could take them out any more.
pub fn outlives_consent(ctx: &Context, instance: &HasuraInstance) -> bool {
    let tenant = tenant_key(instance);
    let Some(object) = ctx
        .stores
        .tenant(&tenant)
        .filter(|tenant| !deleting(&**tenant))
    else {
        return false;
    };
    let is_published = Kind::ALL
        .into_iter()
        .any(|kind| policy_for(&object, kind) == ClaimsPolicy::Manage);
    if !is_published || ctx.stores.consent_to_instance(instance) != Consent::Withheld {
        return false;
    }
    let entry = ctx.registry.get(&tenant);
    let connection = entry.and_then(|entry| entry.connection);
    let Some(connection) = connection.filter(|connection| connection.claims.stored().is_some())
    else {
        let status = instance.status.as_ref();
        let was_made = status.is_some_and(|status| status.api_resource.is_some());
        ctx.triggers.tenant(&tenant);
        return was_made && !is_true(instance, types::GRANT_WITHDRAWN);
    };
    let view = wanted::View {
        ctx,
        tenant: &tenant,
        connection: &connection,
        kind: Kind::Users,
        wrapped: false,
        foreseen: false,
    };
    let indicator = &instance.spec.api_resource.indicator;
    let is_granted = connection.claims.names(indicator) && view.was_its_own(instance);
    if is_granted {
        connection.claims.touch();
        ctx.triggers.tenant(&tenant);
    }
    is_granted
}

fn indicator_of(
    ctx: &Context,
    connection: &Connection,
    binding: &HasuraRoleBinding,
) -> Option<String> {
    if let Some(instance) = ctx.stores.instance_of(binding) {
        return Some(instance.spec.api_resource.indicator.clone());
    }
    let resource_id = &binding.status.as_ref()?.scope.as_ref()?.resource_id;
    connection
        .session
        .observe(|observed| Some(observed.resource_by_id(resource_id)?.0.to_owned()))
}
