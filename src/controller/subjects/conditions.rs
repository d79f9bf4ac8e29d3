//! The conditions SubjectsAssigned and ExtraScopes.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    super::status::{Detail, HasStatus, Verdict},
    wanted,
};
use crate::{
    api::{
        HasuraRoleBinding,
        binding::SubjectStatus,
        conditions::{reasons, types},
    },
    domain::{
        desired::Binding,
        observed::Observed,
        plan::{role_of, scope_of},
        subjects::{Name, not_assigned},
        words,
    },
};

/// What is known of a binding's subjects after a visit.
pub struct Looked<'a> {
    /// The binding as it was before the visit.
    pub binding: &'a HasuraRoleBinding,
    /// Whom its spec names.
    pub wanted: &'a BTreeSet<Name>,
    /// What became of them.
    pub rows: &'a [SubjectStatus],
    /// The scopes that the role holds beside the binding's own; none while they were not read.
    pub extra: Option<&'a [String]>,
    /// Whether somebody waits until there are none.
    pub held_back: bool,
    /// What came in the way of looking.
    pub failure: Option<&'a Verdict>,
}

impl Looked<'_> {
    /// The conditions: SubjectsAssigned when the spec names subjects, ExtraScopes while there are some.
    pub fn details(&self) -> Vec<Detail> {
        let subjects = (!self.wanted.is_empty()).then(|| self.subjects_assigned());
        let extra = match self.extra {
            None => extra_scopes_before(self.binding),
            Some([]) => None,
            Some(extra) => Some(extra_scopes_held(said(extra))),
        };
        subjects.into_iter().chain(extra).collect()
    }

    fn subjects_assigned(&self) -> Detail {
        let not_assigned = not_assigned(self.wanted, self.rows);
        let (status, reason, message) = match (not_assigned, self.failure) {
            (None, _) => {
                return Detail::well(types::SUBJECTS_ASSIGNED, "every subject holds the role");
            }
            (Some(_), Some(failure)) => return unknown(failure),
            (Some(_), None) if self.held_back => (
                Some(false),
                reasons::EXTRA_SCOPES_HELD,
                "nobody is given the role while it holds other scopes; see the condition ExtraScopes"
                    .to_owned(),
            ),
            (Some(message), None) => (Some(false), reasons::SUBJECTS_NOT_FOUND, message),
        };
        Detail {
            type_: types::SUBJECTS_ASSIGNED,
            status,
            reason,
            message,
        }
    }
}

/// The conditions of a binding whose visit did not get as far as its subjects.
pub fn not_looked_at(binding: &HasuraRoleBinding, verdict: &Verdict) -> Vec<Detail> {
    let subjects = (!wanted(binding).is_empty()).then(|| unknown(verdict));
    subjects
        .into_iter()
        .chain(extra_scopes_before(binding))
        .collect()
}

/// Whether other things are to be said of the scopes that the role holds than at the binding's last visit.
pub fn is_extra_news(binding: &HasuraRoleBinding, desired: &Binding, observed: &Observed) -> bool {
    let before = extra_condition(binding).map(|condition| condition.message.as_str());
    extra_scopes(desired, observed).is_some_and(|extra| match extra.as_slice() {
        [] => before.is_some(),
        extra => before != Some(said(extra).as_str()),
    })
}

/// The scopes that a binding's role holds beside its own, in words; none while they were not read.
pub fn extra_scopes(desired: &Binding, observed: &Observed) -> Option<Vec<String>> {
    let role = role_of(desired, observed)?;
    let own = scope_of(desired, observed);
    let extra = role.extra_scopes(own.map(|scope| scope.id.as_str()))?;
    let named = |id: &str| words::scope_named(observed, id);
    let mut names: Vec<String> = extra.into_iter().map(named).collect();
    names.sort();
    Some(names)
}

/// What the condition ExtraScopes says.
pub fn said(extra: &[String]) -> String {
    format!(
        "the role also holds {}, which whoever has the role would get: nobody is given it until they are taken off in Logto; who has it keeps it",
        words::listed(extra)
    )
}

/// Whether somebody waited at the binding's last visit until the role holds no other scopes.
pub fn was_held_back(binding: &HasuraRoleBinding) -> bool {
    let mut conditions = binding.conditions().iter();
    conditions.any(|condition| {
        condition.type_ == types::SUBJECTS_ASSIGNED
            && condition.reason == reasons::EXTRA_SCOPES_HELD
    })
}

fn extra_scopes_held(message: String) -> Detail {
    Detail {
        type_: types::EXTRA_SCOPES,
        status: Some(true),
        reason: reasons::EXTRA_SCOPES_HELD,
        message,
    }
}

fn extra_scopes_before(binding: &HasuraRoleBinding) -> Option<Detail> {
    extra_condition(binding).map(|condition| extra_scopes_held(condition.message.clone()))
}

fn extra_condition(binding: &HasuraRoleBinding) -> Option<&Condition> {
    let mut conditions = binding.conditions().iter();
    conditions.find(|condition| condition.type_ == types::EXTRA_SCOPES)
}

fn unknown(verdict: &Verdict) -> Detail {
    Detail {
        status: None,
        ..Detail::ill(types::SUBJECTS_ASSIGNED, verdict)
    }
}
