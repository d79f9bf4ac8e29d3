//! Which issuers Hasura has to take, when people sign in at other origins than the one with the Management API.

use std::collections::BTreeSet;

/// What was found at an origin just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The tenant's keys, and this issuer.
    Issuer(String),
    /// It is not the tenant's, whatever it was before.
    Foreign(String),
    /// Nothing that could be used, until somebody changes something.
    Unusable(String),
    /// Nothing for now.
    NotNow(String),
}

/// What an origin counts as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its issuer is taken.
    Counts(String),
    /// It does not count; why.
    Refused(String),
    /// It can not be told yet; why.
    Unclear(String),
}

/// What an origin counts as by now. One that counted goes on to count while it does not answer, or answers something odd:
/// each change of the issuers rolls every Hasura.
pub fn judge(before: Option<&Standing>, found: Found) -> Standing {
    match (found, before) {
        (Found::Issuer(issuer), _) => Standing::Counts(issuer),
        (Found::Foreign(why), _) => Standing::Refused(why),
        (Found::Unusable(_) | Found::NotNow(_), Some(Standing::Counts(issuer))) => {
            Standing::Counts(issuer.clone())
        }
        (Found::Unusable(why), _) => Standing::Refused(why),
        (Found::NotNow(why), _) => Standing::Unclear(why),
    }
}

/// What Hasura is to be told of issuers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuers {
    /// Every token has this one, so Hasura checks it.
    One(String),
    /// Tokens have one of these, and Hasura can check one alone: it checks none.
    Several(BTreeSet<String>),
    /// It can not be told, so Hasura is told nothing new; why, and whether somebody has to change something.
    Unknown {
        /// Why.
        why: String,
        /// Whether waiting does not help.
        refused: bool,
    },
}

/// The issuers of the origins that count. What can not be told keeps what stands.
pub fn issuers<'a>(standings: impl IntoIterator<Item = &'a Standing>) -> Issuers {
    let mut counting = BTreeSet::new();
    let mut refused = None;
    for standing in standings {
        match standing {
            Standing::Counts(issuer) => _ = counting.insert(issuer.clone()),
            Standing::Refused(why) => refused = refused.or(Some(why)),
            Standing::Unclear(why) => {
                return Issuers::Unknown {
                    why: why.clone(),
                    refused: false,
                };
            }
        }
    }
    if counting.len() > 1 {
        return Issuers::Several(counting);
    }
    match (counting.pop_first(), refused) {
        (Some(issuer), _) => Issuers::One(issuer),
        (None, why) => Issuers::Unknown {
            why: why.cloned().unwrap_or_default(),
            refused: true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(issuer: &str) -> Standing {
        Standing::Counts(issuer.to_owned())
    }

    fn refused() -> Standing {
        Standing::Refused("its keys differ".to_owned())
    }

    fn unclear() -> Standing {
        Standing::Unclear("no answer".to_owned())
    }

    #[test]
    fn an_origin_that_counted_stays_while_it_does_not_answer_and_goes_when_it_is_somebody_elses() {
        let before = counts("a");
        let why = || "why".to_owned();
        let judged = |found| judge(Some(&before), found);
        assert_eq!(judged(Found::NotNow(why())), before);
        assert_eq!(judged(Found::Unusable(why())), before);
        assert_eq!(judged(Found::Foreign(why())), Standing::Refused(why()));
        assert_eq!(judged(Found::Issuer("b".to_owned())), counts("b"));
    }

    #[test]
    fn an_origin_that_never_counted_does_not_count_before_it_shows_the_tenants_keys() {
        let why = || "why".to_owned();
        for before in [None, Some(refused()), Some(unclear())] {
            let judged = |found| judge(before.as_ref(), found);
            assert_eq!(judged(Found::NotNow(why())), Standing::Unclear(why()));
            assert_eq!(judged(Found::Unusable(why())), Standing::Refused(why()));
            assert_eq!(judged(Found::Foreign(why())), Standing::Refused(why()));
        }
    }

    #[test]
    fn one_issuer_of_all_that_count_is_checked_and_of_several_none() {
        let of = |standings: &[Standing]| issuers(standings);
        assert_eq!(
            of(&[counts("a"), counts("a"), refused()]),
            Issuers::One("a".to_owned())
        );
        let several = ["a", "b"].map(str::to_owned).into();
        assert_eq!(of(&[counts("b"), counts("a")]), Issuers::Several(several));
    }

    #[test]
    fn what_can_not_be_told_keeps_what_stands() {
        let unknown = |standings: &[Standing]| match issuers(standings) {
            Issuers::Unknown { refused, .. } => Some(refused),
            _ => None,
        };
        assert_eq!(unknown(&[counts("a"), unclear()]), Some(false));
        assert_eq!(unknown(&[refused(), unclear()]), Some(false));
        assert_eq!(unknown(&[refused()]), Some(true), "nothing counts");
    }
}
