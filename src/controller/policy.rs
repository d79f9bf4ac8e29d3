//! What the operator may do for an object: its own policy and those above it, of which the strictest holds.

use super::{
    status::HasStatus,
    stores::{Stores, tenant_key},
    visit::Outcome,
};
use crate::api::{
    HasuraInstance, HasuraRoleBinding, LogtoTenant,
    conditions::{reasons, types},
    policy::ManagementPolicy,
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

/// For an instance: a tenant's policy holds for all below it.
pub fn of_instance(stores: &Stores, instance: &HasuraInstance) -> Hands {
    let tenant = stores.tenant(&tenant_key(instance));
    let above = tenant.map_or(Hands::Manage, |tenant| of_tenant(&tenant));
    own(instance.spec.management_policy, instance.spec.suspend).max(above)
}

/// For a binding: an instance's policy holds for its bindings, or looking at an instance first would let them write.
pub fn of_binding(stores: &Stores, binding: &HasuraRoleBinding) -> Hands {
    let instance = stores.instance_of(binding);
    let above = instance.map_or(Hands::Manage, |instance| of_instance(stores, &instance));
    own(binding.spec.management_policy, binding.spec.suspend).max(above)
}
