//! Any sequence of edits, losses and crashes: nobody loses the role who was not given it by the binding, and nobody is
//! given it whom the spec does not name, or whom a name came to mean after it meant somebody else.

use proptest::prelude::*;

use super::*;

mod names;

/// What can happen.
#[derive(Clone, Debug)]
enum Event {
    Name(usize),
    Unname(usize),
    Register(usize),
    Delete(usize),
    Rename(usize, usize),
    Suspend(usize),
    Grant(usize),
    Revoke(usize),
    LoseStatus,
    LoseRole,
    /// The role comes to hold another scope, or holds it no longer: nobody may be given it meanwhile.
    HoldBack,
    Visit(Crash),
}

/// Where the operator is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    Never,
    AfterUnassigning,
    AfterRecording,
    AfterAssigning,
}

/// Who gave somebody the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Us,
    Hand,
}

#[derive(Default)]
struct World {
    now: i64,
    accounts: Vec<Account>,
    holders: BTreeMap<String, By>,
    role: usize,
    wanted: BTreeSet<Name>,
    /// When the operator first saw a name that is in the spec since then.
    seen: BTreeMap<Name, i64>,
    /// Whom it meant first, by id.
    meant: BTreeMap<Name, String>,
    held_back: bool,
    rows: Vec<SubjectStatus>,
    role_in_status: Option<usize>,
}

const TEXTS: [&str; 3] = ["alice", "bob", "carol"];

fn name(n: usize) -> Name {
    match n {
        0..3 => username(TEXTS[n]),
        3..6 => email(&format!("{}@example.com", TEXTS[n - 3])),
        _ => Name::Id(format!("u{}", n - 6)),
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let crash = prop_oneof![
        4 => Just(Crash::Never),
        1 => Just(Crash::AfterUnassigning),
        1 => Just(Crash::AfterRecording),
        1 => Just(Crash::AfterAssigning),
    ];
    let event = prop_oneof![
        6 => (0..10_usize).prop_map(Event::Name),
        3 => (0..10_usize).prop_map(Event::Unname),
        4 => (0..3_usize).prop_map(Event::Register),
        1 => (0..5_usize).prop_map(Event::Delete),
        2 => (0..5_usize, 0..3_usize).prop_map(|(who, text)| Event::Rename(who, text)),
        1 => (0..5_usize).prop_map(Event::Suspend),
        2 => (0..5_usize).prop_map(Event::Grant),
        2 => (0..5_usize).prop_map(Event::Revoke),
        1 => Just(Event::LoseStatus),
        1 => Just(Event::LoseRole),
        1 => Just(Event::HoldBack),
        8 => crash.prop_map(Event::Visit),
    ];
    proptest::collection::vec(event, 0..60)
}

impl World {
    fn happen(&mut self, event: Event) {
        self.now += 1;
        match event {
            Event::Name(n) => {
                self.wanted.insert(name(n));
            }
            Event::Unname(n) => {
                self.wanted.remove(&name(n));
            }
            Event::Register(text) => self.register(TEXTS[text]),
            Event::Delete(who) => {
                if who < self.accounts.len() {
                    let gone = self.accounts.remove(who);
                    self.holders.remove(&gone.id);
                }
            }
            Event::Rename(who, text) => {
                let taken = self.is_taken(TEXTS[text]);
                if let Some(account) = self.accounts.get_mut(who).filter(|_| !taken) {
                    account.username = Some(TEXTS[text].into());
                    account.primary_email = Some(format!("{}@example.com", TEXTS[text]));
                }
            }
            Event::Suspend(who) => {
                if let Some(account) = self.accounts.get_mut(who) {
                    account.refused = !account.refused;
                }
            }
            Event::Grant(who) => self.grant(who),
            Event::Revoke(who) => {
                if let Some(account) = self.accounts.get(who) {
                    self.holders.remove(&account.id);
                }
            }
            Event::LoseStatus => {
                self.rows.clear();
                self.meant.clear();
                self.role_in_status = None;
            }
            Event::LoseRole => {
                self.role += 1;
                self.holders.clear();
            }
            Event::HoldBack => self.held_back = !self.held_back,
            Event::Visit(crash) => self.visit(crash),
        }
    }

    fn is_taken(&self, text: &str) -> bool {
        self.accounts
            .iter()
            .any(|account| account.username.as_deref() == Some(text))
    }

    fn register(&mut self, text: &str) {
        if !self.is_taken(text) {
            let id = format!("u{}", self.now);
            let id = if self.accounts.len() < 4 && !self.accounts.iter().any(|a| a.id == "u0") {
                "u0".to_owned()
            } else {
                id
            };
            self.accounts.push(user(&id, text, self.now));
        }
    }

    /// By hand. What happens between two looks to somebody whom the binding gave the role can not be told apart from what
    /// the binding did, so that is left out.
    fn grant(&mut self, who: usize) {
        let Some(account) = self.accounts.get(who) else {
            return;
        };
        if !given(&self.rows).contains(&account.id) {
            self.holders.entry(account.id.clone()).or_insert(By::Hand);
        }
    }

    fn plan(&self) -> Plan {
        let before = match self.role_in_status == Some(self.role) {
            true => self.rows.clone(),
            false => without_role(&self.rows),
        };
        let is_new = self.role_in_status.is_none() && self.rows.is_empty();
        let held = |account: &&Account| self.holders.contains_key(&account.id);
        let holders = self.accounts.iter().filter(held);
        let subjects = Subjects {
            kind: SubjectKind::User,
            wanted: self.wanted.clone(),
            before,
            holders: holders
                .map(|account| (account.id.clone(), account.clone()))
                .collect(),
        };
        let found = subjects
            .unresolved()
            .into_iter()
            .map(|name| {
                let meant = self.accounts.iter().find(|account| name.means(account));
                let found = meant.map_or(Found::Nobody, |account| Found::One(account.clone()));
                (name.clone(), found)
            })
            .collect();
        subjects.plan(&found, &time(if is_new { 0 } else { self.now }))
    }

    /// Notes since when the names of the spec stand there, and whom they mean first.
    fn see(&mut self) {
        self.seen.retain(|name, _| self.wanted.contains(name));
        self.meant.retain(|name, _| self.wanted.contains(name));
        for name in &self.wanted {
            let since = *self.seen.entry(name.clone()).or_insert(self.now);
            let mut meant = self.accounts.iter().filter(|account| name.means(account));
            if let Some(account) = meant
                .next()
                .filter(|account| was_there(name, account, since))
            {
                let meant = self.meant.entry(name.clone());
                meant.or_insert_with(|| account.id.clone());
            }
        }
    }

    /// As the controller does it.
    fn visit(&mut self, crash: Crash) {
        let before = (self.seen.clone(), self.meant.clone());
        self.see();
        let plan = self.plan();
        for id in &plan.unassign {
            let by = self.holders.remove(id);
            assert_eq!(by, Some(By::Us), "{id} did not have it from the binding");
        }
        if crash == Crash::AfterUnassigning {
            // What was seen and not recorded was not seen.
            (self.seen, self.meant) = before;
            return;
        }
        if !plan.assign.is_empty() && !self.held_back {
            self.rows.clone_from(&plan.rows);
            self.role_in_status = Some(self.role);
            if crash == Crash::AfterRecording {
                return;
            }
            plan.assign.iter().for_each(|id| self.assign(id));
            if crash == Crash::AfterAssigning {
                return;
            }
        }
        self.rows = self.rows_after(plan);
        self.role_in_status = Some(self.role);
        let again = self.plan();
        assert!(
            (again.assign.is_empty() || self.held_back) && again.unassign.is_empty(),
            "{again:?}"
        );
        let again = self.rows_after(again);
        assert_eq!(again, self.rows, "a second look finds nothing new");
        self.rows.iter().for_each(|row| self.tells_who_holds(row));
    }

    /// Whoever holds the role, is known, and bears the name still is said to hold it.
    fn tells_who_holds(&self, row: &SubjectStatus) {
        let mut names = self.wanted.iter();
        let name = names.find(|name| name.to_string() == row.named).unwrap();
        let since = row.named_since.as_ref().unwrap().0.as_second();
        let mut accounts = self.accounts.iter();
        let is_told = accounts.any(|account| {
            row.id.as_ref() == Some(&account.id)
                && name.means(account)
                && was_there(name, account, since)
                && self.holders.contains_key(&account.id)
        });
        assert!(!is_told || is_held(row.state), "{row:?}");
    }

    fn rows_after(&self, plan: Plan) -> Vec<SubjectStatus> {
        if self.held_back {
            return plan.held_back();
        }
        let mut rows = plan.rows;
        for row in &mut rows {
            if row.state == Assigning {
                row.state = Assigned;
            }
        }
        rows
    }

    fn assign(&mut self, id: &str) {
        let account = self
            .accounts
            .iter()
            .find(|account| account.id == id)
            .unwrap();
        assert!(!account.refused);
        let is_meant = |name: &Name| {
            name.means(account)
                && was_there(name, account, self.seen[name])
                && self.meant.get(name) == Some(&account.id)
        };
        assert!(self.wanted.iter().any(is_meant), "nobody named {account:?}");
        assert!(self.holders.insert(id.to_owned(), By::Us).is_none());
    }
}

/// Whether an account is old enough for a name that stands in the spec since then.
fn was_there(name: &Name, account: &Account, since: i64) -> bool {
    !matches!(name, Name::Username(_)) || account.created <= since
}

fn happened(events: impl IntoIterator<Item = Event>) -> World {
    let mut world = World::default();
    events.into_iter().for_each(|event| world.happen(event));
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nobody_loses_what_the_binding_did_not_give_and_nobody_gets_it_who_is_not_named(events in events()) {
        happened(events);
    }
}
