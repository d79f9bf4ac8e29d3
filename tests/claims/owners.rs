//! Several owners at one script: each replaces only what is his.

use std::collections::BTreeMap;

use logto_hasura::api::tenant::ExistingScript;
use logto_hasura::domain::claims::{
    entry::{Entry, is_key_of},
    plan::{Stored, plan},
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::plans::{HUMAN, after, converge, entry, owner, stored, wish};

#[test]
fn an_audience_of_another_owner_is_not_published() {
    let (us, them) = (owner("us"), owner("them"));
    let shared = [
        entry("https://a.example.com/"),
        entry("https://b.example.com/"),
    ];
    let theirs = converge(&wish(&them, &shared[..1], ExistingScript::Refuse), None);
    let ours = plan(&wish(&us, &shared, ExistingScript::Refuse), theirs.as_ref());
    assert_eq!(ours.taken, ["https://a.example.com/".to_owned()].into());
    let both = after(&ours, theirs).unwrap();
    let keys: Vec<&String> = both.variables.keys().collect();
    assert_eq!(keys, [&shared[0].key(&them), &shared[1].key(&us)]);
    // Had both written at the same moment, one of them stays.
    let mut race = both;
    race.variables.insert(shared[0].key(&us), shared[0].text());
    let one = converge(
        &wish(&us, &shared, ExistingScript::Refuse),
        Some(race.clone()),
    )
    .unwrap();
    assert!(!one.variables.contains_key(&shared[0].key(&us)));
    let other = converge(
        &wish(&them, &shared[..1], ExistingScript::Refuse),
        Some(race.clone()),
    );
    assert_eq!(other, Some(race));
}

/// One step of one of two owners: the set of entries he wants now.
fn steps() -> impl Strategy<Value = Vec<(bool, Vec<usize>)>> {
    let wanted =
        prop::collection::btree_set(0..3_usize, 0..=3).prop_map(|set| set.into_iter().collect());
    prop::collection::vec((any::<bool>(), wanted), 1..8)
}

proptest! {
    #[test]
    fn two_owners_in_any_order_leave_each_other_and_strangers_alone(
        steps in steps(),
        script in select(vec![None, Some(HUMAN), Some("")]),
    ) {
        let owners = [owner("prod"), owner("prod-2")];
        let strangers = [("THEIRS", "x"), ("LOGTO_HASURA_prod_x", "y"), ("", "z")];
        let start = script.map(|script| stored(script, &strangers));
        let mut now = start.clone();
        let mut wanted: [Vec<Entry>; 2] = [vec![], vec![]];
        let all = steps.into_iter().chain([(false, vec![]), (true, vec![])]);
        for (second, indices) in all {
            let who = usize::from(second);
            let indicator = |index: usize| format!("https://{who}-{index}.example.com/");
            wanted[who] = indices.into_iter().map(|index| entry(&indicator(index))).collect();
            now = converge(&wish(&owners[who], &wanted[who], ExistingScript::Wrap), now);
            let variables = now.clone().unwrap_or_default().variables;
            for (owner, entries) in owners.iter().zip(&wanted) {
                let theirs: BTreeMap<_, _> = variables.clone().into_iter().filter(|(key, _)| is_key_of(owner, key)).collect();
                let expected = entries.iter().map(|entry| (entry.key(owner), entry.text())).collect();
                prop_assert_eq!(theirs, expected);
            }
            for (key, value) in strangers.iter().filter(|_| start.is_some()) {
                prop_assert_eq!(variables.get(*key).map(String::as_str), Some(*value));
            }
        }
        // `LOGTO_HASURA_prod_x` is a key of somebody's, so the program stays where that was.
        let end = now.map(|now| now.script);
        match script {
            None => prop_assert_eq!(end, None),
            Some(_) => prop_assert!(end.is_some()),
        }
    }

    #[test]
    fn what_is_read_is_written_again_as_it_was(keys in prop::collection::btree_map(".{0,5}", ".{0,5}", 0..4), block in any::<bool>()) {
        let answer = json!({"script": "s", "environmentVariables": keys, "blockIssuanceOnError": block, "tokenSample": {"a": 1}});
        prop_assert_eq!(Stored::read(&answer).unwrap().body(), answer);
    }
}
