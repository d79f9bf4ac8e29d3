//! Bindings by what they name and ask for, so that a visit to one need not look through all of them.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, PoisonError, RwLock},
};

use kube::runtime::reflector::ObjectRef;

use super::{context::key, stores::instance_key};
use crate::{api::HasuraRoleBinding, domain::precedence::Key};

/// Something that a binding's spec says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word<'a> {
    /// The instance that it names.
    Instance(&'a Key),
    /// … and the Hasura role that it asks for there.
    HasuraRole(&'a Key, &'a str),
    /// … and the scope.
    Scope(&'a Key, &'a str),
    /// The name that it gives its Logto role.
    RoleName(&'a str),
}

/// Which bindings say what. Clones share it.
///
/// Words are kept as hashes, so what is found may be one too many, and has to be looked at; what is gone may still be found.
#[derive(Clone, Default)]
pub struct Index(Arc<Rows>);

#[derive(Default)]
struct Rows {
    hashes: RandomState,
    bindings: RwLock<HashMap<u64, Vec<Arc<ObjectRef<HasuraRoleBinding>>>>>,
}

impl Index {
    /// Notes that a binding came, changed or went.
    pub fn note(&self, before: Option<&HasuraRoleBinding>, after: Option<&HasuraRoleBinding>) {
        let old = before.map(|binding| self.hashes(binding));
        let new = after.map(|binding| self.hashes(binding));
        let Some(binding) = after.or(before).filter(|_| old != new) else {
            return;
        };
        let Key { namespace, name } = key(binding);
        let reference = Arc::new(ObjectRef::new(&name).within(&namespace));
        let mut rows = self
            .0
            .bindings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for hash in old.into_iter().flatten() {
            if let Some(row) = rows.get_mut(&hash) {
                row.retain(|other| *other != reference);
                if row.is_empty() {
                    rows.remove(&hash);
                }
            }
        }
        for hash in new.into_iter().flatten() {
            rows.entry(hash).or_default().push(Arc::clone(&reference));
        }
    }

    /// The bindings that say this, and perhaps others.
    pub fn saying(&self, word: Word<'_>) -> Vec<Arc<ObjectRef<HasuraRoleBinding>>> {
        let rows = self
            .0
            .bindings
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        rows.get(&self.0.hashes.hash_one(word))
            .cloned()
            .unwrap_or_default()
    }

    fn hashes(&self, binding: &HasuraRoleBinding) -> Vec<u64> {
        let instance = instance_key(binding);
        let spec = &binding.spec;
        let words = [
            Some(Word::Instance(&instance)),
            Some(Word::HasuraRole(&instance, &spec.hasura_role)),
            Some(Word::Scope(&instance, &spec.scope.name)),
            spec.logto_role.name.as_deref().map(Word::RoleName),
        ];
        let words = words.into_iter().flatten();
        words.map(|word| self.0.hashes.hash_one(word)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn binding(name: &str, scope: &str, role_name: Option<&str>) -> HasuraRoleBinding {
        let mut binding = json!({
            "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraRoleBinding",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {
                "instanceRef": {"name": "shop"}, "hasuraRole": "editor", "scope": {"name": scope},
                "logtoRole": {"type": "User"},
            },
        });
        if let Some(role_name) = role_name {
            binding["spec"]["logtoRole"]["name"] = json!(role_name);
        }
        serde_json::from_value(binding).unwrap()
    }

    fn names(index: &Index, word: Word<'_>) -> Vec<String> {
        let found = index.saying(word);
        let mut names: Vec<_> = found.iter().map(|binding| binding.name.clone()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_binding_is_found_by_what_it_says_until_it_says_something_else_or_is_gone() {
        let shop = Key {
            namespace: "shop".to_owned(),
            name: "shop".to_owned(),
        };
        let index = Index::default();
        let (a, b) = (binding("a", "read", None), binding("b", "read", Some("x")));
        index.note(None, Some(&a));
        index.note(None, Some(&b));
        assert_eq!(names(&index, Word::Instance(&shop)), ["a", "b"]);
        assert_eq!(names(&index, Word::HasuraRole(&shop, "editor")), ["a", "b"]);
        assert_eq!(names(&index, Word::Scope(&shop, "read")), ["a", "b"]);
        assert_eq!(names(&index, Word::RoleName("x")), ["b"]);

        let changed = binding("a", "write", None);
        index.note(Some(&a), Some(&changed));
        assert_eq!(names(&index, Word::Scope(&shop, "read")), ["b"]);
        assert_eq!(names(&index, Word::Scope(&shop, "write")), ["a"]);
        assert_eq!(names(&index, Word::Instance(&shop)), ["a", "b"]);

        index.note(Some(&b), None);
        assert_eq!(names(&index, Word::Instance(&shop)), ["a"]);
        assert!(names(&index, Word::RoleName("x")).is_empty());
    }
}
