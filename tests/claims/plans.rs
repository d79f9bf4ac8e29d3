//! What is written to a tenant's script: ours as wanted, everything else untouched, whoever else writes there.

use std::collections::BTreeMap;

use logto_hasura::api::tenant::ExistingScript;
use logto_hasura::domain::claims::{
    entry::{Entry, TooLarge},
    plan::{MAX_BODY_BYTES, Plan, Refused, Stored, Wish, Write, plan},
    program::{Kind, VERSION},
    script::{NOTHING, TextHash, assemble},
};
use logto_hasura::domain::ownership::Owner;
use serde_json::json;

use crate::world::{NS, pair};

pub const HUMAN: &str = "const getCustomJwtClaims = () => ({ human: true }); // theirs";

pub fn owner(id: &str) -> Owner {
    Owner::new(id).unwrap()
}

pub fn entry(indicator: &str) -> Entry {
    let mut entry = Entry::new(indicator, NS, "m2m");
    entry.roles = [pair("reader", "read")].into();
    entry
}

pub fn wish<'a>(owner: &'a Owner, entries: &'a [Entry], existing: ExistingScript) -> Wish<'a> {
    Wish {
        kind: Kind::Users,
        owner,
        entries,
        existing,
        kept: None,
    }
}

pub fn stored(script: &str, variables: &[(&str, &str)]) -> Stored {
    let pairs = variables
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Stored {
        script: script.to_owned(),
        variables: pairs.collect(),
        others: serde_json::Map::new(),
    }
}

/// What Logto has after the plan's write.
pub fn after(plan: &Plan, now: Option<Stored>) -> Option<Stored> {
    match plan.write.clone() {
        None => now,
        Some(Write::Put(put)) => Some(put),
        Some(Write::Delete) => None,
    }
}

/// Plans and writes, and sees that there is nothing left to write.
pub fn converge(wish: &Wish<'_>, now: Option<Stored>) -> Option<Stored> {
    let then = after(&plan(wish, now.as_ref()), now);
    assert_eq!(plan(wish, then.as_ref()).write, None);
    then
}

#[test]
fn an_empty_tenant_gets_the_program_and_loses_it_with_the_last_entry() {
    let us = owner("us");
    let entries = [
        entry("https://a.example.com/"),
        entry("https://b.example.com/"),
    ];
    let two = converge(&wish(&us, &entries, ExistingScript::Refuse), None).unwrap();
    assert_eq!(two.script, assemble(Kind::Users, None, None));
    let texts: Vec<&str> = two.variables.values().map(String::as_str).collect();
    assert!(
        entries
            .iter()
            .all(|entry| texts.contains(&entry.text().as_str())),
        "{texts:?}"
    );
    let one = converge(&wish(&us, &entries[..1], ExistingScript::Refuse), Some(two)).unwrap();
    assert_eq!(
        one.variables,
        BTreeMap::from([(entries[0].key(&us), entries[0].text())])
    );
    assert_eq!(
        plan(&wish(&us, &[], ExistingScript::Refuse), Some(&one)).write,
        Some(Write::Delete)
    );
    assert_eq!(
        plan(&wish(&us, &[], ExistingScript::Refuse), None),
        Plan::default()
    );
}

#[test]
fn what_others_stored_beside_the_program_outlives_it() {
    let us = owner("us");
    let entries = [entry("https://a.example.com/")];
    let mut now = stored(&assemble(Kind::Users, None, None), &[("THEIRS", "x")]);
    now.others
        .insert("contextSample".to_owned(), json!({"user": {}}));
    now.others
        .insert("blockIssuanceOnError".to_owned(), json!(true));
    let with = converge(
        &wish(&us, &entries, ExistingScript::Refuse),
        Some(now.clone()),
    )
    .unwrap();
    assert_eq!(with.others, now.others);
    let without = converge(&wish(&us, &[], ExistingScript::Refuse), Some(with)).unwrap();
    assert_eq!(
        (without.script.as_str(), &without.variables, &without.others),
        (NOTHING, &now.variables, &now.others)
    );
    // And is no obstacle when the operator comes back.
    let again = plan(&wish(&us, &entries, ExistingScript::Refuse), Some(&without));
    assert_eq!((again.refused, again.write.is_some()), (None, true));
}

#[test]
fn a_foreign_script_is_refused_wrapped_or_replaced() {
    let us = owner("us");
    let entries = [entry("https://a.example.com/")];
    let human = stored(HUMAN, &[("THEIRS", "x")]);
    let refused = plan(&wish(&us, &entries, ExistingScript::Refuse), Some(&human));
    assert_eq!(
        (refused.write, refused.refused),
        (None, Some(Refused::ForeignScript))
    );

    let wrapped = converge(
        &wish(&us, &entries, ExistingScript::Wrap),
        Some(human.clone()),
    )
    .unwrap();
    assert_eq!(wrapped.script, assemble(Kind::Users, Some(HUMAN), None));
    assert_eq!(
        converge(&wish(&us, &[], ExistingScript::Wrap), Some(wrapped)),
        Some(human.clone())
    );

    let replacing = plan(&wish(&us, &entries, ExistingScript::Replace), Some(&human));
    assert_eq!(replacing.replaces.as_deref(), Some(HUMAN));
    let replaced = after(&replacing, None).unwrap();
    assert_eq!(
        replaced.script,
        assemble(Kind::Users, None, Some(&TextHash::of(HUMAN)))
    );
    let back = Wish {
        kept: Some(HUMAN),
        ..wish(&us, &[], ExistingScript::Replace)
    };
    assert_eq!(after(&plan(&back, Some(&replaced)), None), Some(human));
    let edited = Wish {
        kept: Some("evil()"),
        ..back
    };
    let without = after(&plan(&edited, Some(&replaced)), None).unwrap();
    assert_eq!(
        without.script, NOTHING,
        "a kept text that was edited does not come back"
    );

    let marked = stored("//@logto-hasura:end", &[]);
    let refused = plan(&wish(&us, &entries, ExistingScript::Wrap), Some(&marked));
    assert_eq!(
        (refused.write, refused.refused),
        (None, Some(Refused::MarkInScript))
    );
    assert_eq!(
        plan(&wish(&us, &entries, ExistingScript::Replace), Some(&marked)).refused,
        None
    );
}

#[test]
fn a_script_that_only_came_later_is_nobodys_to_touch() {
    let us = owner("us");
    let human = stored(HUMAN, &[("THEIRS", "x")]);
    for existing in [
        ExistingScript::Refuse,
        ExistingScript::Wrap,
        ExistingScript::Replace,
    ] {
        assert_eq!(
            plan(&wish(&us, &[], existing), Some(&human)),
            Plan::default()
        );
    }
    // Pasted over ours: what is left of us goes.
    let mut over = human.clone();
    over.variables
        .insert(entry("https://a.example.com/").key(&us), "old".to_owned());
    assert_eq!(
        converge(&wish(&us, &[], ExistingScript::Refuse), Some(over)),
        Some(human)
    );
}

#[test]
fn an_edit_by_hand_is_put_right_and_damage_is_refused() {
    let us = owner("us");
    let entries = [
        entry("https://a.example.com/"),
        entry("https://b.example.com/"),
    ];
    let good = converge(
        &wish(&us, &entries, ExistingScript::Wrap),
        Some(stored(HUMAN, &[])),
    )
    .unwrap();
    let mut edited = good.clone();
    edited.script = edited.script.replace("'admin'", "'never'");
    edited
        .variables
        .insert(entries[0].key(&us), "{}".to_owned());
    assert_eq!(
        converge(&wish(&us, &entries, ExistingScript::Refuse), Some(edited)),
        Some(good.clone())
    );

    let mut damaged = good.clone();
    damaged.script = damaged.script.replace("//@logto-hasura:end", "");
    let fewer = plan(
        &wish(&us, &entries[..1], ExistingScript::Refuse),
        Some(&damaged),
    );
    assert_eq!(fewer.refused, Some(Refused::Damaged));
    let then = after(&fewer, None).unwrap();
    assert_eq!(then.script, damaged.script);
    assert_eq!(
        then.variables,
        BTreeMap::from([(entries[0].key(&us), entries[0].text())]),
        "a grant ends all the same"
    );
    let none = after(
        &plan(&wish(&us, &[], ExistingScript::Refuse), Some(&damaged)),
        None,
    )
    .unwrap();
    assert_eq!((none.script, none.variables.len()), (damaged.script, 0));
    let more = plan(&wish(&us, &entries, ExistingScript::Refuse), Some(&then));
    assert_eq!(
        (more.refused, more.write),
        (Some(Refused::Damaged), None),
        "and none is added"
    );
}

#[test]
fn a_newer_program_stays_and_gets_our_data() {
    let us = owner("us");
    let entries = [entry("https://a.example.com/")];
    let next = VERSION + 1;
    let newer =
        format!("//@logto-hasura:program users {next}\nconst getCustomJwtClaims = () => ({{}});\n");
    let with = converge(
        &wish(&us, &entries, ExistingScript::Refuse),
        Some(stored(&newer, &[])),
    )
    .unwrap();
    assert_eq!(
        (with.script.as_str(), with.variables.len()),
        (newer.as_str(), 1)
    );
    let without = converge(&wish(&us, &[], ExistingScript::Refuse), Some(with)).unwrap();
    assert_eq!(without, stored(&newer, &[]));
    let older = newer.replace(&format!("users {next}"), "users 0");
    let mended = converge(
        &wish(&us, &entries, ExistingScript::Refuse),
        Some(stored(&older, &[])),
    )
    .unwrap();
    assert_eq!(mended.script, assemble(Kind::Users, None, None));
}

#[test]
fn one_entry_that_is_too_large_keeps_its_last_value_and_the_others_go_on() {
    let us = owner("us");
    let small = [
        entry("https://a.example.com/"),
        entry("https://b.example.com/"),
    ];
    let now = converge(&wish(&us, &small[..1], ExistingScript::Refuse), None);
    let mut grown = small.clone();
    grown[0].roles = (0..501).map(|n| pair(&format!("r{n}"), "s")).collect();
    let planned = plan(&wish(&us, &grown, ExistingScript::Refuse), now.as_ref());
    assert!(matches!(
        planned.too_large.as_slice(),
        [TooLarge::Roles { roles: 501, .. }]
    ));
    let then = after(&planned, now).unwrap();
    let both = small
        .iter()
        .map(|entry| (entry.key(&us), entry.text()))
        .collect();
    assert_eq!(then.variables, both);
}

#[test]
fn a_body_that_logto_would_not_take_is_not_sent_but_grants_still_end() {
    let us = owner("us");
    let small = [
        entry("https://a.example.com/"),
        entry("https://b.example.com/"),
        entry("https://c.example.com/"),
    ];
    let now = converge(&wish(&us, &small[..2], ExistingScript::Refuse), None).unwrap();
    let mut full = now.clone();
    let room = MAX_BODY_BYTES - now.body().to_string().len() - 20;
    full.variables.insert("THEIRS".to_owned(), "x".repeat(room));
    let planned = plan(&wish(&us, &small, ExistingScript::Refuse), Some(&full));
    assert!(
        matches!(planned.refused, Some(Refused::BodyTooLarge { .. })),
        "{:?}",
        planned.refused
    );
    assert_eq!(planned.write, None);
    let mut more = [small[0].clone(), small[2].clone()];
    more[0].roles = (0..400).map(|n| pair(&format!("r{n}"), "s")).collect();
    let mut ended = [small[0].clone(), small[2].clone()];
    ended[0].roles.clear();
    ended[1].roles = more[0].roles.clone();
    let planned = plan(&wish(&us, &ended, ExistingScript::Refuse), Some(&full));
    assert!(
        matches!(planned.refused, Some(Refused::BodyTooLarge { .. })),
        "{:?}",
        planned.refused
    );
    let then = after(&planned, None).unwrap();
    assert_eq!(then.variables[&small[0].key(&us)], ended[0].text());
    assert!(!then.variables.contains_key(&small[1].key(&us)));
}

#[test]
fn an_answer_of_another_shape_is_not_read() {
    for answer in [
        json!(null),
        json!({}),
        json!({"script": 5}),
        json!({"script": "", "environmentVariables": {"A": 5}}),
    ] {
        assert_eq!(Stored::read(&answer), None, "{answer}");
    }
    assert_eq!(
        Stored::read(&json!({"script": "s"})),
        Some(stored("s", &[]))
    );
}
