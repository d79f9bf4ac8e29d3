//! What a condition says of subjects that do not hold the role.

use std::collections::BTreeSet;

use super::{Name, is_held};
use crate::api::binding::{SubjectState, SubjectStatus};

/// So many subjects are named in a message.
const NAMED: usize = 5;

/// Longest name in a message, in characters.
const MAX_NAME: usize = 200;

/// Who does not hold the role, why, and what to do; none when all hold it.
pub fn not_assigned(wanted: &BTreeSet<Name>, rows: &[SubjectStatus]) -> Option<String> {
    let mut reasons: Vec<String> = Vec::new();
    for name in wanted {
        let named = name.to_string();
        let mut of_name = rows.iter().filter(|row| row.named == named).peekable();
        if of_name.peek().is_none() {
            reasons.push(said(&named, "was not looked at yet"));
        }
        let ill = of_name.find(|row| !is_held(row.state));
        reasons.extend(ill.map(|row| said(&named, why(name, row.state))));
    }
    if reasons.is_empty() {
        return None;
    }
    let more = match reasons.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more, see status.subjects"),
    };
    Some(format!(
        "{} of {} subjects are not as named: {}{more}",
        reasons.len(),
        wanted.len(),
        reasons[..reasons.len().min(NAMED)].join("; ")
    ))
}

fn said(named: &str, why: &str) -> String {
    let named: String = named.chars().take(MAX_NAME).collect();
    format!("{named:?} {why}")
}

fn why(name: &Name, state: SubjectState) -> &'static str {
    match (state, name) {
        (SubjectState::NotFound, Name::Username(_)) => {
            "is nobody who was there when it was named; name the account by id"
        }
        (SubjectState::NotFound, _) => "is not in Logto; it is looked for at each resync",
        (SubjectState::Ambiguous, _) => "means more than one; name it by id",
        (SubjectState::Renamed, _) => {
            "no longer means the account that it meant, which was left as it is; name that one by id"
        }
        (SubjectState::Refused, Name::Application(_)) => {
            "is no machine-to-machine application; name another one"
        }
        (SubjectState::Refused, _) => {
            "is suspended, or no machine-to-machine application; mend that in Logto"
        }
        (SubjectState::TakenAway, _) => {
            "lost the role in Logto and is not given it again; take it out of spec.subjects and name it anew for that"
        }
        (SubjectState::Assigning, _) => "is being given the role",
        (SubjectState::Assigned | SubjectState::HadRole, _) => "holds the role",
    }
}
