//! What is known of the objects of our kinds, who names whom, and whether it may.

use std::sync::Arc;

use kube::{
    ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};

use super::{
    anonymous::AnonymousRoles,
    context::{deleting, key},
    gone::Gone,
    index::{Index, Word},
    namespaces::Namespaces,
};
use crate::{
    api::{
        HasuraInstance, HasuraInstanceSpec, HasuraRoleBinding, HasuraRoleBindingSpec, LogtoTenant,
        Reference,
    },
    domain::{
        consent::{self, Consent, NamespaceLabels},
        desired::role_name,
        precedence::Key,
    },
};

/// What a reference from a namespace names.
fn named(reference: &Reference, namespace: String) -> Key {
    Key {
        namespace: reference.namespace.clone().unwrap_or(namespace),
        name: reference.name.clone(),
    }
}

/// The LogtoTenant that an instance names.
pub fn tenant_key(instance: &HasuraInstance) -> Key {
    named(
        &instance.spec.tenant_ref,
        instance.namespace().unwrap_or_default(),
    )
}

/// The HasuraInstance that a binding names.
pub fn instance_key(binding: &HasuraRoleBinding) -> Key {
    named(
        &binding.spec.instance_ref,
        binding.namespace().unwrap_or_default(),
    )
}

/// The LogtoTenant that a binding's status remembers.
pub fn remembered_tenant(binding: &HasuraRoleBinding) -> Option<Key> {
    let remembered = binding.status.as_ref()?.tenant_ref.as_ref()?;
    Some(named(remembered, binding.namespace().unwrap_or_default()))
}

/// All objects of our kinds that are watched.
#[derive(Clone)]
pub struct Stores {
    /// All LogtoTenants.
    pub tenants: Store<LogtoTenant>,
    /// All HasuraInstances.
    pub instances: Store<HasuraInstance>,
    /// All HasuraRoleBindings.
    pub bindings: Store<HasuraRoleBinding>,
    /// Which of them say what.
    pub index: Index,
    /// The labels that consent may depend on.
    pub namespaces: Namespaces,
    /// What the Deployments give callers without a token.
    pub anonymous_roles: AnonymousRoles,
    /// Tenants and instances that went lately.
    pub gone: Gone,
}

/// What an instance in one namespace says to a binding in another.
type Rule =
    fn((&str, &HasuraInstanceSpec), (&str, &HasuraRoleBindingSpec), &NamespaceLabels) -> Consent;

impl Stores {
    /// A tenant.
    pub fn tenant(&self, key: &Key) -> Option<Arc<LogtoTenant>> {
        self.tenants
            .get(&ObjectRef::new(&key.name).within(&key.namespace))
    }

    /// A tenant, or one that went lately as it was then.
    pub fn last_known_tenant(&self, key: &Key) -> Option<Arc<LogtoTenant>> {
        self.tenant(key).or_else(|| self.gone.tenants.get(key))
    }

    /// The instance that a binding names, or one that went lately as it was then.
    pub fn last_known_instance_of(
        &self,
        binding: &HasuraRoleBinding,
    ) -> Option<Arc<HasuraInstance>> {
        let instance = self.instance_of(binding);
        instance.or_else(|| self.gone.instances.get(&instance_key(binding)))
    }

    /// The instance that a binding names, whether or not it takes the binding.
    pub fn instance_of(&self, binding: &HasuraRoleBinding) -> Option<Arc<HasuraInstance>> {
        let key = instance_key(binding);
        self.instances
            .get(&ObjectRef::new(&key.name).within(&key.namespace))
    }

    /// Whether an instance may use the tenant that it names. Of a tenant that is gone nobody can tell.
    pub fn consent_to_instance(&self, instance: &HasuraInstance) -> Consent {
        let (tenant_key, own) = (tenant_key(instance), key(instance));
        if tenant_key.namespace == own.namespace {
            return Consent::Given;
        }
        let Some(tenant) = self.tenant(&tenant_key) else {
            return Consent::Unknown;
        };
        self.namespaces.with(|known| {
            consent::to_instance(
                (&tenant_key.namespace, &tenant.spec),
                (&own.namespace, &instance.spec),
                known,
            )
        })
    }

    /// Whether an instance takes a binding that names it.
    pub fn consent_to_binding(
        &self,
        instance: &HasuraInstance,
        binding: &HasuraRoleBinding,
    ) -> Consent {
        self.told_by(consent::to_binding, instance, binding)
    }

    /// Whether what a binding asks for may be granted: its instance takes it, and it says who is given the role only where
    /// it may.
    pub fn consent_to_grant(
        &self,
        instance: &HasuraInstance,
        binding: &HasuraRoleBinding,
    ) -> Consent {
        self.told_by(consent::to_grant, instance, binding)
    }

    /// Whether an instance lets a binding say who is given the role.
    pub fn consent_to_subjects(
        &self,
        instance: &HasuraInstance,
        binding: &HasuraRoleBinding,
    ) -> Consent {
        self.told_by(consent::to_subjects, instance, binding)
    }

    fn told_by(
        &self,
        rule: Rule,
        instance: &HasuraInstance,
        binding: &HasuraRoleBinding,
    ) -> Consent {
        let (instance_key, own) = (key(instance), key(binding));
        self.namespaces.with(|known| {
            rule(
                (&instance_key.namespace, &instance.spec),
                (&own.namespace, &binding.spec),
                known,
            )
        })
    }

    /// The instances that name a tenant, whether or not they may.
    pub fn instances_naming(&self, tenant: &Key) -> Vec<Arc<HasuraInstance>> {
        self.instances
            .state_filter(|instance: &HasuraInstance| &tenant_key(instance) == tenant)
    }

    /// The instances of a tenant.
    pub fn instances_of(&self, tenant: &Key) -> Vec<Arc<HasuraInstance>> {
        let mut instances = self.instances_naming(tenant);
        instances.retain(|instance| self.is_of_its_tenant(instance));
        instances
    }

    /// Whether an instance may use its tenant; one that did goes on while that can not be told, or others could take what
    /// it has.
    pub fn is_of_its_tenant(&self, instance: &HasuraInstance) -> bool {
        let status = instance.status.as_ref();
        let is_established = status.is_some_and(|status| status.api_resource.is_some());
        match self.consent_to_instance(instance) {
            Consent::Given => true,
            Consent::Unknown => is_established,
            Consent::Withheld => false,
        }
    }

    /// The bindings that name an instance, whether or not it takes them.
    pub fn bindings_naming(&self, instance: &Key) -> Vec<Arc<HasuraRoleBinding>> {
        let names_it = |binding: &Arc<HasuraRoleBinding>| &instance_key(binding) == instance;
        let mut bindings = self.bindings_saying(Word::Instance(instance));
        bindings.retain(names_it);
        bindings
    }

    /// The bindings whose specs say this, and perhaps others.
    pub fn bindings_saying(&self, word: Word<'_>) -> Vec<Arc<HasuraRoleBinding>> {
        let found = self.index.saying(word).into_iter();
        found
            .filter_map(|reference| self.bindings.get(&reference))
            .collect()
    }

    /// The bindings of an instance; those that were stay while it can not be told whether it takes them.
    pub fn bindings_of(&self, instance: &HasuraInstance) -> Vec<Arc<HasuraRoleBinding>> {
        let mut bindings = self.bindings_naming(&key(instance));
        bindings.retain(|binding| self.is_of_its_instance(instance, binding));
        bindings
    }

    /// Whether an instance takes a binding; one that it took stays while that can not be told.
    pub fn is_of_its_instance(
        &self,
        instance: &HasuraInstance,
        binding: &HasuraRoleBinding,
    ) -> bool {
        let status = binding.status.as_ref();
        let is_established = status.is_some_and(|status| status.role.is_some());
        match self.consent_to_binding(instance, binding) {
            Consent::Given => true,
            Consent::Unknown => is_established,
            Consent::Withheld => false,
        }
    }

    /// The bindings of these instances whose role in Logto has this name, with the instance of each.
    pub fn bindings_of_role(
        &self,
        instances: &[Arc<HasuraInstance>],
        role: &str,
    ) -> Vec<(Arc<HasuraInstance>, Arc<HasuraRoleBinding>)> {
        let mut found = Vec::new();
        for instance in instances {
            let named = self.bindings_saying(Word::RoleName(role));
            let rest = role.strip_prefix(&instance.spec.logto_role_name_prefix);
            let made =
                rest.map(|rest| self.bindings_saying(Word::HasuraRole(&key(&**instance), rest)));
            for binding in named.into_iter().chain(made.into_iter().flatten()) {
                let is_its = instance_key(&binding) == key(&**instance)
                    && role_name(&binding, &instance.spec) == role
                    && self.consent_to_binding(instance, &binding) == Consent::Given;
                if is_its {
                    found.push((Arc::clone(instance), binding));
                }
            }
        }
        found
    }

    /// The bindings whose status says that what they made is in a tenant; their instance may be gone.
    pub fn bindings_remembering(&self, tenant: &Key) -> Vec<Arc<HasuraRoleBinding>> {
        self.bindings.state_filter(|binding: &HasuraRoleBinding| {
            remembered_tenant(binding).as_ref() == Some(tenant)
        })
    }

    /// Those of them that are being deleted.
    pub fn leaving_bindings(&self, tenant: &Key) -> Vec<Arc<HasuraRoleBinding>> {
        self.bindings.state_filter(|binding: &HasuraRoleBinding| {
            deleting(binding) && remembered_tenant(binding).as_ref() == Some(tenant)
        })
    }
}
