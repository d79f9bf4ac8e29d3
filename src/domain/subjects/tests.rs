use SubjectState::{
    Ambiguous, Assigned, Assigning, HadRole, NotFound, Refused, Renamed, TakenAway,
};

use super::*;

mod model;

fn time(seconds: i64) -> Time {
    Time(jiff::Timestamp::from_second(seconds).unwrap())
}

fn user(id: &str, username: &str, created: i64) -> Account {
    Account {
        id: id.into(),
        username: Some(username.into()),
        primary_email: Some(format!("{username}@example.com")),
        created,
        ..Account::default()
    }
}

fn username(text: &str) -> Name {
    Name::Username(text.into())
}

fn email(text: &str) -> Name {
    Name::PrimaryEmail(text.into())
}

fn row(name: &Name, id: Option<&str>, state: SubjectState) -> SubjectStatus {
    SubjectStatus {
        kind: SubjectKind::User,
        named: name.to_string(),
        id: id.map(str::to_owned),
        state,
        named_since: Some(time(100)),
    }
}

/// Plans for users: whom the spec names, the rows, who holds the role, and who is in Logto.
fn plan(wanted: &[Name], before: &[SubjectStatus], holders: &[&Account], all: &[Account]) -> Plan {
    let subjects = Subjects {
        kind: SubjectKind::User,
        wanted: wanted.iter().cloned().collect(),
        before: before.to_vec(),
        holders: holders
            .iter()
            .map(|account| (account.id.clone(), (*account).clone()))
            .collect(),
    };
    let found = subjects
        .unresolved()
        .into_iter()
        .map(|name| {
            let mut meant = all.iter().filter(|account| name.means(account));
            let found = match (meant.next(), meant.next()) {
                (None, _) => Found::Nobody,
                (Some(account), None) => Found::One(account.clone()),
                (Some(_), Some(_)) => Found::Several,
            };
            (name.clone(), found)
        })
        .collect();
    subjects.plan(&found, &time(100))
}

fn states(plan: &Plan) -> Vec<SubjectState> {
    plan.rows.iter().map(|row| row.state).collect()
}

fn ids(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

#[test]
fn who_is_named_is_given_the_role_and_who_has_it_already_keeps_it() {
    let (alice, bob) = (user("a", "alice", 1), user("b", "bob", 1));
    let wanted = [username("alice"), email("bob@example.com")];
    let plan = plan(&wanted, &[], &[&bob], &[alice, bob.clone()]);
    assert_eq!(states(&plan), [HadRole, Assigning]);
    assert_eq!(ids(&plan.assign), ["a"]);
    assert!(plan.unassign.is_empty());
}

#[test]
fn only_what_the_binding_gave_is_taken_back_when_a_name_leaves_the_spec() {
    let all = [
        user("a", "alice", 1),
        user("b", "bob", 1),
        user("c", "carol", 1),
    ];
    let before = [
        row(&username("alice"), Some("a"), Assigned),
        row(&username("bob"), Some("b"), HadRole),
        row(&username("carol"), Some("c"), Assigning),
    ];
    let plan = plan(&[], &before, &all.each_ref(), &all);
    assert_eq!(ids(&plan.unassign), ["a", "c"]);
    assert!(plan.rows.is_empty());
}

#[test]
fn what_was_taken_away_in_logto_is_not_given_again() {
    let alice = user("a", "alice", 1);
    let name = username("alice");
    for state in [Assigned, HadRole, TakenAway] {
        let before = [row(&name, Some("a"), state)];
        let lost = plan(
            std::slice::from_ref(&name),
            &before,
            &[],
            std::slice::from_ref(&alice),
        );
        assert_eq!(states(&lost), [TakenAway], "{state:?}");
        assert!(lost.assign.is_empty());
    }
    // Named anew, it is given again.
    let anew = plan(
        std::slice::from_ref(&name),
        &[],
        &[],
        std::slice::from_ref(&alice),
    );
    assert_eq!(ids(&anew.assign), ["a"]);
}

#[test]
fn a_role_that_was_lost_and_made_again_is_given_to_all_again() {
    let alice = user("a", "alice", 1);
    let name = username("alice");
    for state in [Assigned, HadRole, TakenAway, Assigning] {
        let before = without_role(&[row(&name, Some("a"), state)]);
        let plan = plan(
            std::slice::from_ref(&name),
            &before,
            &[],
            std::slice::from_ref(&alice),
        );
        assert_eq!(ids(&plan.assign), ["a"], "{state:?}");
    }
}

#[test]
fn a_role_that_was_lost_leaves_each_name_one_row_with_whom_it_means() {
    let (alice, bob) = (username("alice"), username("bob"));
    let before = [
        row(&alice, Some("a"), HadRole),
        row(&bob, Some("b"), Renamed),
        row(&alice, Some("a"), Renamed),
    ];
    let left = [
        row(&alice, Some("a"), NotFound),
        row(&bob, Some("b"), NotFound),
    ];
    assert_eq!(without_role(&before), left);
    // A row of the other kind speaks of somebody else.
    let mut other = before;
    other[0].kind = SubjectKind::Application;
    assert_eq!(without_role(&other).len(), 3);
}

#[test]
fn who_waits_until_somebody_may_be_given_the_role_keeps_id_and_time() {
    let names = [username("alice"), username("bob")];
    let all = [user("a", "alice", 1), user("b", "bob", 1)];
    let first = plan(&names, &[], &[&all[1]], &all);
    let waiting = first.held_back();
    let expected = [
        row(&names[0], Some("a"), NotFound),
        row(&names[1], Some("b"), HadRole),
    ];
    assert_eq!(waiting, expected);
    let second = plan(&names, &waiting, &[&all[1]], &all);
    assert_eq!(ids(&second.assign), ["a"], "once it may be given");
    assert_eq!(second.held_back(), waiting, "until then nothing changes");
    // Given by hand meanwhile, it is not the binding's.
    let given = plan(&names, &waiting, &all.each_ref(), &all);
    assert_eq!(states(&given), [HadRole, HadRole]);
}

#[test]
fn an_account_registered_after_its_username_was_named_gets_nothing() {
    let late = user("late", "alice", 101);
    let name = username("alice");
    let none = plan(
        std::slice::from_ref(&name),
        &[],
        &[],
        std::slice::from_ref(&late),
    );
    assert_eq!(states(&none), [NotFound]);
    assert_eq!(none.rows[0].id, None);
    let held = plan(&[name], &[], &[&late], std::slice::from_ref(&late));
    assert_eq!(
        states(&held),
        [NotFound],
        "whoever gave it that one, it is not meant"
    );
    // By e-mail it is: an address has to be verified.
    let meant = plan(&[email("alice@example.com")], &[], &[], &[late]);
    assert_eq!(ids(&meant.assign), ["late"]);
}

#[test]
fn a_name_that_passes_to_somebody_else_gives_that_one_nothing() {
    let old = user("a", "renamed", 1);
    let new = user("b", "alice", 1);
    let name = username("alice");
    let all = [old.clone(), new];
    for state in [Assigned, HadRole] {
        let before = [row(&name, Some("a"), state)];
        let told = plan(std::slice::from_ref(&name), &before, &[&old], &all);
        assert_eq!(states(&told), [state, Renamed]);
        assert!(told.assign.is_empty() && told.unassign.is_empty());
        let again = plan(std::slice::from_ref(&name), &told.rows, &[&old], &all);
        assert_eq!(again, told);
        let left = plan(&[], &told.rows, &[&old], &all);
        assert_eq!(left.unassign.len(), usize::from(state == Assigned));
    }
    // One that was found but could not be given the role yet.
    let before = [row(&name, Some("a"), Refused)];
    let told = plan(&[name], &before, &[], &all);
    assert_eq!(states(&told), [Renamed]);
    assert!(told.assign.is_empty());
}

#[test]
fn two_names_of_one_account_take_nothing_from_each_other() {
    let alice = user("a", "alice", 1);
    let names = [username("alice"), Name::Id("a".into())];
    let both = plan(&names, &[], &[], std::slice::from_ref(&alice));
    assert_eq!(ids(&both.assign), ["a"]);
    let before = [row(&names[0], Some("a"), Assigned)];
    let swapped = plan(
        &names[1..],
        &before,
        &[&alice],
        std::slice::from_ref(&alice),
    );
    assert_eq!(states(&swapped), [Assigned], "it stays the binding's grant");
    assert!(swapped.unassign.is_empty() && swapped.assign.is_empty());
}

#[test]
fn who_is_ambiguous_or_refused_is_given_nothing() {
    let mut suspended = user("s", "sue", 1);
    suspended.refused = true;
    let twins = ["x", "y"].map(|id| Account {
        id: id.into(),
        name: Some("sync".into()),
        ..Account::default()
    });
    let all = [suspended, twins[0].clone(), twins[1].clone()];
    let wanted = [username("sue"), Name::Application("sync".into())];
    let plan = plan(&wanted, &[], &[], &all);
    assert_eq!(states(&plan), [Refused, Ambiguous]);
    assert!(plan.assign.is_empty());
}

#[test]
fn a_forged_row_chooses_nobody_to_be_given_the_role() {
    let (alice, mallory) = (user("a", "alice", 1), user("m", "mallory", 1));
    let name = username("alice");
    for state in [Assigning, Assigned, NotFound, Renamed, TakenAway, Refused] {
        let forged = [row(&name, Some("m"), state)];
        let all = [alice.clone(), mallory.clone()];
        let plan = plan(std::slice::from_ref(&name), &forged, &[], &all);
        assert!(plan.assign.is_empty(), "{state:?}: {plan:?}");
    }
    // A row of the other kind says nothing.
    let mut other = row(&username("mallory"), Some("m"), Assigned);
    other.kind = SubjectKind::Application;
    let plan = plan(&[], &[other], &[&mallory], &[]);
    assert!(plan.unassign.is_empty());
}

#[test]
fn a_message_names_five_and_counts_the_rest() {
    let wanted: BTreeSet<Name> = (0..8).map(|n| username(&format!("user{n}"))).collect();
    let mut rows: Vec<SubjectStatus> = wanted
        .iter()
        .map(|name| row(name, None, NotFound))
        .collect();
    rows[0].state = Assigned;
    let message = not_assigned(&wanted, &rows).unwrap();
    assert!(message.starts_with("7 of 8 subjects"), "{message}");
    assert!(
        message.contains("\"username=user5\"") && !message.contains("user6"),
        "{message}"
    );
    assert!(
        message.ends_with("and 2 more, see status.subjects"),
        "{message}"
    );
    for row in &mut rows {
        row.state = HadRole;
    }
    assert_eq!(not_assigned(&wanted, &rows), None);
}

#[test]
fn a_status_has_room_for_a_hundred_subjects_whose_names_all_passed_on() {
    let wanted: Vec<Name> = (0..100).map(|n| username(&format!("user{n}"))).collect();
    let holders: Vec<Account> = (0..100)
        .map(|n| user(&format!("id{n}"), &format!("old{n}"), 1))
        .collect();
    let before: Vec<SubjectStatus> = wanted
        .iter()
        .enumerate()
        .map(|(n, name)| row(name, Some(&format!("id{n}")), Assigned))
        .collect();
    let holding: Vec<&Account> = holders.iter().collect();
    let plan = plan(&wanted, &before, &holding, &holders);
    assert_eq!(plan.rows.len(), MAX_ROWS);
    assert!(plan.unassign.is_empty());
}
