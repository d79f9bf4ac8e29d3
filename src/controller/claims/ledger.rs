//! What is known of a tenant's claims in this process: who is granted a role, and what Logto has stored.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::{
    controller::{registry::lock, status::Verdict},
    domain::{
        claims::{entry::Entry, plan::Stored, program::Kind, script},
        ownership::Owner,
        precedence::Key,
    },
    logto::CustomJwts,
};

/// So that bindings that arrive together are in one write, a write waits until none came for so long …
const QUIET: Duration = Duration::from_millis(250);

/// … but not longer than this; or than two pauses, when they began to arrive while a pause was on. Of a thousand that are made
/// in a little more than one pause, the last ones are then in the second write, not in a third.
const LONGEST_GATHERING: Duration = Duration::from_secs(1);

/// A write of another operator that was on its way has arrived by then.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What a binding grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The audience.
    pub indicator: String,
    /// Whose tokens.
    pub kind: Kind,
    /// The Hasura role.
    pub hasura_role: String,
    /// The scope of the audience's API resource that the Logto role holds.
    pub scope: String,
}

/// What a binding was found to be, in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its role holds its scope.
    Granted(Grant),
    /// It would be granted, but the binding is only observed.
    Foreseen(Grant),
    /// It is not to be granted: it lost a claim, or something in Logto is somebody else's.
    Refused,
}

/// What is known of a tenant's claims. A binding that is not in it was not visited yet: what is deployed for it stays.
#[derive(Default)]
pub struct Ledger {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bindings: HashMap<Key, Standing>,
    /// Generation of each instance's spec, and whether it was rolled out.
    instances: HashMap<Key, (i64, bool)>,
    stored: Option<Arc<CustomJwts>>,
    /// The entries of what is stored that a program looks at.
    deployed: HashMap<(Kind, String), Entry>,
    /// Since when what was among them lately is not.
    gone: HashMap<(Kind, String), Instant>,
    /// When Logto's scripts were read first, and last.
    reads: Option<(Instant, Instant)>,
    /// Whether other owners' entries are in them too.
    is_shared: bool,
    /// First and last change that is not deployed yet.
    changed: Option<(Instant, Instant)>,
    written: Option<Instant>,
    /// When to read the scripts once more.
    look_again: Option<Instant>,
    /// What keeps the claims of a whole tenant from being deployed.
    verdict: Option<Verdict>,
    /// What keeps those of one instance, by indicator.
    troubles: BTreeMap<String, Verdict>,
}

impl Ledger {
    /// Notes what a binding was found to be; gives whether that is news.
    pub fn note(&self, binding: Key, standing: Standing) -> bool {
        let mut state = lock(&self.state);
        let news = state.bindings.get(&binding) != Some(&standing);
        if news {
            state.bindings.insert(binding, standing);
            state.change();
        }
        news
    }

    /// Notes how an instance was found; gives whether that is news.
    pub fn note_instance(&self, instance: Key, generation: i64, rolled_out: bool) -> bool {
        let mut state = lock(&self.state);
        let found = (generation, rolled_out);
        let news = state.instances.insert(instance, found) != Some(found);
        if news {
            state.change();
        }
        news
    }

    /// What a binding was found to be.
    pub fn standing(&self, binding: &Key) -> Option<Standing> {
        lock(&self.state).bindings.get(binding).cloned()
    }

    /// Forgets a binding that is gone or about to go.
    pub fn forget(&self, binding: &Key) {
        let mut state = lock(&self.state);
        if state.bindings.remove(binding).is_some() {
            state.change();
        }
    }

    /// Notes that something else that the claims are made of changed.
    pub fn touch(&self) {
        lock(&self.state).change();
    }

    /// Notes what Logto has stored, and which of it are entries of `owner` that a program looks at.
    pub fn put_stored(&self, stored: CustomJwts, owner: &Owner) {
        let of_kind = |kind| stored.of(kind).map(|stored| deployed(kind, stored, owner));
        let deployed: HashMap<_, _> = Kind::ALL
            .into_iter()
            .filter_map(of_kind)
            .flatten()
            .collect();
        let mut scripts = Kind::ALL.into_iter().filter_map(|kind| stored.of(kind));
        let is_shared = scripts.any(|script| script.is_shared(owner));
        let now = Instant::now();
        let mut state = lock(&self.state);
        let before = mem::replace(&mut state.deployed, deployed);
        state.note_gone(before.into_keys(), now);
        state.is_shared = is_shared;
        state.reads = Some((state.reads.map_or(now, |(first, _)| first), now));
        state.stored = Some(Arc::new(stored));
    }

    /// Whether what the claims said of an audience may come back although it was taken out: another operator, which writes
    /// the same script, may have read it before, and its write may be on its way. The next look tells.
    pub fn may_come_back(&self, kind: Kind, indicator: &str) -> bool {
        let state = lock(&self.state);
        let Some((first, last)) = state.reads.filter(|_| state.is_shared) else {
            return false;
        };
        let at = (kind, indicator.to_owned());
        let since = state.gone.get(&at).copied().unwrap_or(first);
        last.saturating_duration_since(since) < LOOK_AGAIN_AFTER
    }

    /// Whether the deployed claims of an audience grant a role to who holds a scope.
    pub fn grants(&self, kind: Kind, indicator: &str, hasura_role: &str, scope: &str) -> bool {
        let state = lock(&self.state);
        let entry = state.deployed.get(&(kind, indicator.to_owned()));
        entry.is_some_and(|entry| names(entry, hasura_role, scope))
    }

    /// The scopes whose holders the deployed claims of an audience grant a role.
    pub fn scopes_of(&self, kind: Kind, indicator: &str, hasura_role: &str) -> Vec<String> {
        let state = lock(&self.state);
        let entry = state.deployed.get(&(kind, indicator.to_owned()));
        let roles = entry.into_iter().flat_map(|entry| &entry.roles);
        roles
            .filter(|(role, _)| role == hasura_role)
            .map(|(_, scope)| scope.clone())
            .collect()
    }

    /// Whether the deployed claims say anything of an audience.
    pub fn names(&self, indicator: &str) -> bool {
        Kind::ALL
            .into_iter()
            .any(|kind| self.names_in(kind, indicator))
    }

    /// Whether those for one kind of token do.
    pub fn names_in(&self, kind: Kind, indicator: &str) -> bool {
        let state = lock(&self.state);
        state.deployed.contains_key(&(kind, indicator.to_owned()))
    }

    /// What Logto had stored when it was last read or written; none before the first read.
    pub fn stored(&self) -> Option<Arc<CustomJwts>> {
        lock(&self.state).stored.clone()
    }

    /// Whether other owners' entries are in the scripts too.
    pub fn is_shared(&self) -> bool {
        lock(&self.state).is_shared
    }

    /// Notes that a script was written, or that an attempt failed.
    pub fn put_written(&self) {
        lock(&self.state).written = Some(Instant::now());
    }

    /// Notes that the scripts are to be read once more after a while. Logto's API has no preconditions, so another
    /// operator, which writes the same script, may write at the same moment what it had read before.
    pub fn look_again(&self) {
        lock(&self.state).look_again = Some(Instant::now() + LOOK_AGAIN_AFTER);
    }

    /// Notes that they were.
    pub fn looked(&self) {
        let mut state = lock(&self.state);
        state.look_again.take_if(|due| *due <= Instant::now());
    }

    /// How long it is until then.
    pub fn time_to_look(&self) -> Option<Duration> {
        let due = lock(&self.state).look_again?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// How long a write has to wait: for what arrives together, and for `pause` to pass since the last one.
    pub fn wait(&self, pause: Duration) -> Duration {
        let state = lock(&self.state);
        let paused = state.written.map(|written| written + pause);
        let gathered = state.changed.map(|(first, last)| {
            let is_in_pause = paused.is_some_and(|until| first < until);
            let longest = if is_in_pause {
                pause * 2
            } else {
                LONGEST_GATHERING
            };
            (last + QUIET).min(first + longest)
        });
        let due = gathered.max(paused);
        due.map_or(Duration::ZERO, |due| {
            due.saturating_duration_since(Instant::now())
        })
    }

    /// Whether something changed since the claims were last made.
    pub fn is_changed(&self) -> bool {
        lock(&self.state).changed.is_some()
    }

    /// Notes that the claims are being made of what is known now.
    pub fn begin(&self) {
        lock(&self.state).changed = None;
    }

    /// Notes that the claims are deployed, or why they are not; gives what of that is news.
    pub fn settle(&self, verdict: Verdict, troubles: BTreeMap<String, Verdict>) -> Settled {
        let mut state = lock(&self.state);
        let settled = Settled {
            verdict: state.verdict.as_ref() != Some(&verdict),
            troubles: differences(&state.troubles, &troubles),
        };
        state.verdict = Some(verdict);
        state.troubles = troubles;
        settled
    }

    /// What keeps the tenant's claims from being deployed; ready when nothing does.
    pub fn verdict(&self) -> Verdict {
        lock(&self.state)
            .verdict
            .clone()
            .unwrap_or(Verdict::Starting)
    }

    /// What keeps the claims of one instance from being deployed.
    pub fn trouble(&self, indicator: &str) -> Option<Verdict> {
        lock(&self.state).troubles.get(indicator).cloned()
    }

    /// All of those.
    pub fn troubles(&self) -> BTreeMap<String, Verdict> {
        lock(&self.state).troubles.clone()
    }
}

impl State {
    fn note_gone(&mut self, before: impl Iterator<Item = (Kind, String)>, now: Instant) {
        let deployed = &self.deployed;
        let lately = |since: &Instant| now.saturating_duration_since(*since) <= LOOK_AGAIN_AFTER;
        self.gone
            .retain(|at, since| lately(since) && !deployed.contains_key(at));
        let went = before.filter(|at| !deployed.contains_key(at));
        self.gone.extend(went.map(|at| (at, now)));
    }

    fn change(&mut self) {
        let now = Instant::now();
        let first = self.changed.map_or(now, |(first, _)| first);
        self.changed = Some((first, now));
    }
}

/// What a settlement changed.
pub struct Settled {
    /// The tenant's verdict.
    pub verdict: bool,
    /// The indicators whose trouble came, went or changed.
    pub troubles: Vec<String>,
}

fn differences(
    before: &BTreeMap<String, Verdict>,
    after: &BTreeMap<String, Verdict>,
) -> Vec<String> {
    let mut changed: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|indicator| before.get(*indicator) != after.get(*indicator))
        .cloned()
        .collect();
    changed.sort();
    changed.dedup();
    changed
}

/// An owner's entries in a script, if its program is one that looks at them.
fn deployed(kind: Kind, stored: &Stored, owner: &Owner) -> Vec<((Kind, String), Entry)> {
    let runs = matches!(
        script::read(kind, Some(&stored.script)),
        script::Deployed::Ours { intact: true, .. } | script::Deployed::Newer { .. }
    );
    if !runs {
        return Vec::new();
    }
    let entries = stored.entries(owner).into_values();
    entries
        .map(|entry| ((kind, entry.aud.clone()), entry))
        .collect()
}

/// Whether an entry grants a role to who holds a scope.
pub(super) fn names(entry: &Entry, hasura_role: &str, scope: &str) -> bool {
    entry
        .roles
        .iter()
        .any(|(role, held)| role == hasura_role && held == scope)
}
