//! Who may refer to whom across namespaces, and what may be taken over from where.
//!
//! The own namespace needs no consent. What another one is not allowed is as if it were not there, so that names do not
//! leak.

use std::collections::{BTreeMap, HashMap};

use crate::api::{
    HasuraInstanceSpec, HasuraRoleBindingSpec, LogtoTenantSpec,
    instance::{AllowedBindings, SubjectsPolicy},
    policy::Namespaces,
};

/// What is known of the cluster's namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceLabels {
    /// Whether they can be listed; else nothing is known of any.
    pub readable: bool,
    /// Their labels, by name.
    pub by_name: HashMap<String, BTreeMap<String, String>>,
}

/// Whether a reference is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It is.
    Given,
    /// It is not, so it is as if there were nothing to refer to.
    Withheld,
    /// It depends on labels that can not be read. What was granted stays, and nothing new is granted.
    Unknown,
}

impl Consent {
    /// The consent of several rules, of which one is enough.
    fn any(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter()
            .fold(Self::Withheld, |one, other| match (one, other) {
                (Self::Given, _) | (_, Self::Given) => Self::Given,
                (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
                _ => Self::Withheld,
            })
    }
}

/// Whether a selector takes a namespace.
pub fn selects(selector: &Namespaces, namespace: &str, known: &NamespaceLabels) -> Consent {
    let given = |is: bool| {
        if is {
            Consent::Given
        } else {
            Consent::Withheld
        }
    };
    if let Some(names) = &selector.names {
        return given(names.iter().any(|name| name == namespace));
    }
    let Some(wanted) = selector
        .match_labels
        .as_ref()
        .filter(|wanted| !wanted.is_empty())
    else {
        return Consent::Withheld;
    };
    if !known.readable {
        return Consent::Unknown;
    }
    let labels = known.by_name.get(namespace);
    given(labels.is_some_and(|labels| {
        wanted
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }))
}

/// Whether an instance may use a tenant.
pub fn to_instance(
    (tenant_namespace, tenant): (&str, &LogtoTenantSpec),
    (namespace, instance): (&str, &HasuraInstanceSpec),
    known: &NamespaceLabels,
) -> Consent {
    if tenant_namespace == namespace {
        return Consent::Given;
    }
    let indicator = &instance.api_resource.indicator;
    let rules = tenant
        .allowed_instances
        .iter()
        .filter(|rule| allows(&rule.indicator_prefixes, indicator));
    Consent::any(rules.map(|rule| selects(&rule.namespaces, namespace, known)))
}

/// Whether an instance takes a binding.
pub fn to_binding(
    (instance_namespace, instance): (&str, &HasuraInstanceSpec),
    (namespace, binding): (&str, &HasuraRoleBindingSpec),
    known: &NamespaceLabels,
) -> Consent {
    if instance_namespace == namespace {
        return Consent::Given;
    }
    let rules = rules_for(instance, binding);
    Consent::any(rules.map(|rule| selects(&rule.namespaces, namespace, known)))
}

/// Whether an instance lets a binding say who is given the role.
pub fn to_subjects(
    (instance_namespace, instance): (&str, &HasuraInstanceSpec),
    (namespace, binding): (&str, &HasuraRoleBindingSpec),
    known: &NamespaceLabels,
) -> Consent {
    if instance_namespace == namespace {
        return Consent::Given;
    }
    let rules = rules_for(instance, binding).filter(|rule| rule.subjects == SubjectsPolicy::Allow);
    Consent::any(rules.map(|rule| selects(&rule.namespaces, namespace, known)))
}

/// Whether what a binding asks for may be granted: the instance takes it, and it says who is given the role only where it
/// may.
pub fn to_grant(
    instance: (&str, &HasuraInstanceSpec),
    binding: (&str, &HasuraRoleBindingSpec),
    known: &NamespaceLabels,
) -> Consent {
    if says_who(binding.1) {
        to_subjects(instance, binding, known)
    } else {
        to_binding(instance, binding, known)
    }
}

/// Whether a binding says who is given the role. A default role is given to everybody who registers.
pub fn says_who(binding: &HasuraRoleBindingSpec) -> bool {
    !binding.subjects.is_empty() || binding.logto_role.is_default == Some(true)
}

/// The rules whose patterns take a binding's roles. The Logto role has to match too, or a name could be taken that others
/// are given by hand.
fn rules_for<'a>(
    instance: &'a HasuraInstanceSpec,
    binding: &'a HasuraRoleBindingSpec,
) -> impl Iterator<Item = &'a AllowedBindings> {
    let prefix = &instance.logto_role_name_prefix;
    let name = binding.logto_role.name.as_deref();
    let logto_role = name.map(|name| name.strip_prefix(prefix.as_str()).unwrap_or(name));
    instance.allowed_bindings.iter().filter(move |rule| {
        let takes = |role: &str| {
            rule.hasura_roles
                .iter()
                .any(|pattern| matches(pattern, role))
        };
        takes(&binding.hasura_role) && logto_role.is_none_or(takes)
    })
}

/// Whether one of the entries stands for an indicator: itself, or with `/` or `:` at the end all that start with it.
///
/// Without such an end, `https://shop.example.com` would allow `https://shop.example.com.evil.org/` as well.
fn allows(prefixes: &[String], indicator: &str) -> bool {
    prefixes.iter().any(|entry| {
        entry == indicator || (entry.ends_with(['/', ':']) && indicator.starts_with(entry.as_str()))
    })
}

/// Whether a pattern, which may end with `*`, takes a role.
pub fn matches(pattern: &str, role: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => role.starts_with(beginning),
        None => pattern == role,
    }
}

#[cfg(test)]
mod tests;
