//! Who is given a binding's role and from whom it is taken back: planned from the spec, the status and what Logto shows.
//!
//! Only what the binding gave is ever taken back: a subject whose row says `Assigned`, or `Assigning` when it is held by
//! now. A row whose id was once found keeps it, so a name that passes to somebody else gives that one nothing.
//! Neither a lost role nor a wait, while nobody may be given it, makes a row forget its id or since when it is named.
//!
//! # What a forged status can do
//!
//! A status is not proof, and whoever may write one is not believed further than this:
//! - Everything happens on the role that bears the binding's own mark; the ids in a status choose no role.
//! - Nobody is given the role because of a row: who is given it is looked up by what the spec names.
//! - A row that claims a holder of this very role as `Assigned` has it taken from that holder when the row's name leaves
//!   the spec or the binding is deleted. Whoever can write a status could take the binding's own grant away just so.
//! - A row that says `TakenAway`, or names another id, keeps a subject without the role until it is named anew. A later
//!   `namedSince` lets an account pass that was registered after it was named. Editors are given no right to `/status`.
//! - A lost status takes nothing back: who holds the role counts as given it by somebody else from then on, and a username
//!   then means an account that is as old as the binding.
//!
//! Some things can not be told, since Logto does not say who gave a role: what was taken away and given again by hand
//! between two looks, and what was given by hand after a crash, before the request that the status announced or after the
//! taking back that it does not know of. These count as the binding's.

mod name;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

pub use name::Name;
pub use report::not_assigned;

use crate::api::binding::{RoleType, SubjectKind, SubjectState, SubjectStatus};

/// Most rows of a status: each subject has one, and a second one while its name means somebody else.
const MAX_ROWS: usize = 200;

/// A user or an application in Logto.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Logto's id.
    pub id: String,
    /// A user's username.
    pub username: Option<String>,
    /// A user's primary e-mail address.
    pub primary_email: Option<String>,
    /// An application's name.
    pub name: Option<String>,
    /// When it was made, in whole seconds since the epoch.
    pub created: i64,
    /// Whether it can not be given the role: a suspended user, or an application that is no machine.
    pub refused: bool,
}

/// Whom a name means in Logto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nobody.
    Nobody,
    /// More than one.
    Several,
    /// One.
    One(Account),
}

/// The kind of subject that can hold a role.
pub fn kind_of(role: RoleType) -> SubjectKind {
    match role {
        RoleType::User => SubjectKind::User,
        RoleType::MachineToMachine => SubjectKind::Application,
    }
}

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct Subjects {
    /// The kind of subject that can hold the role.
    pub kind: SubjectKind,
    /// Whom the spec names.
    pub wanted: BTreeSet<Name>,
    /// The rows of the status.
    pub before: Vec<SubjectStatus>,
    /// Those of the status or of `found` that hold the role, by id.
    pub holders: BTreeMap<String, Account>,
}

/// What is to be done, and the rows once it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the names. Who is in `assign` stands there as `Assigning`.
    pub rows: Vec<SubjectStatus>,
    /// Ids of those to be given the role.
    pub assign: BTreeSet<String>,
    /// Ids of those whom the binding gave the role and whom the spec no longer names.
    pub unassign: BTreeSet<String>,
}

impl Plan {
    /// The rows when nobody may be given the role. Those who would be keep whom their name means and since when it
    /// stands there: whoever gets that name while they wait is not meant.
    pub fn held_back(self) -> Vec<SubjectStatus> {
        let waiting = |row: SubjectStatus| match row.state {
            SubjectState::Assigning => not_given(row),
            _ => row,
        };
        self.rows.into_iter().map(waiting).collect()
    }
}

/// The rows when the role was lost and made again: what was given went with it, and so did what was taken away. Each name
/// keeps one row, with whom it means and since when: whoever has got that name by now is given nothing.
pub fn without_role(before: &[SubjectStatus]) -> Vec<SubjectStatus> {
    let is_second = |row: &SubjectStatus| {
        row.state == SubjectState::Renamed
            && before.iter().any(|other| {
                other.state != SubjectState::Renamed
                    && (other.kind, &other.named) == (row.kind, &row.named)
            })
    };
    let first = before.iter().filter(|row| !is_second(row));
    first.cloned().map(not_given).collect()
}

/// The row of somebody who was found, as far as it goes, and was not given the role yet.
fn not_given(row: SubjectStatus) -> SubjectStatus {
    SubjectStatus {
        state: SubjectState::NotFound,
        ..row
    }
}

/// Ids of those whom the binding gave the role, as far as a status can say.
pub fn given(rows: &[SubjectStatus]) -> BTreeSet<String> {
    let ours = |row: &&SubjectStatus| is_given(row.state);
    rows.iter()
        .filter(ours)
        .filter_map(|row| row.id.clone())
        .collect()
}

/// Ids of those whom names were found to mean.
pub fn ids(found: &BTreeMap<Name, Found>) -> impl Iterator<Item = String> {
    found.values().filter_map(|found| match found {
        Found::One(account) => Some(account.id.clone()),
        Found::Nobody | Found::Several => None,
    })
}

/// Whether the rows say what became of each subject, and of nobody else, with nothing under way.
pub fn are_settled(wanted: &BTreeSet<Name>, rows: &[SubjectStatus]) -> bool {
    let named: BTreeSet<&str> = rows.iter().map(|row| row.named.as_str()).collect();
    let under_way = rows.iter().any(|row| row.state == SubjectState::Assigning);
    !under_way
        && named.len() == wanted.len()
        && wanted
            .iter()
            .all(|name| named.contains(name.to_string().as_str()))
}

impl Subjects {
    /// The names that have to be looked up before the plan: all but those whose holder still bears them, and those whom
    /// the role was taken away from.
    pub fn unresolved(&self) -> Vec<&Name> {
        let resolved = |name: &&Name| match self.row(name) {
            Some(row) => match self.holder(row) {
                Some(holder) => is_told_by_a_holder(row.state) && name.means(holder),
                None => is_settled_by_a_holder(row.state),
            },
            None => false,
        };
        self.wanted.iter().filter(|name| !resolved(name)).collect()
    }

    /// What to do, with what the unresolved names mean and the time since when a new name counts as named.
    pub fn plan(&self, found: &BTreeMap<Name, Found>, named_since: &Time) -> Plan {
        let mut plan = Plan::default();
        let mut renamed = Vec::new();
        for name in &self.wanted {
            let before = self.row(name);
            let since = before.and_then(|row| row.named_since.clone());
            let row = SubjectStatus {
                kind: self.kind,
                named: name.to_string(),
                id: before.and_then(|row| row.id.clone()),
                state: SubjectState::NotFound,
                named_since: Some(since.unwrap_or_else(|| named_since.clone())),
            };
            let row = self.judge(name, before, found.get(name), row);
            if row.state == SubjectState::Assigning {
                plan.assign.extend(row.id.clone());
            }
            if self.is_renamed(name, &row, found.get(name)) {
                renamed.push(SubjectStatus {
                    state: SubjectState::Renamed,
                    ..row.clone()
                });
            }
            plan.rows.push(row);
        }
        let holding = plan.rows.iter().filter(|row| is_held(row.state));
        let kept: BTreeSet<&String> = holding.filter_map(|row| row.id.as_ref()).collect();
        plan.unassign = self.leaving().filter(|id| !kept.contains(id)).collect();
        plan.rows.extend(renamed);
        plan.rows.truncate(MAX_ROWS);
        plan
    }

    /// What becomes of one subject.
    fn judge(
        &self,
        name: &Name,
        before: Option<&SubjectStatus>,
        found: Option<&Found>,
        row: SubjectStatus,
    ) -> SubjectStatus {
        use SubjectState::{
            Ambiguous, Assigned, Assigning, HadRole, NotFound, Refused, Renamed, TakenAway,
        };
        let with = |state| SubjectStatus {
            state,
            ..row.clone()
        };
        if let Some(before) = before.filter(|before| before.id.is_some()) {
            let held = self.holder(before).is_some();
            match before.state {
                Assigned | Assigning if held => return with(Assigned),
                HadRole | TakenAway if held => return with(self.held(before.id.as_deref())),
                state if is_settled_by_a_holder(state) => return with(TakenAway),
                _ => {}
            }
        }
        let account = match found {
            None | Some(Found::Nobody) => return with(NotFound),
            Some(Found::Several) => return with(Ambiguous),
            Some(Found::One(account)) => account,
        };
        if row.id.as_ref().is_some_and(|known| *known != account.id) {
            return with(Renamed);
        }
        let since = row.named_since.as_ref().map(|since| since.0.as_second());
        if matches!(name, Name::Username(_)) && since.is_none_or(|since| account.created > since) {
            return with(NotFound);
        }
        let state = if self.holders.contains_key(&account.id) {
            self.held(Some(&account.id))
        } else if self.was_taken_away(&account.id) {
            TakenAway
        } else if account.refused {
            Refused
        } else {
            Assigning
        };
        SubjectStatus {
            id: Some(account.id.clone()),
            state,
            ..row
        }
    }

    /// Whether a holder's name passed to somebody else, or to nobody.
    fn is_renamed(&self, name: &Name, row: &SubjectStatus, found: Option<&Found>) -> bool {
        let Some(holder) = self.holder(row).filter(|_| is_held(row.state)) else {
            return false;
        };
        match found {
            Some(Found::One(account)) => account.id != holder.id,
            Some(Found::Nobody | Found::Several) => !name.means(holder),
            None => false,
        }
    }

    /// The row of a name; the one that says who was given the role goes before the one that says whom the name means now.
    fn row(&self, name: &Name) -> Option<&SubjectStatus> {
        let named = name.to_string();
        let mut rows = self.rows().filter(|row| row.named == named);
        let first = rows.next()?;
        match first.state {
            SubjectState::Renamed => rows
                .find(|row| row.state != SubjectState::Renamed)
                .or(Some(first)),
            _ => Some(first),
        }
    }

    /// A role is held by one kind only, so a row of the other kind says nothing.
    fn rows(&self) -> impl Iterator<Item = &SubjectStatus> {
        self.before.iter().filter(|row| row.kind == self.kind)
    }

    fn holder(&self, row: &SubjectStatus) -> Option<&Account> {
        self.holders.get(row.id.as_ref()?)
    }

    /// Ids of holders whom the binding gave the role under a name that the spec does not have.
    fn leaving(&self) -> impl Iterator<Item = String> {
        let named: BTreeSet<String> = self.wanted.iter().map(Name::to_string).collect();
        self.rows()
            .filter(move |row| !named.contains(&row.named) && is_given(row.state))
            .filter_map(|row| Some(self.holder(row)?.id.clone()))
    }

    /// Whether somebody lost the role whom the spec names by a name that it had before: a second name for that one does not
    /// undo it.
    fn was_taken_away(&self, id: &str) -> bool {
        let mut rows = self.wanted.iter().filter_map(|name| self.row(name));
        rows.any(|row| row.id.as_deref() == Some(id) && is_settled_by_a_holder(row.state))
    }

    /// Two names for one account, or one name in place of another: what the binding gave under any name stays its grant.
    fn held(&self, id: Option<&str>) -> SubjectState {
        let mut rows = self.rows();
        match rows.any(|row| is_given(row.state) && row.id.as_deref() == id) {
            true => SubjectState::Assigned,
            false => SubjectState::HadRole,
        }
    }
}

fn is_given(state: SubjectState) -> bool {
    matches!(state, SubjectState::Assigned | SubjectState::Assigning)
}

/// Whether a row that says so is judged by its holder alone.
fn is_told_by_a_holder(state: SubjectState) -> bool {
    is_settled_by_a_holder(state) || state == SubjectState::Assigning
}

fn is_held(state: SubjectState) -> bool {
    matches!(state, SubjectState::Assigned | SubjectState::HadRole)
}

/// Whether the list of holders alone says what became of it: somebody who had the role and does not hold it lost it.
fn is_settled_by_a_holder(state: SubjectState) -> bool {
    is_held(state) || state == SubjectState::TakenAway
}

#[cfg(test)]
mod tests;
