//! Random bindings of three namespaces come, go and come back under other names, while people are given roles by hand:
//! nobody gains a Hasura role outside what was allowed, and no assignment passes from one namespace or Hasura role to
//! another.

use std::collections::{BTreeMap, BTreeSet};

use logto_hasura::{
    api::{HasuraInstance, HasuraRoleBinding},
    domain::{
        adoption::Adoption,
        consent::{self, Consent, NamespaceLabels},
        desired::{Binding, role_name},
        plan::{plan_binding, plan_resource},
        precedence::{Claim, Claimant, Key, losers},
        release::{Holders, Release},
        standing::Standing,
    },
};
use proptest::{prelude::*, sample::select};
use serde_json::json;

use super::{model::Model, owner, resource};

const NAMESPACES: [&str; 3] = ["shop", "team-a", "team-b"];
const ROLES: [&str; 3] = ["manager", "team-a:reader", "team-a:writer"];

/// What happens, one after the other.
#[derive(Clone, Debug)]
enum Event {
    /// A binding is applied in a namespace: its place there, its role, its scope, and a name for the Logto role.
    Apply(usize, usize, usize, usize, Option<usize>),
    Delete(usize, usize),
    /// Somebody is given, by hand, the Logto role of the binding that holds it at that time.
    Assign(usize, usize),
    /// The instance's owner takes back or gives consent to `team-a`.
    Consent(bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let any_of = |count: usize| 0..count;
    let named = proptest::option::weighted(0.3, any_of(3));
    proptest::collection::vec(
        prop_oneof![
            4 => (any_of(3), any_of(2), any_of(3), any_of(3), named)
                .prop_map(|(namespace, place, role, scope, name)| Event::Apply(namespace, place, role, scope, name)),
            2 => (any_of(3), any_of(2)).prop_map(|(namespace, place)| Event::Delete(namespace, place)),
            3 => (any_of(3), any_of(3)).prop_map(|(user, role)| Event::Assign(user, role)),
            1 => any::<bool>().prop_map(Event::Consent),
        ],
        1..24,
    )
}

/// Namespace and Hasura role.
type Given = (String, String);

/// The cluster and Logto, as the controllers would bring them about.
struct World {
    instance: HasuraInstance,
    bindings: BTreeMap<Key, (i64, HasuraRoleBinding)>,
    model: Model,
    clock: i64,
    /// Who holds a role by its id, and of which namespace's binding, and which Hasura role, it was when he was given it.
    holds: BTreeMap<String, BTreeMap<usize, Given>>,
}

fn instance(consents: bool, patterns: &[&str]) -> HasuraInstance {
    let allowed = json!([{"namespaces": {"names": ["team-a"]}, "hasuraRoles": patterns}]);
    serde_json::from_value(json!({
        "apiVersion": "logto-hasura.dev/v1alpha1", "kind": "HasuraInstance",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {
            "tenantRef": {"name": "main"}, "apiResource": {"indicator": super::INDICATOR, "name": "Shop"},
            "deploymentRef": {"name": "hasura"}, "allowedBindings": if consents { allowed } else { json!([]) },
        }
    }))
    .unwrap()
}

fn key(namespace: usize, place: usize) -> Key {
    Key {
        namespace: NAMESPACES[namespace].into(),
        name: format!("binding-{place}"),
    }
}

impl World {
    fn allowed(&self, key: &Key, binding: &HasuraRoleBinding) -> bool {
        let consent = consent::to_binding(
            ("shop", &self.instance.spec),
            (&key.namespace, &binding.spec),
            &NamespaceLabels::default(),
        );
        consent == Consent::Given
    }

    /// The bindings that hold all that they ask for.
    fn accepted(&self) -> Vec<(Key, HasuraRoleBinding)> {
        let shop = Key {
            namespace: "shop".into(),
            name: "shop".into(),
        };
        let claimants = self
            .bindings
            .iter()
            .filter(|(key, (_, binding))| self.allowed(key, binding));
        let claimants = claimants.map(|(key, (created, binding))| {
            let role = role_name(binding, &self.instance.spec);
            let marks = owner().marks(&key.namespace, &key.name, &binding.spec);
            let found = self.model.observed.roles.get(&role);
            Claimant {
                key: key.clone(),
                native: key.namespace == "shop",
                marked: found.is_some_and(|role| role.origin(&marks).is_some()),
                proved: true,
                created: *created,
                established: false,
                deleting: false,
                claims: vec![
                    Claim::HasuraRole(shop.clone(), binding.spec.hasura_role.clone()),
                    Claim::Scope(shop.clone(), binding.spec.scope.name.clone()),
                    Claim::Role(shop.clone(), role),
                ],
            }
        });
        let lost = losers(claimants.collect());
        let all = self.bindings.iter();
        all.filter(|(key, (_, binding))| self.allowed(key, binding) && !lost.contains_key(*key))
            .map(|(key, (_, binding))| (key.clone(), binding.clone()))
            .collect()
    }

    fn desired(&self, key: &Key, binding: &HasuraRoleBinding) -> Option<Binding> {
        Binding::new(&owner(), &key.namespace, &key.name, binding, &self.instance).ok()
    }

    /// Carries out what is accepted; gives the bindings whose role is in Logto and holds its scope.
    fn settle(&mut self) -> Vec<(Key, Binding)> {
        let found = self.model.observed.resources.get(super::INDICATOR);
        let never = Adoption::NEVER;
        let steps = plan_resource(&resource(), found, Standing::Known, &owner(), never.role);
        self.model.apply_all(steps.unwrap());
        let mut done = Vec::new();
        for (key, binding) in self.accepted() {
            let Some(desired) = self.desired(&key, &binding) else {
                continue;
            };
            if let Ok(steps) = plan_binding(&desired, &owner(), &self.model.observed, never) {
                self.model.apply_all(steps);
                done.push((key, desired));
            }
        }
        done
    }

    fn delete(&mut self, key: &Key) {
        let Some((_, binding)) = self.bindings.remove(key) else {
            return;
        };
        let Some(desired) = self.desired(key, &binding) else {
            return;
        };
        // As `rivals::successor` has it: the same instance, namespace and Hasura role, and the consent.
        let heirs = self.bindings.iter().filter(|(other, (_, heir))| {
            other.namespace == key.namespace
                && heir.spec.hasura_role == binding.spec.hasura_role
                && self.allowed(other, heir)
                && role_name(heir, &self.instance.spec) == desired.role_name
        });
        let heir = heirs.min_by_key(|(other, (created, _))| (*created, (*other).clone()));
        let release = Release {
            marks: desired.marks.clone(),
            policy: binding.spec.deletion_policy,
            indicator: desired.indicator.clone(),
            scope_name: desired.scope_name.clone(),
            role_name: desired.role_name.clone(),
            successor: heir
                .map(|(other, (_, heir))| owner().marks(&other.namespace, &other.name, &heir.spec)),
            grants_by_name: false,
        };
        let role = release
            .role(&self.model.observed)
            .map(|(_, role)| role.id.clone());
        let held = role.is_some_and(|id| {
            self.holds
                .get(&id)
                .is_some_and(|holders| !holders.is_empty())
        });
        let holders = if held {
            Holders::Somebody
        } else {
            Holders::Nobody
        };
        let steps = release.plan(holders, &self.model.observed);
        self.model.apply_all(steps);
        let left: BTreeSet<String> = self
            .model
            .observed
            .roles
            .values()
            .map(|role| role.id.clone())
            .collect();
        self.holds.retain(|id, _| left.contains(id));
    }

    fn happen(&mut self, event: &Event, patterns: &[&str]) {
        match event {
            Event::Apply(namespace, place, role, scope, name) => {
                let key = key(*namespace, *place);
                if self.bindings.contains_key(&key) {
                    return;
                }
                let mut spec = json!({
                    "instanceRef": {"name": "shop", "namespace": "shop"},
                    "hasuraRole": ROLES[*role], "scope": {"name": format!("scope-{scope}")},
                });
                if let Some(name) = name {
                    spec["logtoRole"] = json!({"name": ROLES[*name]});
                }
                let binding =
                    HasuraRoleBinding::new(&key.name, serde_json::from_value(spec).unwrap());
                self.clock += 1;
                self.bindings.insert(key, (self.clock, binding));
            }
            Event::Delete(namespace, place) => self.delete(&key(*namespace, *place)),
            Event::Assign(user, role) => {
                let done = self.settle();
                let Some((key, desired)) = done
                    .into_iter()
                    .find(|(_, desired)| desired.hasura_role == ROLES[*role])
                else {
                    return;
                };
                let id = self.model.observed.roles[&desired.role_name].id.clone();
                self.holds
                    .entry(id)
                    .or_default()
                    .insert(*user, (key.namespace, desired.hasura_role));
            }
            Event::Consent(given) => self.instance = instance(*given, patterns),
        }
    }

    /// Who has which Hasura role by the claims, through which binding.
    fn grants(&mut self) -> Vec<(usize, String, Key, Given)> {
        let done = self.settle();
        let mut grants = Vec::new();
        for (key, desired) in done {
            let role = &self.model.observed.roles[&desired.role_name];
            for (user, given_for) in self.holds.get(&role.id).into_iter().flatten() {
                grants.push((
                    *user,
                    desired.hasura_role.clone(),
                    key.clone(),
                    given_for.clone(),
                ));
            }
        }
        grants
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nobody_gains_a_role_outside_what_was_allowed_and_no_assignment_crosses_namespaces_or_roles(
        events in events(),
        patterns in select(vec![vec!["team-a:*"], vec!["team-a:reader"], vec!["*"], vec!["manager"]]),
    ) {
        let mut world = World {
            instance: instance(true, &patterns), bindings: BTreeMap::new(), model: Model::default(), clock: 0, holds: BTreeMap::new(),
        };
        for event in &events {
            world.happen(event, &patterns);
            for (user, role, key, given_for) in world.grants() {
                let has = (key.namespace.clone(), role.clone());
                prop_assert_eq!(given_for, has, "{} has {} of {} after {:?}", user, role, key, event);
                if key.namespace != "shop" {
                    prop_assert_eq!(key.namespace.as_str(), "team-a");
                    prop_assert!(patterns.iter().any(|pattern| consent::matches(pattern, &role)), "{} through {}", role, key);
                    prop_assert!(!world.instance.spec.allowed_bindings.is_empty(), "consent was withdrawn");
                }
            }
            // A Hasura role is granted through one binding at most.
            let roles: Vec<String> = world.settle().into_iter().map(|(_, desired)| desired.hasura_role).collect();
            let distinct: BTreeSet<&String> = roles.iter().collect();
            prop_assert_eq!(distinct.len(), roles.len());
        }
    }
}
