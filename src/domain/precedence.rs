//! Who holds what several objects ask for.
//!
//! First those of the instance's own namespace, then the one whose mark is on the object in Logto, then one that is proved
//! to be what it says it is, then the older, then the one that was carried out already (creation times have whole seconds),
//! then by namespace and name. Who loses one claim gets none of its claims, so that it can not block a third.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    fmt,
};

/// Namespace and name of one of our objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Something that only one object can have; tenants and instances are named by our objects that stand for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// LogtoTenant: a tenant, by issuer and tenant id.
    Tenant(String, String),
    /// HasuraInstance: an indicator of a tenant.
    Indicator(Key, String),
    /// HasuraInstance: a Deployment. Two instances can not share one by containers: the env entries of both would belong to
    /// one field manager, and each apply would drop the other's. Rank does not decide alone: who comes to name it later
    /// yields to who is there.
    Deployment(Key),
    /// HasuraInstance: an empty role name prefix in a tenant.
    EmptyPrefix(Key),
    /// HasuraInstance in mode Webhook: a tenant as a whole. Not by rank: one whose Deployment has the hook holds it, one
    /// whose has not yields to every other instance of the tenant.
    WholeTenant(Key),
    /// HasuraRoleBinding: a Hasura role of an instance.
    HasuraRole(Key, String),
    /// HasuraRoleBinding: a scope of an instance's API resource.
    Scope(Key, String),
    /// HasuraRoleBinding: a role of a tenant.
    Role(Key, String),
}

/// An object and what it asks for.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// Which object.
    pub key: Key,
    /// Whether it lives in the namespace of the instance that it asks of.
    pub native: bool,
    /// Whether its mark is on an object in Logto that it asks for.
    pub marked: bool,
    /// Whether it is proved to be what it says it is: of a LogtoTenant, that its issuer is its own; of all else, always.
    pub proved: bool,
    /// Creation time in seconds since the epoch.
    pub created: i64,
    /// Whether its status says that it was carried out before, which only settles a tie of creation times.
    pub established: bool,
    /// Whether it is being deleted; it holds what it has until it is gone.
    pub deleting: bool,
    /// What it asks for.
    pub claims: Vec<Claim>,
}

/// A claim that another object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What both ask for.
    pub claim: Claim,
    /// Who holds it.
    pub holder: Key,
    /// Whether the holder is being deleted, so that it is only a matter of time.
    pub holder_deleting: bool,
}

/// Who lost a claim, and to whom. Everybody else holds all that they ask for.
pub fn losers(mut claimants: Vec<Claimant>) -> BTreeMap<Key, Lost> {
    claimants.sort_by(|a, b| rank(a).cmp(&rank(b)));
    let mut held: HashMap<&Claim, &Claimant> = HashMap::new();
    let mut losers = BTreeMap::new();
    for claimant in &claimants {
        let taken = claimant
            .claims
            .iter()
            .find_map(|claim| Some((claim, *held.get(claim)?)));
        match taken {
            Some((claim, holder)) => {
                let lost = Lost {
                    claim: claim.clone(),
                    holder: holder.key.clone(),
                    holder_deleting: holder.deleting,
                };
                losers.insert(claimant.key.clone(), lost);
            }
            None => held.extend(claimant.claims.iter().map(|claim| (claim, claimant))),
        }
    }
    losers
}

fn rank(claimant: &Claimant) -> impl Ord {
    let Claimant {
        native,
        marked,
        proved,
        created,
        established,
        key,
        ..
    } = claimant;
    (
        Reverse(*native),
        Reverse(*marked),
        Reverse(*proved),
        *created,
        Reverse(*established),
        key.clone(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> Key {
        Key {
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    fn claimant(name: &str, created: i64, claims: &[&str]) -> Claimant {
        let claims = claims
            .iter()
            .map(|name| Claim::Role(key("tenant"), (*name).into()))
            .collect();
        Claimant {
            key: key(name),
            native: true,
            marked: false,
            proved: true,
            created,
            established: false,
            deleting: false,
            claims,
        }
    }

    fn losers_of(claimants: &[Claimant]) -> Vec<String> {
        let forward = losers(claimants.to_vec());
        let mut reversed = claimants.to_vec();
        reversed.reverse();
        assert_eq!(forward, losers(reversed), "the order of input matters");
        forward.into_keys().map(|key| key.name).collect()
    }

    #[test]
    fn the_older_holds_and_the_name_settles_a_tie() {
        let [old, young, twin] = [
            claimant("b", 1, &["r"]),
            claimant("a", 2, &["r"]),
            claimant("c", 1, &["r"]),
        ];
        assert_eq!(losers_of(&[old.clone(), young]), ["a"]);
        assert_eq!(losers_of(&[old, twin]), ["c"]);
    }

    #[test]
    fn of_two_made_in_the_same_second_the_one_that_was_carried_out_keeps_what_it_has() {
        let established = Claimant {
            established: true,
            ..claimant("z", 1, &["r"])
        };
        assert_eq!(
            losers_of(&[claimant("a", 1, &["r"]), established.clone()]),
            ["a"]
        );
        assert_eq!(losers_of(&[claimant("a", 0, &["r"]), established]), ["z"]);
    }

    #[test]
    fn a_mark_on_the_object_beats_age_and_the_instances_namespace_beats_a_mark() {
        let older = claimant("older", 1, &["r"]);
        let marked = Claimant {
            marked: true,
            ..claimant("marked", 2, &["r"])
        };
        assert_eq!(losers_of(&[older.clone(), marked.clone()]), ["older"]);
        let elsewhere = Claimant {
            native: false,
            ..marked
        };
        assert_eq!(losers_of(&[older, elsewhere]), ["marked"]);
    }

    #[test]
    fn who_is_proved_goes_before_an_older_one_that_is_established_but_not_proved() {
        let rogue = Claimant {
            proved: false,
            established: true,
            ..claimant("rogue", 1, &["r"])
        };
        let own = claimant("own", 2, &["r"]);
        assert_eq!(losers_of(&[rogue.clone(), own]), ["rogue"]);
        let as_little = Claimant {
            proved: false,
            ..claimant("as-little", 2, &["r"])
        };
        assert_eq!(losers_of(&[rogue, as_little]), ["as-little"]);
    }

    #[test]
    fn who_loses_one_claim_does_not_block_others_with_its_other_claims() {
        let first = claimant("first", 1, &["r"]);
        let second = claimant("second", 2, &["r", "s"]);
        let third = claimant("third", 3, &["s"]);
        assert_eq!(losers_of(&[first, second, third]), ["second"]);
    }

    #[test]
    fn the_loser_learns_who_holds_what_and_whether_that_one_is_going() {
        let going = Claimant {
            deleting: true,
            ..claimant("going", 1, &["r"])
        };
        let lost = losers(vec![going, claimant("next", 2, &["r"])])
            .remove(&key("next"))
            .unwrap();
        assert_eq!(
            lost,
            Lost {
                claim: Claim::Role(key("tenant"), "r".into()),
                holder: key("going"),
                holder_deleting: true
            }
        );
    }

    /// Whether each is proved, when it was made, and whether it was carried out.
    fn several() -> impl Strategy<Value = Vec<(bool, i64, bool)>> {
        proptest::collection::vec((any::<bool>(), 0_i64..3, any::<bool>()), 1..6)
    }

    proptest! {
        #[test]
        fn one_holds_a_claim_and_nobody_who_is_not_proved_while_another_is(all in several()) {
            let claimant = |(number, (proved, created, established)): (usize, &(bool, i64, bool))| Claimant {
                proved: *proved,
                established: *established,
                ..claimant(&number.to_string(), *created, &["r"])
            };
            let claimants: Vec<_> = all.iter().enumerate().map(claimant).collect();
            let lost = losers_of(&claimants);
            prop_assert_eq!(lost.len(), all.len() - 1);
            let holds = |claimant: &&Claimant| !lost.contains(&claimant.key.name);
            let holder = claimants.iter().find(holds).unwrap();
            prop_assert_eq!(holder.proved, all.iter().any(|(proved, ..)| *proved));
            let alike = claimants.iter().filter(|other| other.proved == holder.proved);
            prop_assert_eq!(Some(holder.created), alike.map(|other| other.created).min());
        }
    }
}
