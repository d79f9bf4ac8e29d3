//! Whatever a tenant holds, the planner's steps lead to what is asked for, in the fewest writes, and touch nothing else.
#![allow(clippy::unwrap_used)]

mod adoption;
mod model;
mod namespaces;
mod resources;

use std::collections::BTreeSet;

use logto_hasura::{
    api::binding::{DeletionPolicy, RoleType},
    domain::{
        adoption::{Adoption, Permission},
        desired,
        observed::Observed,
        ownership::{Mark, Marks, Owner},
        plan::{Conflict, Step, plan_binding, plan_resource},
        release::{Holders, Release},
        standing::Standing,
    },
};
use model::Model;
use proptest::prelude::*;

const INDICATOR: &str = "https://shop.example.com/v1/graphql";

fn owner() -> Owner {
    Owner::new("test").unwrap()
}

/// The marks of a binding of the namespace and instance `shop`.
fn marks_of(owner: &Owner, name: &str, hasura_role: &str) -> Marks {
    let spec = serde_json::json!({"instanceRef": {"name": "shop"}, "hasuraRole": hasura_role, "scope": {"name": "read"}});
    owner.marks("shop", name, &serde_json::from_value(spec).unwrap())
}

fn marks(n: usize) -> Marks {
    marks_of(&owner(), &format!("binding-{n}"), &format!("role-{n}"))
}

fn mark(n: usize) -> Mark {
    marks(n).created
}

fn resource() -> desired::Resource {
    desired::Resource {
        indicator: INDICATOR.into(),
        name: "Shop".into(),
        access_token_ttl: Some(3600),
    }
}

fn binding(n: usize) -> desired::Binding {
    desired::Binding {
        is_default: None,
        marks: marks(n),
        indicator: INDICATOR.into(),
        hasura_role: format!("role-{n}"),
        scope_name: format!("scope-{n}"),
        scope_text: None,
        role_name: format!("role-{n}"),
        role_type: RoleType::User,
        role_text: None,
    }
}

/// Bindings with texts or without, of both types.
fn bindings() -> impl Strategy<Value = Vec<desired::Binding>> {
    let text = proptest::option::of("[a-zA-Z ü🔒]{0,30}");
    let one = (text.clone(), text, any::<bool>());
    proptest::collection::vec(one, 0..6).prop_map(|texts| {
        let each = texts
            .into_iter()
            .enumerate()
            .map(|(n, (scope_text, role_text, machine))| desired::Binding {
                scope_text,
                role_text,
                role_type: if machine {
                    RoleType::MachineToMachine
                } else {
                    RoleType::User
                },
                ..binding(n)
            });
        each.collect()
    })
}

/// Edits as people make them in the console: on names that the bindings ask for, and on others.
#[derive(Clone, Debug)]
enum Edit {
    Role(usize, Option<usize>, String),
    Scope(usize, Option<usize>, String),
    Link(usize, usize),
    Unlink(usize),
    RenameRole(usize),
    DeleteRole(usize),
    DeleteScope(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let n = 0..6_usize;
    let marked = proptest::option::of(0..6_usize);
    let text = "[a-z ]{0,12}";
    proptest::collection::vec(
        prop_oneof![
            (n.clone(), marked.clone(), text)
                .prop_map(|(n, marked, text)| Edit::Role(n, marked, text)),
            (n.clone(), marked, text).prop_map(|(n, marked, text)| Edit::Scope(n, marked, text)),
            (n.clone(), n.clone()).prop_map(|(role, scope)| Edit::Link(role, scope)),
            n.clone().prop_map(Edit::Unlink),
            n.clone().prop_map(Edit::RenameRole),
            n.clone().prop_map(Edit::DeleteRole),
            n.prop_map(Edit::DeleteScope),
        ],
        0..8,
    )
}

fn edit(model: &mut Model, edits: &[Edit]) {
    let put =
        |text: &str, marked: &Option<usize>| marked.map_or(text.to_owned(), |n| mark(n).put(text));
    for edit in edits {
        match edit {
            Edit::Role(n, marked, text) => {
                model.console_role(&format!("role-{n}"), &put(text, marked))
            }
            Edit::Scope(n, marked, text) => {
                model.console_scope(INDICATOR, &format!("scope-{n}"), &put(text, marked))
            }
            Edit::Link(role, scope) => model.console_link(
                INDICATOR,
                &format!("role-{role}"),
                &format!("scope-{scope}"),
            ),
            Edit::Unlink(n) => model.console_unlink(&format!("role-{n}")),
            Edit::RenameRole(n) => {
                model.console_rename_role(&format!("role-{n}"), &format!("renamed-{n}"))
            }
            Edit::DeleteRole(n) => model.console_delete_role(&format!("role-{n}")),
            Edit::DeleteScope(n) => model.console_delete_scope(INDICATOR, &format!("scope-{n}")),
        }
    }
}

/// Carries out all plans once; gives the writes and the conflicts.
fn converge(model: &mut Model, bindings: &[desired::Binding]) -> (usize, Vec<Conflict>) {
    let found = model.observed.resources.get(INDICATOR);
    let steps = plan_resource(
        &resource(),
        found,
        Standing::Known,
        &owner(),
        Permission::NotAsked,
    )
    .unwrap();
    let mut conflicts = Vec::new();
    let mut writes = model.apply_all(steps);
    for binding in bindings {
        match plan_binding(binding, &owner(), &model.observed, Adoption::NEVER) {
            Ok(steps) => writes += model.apply_all(steps),
            Err(conflict) => conflicts.push(conflict),
        }
    }
    (writes, conflicts)
}

/// Everything that bears none of the bindings' marks and is not held to be theirs by a marked partner.
fn untouchable(observed: &Observed, bindings: &[desired::Binding]) -> BTreeSet<String> {
    let ours = |mark: Option<Mark>| {
        mark.is_some_and(|mark| {
            let mut all = bindings.iter();
            all.any(|binding| binding.marks.origin(&mark).is_some())
        })
    };
    let mut ids = BTreeSet::new();
    for role in observed.roles.values().filter(|role| !ours(role.mark())) {
        let holds_marked = observed
            .resources
            .values()
            .flat_map(|resource| resource.scopes.values());
        if !holds_marked
            .into_iter()
            .any(|scope| ours(scope.mark()) && role.holds(&scope.id))
        {
            ids.insert(role.id.clone());
        }
    }
    for resource in observed.resources.values() {
        for scope in resource.scopes.values().filter(|scope| !ours(scope.mark())) {
            if !observed
                .roles
                .values()
                .any(|role| ours(role.mark()) && role.holds(&scope.id))
            {
                ids.insert(scope.id.clone());
            }
        }
    }
    ids
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn new_bindings_cost_two_writes_each_and_one_for_the_resource(bindings in bindings()) {
        let mut model = Model::default();
        let (writes, conflicts) = converge(&mut model, &bindings);
        prop_assert_eq!(writes, 2 * bindings.len() + 1);
        prop_assert!(conflicts.is_empty());
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(bindings in bindings(), edits in edits()) {
        let mut model = Model::default();
        converge(&mut model, &bindings);
        edit(&mut model, &edits);
        let (_, first) = converge(&mut model, &bindings);
        // A mended name may free what another binding waits for, so conflicts may shrink; then all is quiet.
        for _ in 0..bindings.len() {
            converge(&mut model, &bindings);
        }
        let (writes, last) = converge(&mut model, &bindings);
        prop_assert_eq!(writes, 0);
        prop_assert!(last.len() <= first.len());
    }

    #[test]
    fn every_binding_without_a_conflict_ends_with_its_scope_held_by_its_role(bindings in bindings(), edits in edits()) {
        let mut model = Model::default();
        edit(&mut model, &edits);
        for _ in 0..=bindings.len() {
            converge(&mut model, &bindings);
        }
        for binding in &bindings {
            if plan_binding(binding, &owner(), &model.observed, Adoption::NEVER).is_ok() {
                let scope = &model.observed.resources[INDICATOR].scopes[&binding.scope_name];
                let role = &model.observed.roles[&binding.role_name];
                let marks = &binding.marks;
                prop_assert!(scope.origin(marks).is_some() && role.origin(marks).is_some() && role.holds(&scope.id));
                prop_assert_eq!(role.type_, binding.role_type);
            }
        }
    }

    #[test]
    fn the_order_of_bindings_does_not_matter(bindings in bindings(), edits in edits()) {
        let run = |bindings: &[desired::Binding]| {
            let mut model = Model::default();
            edit(&mut model, &edits);
            // A mended name may free what another binding waits for, which then happens at its next visit.
            for _ in 0..=bindings.len() {
                converge(&mut model, bindings);
            }
            model.shape()
        };
        let mut reversed = bindings.clone();
        reversed.reverse();
        prop_assert_eq!(run(&bindings), run(&reversed));
    }

    #[test]
    fn what_others_made_is_never_written_to(bindings in bindings(), edits in edits()) {
        let mut model = Model::default();
        converge(&mut model, &bindings[..bindings.len() / 2]);
        edit(&mut model, &edits);
        for binding in &bindings {
            let foreign = untouchable(&model.observed, std::slice::from_ref(binding));
            for step in plan_binding(binding, &owner(), &model.observed, Adoption::NEVER).unwrap_or_default() {
                prop_assert!(model::touched(&step, &model.observed).is_disjoint(&foreign), "{:?}", step);
            }
        }
    }

    #[test]
    fn deleting_a_binding_never_writes_to_what_is_not_its_own(bindings in bindings(), edits in edits(), held in any::<bool>()) {
        let mut model = Model::default();
        converge(&mut model, &bindings);
        edit(&mut model, &edits);
        let holders = if held { Holders::Somebody } else { Holders::Nobody };
        for binding in &bindings {
            let foreign = untouchable(&model.observed, std::slice::from_ref(binding));
            let steps = release(binding, None).plan(holders, &model.observed);
            for step in &steps {
                prop_assert!(model::touched(step, &model.observed).is_disjoint(&foreign), "{:?}", step);
            }
            let deletes_role = steps.iter().any(|step| matches!(step, Step::DeleteRole { .. }));
            prop_assert!(!(held && deletes_role));
            model.apply_all(steps);
            // Somebody may have copied the mark to further scopes and roles; each round takes one of each.
            for _ in 0..edits.len() {
                let again = release(binding, None).plan(holders, &model.observed);
                model.apply_all(again);
            }
            prop_assert!(release(binding, None).plan(holders, &model.observed).is_empty());
        }
    }

    #[test]
    fn a_successor_takes_over_the_same_objects(text in proptest::option::of("[a-z]{0,20}")) {
        let mut model = Model::default();
        let old = desired::Binding { role_text: text, ..binding(0) };
        converge(&mut model, std::slice::from_ref(&old));
        let before = model.ids();
        let new = desired::Binding { marks: marks(1), ..old.clone() };
        model.apply_all(release(&old, Some(marks(1))).plan(Holders::Somebody, &model.observed));
        let (_, conflicts) = converge(&mut model, &[new]);
        prop_assert!(conflicts.is_empty());
        prop_assert_eq!(model.ids(), before);
    }
}

fn release(binding: &desired::Binding, successor: Option<Marks>) -> Release {
    Release {
        marks: binding.marks.clone(),
        policy: DeletionPolicy::DeleteUnused,
        indicator: binding.indicator.clone(),
        scope_name: binding.scope_name.clone(),
        role_name: binding.role_name.clone(),
        successor,
        grants_by_name: false,
    }
}

#[test]
fn a_role_of_the_other_type_is_a_conflict_that_names_both() {
    let mut model = Model::default();
    converge(&mut model, &[binding(0)]);
    let machine = desired::Binding {
        role_type: RoleType::MachineToMachine,
        ..binding(0)
    };
    let conflict = plan_binding(&machine, &owner(), &model.observed, Adoption::NEVER).unwrap_err();
    assert!(
        matches!(
            conflict,
            Conflict::RoleType {
                found: RoleType::User,
                ..
            }
        ),
        "{conflict}"
    );
}

#[test]
fn an_edited_description_and_a_lost_link_are_a_conflict_until_the_mark_is_put_back() {
    let mut model = Model::default();
    converge(&mut model, &[binding(0)]);
    let before = model.ids();
    let role = model.observed.roles["role-0"].clone();
    model.console_role("role-0", "Edited");
    model.console_unlink("role-0");
    let scope = model.observed.resources[INDICATOR].scopes["scope-0"].clone();
    let status = serde_json::from_value(serde_json::json!({
        "scope": {"id": scope.id, "resourceId": "resource1", "origin": "Created"},
        "role": {"id": role.id, "name": "role-0", "origin": "Created"},
    }))
    .unwrap();
    let conflict = plan_binding(&binding(0), &owner(), &model.observed, Adoption::NEVER);
    let told = conflict.unwrap_err().knowing(Some(&status), &marks(0));
    let Conflict::MarkGone { mark, .. } = told else {
        panic!("{told}");
    };
    model.console_role("role-0", &mark.put("Edited"));
    let (_, conflicts) = converge(&mut model, &[binding(0)]);
    assert!(conflicts.is_empty(), "{conflicts:?}");
    assert_eq!(model.ids(), before);
    assert!(model.observed.roles["role-0"].holds(&scope.id));
}

#[test]
fn a_renamed_scope_keeps_its_id_and_its_roles() {
    let mut model = Model::default();
    converge(&mut model, &[binding(0)]);
    let before = model.ids();
    let renamed = desired::Binding {
        scope_name: "read:everything".into(),
        ..binding(0)
    };
    let (writes, _) = converge(&mut model, &[renamed]);
    assert_eq!((writes, model.ids()), (1, before));
}

#[test]
fn a_star_in_a_scopes_name_is_a_letter_and_what_it_could_stand_for_stays_as_it_is() {
    let mut model = Model::default();
    converge(&mut model, &[]);
    for other in ["messaging:message:read", "messaging:message:", "messaging"] {
        model.console_scope(INDICATOR, other, "by hand");
    }
    let before = model.observed.clone();
    let of_all = desired::Binding {
        scope_name: "messaging:message:*".into(),
        role_name: "Messaging Public Servant".into(),
        ..binding(0)
    };
    let (_, conflicts) = converge(&mut model, &[of_all]);
    assert!(conflicts.is_empty(), "{conflicts:?}");
    let scopes = &model.observed.resources[INDICATOR].scopes;
    let own = scopes["messaging:message:*"].id.clone();
    let role = &model.observed.roles["Messaging Public Servant"];
    assert_eq!(role.scopes, Some(BTreeSet::from([own])));
    for (name, scope) in &before.resources[INDICATOR].scopes {
        assert_eq!(&scopes[name], scope);
    }
}

#[test]
fn an_instance_made_again_with_another_indicator_takes_the_former_scope_off_its_roles() {
    let mut model = Model::default();
    converge(&mut model, &[binding(0)]);
    let other = "https://shop.example.com/v2/graphql";
    model.console_resource(other);
    let moved = desired::Binding {
        indicator: other.into(),
        ..binding(0)
    };
    let plan =
        |model: &Model| plan_binding(&moved, &owner(), &model.observed, Adoption::NEVER).unwrap();
    let steps = plan(&model);
    model.apply_all(steps);
    assert_eq!(plan(&model), []);
    let own = model.observed.resources[other].scopes["scope-0"].id.clone();
    let held = model.observed.roles["role-0"].scopes.clone();
    assert_eq!(held, Some(BTreeSet::from([own])));
    // What somebody else gave the role stays with it.
    model.console_scope(INDICATOR, "pay", "");
    model.console_link(INDICATOR, "role-0", "pay");
    assert_eq!(plan(&model), []);
}

#[test]
fn a_long_hand_written_description_is_cut_to_what_logto_stores() {
    let mut model = Model::default();
    converge(&mut model, &[binding(0)]);
    model.console_role("role-0", &mark(0).put(&"🔒".repeat(40)));
    converge(&mut model, &[binding(0)]);
    let role = &model.observed.roles["role-0"];
    assert!(
        role.description.encode_utf16().count() <= 128,
        "{}",
        role.description
    );
    assert_eq!(role.mark(), Some(mark(0)));
}

#[test]
fn a_role_becomes_a_default_role_only_when_it_is_seen_to_hold_its_own_scope_alone() {
    let mut model = Model::default();
    converge(&mut model, &[binding(0)]);
    let mut default = binding(0);
    default.is_default = Some(true);
    let own = model.observed.roles["role-0"].scopes.clone();
    let extra = own.iter().flatten().cloned().chain(["extra".to_owned()]);
    for (scopes, steps) in [(None, 0), (Some(extra.collect()), 0), (own.clone(), 1)] {
        model.observed.roles.get_mut("role-0").unwrap().scopes = scopes;
        let plan = plan_binding(&default, &owner(), &model.observed, Adoption::NEVER).unwrap();
        assert_eq!(plan.len(), steps, "{plan:?}");
    }
}
