//! Roles that a Deployment was last seen to give callers without a token, by instance.
//!
//! A binding of such a role concerns its instance; any other one does not, so that a thousand of them cost nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use super::registry::lock;
use crate::domain::precedence::Key;

/// What was last seen; clones share it.
#[derive(Clone, Default)]
pub struct AnonymousRoles(Arc<Mutex<HashMap<Key, String>>>);

impl AnonymousRoles {
    /// Notes what was seen on an instance's Deployment.
    pub fn note(&self, instance: Key, role: Option<String>) {
        let mut roles = lock(&self.0);
        match role {
            Some(role) => roles.insert(instance, role),
            None => roles.remove(&instance),
        };
    }

    /// Whether it was this role.
    pub fn is(&self, instance: &Key, role: &str) -> bool {
        lock(&self.0).get(instance).is_some_and(|seen| seen == role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_that_was_seen_last_is_told_until_it_is_gone() {
        let (roles, instance) = (AnonymousRoles::default(), |name: &str| Key {
            namespace: "shop".into(),
            name: name.into(),
        });
        let seen = roles.clone();
        roles.note(instance("a"), Some("guest".into()));
        assert!(seen.is(&instance("a"), "guest") && !seen.is(&instance("b"), "guest"));
        roles.note(instance("a"), Some("visitor".into()));
        assert!(!seen.is(&instance("a"), "guest") && seen.is(&instance("a"), "visitor"));
        roles.note(instance("a"), None);
        assert!(!seen.is(&instance("a"), "visitor"));
    }
}
