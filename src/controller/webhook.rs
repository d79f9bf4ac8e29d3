//! The rules of mode Webhook, in which Logto tells Hasura a caller's role by its name alone, whichever API resource it was
//! made for.
//!
//! They are looked at at each visit, and with each listing of the tenant. Before the Deployment is told of the hook all
//! must hold, and the roles are read afresh for that. What goes wrong later is said, but the hook stays: without it nobody
//! could sign in.

use kube::ResourceExt;

use super::{
    context::{Context, deleting, key},
    registry::Connection,
    rivals,
    stores::{Stores, tenant_key},
    visit::Outcome,
};
use crate::{
    api::{
        HasuraInstance, LogtoTenant, binding::RoleType, conditions::reasons, instance::AuthMode,
        tenant::WebhookMode,
    },
    domain::precedence::{Claim, Lost},
    logto,
};

/// What the hash of written settings begins with in mode Webhook, so that a status tells which mode was written.
pub const HASH_PREFIX: &str = "webhook-";

/// Whether an instance asks for mode Webhook.
pub fn is_asked_for(instance: &HasuraInstance) -> bool {
    instance.spec.auth.mode == AuthMode::Webhook
}

/// Whether its Deployment was told of the hook, or the Secret or ConfigMap for it, whatever the spec asks for by now.
pub fn is_switched(instance: &HasuraInstance) -> bool {
    let status = instance.status.as_ref();
    let deployment = status.and_then(|status| status.deployment.as_ref());
    let delivered = status.and_then(|status| status.delivered.as_ref());
    let previous = status.map_or(&[][..], |status| &status.previous_deployments);
    let mut written = deployment
        .into_iter()
        .chain(previous)
        .map(|written| &written.auth_hash)
        .chain(delivered.map(|written| &written.auth_hash));
    written.any(|hash| hash.starts_with(HASH_PREFIX))
}

/// Whether the tenant and its other instances allow mode Webhook, and no role is dangerous, as far as the last listing
/// tells.
///
/// # Errors
/// What the instance's status says.
pub fn check(
    ctx: &Context,
    instance: &HasuraInstance,
    connection: &Connection,
) -> Result<(), Outcome> {
    let tenant_key = tenant_key(instance);
    let tenant = &tenant_key.name;
    let found = ctx.stores.tenant(&tenant_key);
    let allows = |tenant: &LogtoTenant| tenant.spec.webhook_mode == WebhookMode::Allow;
    if !found.as_ref().is_some_and(|tenant| allows(tenant)) {
        let message = format!(
            "LogtoTenant {tenant:?} does not allow mode Webhook, in which every role of the tenant works in Hasura by its \
             name: set its spec.webhookMode to Allow, or spec.auth.mode of this instance to JWT"
        );
        return Err(Outcome::stalled(reasons::WEBHOOK_FORBIDDEN, message));
    }
    if let Some(lost) = tenant_shared(&ctx.stores, instance) {
        let verdict = rivals::verdict(&lost, &instance.namespace().unwrap_or_default());
        let next = super::visit::Next::Change;
        return Err(Outcome { verdict, next });
    }
    if found.is_some_and(|tenant| lets_others_in(&tenant, instance)) {
        let message = format!(
            "LogtoTenant {tenant:?} allows instances of other namespaces, and in mode Webhook every role of a tenant works by \
             its name alone: take them out of its spec.allowedInstances, or set spec.auth.mode of this instance to JWT"
        );
        return Err(Outcome::stalled(reasons::TENANT_SHARED, message));
    }
    let admin = connection.session.observe(|observed| {
        let mut roles = observed.roles.iter();
        let found = roles.find(|(name, role)| role.type_ == RoleType::User && is_admin(name));
        found.map(|(name, _)| name.clone())
    });
    admin.map_or(Ok(()), |name| Err(admin_role(instance, &name)))
}

/// Whether instances of other namespaces than this one's may come into the tenant.
fn lets_others_in(tenant: &LogtoTenant, instance: &HasuraInstance) -> bool {
    let own = instance.namespace();
    tenant.spec.allowed_instances.iter().any(|rule| {
        let names = rule.namespaces.names.as_ref();
        names.is_none_or(|names| names.iter().any(|name| Some(name) != own.as_ref()))
    })
}

/// Reads the tenant's roles afresh: the last listing may be minutes old, and who holds a role `admin` would be the
/// superuser from the first request on.
///
/// # Errors
/// There is such a role, or the roles can not be read.
pub async fn check_roles(
    instance: &HasuraInstance,
    connection: &Connection,
) -> Result<(), Outcome> {
    let listing = connection
        .session
        .client()
        .list_roles()
        .await
        .map_err(|error| {
            connection.session.note(&error);
            Outcome::of(&error)
        })?;
    let is_users = |type_| type_ != logto::RoleType::MachineToMachine;
    let admin = listing
        .rows
        .iter()
        .find(|row| is_users(row.role.role_type) && is_admin(&row.role.name));
    if let Some(row) = admin {
        return Err(admin_role(instance, &row.role.name));
    }
    if !listing.complete {
        let message = "the tenant's roles changed while they were read, so one may have been missed; they are read again";
        return Err(Outcome::retry(reasons::PROGRESSING_WITH_RETRY, message));
    }
    Ok(())
}

/// Logto compares names to the letter, but a role that is admin but for its case is one rename away from it.
fn is_admin(name: &str) -> bool {
    name.eq_ignore_ascii_case("admin")
}

fn admin_role(instance: &HasuraInstance, name: &str) -> Outcome {
    let mend = if is_switched(instance) {
        "Hasura goes on asking Logto, since nobody could sign in otherwise: take the role away from all its holders and \
         delete or rename it in Logto now, or set spec.auth.mode to JWT"
    } else {
        "the hook was not set: delete or rename the role in Logto, or set spec.auth.mode to JWT"
    };
    let message = format!(
        "the tenant has a role {name:?} for users, and in mode Webhook whoever holds a role admin is the superuser in \
         Hasura; {mend}"
    );
    Outcome::stalled(reasons::ADMIN_ROLE_IN_TENANT, message)
}

/// Who keeps an instance from a tenant that one of the two uses in mode Webhook, which takes a tenant as a whole.
///
/// One that has switched holds the tenant against all others; one that has not yields to every other, so that a changed
/// spec disturbs nobody. Two that ask for it compete for the empty prefix as well, where the older one wins.
pub fn tenant_shared(stores: &Stores, instance: &HasuraInstance) -> Option<Lost> {
    let asks = is_asked_for(instance);
    if asks && is_switched(instance) {
        return None;
    }
    let tenant = tenant_key(instance);
    let mut others = stores.instances_of(&tenant);
    others.retain(|other| key(&**other) != key(instance) && (asks || is_switched(other)));
    let holder = others
        .into_iter()
        .min_by_key(|other| (deleting(&**other), key(&**other)))?;
    Some(Lost {
        claim: Claim::WholeTenant(tenant),
        holder: key(&*holder),
        holder_deleting: deleting(&*holder),
    })
}

/// Asks for a visit to the tenant's instances in mode Webhook, whose rules speak of all its roles.
pub fn wake(ctx: &Context, tenant: &LogtoTenant) {
    for instance in ctx.stores.instances_of(&key(tenant)) {
        if is_asked_for(&instance) {
            ctx.triggers.instance(&instance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_is_refused_in_any_case_and_hidden_roles_are_others() {
        for name in ["admin", "Admin", "ADMIN", "aDmIn"] {
            assert!(is_admin(name), "{name}");
        }
        for name in [
            "",
            "administrator",
            "#internal:admin",
            "admin ",
            "shop-admin",
        ] {
            assert!(!is_admin(name), "{name}");
        }
    }
}
