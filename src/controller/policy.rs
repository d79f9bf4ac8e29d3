//! What the operator may do for an object: its own policy and those above it, of which the strictest holds.

use super::{
    status::HasStatus,
    stores::{Stores, remembered_tenant, tenant_key},
    visit::Outcome,
};
use crate::{
    api::{
        HasuraInstance, HasuraRoleBinding, LogtoTenant,
        conditions::{reasons, types},
        policy::ManagementPolicy,
    },
    domain::consent::Consent,
};

/// What the operator may do for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hands {
    /// All that the spec asks for.
    Manage,
    /// Look, and say what it would do.
    Observe,
    /// Nothing: `suspend` is true here or above.
    Off,
}

fn own(policy: ManagementPolicy, suspend: bool) -> Hands {
    match (suspend, policy) {
        (true, _) => Hands::Off,
        (false, ManagementPolicy::Observe) => Hands::Observe,
        (false, ManagementPolicy::Manage) => Hands::Manage,
    }
}

/// Why what selects namespaces by labels can not be told whom it takes; none while it can.
pub fn unreadable(stores: &Stores, selects_by_labels: bool) -> Option<Outcome> {
    let message = "namespaces are selected by labels, but the operator may not list namespaces: give its ServiceAccount the \
                   right to list and watch them, or name them. What was granted stays, and nothing new is granted";
    (selects_by_labels && stores.namespaces.are_unreadable())
        .then(|| Outcome::stalled(reasons::NAMESPACES_UNREADABLE, message))
}

/// Whether a tenant selects namespaces by labels.
pub fn selects_by_labels(tenant: &LogtoTenant) -> bool {
    let spec = &tenant.spec;
    let allowed = spec.allowed_instances.iter().map(|rule| &rule.namespaces);
    let adoption = spec.adoption.iter().map(|rule| &rule.namespaces);
    let mut all = allowed.chain(adoption);
    all.any(|namespaces| namespaces.match_labels.is_some())
}

/// Whether an instance selects namespaces by labels.
pub fn takes_by_labels(instance: &HasuraInstance) -> bool {
    let mut rules = instance.spec.allowed_bindings.iter();
    rules.any(|rule| rule.namespaces.match_labels.is_some())
}

/// Whether this generation was found ready, be it carried out or only looked at.
pub fn was_settled<K: HasStatus>(object: &K) -> bool {
    is_settled(object, Hands::Manage) || is_settled(object, Hands::Observe)
}

/// Whether this generation was found ready, so that nothing has to be said again while a read is pending. What was only
/// looked at is not settled once it may be carried out.
pub fn is_settled<K: HasStatus>(object: &K, hands: Hands) -> bool {
    let reason = match hands {
        Hands::Manage => reasons::SUCCEEDED,
        Hands::Observe => reasons::OBSERVED,
        Hands::Off => return false,
    };
    let mut conditions = object.conditions().iter();
    let ready = conditions.find(|condition| condition.type_ == types::READY);
    ready.is_some_and(|ready| ready.status == "True" && ready.reason == reason)
        && object.observed_generation() == object.meta().generation
}

/// For a tenant.
pub fn of_tenant(tenant: &LogtoTenant) -> Hands {
    own(tenant.spec.management_policy, tenant.spec.suspend)
}

/// For an instance: a tenant's policy holds for all below it. One that does not allow the instance says nothing to it.
pub fn of_instance(stores: &Stores, instance: &HasuraInstance) -> Hands {
    let consent = stores.consent_to_instance(instance);
    let is_heard = consent != Consent::Withheld && heard(consent, instance_was_taken(instance));
    let tenant = stores.tenant(&tenant_key(instance)).filter(|_| is_heard);
    own_of_instance(instance).max(of_any_tenant(tenant.as_deref()))
}

/// For a binding: an instance's policy holds for its bindings, or looking at an instance first would let them write.
pub fn of_binding(stores: &Stores, binding: &HasuraRoleBinding) -> Hands {
    let instance = stores.instance_of(binding).filter(|instance| {
        let consent = stores.consent_to_binding(instance, binding);
        consent != Consent::Withheld && heard(consent, binding_was_taken(binding))
    });
    let above = instance.map_or(Hands::Manage, |instance| of_instance(stores, &instance));
    own_of_binding(binding).max(above)
}

/// For an instance that is being deleted. Its tenant may have gone first, and is heard as long as it is known what it
/// said; so is one that does not allow the instance any more, when something of it is there (`was_taken`).
pub fn of_leaving_instance(stores: &Stores, instance: &HasuraInstance, was_taken: bool) -> Hands {
    let is_heard = heard(stores.consent_to_instance(instance), was_taken);
    let tenant = stores
        .last_known_tenant(&tenant_key(instance))
        .filter(|_| is_heard);
    own_of_instance(instance).max(of_any_tenant(tenant.as_deref()))
}

/// What is said above a binding that is being deleted, whatever of it went first.
pub fn above_leaving_binding(
    stores: &Stores,
    binding: &HasuraRoleBinding,
    was_taken: bool,
) -> Hands {
    let instance = stores
        .last_known_instance_of(binding)
        .filter(|instance| heard(stores.consent_to_binding(instance, binding), was_taken));
    if let Some(instance) = instance {
        let was_taken = was_taken || instance_was_taken(&instance);
        return of_leaving_instance(stores, &instance, was_taken);
    }
    let tenant = remembered_tenant(binding).and_then(|tenant| stores.last_known_tenant(&tenant));
    of_any_tenant(tenant.as_deref())
}

/// What a binding says itself.
pub fn own_of_binding(binding: &HasuraRoleBinding) -> Hands {
    own(binding.spec.management_policy, binding.spec.suspend)
}

fn own_of_instance(instance: &HasuraInstance) -> Hands {
    own(instance.spec.management_policy, instance.spec.suspend)
}

fn of_any_tenant(tenant: Option<&LogtoTenant>) -> Hands {
    tenant.map_or(Hands::Manage, of_tenant)
}

/// Whether what is above may be heard at all: else a name of another namespace would be told from one of nothing.
fn heard(consent: Consent, was_taken: bool) -> bool {
    consent == Consent::Given || was_taken
}

/// Whether an instance has, or had, something in its tenant.
pub fn instance_was_taken(instance: &HasuraInstance) -> bool {
    let status = instance.status.as_ref();
    status.is_some_and(|status| status.api_resource.is_some())
}

/// Whether an instance took a binding once, as far as the binding's status tells.
pub fn binding_was_taken(binding: &HasuraRoleBinding) -> bool {
    remembered_tenant(binding).is_some()
}
