//! The API resources that stay in Logto after their instances, as their tenant's status lists them, so that an instance of
//! the same namespace and name that is made again finds its own.

use super::{
    ownership::Owner,
    precedence::Key,
    provenance::{ProofKey, Subject},
};
use crate::api::{Origin, instance::ApiResourceStatus, tenant::RetainedResource};

/// Most entries of a list; the oldest go first.
pub const MAX: usize = 64;

/// Stands in an entry's proof for the uid, which the next instance does not share. No uid reads so.
const OF_NO_OBJECT: &str = "retained";

impl RetainedResource {
    /// The entry for a resource that was made for an instance.
    pub fn new(
        proof_key: &ProofKey,
        owner: &Owner,
        instance: &Key,
        indicator: &str,
        id: &str,
    ) -> Self {
        let mut entry = Self {
            namespace: instance.namespace.clone(),
            name: instance.name.clone(),
            indicator: indicator.to_owned(),
            id: id.to_owned(),
            proof: String::new(),
        };
        let proved = entry.with_subject(owner, |subject, said| proof_key.prove(subject, said));
        entry.proof = proved.proof.unwrap_or_default();
        entry
    }

    /// The instance that it was made for.
    pub fn instance(&self) -> Key {
        Key {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// Whether the operator wrote it.
    pub fn is_proved(&self, proof_key: &ProofKey, owner: &Owner) -> bool {
        self.with_subject(owner, |subject, said| proof_key.is_proved(subject, &said))
    }

    fn with_subject<T>(
        &self,
        owner: &Owner,
        call: impl FnOnce(&Subject<'_>, ApiResourceStatus) -> T,
    ) -> T {
        let said = ApiResourceStatus {
            id: Some(self.id.clone()),
            origin: Origin::Created,
            creating_since: None,
            proof: Some(self.proof.clone()),
        };
        let subject = Subject {
            owner,
            uid: OF_NO_OBJECT,
            instance: &self.instance(),
            indicator: &self.indicator,
        };
        call(&subject, said)
    }
}

/// The list with one entry more, and without what it replaces and what is gone from Logto.
pub fn with(
    list: Vec<RetainedResource>,
    entry: RetainedResource,
    is_there: impl Fn(&str) -> bool,
) -> Vec<RetainedResource> {
    if list.contains(&entry) {
        return list;
    }
    let mut kept: Vec<_> = list
        .into_iter()
        .filter(|other| other.indicator != entry.indicator && is_there(&other.id))
        .collect();
    kept.push(entry);
    kept.drain(..kept.len().saturating_sub(MAX));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> ProofKey {
        ProofKey::derive(&secret.into(), "default", "https://logto.example.com")
    }

    fn owner(id: &str) -> Owner {
        Owner::new(id).unwrap()
    }

    fn entry(n: usize) -> RetainedResource {
        let instance = Key {
            namespace: "shop".into(),
            name: format!("shop-{n}"),
        };
        let indicator = format!("https://{n}.example.com");
        RetainedResource::new(
            &key("now"),
            &owner("one"),
            &instance,
            &indicator,
            &format!("r{n}"),
        )
    }

    #[test]
    fn a_resource_that_stays_is_proved_for_its_own_instance_and_no_other() {
        let good = entry(1);
        let is_proved = |entry: &RetainedResource| entry.is_proved(&key("now"), &owner("one"));
        assert!(is_proved(&good));
        assert!(!good.is_proved(&key("before"), &owner("one")));
        assert!(!good.is_proved(&key("now"), &owner("two")));
        let changes: [fn(&mut RetainedResource); 6] = [
            |entry| entry.namespace = "other".into(),
            |entry| entry.name = "other".into(),
            |entry| entry.indicator = "https://2.example.com".into(),
            |entry| entry.id = "r2".into(),
            |entry| entry.proof = "A".repeat(43),
            |entry| entry.proof = String::new(),
        ];
        for change in changes {
            let mut forged = good.clone();
            change(&mut forged);
            assert!(!is_proved(&forged), "{forged:?}");
        }
    }

    #[test]
    fn the_proof_of_what_stays_is_none_for_a_live_object_of_any_uid() {
        let good = entry(1);
        let said = ApiResourceStatus {
            id: Some(good.id.clone()),
            origin: Origin::Created,
            creating_since: None,
            proof: Some(good.proof.clone()),
        };
        for uid in ["", "6a1b", "0b7e2c1e-4f0e-4e7a-9d55-0a4b6f1f2c3d"] {
            let subject = Subject {
                owner: &owner("one"),
                uid,
                instance: &good.instance(),
                indicator: &good.indicator,
            };
            assert!(!key("now").is_proved(&subject, &said), "{uid}");
        }
    }

    #[test]
    fn a_list_keeps_the_newest_and_one_for_each_resource_and_what_is_there() {
        let mut list = Vec::new();
        for n in 0..MAX + 2 {
            list = with(list, entry(n), |_| true);
        }
        assert_eq!(list.len(), MAX);
        assert_eq!((&list[0], &list[MAX - 1]), (&entry(2), &entry(MAX + 1)));
        assert_eq!(with(list.clone(), entry(5), |_| false), list, "no news");
        let again = RetainedResource {
            id: "another".into(),
            ..entry(5)
        };
        let list = with(list, again.clone(), |id| id == "r7");
        assert_eq!(list, [entry(7), again]);
    }
}
