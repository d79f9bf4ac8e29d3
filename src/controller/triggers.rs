//! Which objects are visited when something changes: tenant → instance → binding, and who competes with whom.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    ResourceExt,
    core::PartialObjectMeta,
    runtime::reflector::{ObjectRef, Store},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{
    anonymous::AnonymousRoles,
    context::{deleting, key},
    status::is_true,
    webhook,
};
use crate::api::{
    HasuraInstance, HasuraInstanceSpec, HasuraRoleBinding, HasuraRoleBindingSpec, LogtoTenant,
    conditions::types,
};
use crate::domain::precedence::Key;

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
    pub fn tenant(&self, namespace: &str, name: &str) {
        let _ = self.tenants.send(ObjectRef::new(name).within(namespace));
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

/// The stores that changes are mapped through.
#[derive(Clone)]
pub struct Stores {
    /// All LogtoTenants.
    pub tenants: Store<LogtoTenant>,
    /// All HasuraInstances.
    pub instances: Store<HasuraInstance>,
    /// All HasuraRoleBindings.
    pub bindings: Store<HasuraRoleBinding>,
    /// What the Deployments give callers without a token.
    pub anonymous_roles: AnonymousRoles,
}

impl Stores {
    /// A tenant.
    pub fn tenant(&self, key: &Key) -> Option<Arc<LogtoTenant>> {
        self.tenants
            .get(&ObjectRef::new(&key.name).within(&key.namespace))
    }

    /// The instance that a binding names.
    pub fn instance_of(&self, binding: &HasuraRoleBinding) -> Option<Arc<HasuraInstance>> {
        let namespace = binding.namespace().unwrap_or_default();
        self.instances
            .get(&ObjectRef::new(&binding.spec.instance_ref.name).within(&namespace))
    }

    /// The instances of a tenant.
    pub fn instances_of(&self, namespace: &str, tenant: &str) -> Vec<Arc<HasuraInstance>> {
        let of_tenant = |instance: &HasuraInstance| {
            instance.namespace().as_deref() == Some(namespace)
                && instance.spec.tenant_ref.name == tenant
        };
        self.instances.state_filter(of_tenant)
    }

    /// The bindings of an instance.
    pub fn bindings_of(&self, namespace: &str, instance: &str) -> Vec<Arc<HasuraRoleBinding>> {
        let of_instance = |binding: &HasuraRoleBinding| {
            binding.namespace().as_deref() == Some(namespace)
                && binding.spec.instance_ref.name == instance
        };
        self.bindings.state_filter(of_instance)
    }

    /// The bindings whose status says that what they made is in a tenant; their instance may be gone.
    pub fn bindings_remembering(
        &self,
        namespace: &str,
        tenant: &str,
    ) -> Vec<Arc<HasuraRoleBinding>> {
        self.bindings.state_filter(|binding: &HasuraRoleBinding| {
            let status = binding.status.as_ref();
            let remembered = status.and_then(|status| status.tenant_ref.as_ref());
            binding.namespace().as_deref() == Some(namespace)
                && remembered.is_some_and(|remembered| remembered.name == tenant)
        })
    }

    /// Those of them that are being deleted.
    pub fn leaving_bindings(&self, tenant: &Key) -> Vec<Arc<HasuraRoleBinding>> {
        let mut bindings = self.bindings_remembering(&tenant.namespace, &tenant.name);
        bindings.retain(|binding| deleting(&**binding));
        bindings
    }

    /// Wakes all that depends on a tenant.
    pub fn wake_dependants(&self, triggers: &Triggers, namespace: &str, tenant: &str) {
        for instance in self.instances_of(namespace, tenant) {
            triggers.instance(&instance);
            let bindings = self.bindings_of(namespace, &instance.name_any());
            bindings
                .iter()
                .for_each(|binding| triggers.binding(binding));
        }
        let bindings = self.bindings_remembering(namespace, tenant);
        bindings
            .iter()
            .for_each(|binding| triggers.binding(binding));
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
        let (namespace, name) = (tenant.namespace().unwrap_or_default(), tenant.name_any());
        triggers.tenant(&namespace, &name);
        let consent = |tenant: &LogtoTenant| tenant.spec.webhook_mode;
        if before.map(consent) == after.map(consent) {
            return;
        }
        self.wake_dependants(triggers, &namespace, &name);
        if after.is_none() {
            for rival in self.tenants.state() {
                triggers.tenant(&rival.namespace().unwrap_or_default(), &rival.name_any());
            }
        }
    }

    /// A HasuraInstance changed: it; its bindings when what they need changed; its rivals and its tenant when it came,
    /// went or is going.
    pub fn instance_changed(
        &self,
        triggers: &Triggers,
        before: Option<&HasuraInstance>,
        after: Option<&HasuraInstance>,
    ) {
        let Some(instance) = after.or(before) else {
            return;
        };
        let (namespace, name) = (
            instance.namespace().unwrap_or_default(),
            instance.name_any(),
        );
        if let Some(after) = after {
            triggers.instance(after);
        }
        if before.map(for_bindings) != after.map(for_bindings) {
            for binding in self.bindings_of(&namespace, &name) {
                triggers.binding(&binding);
            }
        }
        let standing =
            |instance: &HasuraInstance| (deleting(instance), webhook::is_switched(instance));
        if before.map(standing) != after.map(standing) {
            triggers.tenant(&namespace, &instance.spec.tenant_ref.name);
            for rival in self
                .instances
                .state_filter(|rival: &HasuraInstance| rival.namespace() == instance.namespace())
            {
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
        let same = before.map(deleting) == after.map(deleting)
            && before.map(|binding| &binding.spec.scope.name)
                == after.map(|binding| &binding.spec.scope.name);
        if same {
            return;
        }
        let rivals = |rival: &HasuraRoleBinding| {
            rival.namespace() == binding.namespace()
                && rival.name_any() != binding.name_any()
                && asks_alike(rival, binding)
        };
        for rival in self.bindings.state_filter(rivals) {
            triggers.binding(&rival);
        }
        let instance = self.instance_of(binding);
        let leaves = after.is_none_or(deleting);
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
                triggers.tenant(&tenant.namespace().unwrap_or_default(), &tenant.name_any());
            }
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
                && instance.spec.deployment_ref.name == deployment.name_any()
        };
        for instance in self.instances.state_filter(names_it) {
            triggers.instance(&instance);
        }
    }
}

/// What a binding needs of its instance: whether it stays, what it asks for, its API resource, whether it is stalled, and
/// whether it runs with its settings.
fn for_bindings(
    instance: &HasuraInstance,
) -> (bool, &HasuraInstanceSpec, Option<&str>, bool, bool) {
    let status = instance.status.as_ref();
    let resource = status.and_then(|status| status.api_resource.as_ref());
    (
        deleting(instance),
        &instance.spec,
        resource.and_then(|resource| resource.id.as_deref()),
        is_true(instance, types::STALLED),
        is_true(instance, types::ROLLED_OUT),
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
