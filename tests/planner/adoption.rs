//! Taking over what is there, looking at it first, and leaving it again: whatever a tenant holds, nothing is changed
//! without both consents, nothing adopted is deleted, and what is shown is what is done.

use std::collections::BTreeSet;

use logto_hasura::{
    api::{
        Origin,
        binding::{DeletionPolicy, RoleType},
        policy::PlannedAction,
    },
    domain::{
        adoption::{Adoption, Permission},
        desired,
        observed::{Observed, Role, Scope},
        ownership::{Mark, Owner},
        plan::{Conflict, Step, plan_binding, plan_resource},
        release::{Holders, Release},
        standing::Standing,
        words,
    },
};
use proptest::prelude::*;

use super::{
    INDICATOR, binding, marks, marks_of,
    model::{self, Model},
    owner, resource,
};

/// Who made an object before the operator came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Nobody,
    Somebody,
    OtherBinding,
    OtherOwner,
    Created,
    Adopted,
}

fn maker() -> impl Strategy<Value = Maker> {
    prop_oneof![
        2 => Just(Maker::Nobody),
        4 => Just(Maker::Somebody),
        1 => Just(Maker::OtherBinding),
        1 => Just(Maker::OtherOwner),
        2 => Just(Maker::Created),
        2 => Just(Maker::Adopted),
    ]
}

/// One tenant and one binding that comes to it.
#[derive(Clone, Debug)]
struct Case {
    resource: bool,
    scope: Maker,
    role: Maker,
    linked: bool,
    other_scope: bool,
    is_default: bool,
    text: Option<String>,
    makes_default: bool,
    adoption: Adoption,
    policy: DeletionPolicy,
    held: bool,
    webhook: bool,
}

fn permission() -> impl Strategy<Value = Permission> {
    prop_oneof![
        3 => Just(Permission::Given),
        1 => Just(Permission::NotAsked),
        1 => Just(Permission::NotListed),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let policy = prop_oneof![
        Just(DeletionPolicy::DeleteUnused),
        Just(DeletionPolicy::Delete),
        Just(DeletionPolicy::Retain),
    ];
    let objects = (
        any::<bool>(),
        maker(),
        maker(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let wishes = (
        (proptest::option::of("[a-z]{0,9}"), any::<bool>()),
        permission(),
        permission(),
    );
    (objects, wishes, policy, any::<bool>(), any::<bool>()).prop_map(
        |(
            (resource, scope, role, linked, other_scope, is_default),
            ((text, makes_default), of_scope, of_role),
            policy,
            held,
            webhook,
        )| Case {
            resource,
            scope,
            role,
            linked,
            other_scope,
            is_default,
            text,
            makes_default,
            adoption: Adoption {
                scope: of_scope,
                role: of_role,
            },
            policy,
            held,
            webhook,
        },
    )
}

fn described(maker: Maker, text: &str) -> String {
    let other = |owner: Owner| marks_of(&owner, "somebody-else", "somebody").created;
    let mark: Option<Mark> = match maker {
        Maker::Nobody | Maker::Somebody => None,
        Maker::OtherBinding => Some(other(owner())),
        Maker::OtherOwner => Some(other(Owner::new("other").unwrap())),
        Maker::Created => Some(marks(0).created),
        Maker::Adopted => Some(marks(0).adopted),
    };
    mark.map_or(text.to_owned(), |mark| mark.put(text))
}

/// The tenant before the binding comes.
fn tenant(case: &Case) -> Model {
    let mut model = Model::default();
    if case.resource || case.scope != Maker::Nobody {
        model.console_resource(INDICATOR);
    }
    if case.scope != Maker::Nobody {
        model.console_scope(INDICATOR, "scope-0", &described(case.scope, "by hand"));
    }
    if case.role != Maker::Nobody {
        model.console_role("role-0", &described(case.role, "By hand"));
        let role = model.observed.roles.get_mut("role-0").unwrap();
        role.is_default = case.is_default;
        if case.linked {
            model.console_link(INDICATOR, "role-0", "scope-0");
        }
        if case.other_scope {
            model.console_scope("https://billing.example.com", "pay", "");
            model.console_link("https://billing.example.com", "role-0", "pay");
        }
    }
    model
}

fn wanted(case: &Case) -> desired::Binding {
    desired::Binding {
        role_text: case.text.clone(),
        is_default: case.makes_default.then_some(true),
        ..binding(0)
    }
}

fn plan(case: &Case, model: &Model) -> Result<Vec<Step>, Conflict> {
    plan_binding(&wanted(case), &owner(), &model.observed, case.adoption)
}

/// Carries the binding out as far as it goes, twice: a role that lost its mark is found by the scope that was made.
fn converge(case: &Case, model: &mut Model) -> Result<usize, Conflict> {
    let found = model.observed.resources.get(INDICATOR);
    let steps = plan_resource(
        &resource(),
        found,
        Standing::Known,
        &owner(),
        Permission::Given,
    );
    model.apply_all(steps?);
    let steps = plan(case, model)?;
    Ok(model.apply_all(steps))
}

fn release(case: &Case) -> Release {
    let binding = wanted(case);
    Release {
        marks: binding.marks,
        policy: case.policy,
        indicator: binding.indicator,
        scope_name: binding.scope_name,
        role_name: binding.role_name,
        successor: None,
        grants_by_name: case.webhook,
    }
}

fn holders(case: &Case) -> Holders {
    if case.held {
        Holders::Somebody
    } else {
        Holders::Nobody
    }
}

/// Ids of what bears somebody else's mark, and of what bears none, is not consented to, and is not linked to what was made
/// for the binding. What it only took over proves nothing of what that is linked to.
fn off_limits(case: &Case, observed: &Observed) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let role = observed.roles.get("role-0");
    let scope = observed
        .resources
        .get(INDICATOR)
        .and_then(|resource| resource.scopes.get("scope-0"));
    let is_ours = |mark: Option<Mark>| mark.is_some_and(|mark| marks(0).origin(&mark).is_some());
    if let Some(role) = role.filter(|role| !is_ours(role.mark())) {
        let was_made = |scope: &Scope| scope.origin(&marks(0)) == Some(Origin::Created);
        let through_scope = scope.is_some_and(|scope| was_made(scope) && role.holds(&scope.id));
        if role.mark().is_some() || (!through_scope && case.adoption.role != Permission::Given) {
            ids.insert(role.id.clone());
        }
    }
    if let Some(scope) = scope.filter(|scope| !is_ours(scope.mark())) {
        let was_made = |role: &Role| role.origin(&marks(0)) == Some(Origin::Created);
        let through_role = role.is_some_and(|role| was_made(role) && role.holds(&scope.id));
        if scope.mark().is_some() || (!through_role && case.adoption.scope != Permission::Given) {
            ids.insert(scope.id.clone());
        }
    }
    ids
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_that_somebody_else_made_is_changed_without_both_consents(case in case()) {
        let model = tenant(&case);
        let off_limits = off_limits(&case, &model.observed);
        for step in plan(&case, &model).unwrap_or_default() {
            prop_assert!(model::touched(&step, &model.observed).is_disjoint(&off_limits), "{:?}", step);
        }
    }

    #[test]
    fn taking_over_converges_in_one_pass_and_gives_nobody_more_than_the_binding_says(case in case()) {
        // A role that is made becomes a default role in a second pass.
        let case = Case { makes_default: case.makes_default && case.role == Maker::Somebody, ..case };
        let mut model = tenant(&case);
        let before = model.clone();
        if converge(&case, &mut model).is_ok() {
            prop_assert_eq!(plan(&case, &model), Ok(vec![]));
            let role = &model.observed.roles["role-0"];
            let scope = &model.observed.resources[INDICATOR].scopes["scope-0"];
            prop_assert!(role.holds(&scope.id));
            // A role that was somebody else's holds the binding's own scope alone.
            if case.role == Maker::Somebody && !(case.linked && case.scope == Maker::Created) {
                prop_assert_eq!(role.origin(&marks(0)), Some(Origin::Adopted));
                prop_assert_eq!(role.scopes.as_ref().map(BTreeSet::len), Some(1));
            }
            let was_default = before.observed.roles.get("role-0").is_some_and(|role| role.is_default);
            if !case.makes_default {
                prop_assert_eq!(role.is_default, was_default);
            }
        }
    }

    #[test]
    fn what_was_there_before_is_never_deleted_whatever_the_policy(case in case()) {
        let mut model = tenant(&case);
        let before: BTreeSet<String> = {
            let kept = |maker| matches!(maker, Maker::Somebody | Maker::OtherBinding | Maker::OtherOwner | Maker::Adopted);
            let role = model.observed.roles.get("role-0").filter(|_| kept(case.role)).map(|role| role.id.clone());
            let resource = model.observed.resources.get(INDICATOR);
            let scope = resource.and_then(|resource| resource.scopes.get("scope-0")).filter(|_| kept(case.scope));
            role.into_iter().chain(scope.map(|scope| scope.id.clone())).collect()
        };
        let _ = converge(&case, &mut model);
        for _ in 0..3 {
            let steps = release(&case).plan(holders(&case), &model.observed);
            model.apply_all(steps);
        }
        prop_assert!(before.is_subset(&model.ids()), "{:?}", model.shape());
    }

    #[test]
    fn an_adopted_object_is_left_as_it_was_found_but_for_what_the_spec_names(case in case()) {
        let case = Case { text: None, webhook: false, ..case };
        let mut model = tenant(&case);
        let before = model.clone();
        let adopts = case.role == Maker::Somebody && case.scope == Maker::Somebody;
        if !adopts || converge(&case, &mut model).is_err() {
            return Ok(());
        }
        model.apply_all(release(&case).plan(holders(&case), &model.observed));
        if case.policy == DeletionPolicy::Retain {
            prop_assert_eq!(plan(&case, &model), Ok(vec![]));
            return Ok(());
        }
        let (was, is) = (&before.observed.roles["role-0"], &model.observed.roles["role-0"]);
        prop_assert_eq!((&was.id, &was.description, was.is_default), (&is.id, &is.description, is.is_default));
        prop_assert_eq!(&is.scopes, &was.scopes);
        let scope = |model: &Model| model.observed.resources[INDICATOR].scopes["scope-0"].clone();
        prop_assert_eq!(scope(&before), scope(&model));
    }

    #[test]
    fn a_binding_made_again_has_the_same_objects_as_before(case in case()) {
        let mut model = tenant(&case);
        if converge(&case, &mut model).is_err() {
            return Ok(());
        }
        let role = model.observed.roles["role-0"].clone();
        model.apply_all(release(&case).plan(holders(&case), &model.observed));
        // Whoever held a role that stays holds it again; what was taken over needs the consent again.
        if model.ids().contains(&role.id) && converge(&case, &mut model).is_ok() {
            prop_assert_eq!(&model.observed.roles["role-0"].id, &role.id);
        }
    }

    #[test]
    fn a_role_that_stays_grants_nothing(case in case()) {
        let mut model = tenant(&case);
        if converge(&case, &mut model).is_err() || case.policy == DeletionPolicy::Retain {
            return Ok(());
        }
        let role = model.observed.roles["role-0"].clone();
        model.apply_all(release(&case).plan(holders(&case), &model.observed));
        let left = model.observed.roles.iter().find(|(_, left)| left.id == role.id);
        if let Some((name, left)) = left {
            prop_assert!(!case.webhook || name != "role-0", "its name grants in mode Webhook");
            if role.origin(&marks(0)) == Some(Origin::Created) {
                prop_assert!(!left.is_default);
                let resource = &model.observed.resources[INDICATOR];
                prop_assert!(resource.scopes.get("scope-0").is_none_or(|scope| !left.holds(&scope.id)));
            }
        }
    }

    #[test]
    fn what_observe_shows_is_what_manage_does_step_by_step(case in case()) {
        let model = tenant(&case);
        match plan(&case, &model) {
            Err(conflict) => prop_assert_eq!(words::foreign(&conflict).action, PlannedAction::Foreign),
            Ok(steps) => {
                let shown: Vec<_> = steps.iter().map(|step| words::planned(step, &model.observed)).collect();
                let status = words::status(shown);
                prop_assert_eq!(status.steps.len(), steps.len());
                for (shown, step) in status.steps.iter().zip(&steps) {
                    let creates = matches!(step, Step::CreateScope { .. } | Step::CreateRole { .. });
                    prop_assert_eq!(shown.action == PlannedAction::Create, creates);
                    prop_assert!(shown.what.contains("role-0") || shown.what.contains("scope-0"), "{}", shown.what);
                    prop_assert!(!shown.what.contains("[logto-hasura:"), "{}", shown.what);
                }
                // An object that bore no mark and bears one after it is said to be taken over.
                let taken_over = steps.iter().filter(|step| match step {
                    Step::UpdateRole { id, description: Some(_), .. } => model.observed.roles.values().any(|role| &role.id == id && role.mark().is_none()),
                    Step::UpdateScope { id, description: Some(_), .. } => model.observed.resources[INDICATOR].scopes.values().any(|scope| &scope.id == id && scope.mark().is_none()),
                    _ => false,
                });
                let adopts = status.steps.iter().filter(|step| step.action == PlannedAction::Adopt);
                prop_assert_eq!(taken_over.count(), adopts.count());
            }
        }
    }
}

#[test]
fn a_refusal_names_the_line_that_would_allow_it() {
    let mut model = Model::default();
    model.console_scope(INDICATOR, "scope-0", "by hand");
    model.console_role("role-0", "By hand");
    let said = |adoption, model: &Model| {
        let plan = plan_binding(&binding(0), &owner(), &model.observed, adoption);
        plan.unwrap_err().to_string()
    };
    let adoption = |scope, role| Adoption { scope, role };
    let given = Permission::Given;
    let message = said(Adoption::NEVER, &model);
    assert!(
        message.contains("spec.adoptionPolicy: Adopt") && message.contains("spec.adoption"),
        "{message}"
    );
    let message = said(adoption(given, Permission::NotListed), &model);
    assert!(
        !message.contains("adoptionPolicy") && message.contains("the role in roles"),
        "{message}"
    );
    model.console_scope("https://billing.example.com", "pay", "");
    model.console_link("https://billing.example.com", "role-0", "pay");
    let message = said(adoption(given, given), &model);
    assert!(
        message.contains("\"pay\" of \"https://billing.example.com\""),
        "{message}"
    );
    model.observed.roles.get_mut("role-0").unwrap().scopes = None;
    let message = said(adoption(given, given), &model);
    assert!(message.contains("scopes were read"), "{message}");
}

#[test]
fn a_description_that_leaves_no_room_for_the_mark_is_not_cut() {
    let mut model = Model::default();
    model.console_resource(INDICATOR);
    model.console_role("role-0", &"x".repeat(120));
    let given = Adoption {
        scope: Permission::Given,
        role: Permission::Given,
    };
    let conflict = plan_binding(&binding(0), &owner(), &model.observed, given).unwrap_err();
    assert!(
        conflict.to_string().contains("shorten its description"),
        "{conflict}"
    );
    let named = desired::Binding {
        role_text: Some("Reads".into()),
        ..binding(0)
    };
    assert!(plan_binding(&named, &owner(), &model.observed, given).is_ok());
}

#[test]
fn a_role_of_the_other_type_is_not_taken_over() {
    let mut model = Model::default();
    model.console_role("role-0", "By hand");
    let given = Adoption {
        scope: Permission::Given,
        role: Permission::Given,
    };
    let machine = desired::Binding {
        role_type: RoleType::MachineToMachine,
        ..binding(0)
    };
    let conflict = plan_binding(&machine, &owner(), &model.observed, given).unwrap_err();
    assert!(matches!(conflict, Conflict::RoleType { .. }), "{conflict}");
}
