//! Whether what somebody else made may be taken over: the object asks for it, and the tenant allows it.

use super::consent::matches;
use crate::api::{
    policy::{AdoptionPolicy, Namespaces},
    tenant::Adoptable,
};

/// Whether something may be taken over, or what is missing for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Both consents are there.
    Given,
    /// The object's `adoptionPolicy` is Never.
    NotAsked,
    /// The tenant's `spec.adoption` does not name it for this namespace.
    NotListed,
}

/// What a binding may take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The scope of its name.
    pub scope: Permission,
    /// The role of its name.
    pub role: Permission,
}

impl Adoption {
    /// Nothing.
    pub const NEVER: Self = Self {
        scope: Permission::NotAsked,
        role: Permission::NotAsked,
    };
}

/// Whether an API resource, or a scope in it, may be taken over from a namespace that `selected` knows.
pub fn of_indicator(
    policy: AdoptionPolicy,
    rules: &[Adoptable],
    indicator: &str,
    selected: impl Fn(&Namespaces) -> bool,
) -> Permission {
    permission(policy, rules, selected, |rule| {
        let mut indicators = rule.indicators.iter().flatten();
        indicators.any(|named| named == indicator)
    })
}

/// Whether a role may be taken over.
pub fn of_role(
    policy: AdoptionPolicy,
    rules: &[Adoptable],
    role: &str,
    selected: impl Fn(&Namespaces) -> bool,
) -> Permission {
    permission(policy, rules, selected, |rule| {
        let mut patterns = rule.roles.iter().flatten();
        patterns.any(|pattern| matches(pattern, role))
    })
}

fn permission(
    policy: AdoptionPolicy,
    rules: &[Adoptable],
    selected: impl Fn(&Namespaces) -> bool,
    names: impl Fn(&Adoptable) -> bool,
) -> Permission {
    if policy == AdoptionPolicy::Never {
        return Permission::NotAsked;
    }
    let is_listed = rules
        .iter()
        .any(|rule| names(rule) && selected(&rule.namespaces));
    if is_listed {
        Permission::Given
    } else {
        Permission::NotListed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules() -> Vec<Adoptable> {
        serde_json::from_value(json!([
            {"namespaces": {"names": ["shop"]}, "indicators": ["https://shop.example.com/"], "roles": ["user:*"]},
            {"namespaces": {"names": ["billing"]}, "roles": ["accountant", "Messaging *"]},
        ]))
        .unwrap()
    }

    fn is(namespace: &str) -> impl Fn(&Namespaces) -> bool {
        move |selector| {
            selector
                .names
                .iter()
                .flatten()
                .any(|name| name == namespace)
        }
    }

    #[test]
    fn taking_over_needs_the_objects_own_word_and_the_tenants() {
        let of = |policy, role, namespace| of_role(policy, &rules(), role, is(namespace));
        let asked = AdoptionPolicy::Adopt;
        assert_eq!(of(asked, "user:reader", "shop"), Permission::Given);
        let never = AdoptionPolicy::Never;
        assert_eq!(of(never, "user:reader", "shop"), Permission::NotAsked);
        assert_eq!(of(asked, "admin:reader", "shop"), Permission::NotListed);
        // What another namespace may take over is not for this one.
        assert_eq!(of(asked, "user:reader", "billing"), Permission::NotListed);
        assert_eq!(of(asked, "accountant", "billing"), Permission::Given);
        // A role of several words, by the beginning of its name.
        let servant = "Messaging Public Servant";
        assert_eq!(of(asked, servant, "billing"), Permission::Given);
        assert_eq!(of(asked, "Messaging", "billing"), Permission::NotListed);
        assert_eq!(of(asked, servant, "shop"), Permission::NotListed);
    }

    #[test]
    fn an_indicator_is_listed_to_the_letter() {
        let of = |indicator| of_indicator(AdoptionPolicy::Adopt, &rules(), indicator, is("shop"));
        assert_eq!(of("https://shop.example.com/"), Permission::Given);
        assert_eq!(of("https://shop.example.com/v1"), Permission::NotListed);
    }
}
