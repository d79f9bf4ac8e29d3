//! Which objects are visited when something changes: tenant → instance → binding, and who competes with whom.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{ResourceExt, core::PartialObjectMeta, runtime::reflector::ObjectRef};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{
    context::{deleting, key},
    policy::{selects_by_labels, takes_by_labels},
    rivals, rollout,
    status::is_true,
    stores::{Stores, tenant_key},
    webhook,
};
use crate::api::{
    HasuraInstance, HasuraInstanceSpec, HasuraRoleBinding, HasuraRoleBindingSpec, LogtoTenant,
    LogtoTenantSpec, conditions::types,
};
use crate::domain::{
    consent::{Consent, says_who},
    precedence::Key,
};

/// Asks for visits. The controllers' queues hold an object once however often it is asked for.
pub struct Triggers {
    tenants: UnboundedSender<ObjectRef<LogtoTenant>>,
    instances: UnboundedSender<ObjectRef<HasuraInstance>>,
    bindings: UnboundedSender<ObjectRef<HasuraRoleBinding>>,
}

/// Where the controllers read what is asked for.
pub struct Queues {
    /// For the tenant controller.
    pub tenants: UnboundedReceiver<ObjectRef<LogtoTenant>>,
    /// For the instance controller.
    pub instances: UnboundedReceiver<ObjectRef<HasuraInstance>>,
    /// For the binding controller.
    pub bindings: UnboundedReceiver<ObjectRef<HasuraRoleBinding>>,
}

impl Triggers {
    /// Both ends.
    pub fn new() -> (Self, Queues) {
        let (tenants, tenants_queue) = unbounded_channel();
        let (instances, instances_queue) = unbounded_channel();
        let (bindings, bindings_queue) = unbounded_channel();
        let queues = Queues {
            tenants: tenants_queue,
            instances: instances_queue,
            bindings: bindings_queue,
        };
        (
            Self {
                tenants,
                instances,
                bindings,
            },
            queues,
        )
    }

    // A closed queue means that the process is ending, so a failed send is nothing to act on.

    /// Asks for a visit to a tenant.
    pub fn tenant(&self, tenant: &Key) {
        let reference = ObjectRef::new(&tenant.name).within(&tenant.namespace);
        let _ = self.tenants.send(reference);
    }

    /// Asks for a visit to an instance.
    pub fn instance(&self, object: &HasuraInstance) {
        let _ = self.instances.send(ObjectRef::from_obj(object));
    }

    /// Asks for a visit to a binding.
    pub fn binding(&self, object: &HasuraRoleBinding) {
        let _ = self.bindings.send(ObjectRef::from_obj(object));
    }
}

impl Stores {
    /// Wakes all that depends on a tenant, or asks to.
    pub fn wake_dependants(&self, triggers: &Triggers, tenant: &Key) {
        for instance in self.instances_naming(tenant) {
            triggers.instance(&instance);
            self.wake_bindings(triggers, &instance);
        }
        let bindings = self.bindings_remembering(tenant);
        bindings
            .iter()
            .for_each(|binding| triggers.binding(binding));
    }

    fn wake_bindings(&self, triggers: &Triggers, instance: &HasuraInstance) {
        let bindings = self.bindings_naming(&key(instance));
        bindings
            .iter()
            .for_each(|binding| triggers.binding(binding));
    }

    /// The namespaces' labels changed: what selects namespaces by labels, and what depends on it.
    pub fn namespaces_changed(&self, triggers: &Triggers) {
        for tenant in self.tenants.state_filter(selects_by_labels) {
            let tenant = key(&*tenant);
            triggers.tenant(&tenant);
            self.wake_dependants(triggers, &tenant);
        }
        for instance in self.instances.state_filter(takes_by_labels) {
            triggers.instance(&instance);
            triggers.tenant(&tenant_key(&instance));
            self.wake_bindings(triggers, &instance);
        }
    }

    /// A LogtoTenant changed: it, its dependants when it came or went, and its rivals when it went.
    pub fn tenant_changed(
        &self,
        triggers: &Triggers,
        before: Option<&LogtoTenant>,
        after: Option<&LogtoTenant>,
    ) {
        let Some(tenant) = after.or(before) else {
            return;
        };
        if after.is_some_and(selects_by_labels) {
            self.namespaces.need();
        }
        triggers.tenant(&key(tenant));
        if before.map(for_dependants) == after.map(for_dependants) {
            return;
        }
        self.wake_dependants(triggers, &key(tenant));
        if after.is_none() {
            for rival in self.tenants.state() {
                triggers.tenant(&key(&*rival));
            }
        }
    }

    /// A HasuraInstance changed: it; its bindings when what they need changed; its rivals and its tenant when it came,
    /// went or is going, or names another Deployment.
    pub fn instance_changed(
        &self,
        triggers: &Triggers,
        before: Option<&HasuraInstance>,
        after: Option<&HasuraInstance>,
    ) {
        let Some(instance) = after.or(before) else {
            return;
        };
        if let Some(after) = after {
            triggers.instance(after);
        }
        if after.is_some_and(takes_by_labels) {
            self.namespaces.need();
        }
        if before.map(for_bindings) != after.map(for_bindings) {
            self.wake_bindings(triggers, instance);
        }
        // A tenant that is suspended ends what lost its consent by itself: its bindings have no way to it.
        let allowed = |instance: &HasuraInstance| instance.spec.allowed_bindings.clone();
        if before.map(allowed) != after.map(allowed) {
            triggers.tenant(&tenant_key(instance));
        }
        let named = |instance: &HasuraInstance| {
            let named = instance.spec.deployment_ref.as_ref();
            named.map(|named| named.name.clone())
        };
        let standing = |instance: &HasuraInstance| {
            let is_switched = webhook::is_switched(instance);
            (deleting(instance), is_switched, named(instance))
        };
        if before.map(standing) != after.map(standing) {
            let tenant = tenant_key(instance);
            triggers.tenant(&tenant);
            for rival in self.instances.state_filter(|rival: &HasuraInstance| {
                rival.namespace() == instance.namespace() || tenant_key(rival) == tenant
            }) {
                triggers.instance(&rival);
            }
        }
    }

    /// A HasuraRoleBinding changed: it; its rivals, its instance and its tenant when it came, went or is going.
    pub fn binding_changed(
        &self,
        triggers: &Triggers,
        before: Option<&HasuraRoleBinding>,
        after: Option<&HasuraRoleBinding>,
    ) {
        let Some(binding) = after.or(before) else {
            return;
        };
        if let Some(after) = after {
            triggers.binding(after);
        }
        let may_withdraw =
            |binding: &HasuraRoleBinding| (deleting(binding), says_who(&binding.spec));
        if before.map(may_withdraw) != after.map(may_withdraw)
            && let Some(instance) = self.instance_of(binding)
            && self.consent_to_grant(&instance, binding) == Consent::Withheld
        {
            triggers.tenant(&tenant_key(&instance));
        }
        let same = before.map(deleting) == after.map(deleting)
            && before.map(|binding| &binding.spec.scope.name)
                == after.map(|binding| &binding.spec.scope.name);
        if same {
            return;
        }
        let instance = self.instance_of(binding);
        let leaves = after.is_none_or(deleting);
        for rival in self.rivals(binding, instance.as_deref(), leaves) {
            if key(&*rival) != key(binding) {
                triggers.binding(&rival);
            }
        }
        if let Some(instance) = instance {
            let role = &binding.spec.hasura_role;
            let anonymous = self.anonymous_roles.is(&key(&*instance), role);
            if anonymous || (leaves && deleting(&*instance)) {
                triggers.instance(&instance);
            }
        }
        if leaves {
            for tenant in self
                .tenants
                .state_filter(|tenant: &LogtoTenant| deleting(tenant))
            {
                triggers.tenant(&key(&*tenant));
            }
        }
    }

    /// Who may ask for what a binding asks for, the binding itself among them.
    fn rivals(
        &self,
        binding: &HasuraRoleBinding,
        instance: Option<&HasuraInstance>,
        leaves: bool,
    ) -> Vec<Arc<HasuraRoleBinding>> {
        match instance {
            Some(instance) => {
                rivals::may_ask_alike(self, &self.instances.state(), instance, binding)
            }
            // The prefix of its role's name is not known any more.
            None if leaves => {
                let rivals = |rival: &HasuraRoleBinding| asks_alike(rival, binding);
                self.bindings.state_filter(rivals)
            }
            // Without an instance it competes with nobody.
            None => Vec::new(),
        }
    }

    /// A Deployment changed: the instances that name it.
    pub fn deployment_changed(
        &self,
        triggers: &Triggers,
        deployment: &PartialObjectMeta<Deployment>,
    ) {
        let names_it = |instance: &HasuraInstance| {
            instance.namespace() == deployment.namespace()
                && instance
                    .spec
                    .deployment_ref
                    .as_ref()
                    .is_some_and(|named| named.name == deployment.name_any())
        };
        for instance in self.instances.state_filter(names_it) {
            triggers.instance(&instance);
        }
    }
}

/// What a tenant's dependants need of it: who may do what.
fn for_dependants(tenant: &LogtoTenant) -> impl PartialEq {
    let LogtoTenantSpec {
        webhook_mode,
        allowed_instances,
        adoption,
        management_policy,
        suspend,
        ..
    } = &tenant.spec;
    (
        *webhook_mode,
        allowed_instances,
        adoption,
        *management_policy,
        *suspend,
    )
}

/// What a binding needs of its instance: whether it stays, what it asks for, its API resource, whether it is stalled,
/// whether its settings are delivered, whether it runs with them, and whether it does not because nothing is to run.
fn for_bindings(
    instance: &HasuraInstance,
) -> (bool, &HasuraInstanceSpec, Option<&str>, bool, [bool; 3]) {
    let status = instance.status.as_ref();
    let resource = status.and_then(|status| status.api_resource.as_ref());
    (
        deleting(instance),
        &instance.spec,
        resource.and_then(|resource| resource.id.as_deref()),
        is_true(instance, types::STALLED),
        [
            is_true(instance, types::AUTH_CONFIGURED),
            is_true(instance, types::ROLLED_OUT),
            rollout::lacks_replicas(instance),
        ],
    )
}

/// Whether two bindings may ask for the same thing; role names are made of prefix and role, so equal ones are enough.
fn asks_alike(a: &HasuraRoleBinding, b: &HasuraRoleBinding) -> bool {
    let (a, b) = (&a.spec, &b.spec);
    let name = |spec: &HasuraRoleBindingSpec| {
        spec.logto_role
            .name
            .clone()
            .unwrap_or_else(|| spec.hasura_role.clone())
    };
    let suffix_alike = name(a).ends_with(name(b).as_str()) || name(b).ends_with(name(a).as_str());
    a.hasura_role == b.hasura_role || a.scope.name == b.scope.name || suffix_alike
}
